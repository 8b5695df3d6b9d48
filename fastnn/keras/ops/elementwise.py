"""Operations on each element, or on pairs of elements."""
import numpy as np

import fastnn
from fastnn import special
from fastnn.keras import config
from fastnn.keras.ops.common import floating, pair, tensor
from fastnn.keras.symbolic import operation
from fastnn.ops.indexing import where as _where


def _unary(name, function, text, convert=floating):
    def call(x):
        return function(convert(x))
    call.__name__ = call.__qualname__ = name
    call.__doc__ = text
    call.__module__ = __name__
    return operation(call)


def _binary(name, function, text, convert=pair, names=("x1", "x2")):
    if names == ("x1", "x2"):
        def call(x1, x2):
            return function(*convert(x1, x2))
    else:
        def call(x, y):
            return function(*convert(x, y))
    call.__name__ = call.__qualname__ = name
    call.__doc__ = text
    call.__module__ = __name__
    return operation(call)


def _float_pair(x1, x2):
    x1, x2 = pair(x1, x2)
    return floating(x1), floating(x2)


def _bool_pair(x1, x2):
    return tensor(x1, "bool"), tensor(x2, "bool")


def _plain(x):
    return tensor(x)


def _by_numpy(name):
    """NumPy's function, which has no gradient."""
    return lambda *args: tensor(np.asarray(getattr(np, name)(*[x.detach().numpy() for x in args])))


for _name, _function, _text in [
        ("exp", fastnn.exp, "``e**x``"), ("exp2", fastnn.exp2, "``2**x``"), ("expm1", fastnn.expm1, "``e**x - 1``"),
        ("log", fastnn.log, "natural logarithm"), ("log10", fastnn.log10, "logarithm to base 10"),
        ("log1p", fastnn.log1p, "``log(1 + x)``"), ("log2", fastnn.log2, "logarithm to base 2"),
        ("sqrt", fastnn.sqrt, "square root"), ("rsqrt", fastnn.rsqrt, "``1 / sqrt(x)``"), ("sin", fastnn.sin, "sine"),
        ("cos", fastnn.cos, "cosine"), ("tan", fastnn.tan, "tangent"), ("arcsin", fastnn.asin, "inverse sine"),
        ("arccos", fastnn.acos, "inverse cosine"), ("arctan", fastnn.atan, "inverse tangent"),
        ("sinh", fastnn.sinh, "hyperbolic sine"), ("cosh", fastnn.cosh, "hyperbolic cosine"),
        ("tanh", fastnn.tanh, "hyperbolic tangent"), ("arcsinh", fastnn.asinh, "inverse hyperbolic sine"),
        ("arccosh", fastnn.acosh, "inverse hyperbolic cosine"), ("arctanh", fastnn.atanh, "inverse hyperbolic tangent"),
        ("erf", fastnn.erf, "error function"), ("erfc", fastnn.erfc, "``1 - erf(x)``"),
        ("erfinv", fastnn.erfinv, "inverse error function"), ("ceil", fastnn.ceil, "up to a whole number"),
        ("floor", fastnn.floor, "down to a whole number"), ("trunc", fastnn.trunc, "towards 0 to a whole number"),
        ("sinc", fastnn.sinc, "``sin(pi x) / (pi x)``"), ("i0", special.i0, "modified Bessel function of order 0"),
        ("deg2rad", fastnn.deg2rad, "degrees to radians"), ("rad2deg", fastnn.rad2deg, "radians to degrees"),
        ("reciprocal", fastnn.reciprocal, "``1 / x``"),
        ("cbrt", lambda x: x.sign() * x.abs() ** (1.0 / 3.0), "cube root")]:
    globals()[_name] = _unary(_name, _function, f"{_text}, element by element.")

for _name, _function, _text in [
        ("abs", fastnn.abs, "absolute value"), ("negative", fastnn.neg, "``-x``"),
        ("square", fastnn.square, "``x**2``"),
        ("sign", fastnn.sign, "-1, 0 or 1"), ("signbit", fastnn.signbit, "whether the sign is negative"),
        ("isfinite", fastnn.isfinite, "whether neither infinite nor NaN"), ("isinf", fastnn.isinf, "whether infinite"),
        ("isnan", fastnn.isnan, "whether NaN"), ("isposinf", fastnn.isposinf, "whether +infinity"),
        ("isneginf", fastnn.isneginf, "whether -infinity"), ("bitwise_not", fastnn.bitwise_not, "bits turned over"),
        ("isreal", lambda x: (x == x) | True, "whether there is no imaginary part: always"),
        ("real", lambda x: x, "the real part: x itself"), ("conj", lambda x: x, "the complex conjugate: x itself"),
        ("imag", lambda x: x * 0, "the imaginary part: zeros"), ("copy", fastnn.clone, "a copy"),
        ("logical_not", lambda x: ~x.bool(), "whether 0")]:
    globals()[_name] = _unary(_name, _function, f"{_text}, element by element.", _plain)

absolute = globals()["abs"]
fabs = _unary("fabs", fastnn.abs, "Absolute value as a floating number, element by element.")
conjugate, bitwise_invert = globals()["conj"], globals()["bitwise_not"]

for _name, _function, _text in [
        ("add", fastnn.add, "``x1 + x2``"), ("subtract", fastnn.sub, "``x1 - x2``"),
        ("multiply", fastnn.mul, "``x1 * x2``"), ("maximum", fastnn.maximum, "the larger"),
        ("minimum", fastnn.minimum, "the smaller"), ("fmax", fastnn.fmax, "the larger, numbers before NaN"),
        ("fmin", fastnn.fmin, "the smaller, numbers before NaN"), ("equal", fastnn.eq, "``x1 == x2``"),
        ("not_equal", fastnn.ne, "``x1 != x2``"), ("less", fastnn.lt, "``x1 < x2``"),
        ("less_equal", fastnn.le, "``x1 <= x2``"), ("greater", fastnn.gt, "``x1 > x2``"),
        ("greater_equal", fastnn.ge, "``x1 >= x2``"), ("floor_divide", fastnn.floor_divide, "``x1 // x2``"),
        ("mod", fastnn.remainder, "``x1 % x2``, with x2's sign"), ("fmod", fastnn.fmod, "``x1 % x2``, with x1's sign"),
        ("gcd", fastnn.gcd, "greatest common divisor"), ("lcm", fastnn.lcm, "least common multiple")]:
    globals()[_name] = _binary(_name, _function, f"{_text}, element by element, broadcasting.")

for _name, _function, _text in [
        ("divide", fastnn.div, "``x1 / x2``"), ("arctan2", fastnn.atan2, "the angle of the point (x2, x1)"),
        ("hypot", fastnn.hypot, "``sqrt(x1**2 + x2**2)``"), ("logaddexp", fastnn.logaddexp, "``log(e**x1 + e**x2)``"),
        ("logaddexp2", fastnn.logaddexp2, "``log2(2**x1 + 2**x2)``"),
        ("nextafter", _by_numpy("nextafter"), "the next number after x1 towards x2"),
        ("heaviside", fastnn.heaviside, "0 below 0, 1 above, x2 at 0")]:
    globals()[_name] = _binary(_name, _function, f"{_text}, element by element, broadcasting.", _float_pair)

for _name, _function, _text in [
        ("logical_and", fastnn.logical_and, "x1 and x2"), ("logical_or", fastnn.logical_or, "x1 or x2"),
        ("logical_xor", fastnn.logical_xor, "either x1 or x2")]:
    globals()[_name] = _binary(_name, _function, f"{_text}, element by element, broadcasting.", _bool_pair)

for _name, _function, _text in [
        ("bitwise_and", fastnn.bitwise_and, "x and y, bit by bit"),
        ("bitwise_or", fastnn.bitwise_or, "x or y, bit by bit"),
        ("bitwise_xor", fastnn.bitwise_xor, "either x or y, bit by bit"),
        ("bitwise_left_shift", fastnn.bitwise_left_shift, "``x << y``"),
        ("bitwise_right_shift", fastnn.bitwise_right_shift, "``x >> y``")]:
    globals()[_name] = _binary(_name, _function, f"{_text}, element by element, broadcasting.", pair, ("x", "y"))

true_divide = globals()["divide"]
left_shift, right_shift = globals()["bitwise_left_shift"], globals()["bitwise_right_shift"]


@operation
def power(x1, x2):
    """``x1 ** x2``, element by element, broadcasting."""
    if isinstance(x2, (int, float)) and not isinstance(x1, (int, float)):
        x1 = tensor(x1)
        return (floating(x1) if isinstance(x2, float) else x1) ** x2
    x1, x2 = pair(x1, x2)
    return fastnn.pow(x1, x2)


@operation
def ldexp(x1, x2):
    """``x1 * 2**x2``, element by element."""
    return floating(x1) * (floating(x2) * 0 + 2.0) ** floating(x2)


@operation
def divide_no_nan(x1, x2):
    """``x1 / x2``, and 0 where x2 is 0."""
    x1, x2 = _float_pair(x1, x2)
    zero = x2 == 0
    return _where(zero, x1 * 0, x1 / _where(zero, x2 * 0 + 1, x2))


@operation
def clip(x, x_min, x_max):
    """``min(max(x, x_min), x_max)``, element by element."""
    x = tensor(x)
    low, high = (bound if isinstance(bound, (int, float)) or bound is None else tensor(bound).to(x.dtype)
                 for bound in (x_min, x_max))
    if isinstance(low, (int, float)) != isinstance(high, (int, float)) and low is not None and high is not None:
        low, high = (tensor(bound).to(x.dtype) for bound in (low, high))
    return fastnn.clamp(x, low, high)


@operation
def round(x, decimals=0):
    """To the nearest number of so many decimals, halves to the even one."""
    x = tensor(x)
    return x if not x.is_floating_point() else x.round(decimals=decimals) if decimals else x.round()


@operation
def angle(x):
    """0, or pi for negative numbers."""
    return fastnn.atan2(floating(x) * 0, floating(x))


@operation
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """NaN and infinities as numbers."""
    return tensor(x).nan_to_num(nan, posinf, neginf)


@operation
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """``|x1 - x2| <= atol + rtol * |x2|``, element by element."""
    return fastnn.isclose(*_float_pair(x1, x2), rtol, atol, equal_nan)


@operation
def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether `isclose` holds for all elements."""
    return fastnn.isclose(*_float_pair(x1, x2), rtol, atol, equal_nan).all()


@operation
def where(condition, x1=None, x2=None):
    """x1 where the condition holds, else x2; without them the positions where it holds."""
    if x1 is None and x2 is None:
        return fastnn.nonzero(tensor(condition), as_tuple=True)
    if x1 is None or x2 is None:
        raise ValueError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    x1, x2 = pair(x1, x2)
    return _where(tensor(condition).bool(), x1, x2)


@operation
def cast(x, dtype):
    """x in another type."""
    return tensor(x).to(config.torch_dtype(dtype))


@operation
def saturate_cast(x, dtype):
    """x in another type, cut off at the type's limits."""
    name, x = config.standardize_dtype(dtype), tensor(x)
    if name == "bool":
        return x.bool()
    limits = np.finfo(name) if "float" in name else np.iinfo(name)
    values = np.clip(x.detach().numpy(), limits.min, limits.max) if "int" in name else None
    return x.to(config.torch_dtype(name)) if values is None else tensor(values.astype(name))


@operation
def digitize(x, bins):
    """The number of the bin that each element falls into."""
    edges = tensor(np.asarray(bins, np.float32))
    return fastnn.bucketize(floating(x), edges, right=True).to(config.torch_dtype("int32"))
