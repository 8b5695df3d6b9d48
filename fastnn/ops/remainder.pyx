"""Remainders of division."""
cimport numpy as np

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, needs_grad, recording, record2, shape_of
from fastnn.kernels cimport elementwise as K
from fastnn.ops._common cimport as_tensor, undo, zero_d
from fastnn.ops._common import need_tensors
from fastnn.ops.arithmetic cimport compute, discrete, operands
from fastnn.ops.arithmetic import trunc_divide
from fastnn.ops.declare import operation

np.import_array()


def rremainder(input, other):
    """other % input."""
    return as_tensor(other, input) % input


cdef object remainder_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    dy = None
    if node.edges[1] is not None:
        dy = K.unary_forward("neg", undo(K.binary("mul", grad, saved[2]), saved[1]))
    return (undo(grad, saved[0]) if node.edges[0] is not None else None, dy)


cdef Op REMAINDER = declare("RemainderBackward0", remainder_backward, "shape_x shape_y quotient")
cdef Op FMOD = declare("FmodBackward0", remainder_backward, "shape_x shape_y quotient")


@REMAINDER.second
@FMOD.second
def _remainder_second(step, g):
    dy = None
    if step.needs(1):  # the quotient is a step function of both: in the graph, with zeros
        inputs = [step.input(numpy.zeros(shape, step.quotient.dtype), i)
                  for i, shape in enumerate((step.shape_x, step.shape_y))]
        dy, = step.in_graph((step.sum_to(-g * step.tensor(step.quotient), step.shape_y),), inputs)
    return step.sum_to(g, step.shape_x), dy


cdef object modulo(str op, Op record, object input, object other):
    cdef Tensor x, y
    if op == "fmod" or not isinstance(other, Tensor):
        need_tensors(op, input)
    x, y = operands(input, other)
    if not (recording(x) or recording(y)):
        return discrete(op, x, y)
    cdef np.ndarray z = compute(op, x.array, y.array)
    quotient = None
    if needs_grad(y):
        with numpy.errstate(all="ignore"):
            quotient = zero_d((numpy.floor_divide if op == "remainder" else trunc_divide)(x.array, y.array))
    return record2(z, record, x, y, (shape_of(x.array), shape_of(y.array), quotient))


@operation(inplace=True, out=True)
def remainder(input, other):
    """Python's modulo: the result has the sign of `other`.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.remainder(fastnn.tensor([7, -7]), 4)
    tensor([3, 1])
    """
    return modulo("remainder", REMAINDER, input, other)


@operation(inplace=True, out=True)
def fmod(input, other):
    """C's modulo: the result has the sign of `input`.

    Parameters
    ----------
    input : Tensor
    other : Tensor or number

    Examples
    --------
    >>> fastnn.fmod(fastnn.tensor([7, -7]), 4)
    tensor([ 3, -3])
    """
    return modulo("fmod", FMOD, input, other)
