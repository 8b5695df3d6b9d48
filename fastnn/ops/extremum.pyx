"""The larger or the smaller of two operands, element by element."""
cimport numpy as np

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, recording, record2, shape_of, wrap
from fastnn.kernels cimport elementwise as K
from fastnn.ops._common cimport undo, zero_d
from fastnn.ops._common import need_tensors
from fastnn.ops.arithmetic cimport compute, operands
from fastnn.ops.declare import operation

np.import_array()


cdef object extremum_backward(Node node, np.ndarray grad):
    """maximum and minimum: the larger gets the gradient, equal ones half each, both all of it where one is NaN."""
    cdef tuple saved = node.saved
    x, y = saved[2], saved[3]
    equal, less, more = zero_d(x == y), zero_d(x < y), zero_d(x > y)
    if not saved[4]:
        less, more = more, less
    half = K.unary_forward("mul_scalar", grad, 0.5)
    zero = numpy.zeros((), grad.dtype)
    dx = K.where(equal, half, K.where(less, zero, grad)) if node.edges[0] is not None else None
    dy = K.where(equal, half, K.where(more, zero, grad)) if node.edges[1] is not None else None
    return (undo(dx, saved[0]) if dx is not None else None, undo(dy, saved[1]) if dy is not None else None)


cdef Op MAXIMUM = declare("MaximumBackward0", extremum_backward, "shape_x shape_y x y largest")
cdef Op MINIMUM = declare("MinimumBackward0", extremum_backward, "shape_x shape_y x y largest")


@MAXIMUM.second
@MINIMUM.second
def _extremum_second(step, g):
    x, y = step.x, step.y
    equal = step.tensor(zero_d(x == y))
    less, more = (x < y, x > y) if step.largest else (x > y, x < y)
    return tuple([step.sum_to(step.only_where(~zero_d(smaller), step.where(equal, g * 0.5, g)), shape)
                  for smaller, shape in ((less, step.shape_x), (more, step.shape_y))])


def extremum(str op, input, other):
    cdef Tensor x, y, out
    need_tensors(op, input, other)
    x, y = operands(input, other)
    cdef np.ndarray z = compute(op, x.array, y.array)
    if recording(x) or recording(y):
        out = record2(z, MAXIMUM if op == "maximum" else MINIMUM, x, y,
                      (shape_of(x.array), shape_of(y.array), x.array, y.array, op == "maximum"))
        out.node.guard(x.version_object())
        out.node.guard(y.version_object())
        return out
    return wrap(z)


@operation(out=True)
def maximum(input, other):
    """The larger of the two, element by element; NaN wins.

    Parameters
    ----------
    input, other : Tensor

    Examples
    --------
    >>> fastnn.maximum(fastnn.tensor([1, 5]), fastnn.tensor([3, 3]))
    tensor([3, 5])
    """
    return extremum("maximum", input, other)


@operation(out=True)
def minimum(input, other):
    """The smaller of the two, element by element; NaN wins.

    Parameters
    ----------
    input, other : Tensor

    Examples
    --------
    >>> fastnn.minimum(fastnn.tensor([1, 5]), fastnn.tensor([3, 3]))
    tensor([1, 3])
    """
    return extremum("minimum", input, other)
