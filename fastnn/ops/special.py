"""Special functions of torch.special without kernels; erfc and its kind go element by element."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops import arithmetic, pointwise, trigonometric
from fastnn.ops._common import need_tensors
from fastnn.ops.arithmetic_composed import binary_op, pair_of
from fastnn.ops.declare import operation
from fastnn.ops.indexing import where
from fastnn.ops.maps import mapped
from fastnn.ops.slopes import slope_of


def floating_of(op, input):
    """The tensor in a floating dtype."""
    need_tensors(op, input)
    return input if input.is_floating_point() else input.to(dtypes.get_computing_dtype())


def _map_backward(grad, x, y, slope):
    with np.errstate(all="ignore"):
        return np.asarray(grad * slope(x, y)).astype(x.dtype, copy=False)


def mapped_by(op, node, function, slope, second=None):
    """A function of NumPy arrays as an operation; ``slope(x, y)`` is its derivative, ``second(x, y)`` the same of
    tensors."""
    made = Op(node, _map_backward, "x y slope", None if second else "its derivative has none")
    if second is not None:
        made.second(lambda step, g: g * second(step.input(step.x, 0), step.output(step.y)))

    def operation(input):
        input = floating_of(op, input)
        x = input.detach().numpy()
        with np.errstate(all="ignore"):
            y = np.asarray(function(x)).astype(x.dtype, copy=False)
        return record(y, made, (input,), (x, y, slope), (input,))
    operation.__name__ = operation.__qualname__ = op
    return operation


def _each(function):
    """A function of one float, for arrays; what it cannot do is NaN."""
    def safe(x):
        try:
            return function(x)
        except (ValueError, OverflowError):
            return math.inf if x != 0 and math.isinf(x) or x == math.floor(x) else math.nan
    return lambda x: np.asarray(np.frompyfunc(safe, 1, 1)(x.astype(np.float64))).astype(np.float64)


def _erfinv(y):
    """A first guess (Winitzki 2008), then Newton steps on erf or erfc, whichever is exact there."""
    erf, erfc = _each(math.erf), _each(math.erfc)
    y = y.astype(np.float64)
    size = np.minimum(np.abs(y), 1.0)
    log = np.log1p(-size * size)
    half = 2 / (np.pi * 0.147) + log / 2
    x = np.sqrt(np.sqrt(half * half - log / 0.147) - half)
    x = np.where(np.isfinite(x), x, 0.0)
    for _ in range(3):
        error = np.where(size < 0.5, erf(x) - size, (1 - size) - erfc(x))
        step = error / (2 / np.sqrt(np.pi) * np.exp(-x * x))
        x = np.where(np.isfinite(step), x - step / (1 + x * step), x)
    x = np.where(size == 1, np.inf, x)
    return np.where(np.abs(y) > 1, np.nan, np.copysign(x, y)) * np.where(np.isnan(y), np.nan, 1)


_SQRT_PI = math.sqrt(math.pi)

_erfc = _each(math.erfc)


def _ndtr(x):
    """erfc(-x / sqrt(2)) / 2; far out the rounding of its argument would count x^2 times: what it lost is added."""
    exact = -x.astype(np.longdouble) * np.sqrt(np.longdouble(0.5))
    z = exact.astype(np.float64)
    rest = (exact - z).astype(np.float64)
    return 0.5 * (_erfc(z) - np.where(np.isfinite(z), 2 / _SQRT_PI * np.exp(-z * z) * rest, 0))


def _ndtri(p):
    """By erfinv in the middle; in a tail Newton's steps on log(erfc(z)), where z = |result| / sqrt(2)."""
    p = p.astype(np.float64)
    goal = 2 * np.minimum(p, 1 - p)
    height = np.maximum(-np.log(goal), 0.6)
    z = np.sqrt(height - np.log(np.pi * height) / 2)
    for _ in range(4):
        tail = _erfc(z)
        z = z + np.log1p((tail - goal) / goal) * tail * _SQRT_PI / 2 * np.exp(z * z)
    y = math.sqrt(2) * np.where(goal < 0.5, np.copysign(z, p - 0.5), _erfinv(2 * p - 1))
    y = np.where(goal == 0, np.copysign(np.inf, p - 0.5), y)
    return np.where((p >= 0) & (p <= 1), y, np.nan)


def _half_turns(function, x):
    """sin(pi x) or cos(pi x), whose argument is reduced exactly."""
    whole = np.rint(x)
    return np.where(whole % 2 == 0, 1, -1) * function(np.pi * (x - whole))


def _sinc(x):
    x = x.astype(np.float64)
    return np.where(x == 0, 1, _half_turns(np.sin, x) / (np.pi * x))


def _sinc_slope(x, y):
    """(cos(pi x) - sinc(x)) / x, near 0 its series."""
    x = x.astype(np.float64)
    square, series = np.minimum((np.pi * x) ** 2, 1), 1.0
    for k in range(8, 0, -1):
        series = 1 - square / (2 * k * (2 * k + 3)) * series
    return np.where(np.abs(np.pi * x) < 1, -np.pi ** 2 / 3 * x * series, (_half_turns(np.cos, x) - _sinc(x)) / x)


def _sinc_slope_of(x, y):
    """The same of tensors."""
    square, series = x * x * np.pi ** 2, 1.0
    for k in range(12, 0, -1):
        series = 1 - square / (2 * k * (2 * k + 3)) * series
    small = pointwise.abs(x) < 1 / np.pi
    large = where(small, 1.0, x)
    return where(small, x * series * (-np.pi ** 2 / 3), (trigonometric.cos(large * np.pi) - y) / large)


erfc = mapped_by("erfc", "ErfcBackward0", _erfc, lambda x, y: -2 / _SQRT_PI * np.exp(-x * x),
            lambda x, y: pointwise.exp(-x * x) * (-2 / _SQRT_PI))

erfinv = mapped_by("erfinv", "ErfinvBackward0", _erfinv, lambda x, y: _SQRT_PI / 2 * np.exp(y * y),
              lambda x, y: pointwise.exp(y * y) * (_SQRT_PI / 2))

ndtr = mapped_by("ndtr", "SpecialNdtrBackward0", _ndtr, lambda x, y: np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
            lambda x, y: pointwise.exp(x * x * -0.5) / math.sqrt(2 * math.pi))

ndtri = mapped_by("ndtri", "SpecialNdtriBackward0", _ndtri, lambda x, y: math.sqrt(2 * math.pi) * np.exp(y * y / 2),
             lambda x, y: pointwise.exp(y * y * 0.5) * math.sqrt(2 * math.pi))

sinc = mapped_by("sinc", "SincBackward0", _sinc, _sinc_slope, _sinc_slope_of)

for _function, _text, _result in (
        (erfc, "1 - erf(x), without cancellation for large x.", 0.4795),
        (erfinv, "The inverse of erf, on (-1, 1).", 0.4769),
        (ndtr, "The normal distribution function: erfc(-x / sqrt(2)) / 2.", 0.6915),
        (ndtri, "The inverse of ndtr, on (0, 1).", "0."),
        (sinc, "sin(pi x) / (pi x), 1 at 0.", 0.6366)):
    _function.__doc__ = f"""{_text}

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.special.{_function.__name__}(fastnn.tensor([0.5]))
    tensor([{_result}])
    """
operation("fastnn Tensor special", inplace=True, out=True)(erfc, erfinv, sinc)
operation("special", out=True)(ndtr, ndtri)


@operation("special", out=True)
def erfcx(input):
    """exp(x^2) erfc(x): the tail of erfc without its underflow.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.special.erfcx(fastnn.tensor([-1.0, 0.0, 100.0]))
    tensor([5.0090, 1.0000, 0.0056])
    """
    return mapped(input, "erfcx")


@slope_of("erfcx", "SpecialErfcxBackward0")
def _erfcx_slope(x, y, a, b):
    return 2 * x * erfcx(x) - 2 / _SQRT_PI


@operation("special", out=True)
def log_ndtr(input):
    """The logarithm of the normal distribution function, log(erfc(-x / sqrt(2)) / 2), exact in its far tail too.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.special.log_ndtr(fastnn.tensor([-100.0, 0.0, 1.0]))
    tensor([-5.0055e+03, -6.9315e-01, -1.7275e-01])
    """
    return mapped(input, "log_ndtr")


@slope_of("log_ndtr", "SpecialLogNdtrBackward0")
def _log_ndtr_slope(x, y, a, b):
    """The density over the distribution function; where that is a small tail, both without exp(-x^2 / 2)."""
    tail = erfcx(where(x > 0, x, -x) * math.sqrt(0.5))
    density = pointwise.exp(x * x * -0.5)
    return where(x > 0, density / (2 - density * tail), 1 / tail) * math.sqrt(2 / math.pi)


@operation("fastnn Tensor special", inplace=True, out=True)
def logit(input, eps=None):
    """log(x / (1 - x)); `eps` limits x to [eps, 1 - eps].

    Parameters
    ----------
    input : Tensor
    eps : float, optional
        Between 0 and 1/2.

    Examples
    --------
    >>> fastnn.logit(fastnn.tensor([0.5, 0.75]))
    tensor([0.0000, 1.0986])
    """
    input = floating_of("logit", input)
    if eps is not None:
        low, high = eps, 1 - eps
        x = input.detach().numpy()
        z = from_array(np.asarray(np.minimum(np.maximum(x, x.dtype.type(low)), x.dtype.type(high))))
        inside = from_array(np.asarray((x >= low) & (x <= high)))
        input = where(inside, input, z)
    x = input.detach().numpy()
    middle = from_array(np.asarray((x > 0.25) & (x < 0.75)))  # there log(x) and log(1 - x) cancel, and 2 x - 1 is exact
    centred = where(middle, input, 0.5)
    centre = pointwise.log1p((centred * 2.0 - 1.0) / (1.0 - centred))
    return where(middle, centre, arithmetic.sub(pointwise.log(input), pointwise.log1p(arithmetic.mul(input, -1.0))))


def _share(part, whole, exp):
    return np.where(np.isinf(whole) & (part == whole), 1, exp(part - whole)).astype(whole.dtype)


def _share_of(part, whole, exp):
    return where(whole.isinf() & (part == whole), 1.0, exp(arithmetic.sub(part, whole)))


LOGADDEXP = binary_op("logaddexp", "LogaddexpBackward0", np.logaddexp,
                      lambda a, b, z: (_share(a, z, np.exp), _share(b, z, np.exp)),
                      lambda a, b, z: (_share_of(a, z, pointwise.exp), _share_of(b, z, pointwise.exp)))
LOGADDEXP2 = binary_op("logaddexp2", "Logaddexp2Backward0", np.logaddexp2,
                       lambda a, b, z: (_share(a, z, np.exp2), _share(b, z, np.exp2)),
                       lambda a, b, z: (_share_of(a, z, pointwise.exp2), _share_of(b, z, pointwise.exp2)))


@operation(out=True)
def logaddexp(input, other):
    """log(exp(x) + exp(y)), without overflow.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.logaddexp(fastnn.tensor([0.0]), fastnn.tensor([0.0]))
    tensor([0.6931])
    """
    return LOGADDEXP(*pair_of("logaddexp", input, other))


@operation(out=True)
def logaddexp2(input, other):
    """log2(2^x + 2^y), without overflow.

    Parameters
    ----------
    input : Tensor
    other : Tensor

    Examples
    --------
    >>> fastnn.logaddexp2(fastnn.tensor([2.0]), fastnn.tensor([2.0]))
    tensor([3.])
    """
    return LOGADDEXP2(*pair_of("logaddexp2", input, other))


def _times_log(op, node, log, log_of, least):
    """x log(y), 0 where x is 0, with NumPy's logarithm (of y + 1, where y - `least` counts) and tensors'."""
    def function(a, b):
        return np.where(np.isnan(b), np.nan, np.where(a == 0, 0, a * log(b)))

    def slopes(a, b, z):
        return np.where((a == 0) & (b <= least), 0, log(b)), a / (b if least == 0 else b - least)

    def slopes_of(a, b, z):
        return where((a == 0) & (b <= least), 0.0, log_of(b)), a / (b if least == 0 else b - least)
    return binary_op(op, node, function, slopes, slopes_of)


XLOGY = _times_log("xlogy", "XlogyBackward0", np.log, pointwise.log, 0)
XLOG1PY = _times_log("xlog1py", "SpecialXlog1PyBackward0", np.log1p, pointwise.log1p, -1)


@operation("fastnn Tensor special", inplace=True, out=True)
def xlogy(input, other):
    """x log(y), 0 where x is 0.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.xlogy(fastnn.tensor([0.0, 2.0]), fastnn.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """
    return XLOGY(*pair_of("xlogy", input, other, numbers=True))


@operation("special", out=True)
def entr(input):
    """-x log(x), 0 at 0, -inf below.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.special.entr(fastnn.tensor([0.5, -1.0]))
    tensor([0.3466,   -inf])
    """
    input = floating_of("entr", input)
    return where(input < 0, -math.inf, arithmetic.rsub(xlogy(input, input), 0.0))


@operation("special", out=True)
def xlog1py(input, other):
    """x log(1 + y), 0 where x is 0.

    Parameters
    ----------
    input, other : Tensor or number

    Examples
    --------
    >>> fastnn.special.xlog1py(fastnn.tensor([0.0, 2.0]), fastnn.tensor([-1.0, 1.0]))
    tensor([0.0000, 1.3863])
    """
    return XLOG1PY(*pair_of("xlog1py", input, other, numbers=True))
