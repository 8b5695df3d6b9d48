"""Products of matrices."""
import numpy as np


def matmul(a, b):
    return np.asarray(np.matmul(a, b))
