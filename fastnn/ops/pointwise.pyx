"""Maps of one tensor: mathematical functions and activations. What they share is in fastnn.ops.maps."""
cimport numpy as np

import numpy

from fastnn import dtypes
from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, needs_grad, recording, record1, record2, shape_of, wrap
from fastnn._tensor import record
from fastnn.kernels cimport _core
from fastnn.kernels cimport elementwise as K
from fastnn.kernels import sum_to
from fastnn.ops._common cimport is_half, is_real, undo, wrap_dim, zero_d
from fastnn.ops.declare import operation
from fastnn.ops.inplace cimport changed
from fastnn.ops.maps cimport Map, apply, apply_in_place, apply_map, map_of, whole

np.import_array()

cdef Map RELU = map_of("relu")


# ---- functions ----

def exp(input):
    """e to the power x."""
    return apply("exp", input)


def exp2(input):
    """2 to the power x."""
    return apply("exp2", input)


def expm1(input):
    """exp(x) - 1, exact near 0."""
    return apply("expm1", input)


def log(input):
    """Natural logarithm."""
    return apply("log", input)


def log2(input):
    """Logarithm to base 2."""
    return apply("log2", input)


def log10(input):
    """Logarithm to base 10."""
    return apply("log10", input)


def log1p(input):
    """log(1 + x), exact near 0."""
    return apply("log1p", input)


def sqrt(input):
    """Square root."""
    return apply("sqrt", input)


def rsqrt(input):
    """1 / sqrt(x)."""
    return apply("rsqrt", input)


def square(input):
    """x * x."""
    if isinstance(input, Tensor) and (<Tensor>input).array.dtype.kind == "b":
        return input.to(dtypes.int64)
    return whole(numpy.square, "square", input)


def reciprocal(input):
    """1 / x."""
    return apply("reciprocal", input)


def abs(input):
    """Absolute value."""
    return whole(numpy.abs, "abs", input)


def neg(input):
    """-x."""
    if isinstance(input, Tensor) and (<Tensor>input).array.dtype.kind == "b":
        raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
                           "a mask, use the `~` or `logical_not()` operator instead.")
    return whole(numpy.negative, "neg", input)


def sign(input):
    """-1, 0 or 1."""
    if isinstance(input, Tensor) and (<Tensor>input).array.dtype.kind == "b":
        return input.clone()
    return whole(numpy.sign, "sign", input)


def sin(input):
    """Sine."""
    return apply("sin", input)


def cos(input):
    """Cosine."""
    return apply("cos", input)


def tan(input):
    """Tangent."""
    return apply("tan", input)


def asin(input):
    """Inverse sine."""
    return apply("asin", input)


def acos(input):
    """Inverse cosine."""
    return apply("acos", input)


def atan(input):
    """Inverse tangent."""
    return apply("atan", input)


def sinh(input):
    """Hyperbolic sine."""
    return apply("sinh", input)


def cosh(input):
    """Hyperbolic cosine."""
    return apply("cosh", input)


def asinh(input):
    """Inverse hyperbolic sine."""
    return apply("asinh", input)


def acosh(input):
    """Inverse hyperbolic cosine."""
    return apply("acosh", input)


def atanh(input):
    """Inverse hyperbolic tangent."""
    return apply("atanh", input)


def erf(input):
    """The error function."""
    return apply("erf", input)


def lgamma(input):
    """Logarithm of the absolute value of the gamma function."""
    return apply("lgamma", input)


def digamma(input):
    """Derivative of ``lgamma``."""
    return apply("digamma", input)


def floor(input):
    """The largest integer not above x."""
    return whole(numpy.floor, "floor", input)


def ceil(input):
    """The smallest integer not below x."""
    return whole(numpy.ceil, "ceil", input)


def round(input, *, int decimals=0):
    """The nearest integer (multiple of 10^-decimals), half to even."""
    if decimals and isinstance(input, Tensor) and is_half((<Tensor>input).array):
        return round(input.to(dtypes.float32), decimals=decimals).to(dtypes.float16)
    if decimals and isinstance(input, Tensor) and is_real((<Tensor>input).array):
        from fastnn.ops.arithmetic import div, mul
        scale = float(10.0 ** numpy.abs(decimals))  # no array: the rules keep a number
        scaled = mul(input, scale) if decimals > 0 else div(input, scale)
        return div(apply("round", scaled), scale) if decimals > 0 else mul(apply("round", scaled), scale)
    return whole(numpy.round, "round", input)


def trunc(input):
    """x without its fraction."""
    return whole(numpy.trunc, "trunc", input)


def pow_scalar(input, double exponent):
    """x to a fixed power."""
    return apply("pow_scalar", input, exponent)


def clamp_backward(grad, shares, shapes):
    """To the input where it is within the bounds, at a tie too, and to a bound where the input is beyond it."""
    with numpy.errstate(invalid="ignore"):  # of 0 * inf, which is not taken
        return tuple([None if share is None else sum_to(numpy.where(share, grad * share, grad.dtype.type(0)), shape)
                      for share, shape in zip(shares, shapes)])


cdef Op CLAMP = Op("ClampBackward1", clamp_backward, "shares shapes")


@CLAMP.second
def _clamp_second(step, g):
    kind = g.detach().numpy().dtype
    return tuple([None if share is None else
                  step.sum_to(step.only_where(share != 0, g * wrap(numpy.asarray(share, kind))), shape)
                  for share, shape in zip(*step.saved)])


cdef object clamp_between(object input, object low, object high):
    """clamp whose bounds are tensors (or None)."""
    from fastnn.ops.arithmetic import maximum, minimum
    y = (<Tensor?>input).detach()
    if low is not None:
        y = maximum(y, low.detach())
    if high is not None:
        y = minimum(y, high.detach())
    given = tuple([None if t is None else t.to(y.dtype) for t in (input, low, high)])
    x, a, b = [None if t is None else (<Tensor>t).array for t in given]
    if a is None:
        shares = x <= b, None, x > b
    elif b is None:
        shares = x >= a, x < a, None
    else:
        shares = (x >= a) & (x <= b), (x < a) & (a < b), (x > b) | (b < a)
    shapes = tuple([None if t is None else shape_of((<Tensor>t).array) for t in given])
    return record((<Tensor>y).array, CLAMP, given, (shares, shapes))


def clamp(input, min=None, max=None):
    """x limited to [min, max]; either may be None, numbers or tensors."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        min, max = [wrap(numpy.asarray(bound)) if bound is not None and not isinstance(bound, Tensor) else bound
                    for bound in (min, max)]
        return clamp_between(input, min, max)
    if min != min or max != max:  # a bound that is NaN: so is everything
        return apply("threshold", input, numpy.inf, numpy.nan)
    if not is_real((<Tensor?>input).array) and not is_half((<Tensor>input).array):
        for bound in (min, max):
            if isinstance(bound, float):
                return clamp(input.to(dtypes.get_default_dtype()), min, max)
        kind = (<Tensor>input).array.dtype
        if kind.kind == "b":  # bools become integers
            return clamp(input.to(dtypes.int64), min, max)
        min, max = [None if bound is None else dtypes.number(bound, kind) for bound in (min, max)]
        return wrap(zero_d(numpy.clip((<Tensor>input).array, min, max)))
    return apply("clamp", input, -numpy.inf if min is None else min, numpy.inf if max is None else max)


cdef Tensor limited(str name, object input, object high, bint inplace):
    """relu and relu6; integers keep their dtype."""
    if isinstance(input, Tensor) and not is_real((<Tensor>input).array) and (<Tensor>input).array.dtype.kind in "iu":
        if inplace:
            return changed(name + "_", <Tensor>input, globals()[name], (), {})
        return wrap(zero_d(numpy.clip((<Tensor>input).array, 0, high)))
    return apply_in_place(name, input) if inplace else apply(name, input)


def sigmoid(input):
    """1 / (1 + exp(-x))."""
    return apply("sigmoid", input)


def tanh(input):
    """Hyperbolic tangent."""
    return apply("tanh", input)


def relu(input, bint inplace=False):
    """max(x, 0)."""
    if not inplace and isinstance(input, Tensor) and is_real((<Tensor>input).array):
        return apply_map(RELU, "relu", <Tensor>input, 0.0, 0.0)
    return limited("relu", input, None, inplace)


def relu6(input, bint inplace=False):
    """min(max(x, 0), 6)."""
    return limited("relu6", input, 6, inplace)


def leaky_relu(input, double negative_slope=0.01, bint inplace=False):
    """x if x > 0, else negative_slope * x."""
    cdef str name = "leaky_relu_signed" if negative_slope < 0 else "leaky_relu"
    return apply_in_place(name, input, negative_slope) if inplace else apply(name, input, negative_slope)


def elu(input, double alpha=1.0, bint inplace=False):
    """x if x > 0, else alpha * (exp(x) - 1)."""
    return apply_in_place("elu" if alpha >= 0 else "elu_of_x", input, alpha) if inplace else apply(
        "elu_of_x", input, alpha)


def selu(input, bint inplace=False):
    """ELU with the scale and alpha of self-normalising networks (Klambauer et al. 2017)."""
    return apply_in_place("selu", input) if inplace else apply("selu_of_x", input)


def celu(input, double alpha=1.0, bint inplace=False):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return apply_in_place("celu" if alpha > 0 else "celu_of_x", input, alpha) if inplace else apply(
        "celu_of_x", input, alpha)


def gelu(input, str approximate="none"):
    """x times the normal distribution function of x; `approximate`: "none" or "tanh"."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}.")
    return apply("gelu" if approximate == "none" else "gelu_tanh", input)


def silu(input, bint inplace=False):
    """x * sigmoid(x)."""
    return apply_in_place("silu", input) if inplace else apply("silu", input)


def mish(input, bint inplace=False):
    """x * tanh(softplus(x))."""
    return apply_in_place("mish", input) if inplace else apply("mish", input)


def softplus(input, double beta=1.0, double threshold=20.0):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""
    return apply("softplus", input, beta, threshold)


def hardsigmoid(input, bint inplace=False):
    """relu6(x + 3) / 6."""
    return apply_in_place("hardsigmoid", input) if inplace else apply("hardsigmoid", input)


def hardswish(input, bint inplace=False):
    """x * relu6(x + 3) / 6."""
    return apply_in_place("hardswish", input) if inplace else apply("hardswish", input)


def hardtanh(input, double min_val=-1.0, double max_val=1.0, bint inplace=False):
    """x limited to [min_val, max_val]."""
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
    """log(sigmoid(x))."""
    return apply("logsigmoid", input)


def softsign(input):
    """x / (1 + |x|)."""
    return apply("softsign", input)


def tanhshrink(input):
    """x - tanh(x)."""
    return apply("tanhshrink", input)


def softshrink(input, double lambd=0.5):
    """x moved towards 0 by lambd, 0 within it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return apply("softshrink", input, lambd)


def hardshrink(input, double lambd=0.5):
    """x where |x| > lambd, else 0."""
    return apply("hardshrink", input, lambd)


def threshold(input, double threshold, double value, bint inplace=False):
    """x if x > threshold, else value."""
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
    """a * sigmoid(b), where a and b are the halves of the input along `dim`."""
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
    """x if x > 0, else weight * x; the weight has one element, or one for each channel (dimension 1)."""
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


def in_place_form(str name, outside):
    """``name_`` of a map: written over the tensor."""
    def function(input, *args, **kwargs):
        if args or kwargs or not is_real((<Tensor?>input).array):
            return changed(name + "_", input, outside, args, kwargs)
        return apply_in_place(name, input)
    function.__name__, function.__doc__, function.__wrapped__ = name + "_", f"``{name}`` in place.", outside
    return function


for further, names in {"": "exp log log2 log10 sqrt rsqrt square reciprocal sign sin cos tan sinh cosh floor ceil tanh",
                       " special": "exp2 expm1 log1p erf round", " special special.psi": "digamma",
                       " special.gammaln": "lgamma", " special.expit": "sigmoid"}.items():
    operation("fastnn Tensor" + further, inplace=in_place_form, out=True)(*[globals()[name] for name in names.split()])
for alias, name in {"absolute": "abs", "negative": "neg", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
                    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "fix": "trunc"}.items():
    operation(aliases=alias, inplace=in_place_form, out=True)(globals()[name])
operation(inplace=in_place_form)(relu)
operation(aliases="clip", inplace=True, out=True)(clamp)
operation("fastnn")(celu, prelu, selu)
operation("fastnn", out=True)(hardshrink, threshold)
operation("functional")(gelu, hardshrink, logsigmoid, prelu, softplus, softshrink)
