"""Maps of one array."""
import numpy as np


def unary_forward(op, x, a=0.0, b=0.0):
    return {"relu": np.maximum(x, 0)}[op]
