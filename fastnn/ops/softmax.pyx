"""Softmax, its logarithm, and the logarithm of a sum of exponentials."""
cimport numpy as np

import numpy

from fastnn import dtypes
from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, record1, recording, wrap
from fastnn.kernels cimport softmax as S
from fastnn.ops import pointwise
from fastnn.ops._common cimport form_of_array, is_ordinary, is_real, rule_of, tensor_of, wrap_dim, zero_d
from fastnn.ops.declare import operation
from fastnn.ops.reduce cimport axes_of
from fastnn.ops.reduce import amax, sum

np.import_array()


cdef object softmax_backward(Node node, np.ndarray grad):
    return S.softmax_backward(grad, node.saved[0], node.saved[1], node.saved[2])


cdef Op SOFTMAX = declare("SoftmaxBackward0", softmax_backward, "y axis log")
cdef Op LOG_SOFTMAX = declare("LogSoftmaxBackward0", softmax_backward, "y axis log")


@SOFTMAX.second
def _softmax_second(step, g):
    y = step.output(step.y)
    weighted = g * y
    return weighted - y * weighted.sum(step.axis, True)


LOG_SOFTMAX.second(lambda step, g: g - step.output(step.y).exp() * g.sum(step.axis, True))


cdef Tensor normalised(object input, object dim, object dtype, bint log):
    cdef Tensor x = tensor_of("log_softmax" if log else "softmax", "input", 1, input), out
    if dtype is not None:
        x = x.to(dtype)
    if not is_ordinary(x.array):
        return rule_of(form_of_array(x.array), "log_softmax" if log else "softmax")(x, dim)
    if not is_real(x.array):
        raise NotImplementedError(f'"{"log_" if log else ""}softmax" not implemented for {x.dtype}')
    cdef int axis = wrap_dim(dim, np.PyArray_NDIM(x.array))
    if np.PyArray_NDIM(x.array) == 0:
        return normalised(x.reshape(1), 0, None, log).reshape(())
    cdef np.ndarray y = S.softmax_forward(x.array, axis, log)
    if not recording(x):
        return wrap(y)
    out = record1(y, LOG_SOFTMAX if log else SOFTMAX, x, (y, axis, log))
    out.node.guard(out.version_object())
    return out


@operation("fastnn Tensor special", out=True)
def softmax(input, dim, *, dtype=None):
    """exp(x) / sum(exp(x)) along `dim`, computed without overflow.

    Parameters
    ----------
    input : Tensor
    dim : int
    dtype : dtype, optional

    Examples
    --------
    >>> fastnn.softmax(fastnn.zeros(2), 0)
    tensor([0.5000, 0.5000])
    """
    return normalised(input, dim, dtype, False)


@operation("fastnn Tensor special", out=True)
def log_softmax(input, dim, *, dtype=None):
    """log(softmax(x)) along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int
    dtype : dtype, optional

    Examples
    --------
    >>> fastnn.log_softmax(fastnn.zeros(2), 0)
    tensor([-0.6931, -0.6931])
    """
    return normalised(input, dim, dtype, True)


cdef object logsumexp_backward(Node node, np.ndarray grad):
    x, y, axes, keepdim = node.saved
    with numpy.errstate(invalid="ignore", over="ignore"):
        return zero_d(numpy.exp(x - y) * (grad if keepdim else numpy.expand_dims(grad, axes)))


cdef Op LOGSUMEXP = declare("LogsumexpBackward0", logsumexp_backward, "x y axes keepdim")


@LOGSUMEXP.second
def _logsumexp_second(step, g):
    x = step.input(step.x, 0)
    return (x - logsumexp(x, step.axes, True)).exp() * (g if step.keepdim else g.reshape(step.y.shape))


@operation("fastnn Tensor special", out=True)
def logsumexp(input, dim, bint keepdim=False):
    """log(sum(exp(x))) over dimensions, computed without overflow.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints
    keepdim : bool, default False

    Examples
    --------
    >>> fastnn.logsumexp(fastnn.zeros(2), 0)
    tensor(0.6931)
    """
    if not is_real((<Tensor?>input).array):
        input = input.to(dtypes.get_computing_dtype())
    cdef Tensor x = input, total, out
    cdef tuple axes = axes_of(dim, input.ndim)
    numbers, finite = x.detach(), 0
    if input.numel():
        peak = (<Tensor>amax(numbers, axes, True)).array
        finite = wrap(numpy.where(numpy.isfinite(peak), peak, 0))
    total = pointwise.log(sum(pointwise.exp(numbers - finite), axes, True)) + finite
    cdef np.ndarray y = total.array if keepdim else (<Tensor>total.squeeze(axes)).array
    if not recording(x):
        return wrap(y)
    out = record1(y, LOGSUMEXP, x, (x.array, total.array, axes, keepdim))
    out.node.guard(x.version_object())
    return out
