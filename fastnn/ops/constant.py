"""Operations that pass no gradient on: what they make does not change with their input."""
import functools

import numpy as np

from fastnn._tape import Op


def _zeros(grad, shape):
    return np.zeros(shape, grad.dtype)


@functools.cache
def constant(name):
    """The Op of that name, whose nodes save their input's shape."""
    op = Op(name, _zeros, "shape")
    op.second(lambda step, g: step.zeros(g, step.shape))
    return op
