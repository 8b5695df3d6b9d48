"""The norm of many arrays as one vector, and their scaling."""
import math

import numpy as np


def total_norm(arrays, p=2.0):
    if p == math.inf:
        return float(max((np.abs(x).max() for x in arrays if x.size), default=0.0, key=lambda a: (a != a, a)))
    return float(sum(np.sum(np.abs(x).astype(np.float64) ** p) for x in arrays)) ** (1 / p)


def scale_arrays(arrays, factor):
    for x in arrays:
        x *= x.dtype.type(factor)
