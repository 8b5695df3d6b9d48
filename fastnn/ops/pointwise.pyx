"""Maps of one tensor: exponentials, logarithms, powers, signs, rounding. What maps share is in fastnn.ops.maps."""
cimport numpy as np

import numpy

from fastnn import dtypes
from fastnn._tape cimport Op
from fastnn._tensor cimport Tensor, shape_of, wrap
from fastnn._tensor import record
from fastnn.kernels import sum_to
from fastnn.ops._common cimport is_real, zero_d
from fastnn.ops._common import need_real
from fastnn.ops.arithmetic import div, mul
from fastnn.ops.compare import maximum, minimum
from fastnn.ops.declare import operation
from fastnn.ops.maps cimport apply, whole
from fastnn.ops.maps import in_place_form

np.import_array()


def exp(input):
    """e^x, element by element.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.exp(fastnn.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return apply("exp", input)


def exp2(input):
    """2^x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.exp2(fastnn.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """
    return apply("exp2", input)


def expm1(input):
    """exp(x) - 1, without cancellation for small x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.expm1(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """
    return apply("expm1", input)


def log(input):
    """Natural logarithm: -inf at 0, NaN below.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.log(fastnn.tensor([1.0, 2.0, 0.0]))
    tensor([0.0000, 0.6931,   -inf])
    """
    return apply("log", input)


def log2(input):
    """Logarithm to base 2.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.log2(fastnn.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """
    return apply("log2", input)


def log10(input):
    """Logarithm to base 10.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.log10(fastnn.tensor([1.0, 1000.0]))
    tensor([0., 3.])
    """
    return apply("log10", input)


def log1p(input):
    """log(1 + x), without cancellation for small x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.log1p(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """
    return apply("log1p", input)


def sqrt(input):
    """Square root; NaN below 0.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.sqrt(fastnn.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return apply("sqrt", input)


def rsqrt(input):
    """1 / sqrt(x).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.rsqrt(fastnn.tensor([4.0, 16.0]))
    tensor([0.5000, 0.2500])
    """
    return apply("rsqrt", input)


def square(input):
    """x * x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.square(fastnn.tensor([-3, 2]))
    tensor([9, 4])
    """
    if isinstance(input, Tensor) and (<Tensor>input).array.dtype.kind == "b":
        return input.to(dtypes.int64)
    return whole(numpy.square, "square", input)


def reciprocal(input):
    """1 / x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.reciprocal(fastnn.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """
    return apply("reciprocal", input)


def abs(input):
    """Absolute value.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.abs(fastnn.tensor([-3, 2]))
    tensor([3, 2])
    """
    return whole(numpy.abs, "abs", input)


def neg(input):
    """-x.

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    RuntimeError
        A bool tensor.

    Examples
    --------
    >>> fastnn.neg(fastnn.tensor([-3, 2]))
    tensor([ 3, -2])
    """
    if isinstance(input, Tensor) and (<Tensor>input).array.dtype.kind == "b":
        raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
                           "a mask, use the `~` or `logical_not()` operator instead.")
    return whole(numpy.negative, "neg", input)


def sign(input):
    """-1, 0 or 1, by the sign of x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.sign(fastnn.tensor([-2.5, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """
    if isinstance(input, Tensor) and (<Tensor>input).array.dtype.kind == "b":
        return input.clone()
    return whole(numpy.sign, "sign", input)


def erf(input):
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.erf(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """
    return apply("erf", input)


def lgamma(input):
    """log(|gamma(x)|).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.lgamma(fastnn.tensor([1.0, 4.0]))
    tensor([0.0000, 1.7918])
    """
    return apply("lgamma", input)


def digamma(input):
    """The derivative of ``lgamma``.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.digamma(fastnn.tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """
    return apply("digamma", input)


def floor(input):
    """The largest integer not above x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.floor(fastnn.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """
    return whole(numpy.floor, "floor", input)


def ceil(input):
    """The smallest integer not below x.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.ceil(fastnn.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """
    return whole(numpy.ceil, "ceil", input)


def round(input, *, int decimals=0):
    """The nearest integer (multiple of 10^-decimals), half to even.

    Parameters
    ----------
    input : Tensor
    decimals : int, default 0
        Digits behind the point; negative ones round to tens, hundreds, ...

    Examples
    --------
    >>> fastnn.round(fastnn.tensor([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    """
    if decimals and isinstance(input, Tensor) and is_real((<Tensor>input).array):
        scale = float(10.0 ** numpy.abs(decimals))  # no array: the rules keep a number
        scaled = mul(input, scale) if decimals > 0 else div(input, scale)
        return div(apply("round", scaled), scale) if decimals > 0 else mul(apply("round", scaled), scale)
    return whole(numpy.round, "round", input)


def trunc(input):
    """x rounded towards 0.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.trunc(fastnn.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """
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
    """min(max(x, min), max).

    Parameters
    ----------
    input : Tensor
    min : number or Tensor, optional
        Lower bound.
    max : number or Tensor, optional
        Upper bound; where the bounds cross, it is the result.

    Raises
    ------
    RuntimeError
        Neither bound is given.

    Examples
    --------
    >>> fastnn.clamp(fastnn.tensor([-1.0, 0.5, 3.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        min, max = [wrap(numpy.asarray(bound)) if bound is not None and not isinstance(bound, Tensor) else bound
                    for bound in (min, max)]
        return clamp_between(input, min, max)
    if min != min or max != max:  # a bound that is NaN: so is everything
        return apply("threshold", input, numpy.inf, numpy.nan)
    if not is_real((<Tensor?>input).array):
        need_real("clamp", input)
        for bound in (min, max):
            if isinstance(bound, float):
                return clamp(input.to(dtypes.get_computing_dtype()), min, max)
        kind = (<Tensor>input).array.dtype
        if kind.kind == "b":  # bools become integers
            return clamp(input.to(dtypes.int64), min, max)
        min, max = [None if bound is None else dtypes.number(bound, kind) for bound in (min, max)]
        return wrap(zero_d(numpy.clip((<Tensor>input).array, min, max)))
    return apply("clamp", input, -numpy.inf if min is None else min, numpy.inf if max is None else max)


for further, names in {"": "exp log log2 log10 sqrt rsqrt square reciprocal sign floor ceil",
                       " special": "exp2 expm1 log1p erf round", " special special.psi": "digamma",
                       " special.gammaln": "lgamma"}.items():
    operation("fastnn Tensor" + further, inplace=in_place_form, out=True)(*[globals()[name] for name in names.split()])
for alias, name in {"absolute": "abs", "negative": "neg", "fix": "trunc"}.items():
    operation(aliases=alias, inplace=in_place_form, out=True)(globals()[name])
operation(aliases="clip", inplace=True, out=True)(clamp)
