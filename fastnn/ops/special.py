"""Further mathematical functions. Those without a kernel are NumPy's; erfc and its kind go element by element."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, record
from fastnn.ops import arithmetic, compare, pointwise
from fastnn.ops._common import broadcast_shapes, need_tensors, promote
from fastnn.ops.indexing import where


def _floating(op, input):
    """The tensor in a floating dtype."""
    need_tensors(op, input)
    return input if input.is_floating_point() else input.to(dtypes.get_default_dtype())


def _map(op, node, function, slope):
    """A function of NumPy arrays as an operation; ``slope(x, y)`` is its derivative, None where it has none."""
    def operation(input):
        input = _floating(op, input)
        x = input.detach().numpy()
        with np.errstate(all="ignore"):
            y = np.asarray(function(x)).astype(x.dtype, copy=False)

        def backward(grad):
            if slope is None:
                raise NotImplementedError(f"the derivative for '{op}' is not implemented")
            with np.errstate(all="ignore"):
                return np.asarray(grad * slope(x, y)).astype(x.dtype, copy=False)
        return record(y, backward, node, (input,), (), (input,))
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


erfc = _map("erfc", "ErfcBackward0", _erfc, lambda x, y: -2 / _SQRT_PI * np.exp(-x * x))
erfinv = _map("erfinv", "ErfinvBackward0", _erfinv, lambda x, y: _SQRT_PI / 2 * np.exp(y * y))
ndtr = _map("ndtr", "SpecialNdtrBackward0", _ndtr, lambda x, y: np.exp(-x * x / 2) / math.sqrt(2 * math.pi))
ndtri = _map("ndtri", "SpecialNdtriBackward0", _ndtri, lambda x, y: math.sqrt(2 * math.pi) * np.exp(y * y / 2))
i0 = _map("i0", "I0Backward0", lambda x: np.i0(x.astype(np.float64)), None)
sinc = _map("sinc", "SincBackward0", _sinc, _sinc_slope)
for _function, _text in ((erfc, "1 - erf(x), exact for large x."), (erfinv, "The inverse of erf, on (-1, 1)."),
                         (ndtr, "The normal distribution function."), (ndtri, "The inverse of ndtr, on (0, 1)."),
                         (i0, "Modified Bessel function of order 0."), (sinc, "sin(pi x) / (pi x), 1 at 0.")):
    _function.__doc__ = _text


def frac(input):
    """x - trunc(x)."""
    need_tensors("frac", input)
    if not input.is_floating_point():
        raise NotImplementedError(f"\"frac\" not implemented for {input.dtype}")
    return arithmetic.sub(input, pointwise.trunc(input).detach())


def sgn(input):
    """-1, 0 or 1."""
    return pointwise.sign(input)


def signbit(input):
    """Where the sign is minus (also of -0)."""
    need_tensors("signbit", input)
    x = input.detach().numpy()
    return from_array(np.asarray(np.signbit(x) if x.dtype.kind == "f" else x < 0 if x.dtype.kind == "i" else
                                 np.zeros(x.shape, bool)))


def deg2rad(input):
    """Degrees to radians."""
    return arithmetic.mul(_floating("deg2rad", input), math.pi / 180)


def rad2deg(input):
    """Radians to degrees."""
    return arithmetic.mul(_floating("rad2deg", input), 180 / math.pi)


def logit(input, eps=None):
    """log(x / (1 - x)); `eps` limits x to [eps, 1 - eps]."""
    input = _floating("logit", input)
    if eps is not None:
        low, high = eps, 1 - eps
        x = input.detach().numpy()
        z = from_array(np.asarray(np.minimum(np.maximum(x, x.dtype.type(low)), x.dtype.type(high))))
        inside = from_array(np.asarray((x >= low) & (x <= high)))
        input = where(inside, input, z)
    x = input.detach().numpy()
    middle = from_array(np.asarray((x > 0.25) & (x < 0.75)))  # there log(x) and log(1 - x) cancel, and 2 x - 1 is exact
    centred = where(middle, input, 0.5)
    near = pointwise.log1p((centred * 2.0 - 1.0) / (1.0 - centred))
    return where(middle, near, arithmetic.sub(pointwise.log(input), pointwise.log1p(arithmetic.mul(input, -1.0))))


def clamp_min(input, min):
    """max(x, min)."""
    return pointwise.clamp(input, min=min)


def clamp_max(input, max):
    """min(x, max)."""
    return pointwise.clamp(input, max=max)


def positive(input):
    """The tensor itself."""
    if input.dtype is dtypes.bool:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# ---- of two tensors ----

def _pair(op, x, y, floating=True, numbers=False):
    """Both as tensors of their common dtype; `numbers`: one of them may be a Python number."""
    if not numbers or not isinstance(x, Tensor) and not isinstance(y, Tensor):
        need_tensors(op, x, y)
    dtype = promote(x, y)
    if floating and dtype.kind != "f":
        dtype = dtypes.get_default_dtype().numpy
    return tuple(v.to(dtype) if isinstance(v, Tensor) else from_array(np.asarray(v).astype(dtype)) for v in (x, y))


def _binary(op, node, x, y, function, slopes):
    """A function of two NumPy arrays as an operation; ``slopes(x, y, z)`` gives both derivatives."""
    from fastnn.kernels import sum_to
    a, b = x.detach().numpy(), y.detach().numpy()
    with np.errstate(all="ignore"):
        try:
            z = np.asarray(function(a, b))
        except ValueError as error:
            raise RuntimeError(f"{op}: {error}") from None

    def share(grad, slope, v):
        """What a slope leaves of the gradient; a slope of bools chooses."""
        part = np.where(slope, grad, 0) if slope.dtype == bool else grad * slope
        return sum_to(np.ascontiguousarray(np.broadcast_to(part, z.shape).astype(v.dtype, copy=False)), v.shape)

    def backward(grad):
        with np.errstate(all="ignore"):
            return tuple(None if slope is None else share(grad, slope, v)
                         for slope, v in zip(slopes(a, b, z), (a, b)))
    return record(z.astype(a.dtype, copy=False), backward, node, (x, y), (), (x, y))


def atan2(input, other):
    """The angle of the point (other, input)."""
    x, y = _pair("atan2", input, other)
    return _binary("atan2", "Atan2Backward0", x, y, np.arctan2,
                   lambda a, b, z: _zero_free(b, a * a + b * b, -a))


def _zero_free(b, size, minus_a):
    return np.where(size == 0, 0, b / size), np.where(size == 0, 0, minus_a / size)


def hypot(input, other):
    """sqrt(x^2 + y^2), without overflow."""
    x, y = _pair("hypot", input, other)
    return _binary("hypot", "HypotBackward0", x, y, np.hypot, lambda a, b, z: (a / z, b / z))


def logaddexp(input, other):
    """log(exp(x) + exp(y)), without overflow."""
    x, y = _pair("logaddexp", input, other)
    return _binary("logaddexp", "LogaddexpBackward0", x, y, np.logaddexp,
                   lambda a, b, z: (_share(a, z, np.exp), _share(b, z, np.exp)))


def logaddexp2(input, other):
    """log2(2^x + 2^y), without overflow."""
    x, y = _pair("logaddexp2", input, other)
    return _binary("logaddexp2", "Logaddexp2Backward0", x, y, np.logaddexp2,
                   lambda a, b, z: (_share(a, z, np.exp2), _share(b, z, np.exp2)))


def _share(part, whole, exp):
    return np.where(np.isinf(whole) & (part == whole), 1, exp(part - whole)).astype(whole.dtype)


def copysign(input, other):
    """The size of x with the sign of y."""
    x, y = _pair("copysign", input, other, numbers=isinstance(input, Tensor))
    return _binary("copysign", "CopysignBackward0", x, y, np.copysign,
                   lambda a, b, z: (np.where(a == 0, 0, z / a), np.zeros_like(b)))


def xlogy(input, other):
    """x log(y), 0 where x is 0."""
    x, y = _pair("xlogy", input, other, numbers=True)

    def slopes(a, b, z):
        return np.where((a == 0) & (b <= 0), 0, np.log(b)), a / b
    return _binary("xlogy", "XlogyBackward0", x, y,
                   lambda a, b: np.where(np.isnan(b), np.nan, np.where(a == 0, 0, a * np.log(b))), slopes)


def heaviside(input, values):
    """0 where x < 0, 1 where x > 0, `values` where x = 0."""
    need_tensors("heaviside", input, values)
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    broadcast_shapes(tuple(input.shape), tuple(values.shape))
    x, y = input.detach().numpy(), values.detach().numpy()
    return from_array(np.asarray(np.where(x == 0, y, x > 0)).astype(x.dtype))


def fmax(input, other):
    """The larger of the two; a number wins over NaN."""
    return _extreme("fmax", "FmaxBackward0", input, other, np.fmax, lambda a, b: (a >= b) | np.isnan(b))


def fmin(input, other):
    """The smaller of the two; a number wins over NaN."""
    return _extreme("fmin", "FminBackward0", input, other, np.fmin, lambda a, b: (a <= b) | np.isnan(b))


def _extreme(op, node, input, other, function, first):
    x, y = _pair(op, input, other, False)
    return _binary(op, node, x, y, function, lambda a, b, z: (first(a, b), ~first(a, b)))


def float_power(input, exponent):
    """x to the power y, in float64."""
    x, y = (v.to(dtypes.float64) if isinstance(v, Tensor) else v for v in (input, exponent))
    if not isinstance(x, Tensor):
        x = from_array(np.asarray(x, np.float64))
    return arithmetic.pow(x, y)


def ldexp(input, other):
    """x 2^y."""
    need_tensors("ldexp", input, other)
    two = from_array(np.asarray(2.0, other.dtype.numpy if other.is_floating_point() else input.dtype.numpy
                                if input.is_floating_point() else dtypes.get_default_dtype().numpy))
    return arithmetic.mul(input, arithmetic.pow(two, other))


def _whole(op, function):
    def operation(input, other):
        x, y = _pair(op, input, other, False, op.startswith("bitwise"))
        if x.is_floating_point() or x.dtype is dtypes.bool:
            raise NotImplementedError(f'"{op}_cpu" not implemented for {x.dtype}')
        broadcast_shapes(tuple(x.shape), tuple(y.shape))
        return from_array(np.asarray(function(x.numpy(), y.numpy())).astype(x.numpy().dtype))
    operation.__name__ = operation.__qualname__ = op
    operation.__doc__ = f"{op.upper()} of integers, element by element."
    return operation


gcd, lcm = _whole("gcd", np.gcd), _whole("lcm", lambda x, y: np.abs(np.lcm(x, y)))
bitwise_left_shift = _whole("bitwise_left_shift", np.left_shift)
bitwise_right_shift = _whole("bitwise_right_shift", np.right_shift)


# ---- questions ----

def isposinf(input):
    """Where x is +inf."""
    return compare.eq(input, math.inf)


def isneginf(input):
    """Where x is -inf."""
    return compare.eq(input, -math.inf)


def isreal(input):
    """True everywhere: there are no complex tensors."""
    need_tensors("isreal", input)
    return from_array(np.ones(tuple(input.shape), bool))


def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Which elements are among the test elements."""
    x, y = (v.detach().numpy() if isinstance(v, Tensor) else np.asarray(v) for v in (elements, test_elements))
    return from_array(np.asarray(np.isin(x, y, assume_unique=assume_unique, invert=invert)))


# ---- torch.special has these under further names ----

def entr(input):
    """-x log(x), 0 at 0, -inf below."""
    input = _floating("entr", input)
    return where(input < 0, -math.inf, arithmetic.mul(xlogy(input, input), -1.0))


def xlog1py(input, other):
    """x log(1 + y), 0 where x is 0."""
    x, y = _pair("xlog1py", input, other, numbers=True)

    def slopes(a, b, z):
        return np.where((a == 0) & (b <= -1), 0, np.log1p(b)), a / (b + 1)
    return _binary("xlog1py", "SpecialXlog1PyBackward0", x, y,
                   lambda a, b: np.where(np.isnan(b), np.nan, np.where(a == 0, 0, a * np.log1p(b))), slopes)
