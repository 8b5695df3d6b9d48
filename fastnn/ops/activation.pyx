"""Activations with kernels: most are maps of one tensor (see fastnn.ops.maps)."""
cimport numpy as np

import numpy

from fastnn import dtypes
from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, needs_grad, recording, record1, record2, shape_of, wrap
from fastnn.kernels cimport _core
from fastnn.kernels cimport elementwise as K
from fastnn.ops._common cimport is_real, undo, wrap_dim, zero_d
from fastnn.ops.declare import operation
from fastnn.ops.inplace cimport changed
from fastnn.ops.maps cimport Map, apply, apply_in_place, apply_map, map_of
from fastnn.ops.maps import in_place_form
from fastnn.ops.pointwise import clamp

np.import_array()

cdef Map RELU = map_of("relu")


cdef Tensor limited(str name, object input, object high, bint inplace):
    """relu and relu6; integers keep their dtype."""
    if isinstance(input, Tensor) and not is_real((<Tensor>input).array) and (<Tensor>input).array.dtype.kind in "iu":
        if inplace:
            return changed(name + "_", <Tensor>input, globals()[name], (), {})
        return wrap(zero_d(numpy.clip((<Tensor>input).array, 0, high)))
    return apply_in_place(name, input) if inplace else apply(name, input)


def sigmoid(input):
    """1 / (1 + exp(-x)).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.sigmoid(fastnn.tensor([0.0, 1.0]))
    tensor([0.5000, 0.7311])
    """
    return apply("sigmoid", input)


def relu(input, bint inplace=False):
    """max(x, 0); integers keep their dtype.

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> fastnn.relu(fastnn.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if not inplace and isinstance(input, Tensor) and is_real((<Tensor>input).array):
        return apply_map(RELU, "relu", <Tensor>input, 0.0, 0.0)
    return limited("relu", input, None, inplace)


def relu6(input, bint inplace=False):
    """min(max(x, 0), 6).

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.relu6(fastnn.tensor([-1.0, 3.0, 8.0]))
    tensor([0., 3., 6.])
    """
    return limited("relu6", input, 6, inplace)


def leaky_relu(input, double negative_slope=0.01, bint inplace=False):
    """x if x > 0, else negative_slope * x.

    Parameters
    ----------
    input : Tensor
    negative_slope : float, default 0.01
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.leaky_relu(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.0100,  2.0000])
    """
    cdef str name = "leaky_relu_signed" if negative_slope < 0 else "leaky_relu"
    return apply_in_place(name, input, negative_slope) if inplace else apply(name, input, negative_slope)


def elu(input, double alpha=1.0, bint inplace=False):
    """x if x > 0, else alpha * (exp(x) - 1).

    Parameters
    ----------
    input : Tensor
    alpha : float, default 1.0
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.elu(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return apply_in_place("elu" if alpha >= 0 else "elu_of_x", input, alpha) if inplace else apply(
        "elu_of_x", input, alpha)


def selu(input, bint inplace=False):
    """ELU with the scale and alpha of self-normalising networks (Klambauer et al. 2017).

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.selu(fastnn.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return apply_in_place("selu", input) if inplace else apply("selu_of_x", input)


def celu(input, double alpha=1.0, bint inplace=False):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).

    Parameters
    ----------
    input : Tensor
    alpha : float, default 1.0
        Not 0.
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Raises
    ------
    RuntimeError
        `alpha` is 0.

    Examples
    --------
    >>> F.celu(fastnn.tensor([-1.0, 2.0]), 2.0)
    tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return apply_in_place("celu" if alpha > 0 else "celu_of_x", input, alpha) if inplace else apply(
        "celu_of_x", input, alpha)


def gelu(input, str approximate="none"):
    """x times the normal distribution function of x.

    Parameters
    ----------
    input : Tensor
    approximate : {"none", "tanh"}, default "none"
        "tanh": 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    Examples
    --------
    >>> F.gelu(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}.")
    return apply("gelu" if approximate == "none" else "gelu_tanh", input)


def silu(input, bint inplace=False):
    """x * sigmoid(x).

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.silu(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    return apply_in_place("silu", input) if inplace else apply("silu", input)


def mish(input, bint inplace=False):
    """x * tanh(softplus(x)).

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.mish(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """
    return apply_in_place("mish", input) if inplace else apply("mish", input)


def softplus(input, double beta=1.0, double threshold=20.0):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold.

    Parameters
    ----------
    input : Tensor
    beta : float, default 1.0
    threshold : float, default 20.0

    Examples
    --------
    >>> F.softplus(fastnn.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """
    return apply("softplus", input, beta, threshold)


def hardsigmoid(input, bint inplace=False):
    """relu6(x + 3) / 6.

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.hardsigmoid(fastnn.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return apply_in_place("hardsigmoid", input) if inplace else apply("hardsigmoid", input)


def hardswish(input, bint inplace=False):
    """x * relu6(x + 3) / 6.

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.hardswish(fastnn.tensor([-2.0, 0.0, 3.0]))
    tensor([-0.3333,  0.0000,  3.0000])
    """
    return apply_in_place("hardswish", input) if inplace else apply("hardswish", input)


def hardtanh(input, double min_val=-1.0, double max_val=1.0, bint inplace=False):
    """x limited to [min_val, max_val].

    Parameters
    ----------
    input : Tensor
    min_val : float, default -1.0
    max_val : float, default 1.0
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Raises
    ------
    ValueError
        `min_val` is above `max_val`.

    Examples
    --------
    >>> F.hardtanh(fastnn.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if min_val != min_val or max_val != max_val:
        return changed("hardtanh_", <Tensor?>input, clamp, (min_val, max_val), {}) if inplace else \
            clamp(input, min_val, max_val)
    if isinstance(input, Tensor) and not is_real((<Tensor>input).array) and (<Tensor>input).array.dtype.kind in "iu":
        if inplace:
            return changed("hardtanh_", <Tensor>input, hardtanh, (min_val, max_val), {})
        return wrap(zero_d(numpy.clip((<Tensor>input).array, int(min_val), int(max_val))))
    if inplace:
        return apply_in_place("hardtanh", input, min_val, max_val)
    return apply("hardtanh", input, min_val, max_val)


def logsigmoid(input):
    """log(sigmoid(x)).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> F.logsigmoid(fastnn.tensor([0.0, 2.0]))
    tensor([-0.6931, -0.1269])
    """
    return apply("logsigmoid", input)


def softsign(input):
    """x / (1 + |x|).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> F.softsign(fastnn.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return apply("softsign", input)


def tanhshrink(input):
    """x - tanh(x).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> F.tanhshrink(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return apply("tanhshrink", input)


def softshrink(input, double lambd=0.5):
    """sign(x) max(|x| - lambd, 0).

    Parameters
    ----------
    input : Tensor
    lambd : float, default 0.5
        Not negative.

    Examples
    --------
    >>> F.softshrink(fastnn.tensor([-1.0, 0.2, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return apply("softshrink", input, lambd)


def hardshrink(input, double lambd=0.5):
    """x where |x| > lambd, else 0.

    Parameters
    ----------
    input : Tensor
    lambd : float, default 0.5

    Examples
    --------
    >>> F.hardshrink(fastnn.tensor([-1.0, 0.2, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    return apply("hardshrink", input, lambd)


def threshold(input, double threshold, double value, bint inplace=False):
    """x if x > threshold, else value.

    Parameters
    ----------
    input : Tensor
    threshold : float
    value : float
    inplace : bool, default False
        Whether the result is written into the input's memory.

    Examples
    --------
    >>> F.threshold(fastnn.tensor([-1.0, 0.2, 2.0]), 0.5, 0.0)
    tensor([0., 0., 2.])
    """
    if isinstance(input, Tensor) and not is_real((<Tensor>input).array) and (<Tensor>input).array.dtype.kind in "iu":
        if inplace:
            return changed("threshold_", <Tensor>input, globals()["threshold"], (threshold, value), {})
        x = (<Tensor>input).array
        limit, other = dtypes.number(threshold, x.dtype), dtypes.number(value, x.dtype)  # both cut to integers
        return wrap(zero_d(numpy.where(x > limit, x, numpy.asarray(other, x.dtype))))
    if inplace:
        return apply_in_place("threshold", input, threshold, value)
    return apply("threshold", input, threshold, value)


def step(input):
    """1 if x > 0, else 0: the perceptron's activation (Rosenblatt 1958). Its gradient is 0."""
    return apply("step", input)


cdef object glu_backward(Node node, np.ndarray grad):
    cdef np.ndarray x = node.saved[0], dx = _core.new_like(x, np.PyArray_TYPE(x))
    cdef tuple first = node.saved[1], second = node.saved[2]
    cdef np.ndarray da = K.binary("glu", grad, x[second])
    K.binary_into("mul", dx[second], K.binary("glu_rest", x[first], x[second]), da)
    K.copy_into(dx[first], da)
    return dx


cdef Op GLU = declare("GluBackward0", glu_backward, "x first second dim")


@GLU.second
def _glu_second(step, g):
    x = step.input(step.x, 0)
    a, s = x[step.first], x[step.second].sigmoid()
    return step.cat((g * s, g * a * s * (1 - s)), step.dim)


def glu(input, dim=-1):
    """a * sigmoid(b), where a and b are the halves of the input along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, default -1
        Dimension; negative ones count from the end.

    Raises
    ------
    RuntimeError
        The size of `dim` is odd.

    Examples
    --------
    >>> F.glu(fastnn.tensor([[1.0, 2.0, 0.0, 0.0]]))
    tensor([[0.5000, 1.0000]])
    """
    cdef Tensor x = <Tensor?>input, out
    cdef int ndim = np.PyArray_NDIM(x.array), d
    if ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    d = wrap_dim(dim, ndim)
    size = np.PyArray_DIM(x.array, d)
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    if not is_real(x.array):
        raise NotImplementedError(f"glu: not implemented for {dtypes.from_numpy(x.array.dtype)}")
    before = (slice(None),) * d
    first, second = (*before, slice(0, size // 2)), (*before, slice(size // 2, size))
    cdef np.ndarray y = K.binary("glu", x.array[first], x.array[second])
    if not recording(x):
        return wrap(y)
    out = record1(y, GLU, x, (x.array, first, second, d))
    out.node.guard(x.version_object())
    return out


cdef object prelu_backward(Node node, np.ndarray grad):
    cdef np.ndarray x = node.saved[0], slopes = node.saved[1], dx = None, dw = None
    if node.edges[0] is not None:
        dx = K.binary("prelu_slope", x, slopes)
        K.binary_into("mul", dx, dx, grad)
    if node.edges[1] is not None:
        dw = undo(K.binary("prelu_share", x, grad), shape_of(slopes)).reshape(node.saved[2])
    return dx, dw


cdef Op PRELU = declare("PreluKernelBackward0", prelu_backward, "x slopes shape")


@PRELU.second
def _prelu_second(step, g):
    array, sizes = step.x, step.shape
    x, w = step.input(array, 0), step.input(step.slopes.reshape(sizes), 1)
    positive = zero_d(array > 0)
    if not step.needs(0):
        share = numpy.where(positive, array.dtype.type(0), array)
        axes = tuple([i for i in range(x.ndim) if w.numel() == 1 or i != 1])
        return None, step.linear(g, lambda grad: (grad * share).sum(axes).reshape(sizes),
                                 lambda dw: dw.reshape(step.slopes.shape) * share, w, sizes)
    level, slope = zero_d(array == 0), w.reshape(step.slopes.shape)
    dx = (step.piecewise(g, x, lambda a: numpy.where(positive, a, a.dtype.type(0)))
          + step.piecewise(g * slope, x, lambda a: numpy.where(positive | level, a.dtype.type(0), a)))
    if level.any():  # there the slope is the weight, but does not change with it
        dx = dx + step.piecewise(g * slope.detach(), x, lambda a: numpy.where(level, a, a.dtype.type(0)))
    dw = step.where(wrap(zero_d(array >= 0)), 0.0, g * x).to(x.dtype)  # at 0 without a slope
    dw = dw.sum() if w.numel() == 1 else dw.sum([i for i in range(x.ndim) if i != 1])
    return dx, dw.reshape(tuple(w.shape))


def prelu(input, weight):
    """x if x > 0, else weight * x; the weight has one element, or one for each channel (dimension 1).

    Parameters
    ----------
    input : Tensor
    weight : Tensor
        (1,) or (channels,), of the input's dtype.

    Raises
    ------
    RuntimeError
        Another shape or dtype of the weight.

    Examples
    --------
    >>> F.prelu(fastnn.tensor([-2.0, 1.0]), fastnn.tensor([0.25]))
    tensor([-0.5000,  1.0000])
    """
    cdef Tensor x = <Tensor?>input, w = <Tensor?>weight, out
    cdef int ndim = np.PyArray_NDIM(x.array)
    cdef Py_ssize_t count = np.PyArray_SIZE(w.array), channels
    if np.PyArray_NDIM(w.array) > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.array.ndim}")
    if count != 1:
        if ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = np.PyArray_DIM(x.array, 1) if ndim > 1 else 1
        if channels != count:
            raise RuntimeError(f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{count} and channel size = {channels}.")
    if np.PyArray_TYPE(x.array) != np.PyArray_TYPE(w.array):
        raise RuntimeError(f"prelu: Type promoting not supported. Got {x.dtype} and {w.dtype}")
    if not is_real(x.array):
        raise NotImplementedError(f"prelu: not implemented for {x.dtype}")
    cdef np.ndarray slopes = w.array.reshape((1,) * ndim if count == 1 else (1, count) + (1,) * (ndim - 2))
    cdef np.ndarray y = K.binary("prelu", x.array, slopes)
    if not recording(x) and not recording(w):
        return wrap(y)
    out = record2(y, PRELU, x, w, (x.array, slopes, shape_of(w.array)))
    out.node.guard(x.version_object())
    if needs_grad(x):
        out.node.guard(w.version_object())
    return out


operation("fastnn Tensor special.expit", inplace=in_place_form, out=True)(sigmoid)
operation(inplace=in_place_form)(relu)
operation("fastnn")(celu, selu)
operation()(prelu)
operation(out=True)(hardshrink)
operation("fastnn", out=True)(threshold)
operation("functional")(gelu, hardshrink, logsigmoid, prelu, softplus, softshrink)
operation("nn")(celu, elu, glu, hardsigmoid, hardswish, hardtanh, leaky_relu, mish, relu, relu6, selu, sigmoid, silu,
                softsign, tanhshrink, threshold)
