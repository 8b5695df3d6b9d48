"""Operations on each element, or on pairs of elements."""
import numpy as np

import fastnn
from fastnn import special
from fastnn.keras import config
from fastnn.keras.ops.common import floating, pair, tensor
from fastnn.keras.symbolic import operation
from fastnn.ops.indexing import where as _where


def _documented(call, name, text, names):
    """A function with its name and docstring; `text` is a summary, and arguments and result of an example."""
    call.__name__ = call.__qualname__ = name
    call.__module__ = __name__
    summary, given, result = text
    call.__doc__ = f"""{summary}, element by element{', broadcasting' if ',' in names else ''}.

    Parameters
    ----------
    {names} : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.{name}({given})
    {result}
    """
    return operation(call)


def _unary(name, function, text, convert=floating):
    def call(x):
        return function(convert(x))
    return _documented(call, name, text, "x")


def _binary(name, function, text, convert=pair, names=("x1", "x2")):
    if names == ("x1", "x2"):
        def call(x1, x2):
            return function(*convert(x1, x2))
    else:
        def call(x, y):
            return function(*convert(x, y))
    return _documented(call, name, text, ", ".join(names))


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


for _name, _function, *_text in [
        ("exp", fastnn.exp, "``e**x``", "[0.0, 1.0]", "tensor([1.0000, 2.7183])"),
        ("exp2", fastnn.exp2, "``2**x``", "[0.0, 3.0]", "tensor([1., 8.])"),
        ("expm1", fastnn.expm1, "``e**x - 1``", "[0.0, 1.0]", "tensor([0.0000, 1.7183])"),
        ("log", fastnn.log, "Natural logarithm", "[1.0, 10.0]", "tensor([0.0000, 2.3026])"),
        ("log10", fastnn.log10, "Logarithm to base 10", "[1.0, 100.0]", "tensor([0., 2.])"),
        ("log1p", fastnn.log1p, "``log(1 + x)``", "[0.0, 1.0]", "tensor([0.0000, 0.6931])"),
        ("log2", fastnn.log2, "Logarithm to base 2", "[1.0, 8.0]", "tensor([0., 3.])"),
        ("sqrt", fastnn.sqrt, "Square root", "[4.0, 9.0]", "tensor([2., 3.])"),
        ("rsqrt", fastnn.rsqrt, "``1 / sqrt(x)``", "[4.0, 1.0]", "tensor([0.5000, 1.0000])"),
        ("sin", fastnn.sin, "Sine", "[0.0, 1.0]", "tensor([0.0000, 0.8415])"),
        ("cos", fastnn.cos, "Cosine", "[0.0, 1.0]", "tensor([1.0000, 0.5403])"),
        ("tan", fastnn.tan, "Tangent", "[0.0, 1.0]", "tensor([0.0000, 1.5574])"),
        ("arcsin", fastnn.asin, "Inverse sine", "[0.0, 1.0]", "tensor([0.0000, 1.5708])"),
        ("arccos", fastnn.acos, "Inverse cosine", "[1.0, 0.0]", "tensor([0.0000, 1.5708])"),
        ("arctan", fastnn.atan, "Inverse tangent", "[0.0, 1.0]", "tensor([0.0000, 0.7854])"),
        ("sinh", fastnn.sinh, "Hyperbolic sine", "[0.0, 1.0]", "tensor([0.0000, 1.1752])"),
        ("cosh", fastnn.cosh, "Hyperbolic cosine", "[0.0, 1.0]", "tensor([1.0000, 1.5431])"),
        ("tanh", fastnn.tanh, "Hyperbolic tangent", "[0.0, 1.0]", "tensor([0.0000, 0.7616])"),
        ("arcsinh", fastnn.asinh, "Inverse hyperbolic sine", "[0.0, 1.0]", "tensor([0.0000, 0.8814])"),
        ("arccosh", fastnn.acosh, "Inverse hyperbolic cosine", "[1.0, 2.0]", "tensor([0.0000, 1.3170])"),
        ("arctanh", fastnn.atanh, "Inverse hyperbolic tangent", "[0.0, 0.5]", "tensor([0.0000, 0.5493])"),
        ("erf", fastnn.erf, "Error function, ``2 / sqrt(pi) * integral of exp(-t**2) from 0 to x``",
         "[0.0, 1.0]", "tensor([0.0000, 0.8427])"),
        ("erfc", fastnn.erfc, "``1 - erf(x)``", "[0.0, 1.0]", "tensor([1.0000, 0.1573])"),
        ("erfinv", fastnn.erfinv, "Inverse error function", "[0.0, 0.5]", "tensor([0.0000, 0.4769])"),
        ("ceil", fastnn.ceil, "Rounding up", "[1.2, -1.2]", "tensor([ 2., -1.])"),
        ("floor", fastnn.floor, "Rounding down", "[1.2, -1.2]", "tensor([ 1., -2.])"),
        ("trunc", fastnn.trunc, "Rounding towards 0", "[1.2, -1.2]", "tensor([ 1., -1.])"),
        ("sinc", fastnn.sinc, "``sin(pi x) / (pi x)``", "[0.0, 0.5]", "tensor([1.0000, 0.6366])"),
        ("i0", special.i0, "Modified Bessel function of the first kind of order 0",
         "[0.0, 1.0]", "tensor([1.0000, 1.2661])"),
        ("deg2rad", fastnn.deg2rad, "Degrees to radians", "[0.0, 180.0]", "tensor([0.0000, 3.1416])"),
        ("rad2deg", fastnn.rad2deg, "Radians to degrees", "[0.0, 1.0]", "tensor([ 0.0000, 57.2958])"),
        ("reciprocal", fastnn.reciprocal, "``1 / x``", "[2.0, 4.0]", "tensor([0.5000, 0.2500])"),
        ("cbrt", lambda x: x.sign() * x.abs() ** (1.0 / 3.0), "Cube root", "[1.0, -1.0]", "tensor([ 1., -1.])")]:
    globals()[_name] = _unary(_name, _function, _text)

for _name, _function, *_text in [
        ("abs", fastnn.abs, "Absolute value", "[-1.0, 2.0]", "tensor([1., 2.])"),
        ("negative", fastnn.neg, "``-x``", "[1.0, -2.0]", "tensor([-1.,  2.])"),
        ("square", fastnn.square, "``x**2``", "[3.0, -2.0]", "tensor([9., 4.])"),
        ("sign", fastnn.sign, "Sign: -1, 0 or 1", "[-5.0, 0.0, 2.0]", "tensor([-1.,  0.,  1.])"),
        ("signbit", fastnn.signbit, "Whether the sign is negative", "[-5.0, 2.0]", "tensor([ True, False])"),
        ("isfinite", fastnn.isfinite, "Whether neither infinite nor NaN",
         "[1.0, float('inf')]", "tensor([ True, False])"),
        ("isinf", fastnn.isinf, "Whether infinite", "[1.0, float('inf')]", "tensor([False,  True])"),
        ("isnan", fastnn.isnan, "Whether NaN", "[1.0, float('nan')]", "tensor([False,  True])"),
        ("isposinf", fastnn.isposinf, "Whether +infinity", "[float('-inf'), float('inf')]", "tensor([False,  True])"),
        ("isneginf", fastnn.isneginf, "Whether -infinity", "[float('-inf'), float('inf')]", "tensor([ True, False])"),
        ("bitwise_not", fastnn.bitwise_not, "Complement of the bits, ``-x - 1``",
         "[0, 5]", "tensor([-1, -6], dtype=torch.int32)"),
        ("isreal", lambda x: (x == x) | True, "True: there are no complex tensors",
         "[1.0, 2.0]", "tensor([True, True])"),
        ("real", lambda x: x, "Real part, ``x`` itself", "[1.0, 2.0]", "tensor([1., 2.])"),
        ("conj", lambda x: x, "Complex conjugate, ``x`` itself", "[1.0, 2.0]", "tensor([1., 2.])"),
        ("imag", lambda x: x * 0, "Imaginary part, zeros", "[1.0, 2.0]", "tensor([0., 0.])"),
        ("copy", fastnn.clone, "Copy", "[1.0, 2.0]", "tensor([1., 2.])"),
        ("logical_not", lambda x: ~x.bool(), "Negation", "[True, False]", "tensor([False,  True])")]:
    globals()[_name] = _unary(_name, _function, _text, _plain)

absolute = globals()["abs"]
fabs = _unary("fabs", fastnn.abs, ("Absolute value as a floating number", "[-1, 2]", "tensor([1., 2.])"))
conjugate, bitwise_invert = globals()["conj"], globals()["bitwise_not"]

for _name, _function, *_text in [
        ("add", fastnn.add, "``x1 + x2``", "[1, 5], [3, 4]", "tensor([4, 9], dtype=torch.int32)"),
        ("subtract", fastnn.sub, "``x1 - x2``", "[1, 5], [3, 4]", "tensor([-2,  1], dtype=torch.int32)"),
        ("multiply", fastnn.mul, "``x1 * x2``", "[1, 5], [3, 4]", "tensor([ 3, 20], dtype=torch.int32)"),
        ("maximum", fastnn.maximum, "Larger of two values", "[1, 5], [3, 4]", "tensor([3, 5], dtype=torch.int32)"),
        ("minimum", fastnn.minimum, "Smaller of two values", "[1, 5], [3, 4]", "tensor([1, 4], dtype=torch.int32)"),
        ("fmax", fastnn.fmax, "Larger of two values; the other one where one is NaN",
         "[1.0, float('nan')], [3.0, 2.0]", "tensor([3., 2.])"),
        ("fmin", fastnn.fmin, "Smaller of two values; the other one where one is NaN",
         "[1.0, float('nan')], [3.0, 2.0]", "tensor([1., 2.])"),
        ("equal", fastnn.eq, "``x1 == x2``", "[1, 2, 3], [2, 2, 2]", "tensor([False,  True, False])"),
        ("not_equal", fastnn.ne, "``x1 != x2``", "[1, 2, 3], [2, 2, 2]", "tensor([ True, False,  True])"),
        ("less", fastnn.lt, "``x1 < x2``", "[1, 2, 3], [2, 2, 2]", "tensor([ True, False, False])"),
        ("less_equal", fastnn.le, "``x1 <= x2``", "[1, 2, 3], [2, 2, 2]", "tensor([ True,  True, False])"),
        ("greater", fastnn.gt, "``x1 > x2``", "[1, 2, 3], [2, 2, 2]", "tensor([False, False,  True])"),
        ("greater_equal", fastnn.ge, "``x1 >= x2``", "[1, 2, 3], [2, 2, 2]", "tensor([False,  True,  True])"),
        ("floor_divide", fastnn.floor_divide, "``x1 // x2``", "[-7, 7], [3, 3]", "tensor([-3,  2], dtype=torch.int32)"),
        ("mod", fastnn.remainder, "Remainder of the sign of `x2`",
         "[-7, 7], [3, -3]", "tensor([ 2, -2], dtype=torch.int32)"),
        ("fmod", fastnn.fmod, "Remainder of the sign of `x1`",
         "[-7, 7], [3, -3]", "tensor([-1,  1], dtype=torch.int32)"),
        ("gcd", fastnn.gcd, "Greatest common divisor", "[12, 7], [18, 3]", "tensor([6, 1], dtype=torch.int32)"),
        ("lcm", fastnn.lcm, "Least common multiple", "[4, 3], [6, 5]", "tensor([12, 15], dtype=torch.int32)")]:
    globals()[_name] = _binary(_name, _function, _text)

for _name, _function, *_text in [
        ("divide", fastnn.div, "``x1 / x2``", "[1, 3], [2, 2]", "tensor([0.5000, 1.5000])"),
        ("arctan2", fastnn.atan2, "Angle of the point (x2, x1), in (-pi, pi]",
         "[0.0, 1.0], [1.0, 1.0]", "tensor([0.0000, 0.7854])"),
        ("hypot", fastnn.hypot, "``sqrt(x1**2 + x2**2)``", "[3.0], [4.0]", "tensor([5.])"),
        ("logaddexp", fastnn.logaddexp, "``log(e**x1 + e**x2)``", "[0.0], [0.0]", "tensor([0.6931])"),
        ("logaddexp2", fastnn.logaddexp2, "``log2(2**x1 + 2**x2)``", "[0.0], [0.0]", "tensor([1.])"),
        ("nextafter", _by_numpy("nextafter"), "Next number after `x1` in the direction of `x2`, without gradient",
         "[1.0], [2.0]", "tensor([1.0000])"),
        ("heaviside", fastnn.heaviside, "0 below 0, `x2` at 0, 1 above",
         "[-1.0, 0.0, 2.0], [0.5]", "tensor([0.0000, 0.5000, 1.0000])")]:
    globals()[_name] = _binary(_name, _function, _text, _float_pair)

for _name, _function, *_text in [
        ("logical_and", fastnn.logical_and, "Conjunction", "[True, True], [True, False]", "tensor([ True, False])"),
        ("logical_or", fastnn.logical_or, "Disjunction", "[True, False], [False, False]", "tensor([ True, False])"),
        ("logical_xor", fastnn.logical_xor, "Exclusive disjunction",
         "[True, True], [True, False]", "tensor([False,  True])")]:
    globals()[_name] = _binary(_name, _function, _text, _bool_pair)

for _name, _function, *_text in [
        ("bitwise_and", fastnn.bitwise_and, "Conjunction of bits", "[6], [3]", "tensor([2], dtype=torch.int32)"),
        ("bitwise_or", fastnn.bitwise_or, "Disjunction of bits", "[6], [3]", "tensor([7], dtype=torch.int32)"),
        ("bitwise_xor", fastnn.bitwise_xor, "Exclusive disjunction of bits",
         "[6], [3]", "tensor([5], dtype=torch.int32)"),
        ("bitwise_left_shift", fastnn.bitwise_left_shift, "``x << y``", "[3], [2]", "tensor([12], dtype=torch.int32)"),
        ("bitwise_right_shift", fastnn.bitwise_right_shift, "``x >> y``",
         "[12], [2]", "tensor([3], dtype=torch.int32)")]:
    globals()[_name] = _binary(_name, _function, _text, pair, ("x", "y"))

true_divide = globals()["divide"]
left_shift, right_shift = globals()["bitwise_left_shift"], globals()["bitwise_right_shift"]


@operation
def power(x1, x2):
    """``x1 ** x2``, element by element, broadcasting.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.power([2.0, 3.0], 2)
    tensor([4., 9.])
    """
    if isinstance(x2, (int, float)) and not isinstance(x1, (int, float)):
        x1 = tensor(x1)
        return (floating(x1) if isinstance(x2, float) else x1) ** x2
    x1, x2 = pair(x1, x2)
    return fastnn.pow(x1, x2)


@operation
def ldexp(x1, x2):
    """``x1 * 2**x2``, element by element, broadcasting.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.ldexp([1.0, 3.0], [2, 1])
    tensor([4., 6.])
    """
    return floating(x1) * (floating(x2) * 0 + 2.0) ** floating(x2)


@operation
def divide_no_nan(x1, x2):
    """``x1 / x2``, and 0 where `x2` is 0.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.divide_no_nan([1.0, 3.0], [0.0, 2.0])
    tensor([0.0000, 1.5000])
    """
    x1, x2 = _float_pair(x1, x2)
    zero = x2 == 0
    return _where(zero, x1 * 0, x1 / _where(zero, x2 * 0 + 1, x2))


@operation
def clip(x, x_min, x_max):
    """``min(max(x, x_min), x_max)``, element by element.

    Parameters
    ----------
    x : tensor
    x_min, x_max : number or tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.clip([-2.0, 0.5, 2.0], -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    x = tensor(x)
    low, high = (bound if isinstance(bound, (int, float)) or bound is None else tensor(bound).to(x.dtype)
                 for bound in (x_min, x_max))
    if isinstance(low, (int, float)) != isinstance(high, (int, float)) and low is not None and high is not None:
        low, high = (tensor(bound).to(x.dtype) for bound in (low, high))
    return fastnn.clamp(x, low, high)


@operation
def round(x, decimals=0):
    """Rounds to so many decimals, halves to the even number.

    Parameters
    ----------
    x : tensor
    decimals : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.round([0.5, 1.5, 2.6])
    tensor([0., 2., 3.])
    """
    x = tensor(x)
    return x if not x.is_floating_point() else x.round(decimals=decimals) if decimals else x.round()


@operation
def angle(x):
    """Angle of real numbers in the complex plane: 0, and pi in absolute value for negative ones.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.angle([1.0, 2.0])
    tensor([0., 0.])
    """
    x = floating(x)
    return fastnn.atan2(fastnn.zeros_like(x), x)  # x * 0 would be -0.0 below 0


@operation
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """Replaces NaN and infinities.

    Parameters
    ----------
    x : tensor
    nan : float
    posinf, neginf : float, optional
        Largest and smallest number of the dtype without them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.nan_to_num([1.0, float("nan")])
    tensor([1., 0.])
    """
    return tensor(x).nan_to_num(nan, posinf, neginf)


@operation
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """``abs(x1 - x2) <= atol + rtol * abs(x2)``, element by element.

    Parameters
    ----------
    x1, x2 : tensor
    rtol, atol : float
    equal_nan : bool
        Whether NaN equals NaN.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> keras.ops.isclose([1.0, 1.0], [1.000001, 1.1])
    tensor([ True, False])
    """
    return fastnn.isclose(*_float_pair(x1, x2), rtol, atol, equal_nan)


@operation
def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether `isclose` is true of all elements.

    Parameters
    ----------
    x1, x2 : tensor
    rtol, atol, equal_nan
        As in `isclose`.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> keras.ops.allclose([1.0], [1.000001])
    tensor(True)
    """
    return fastnn.isclose(*_float_pair(x1, x2), rtol, atol, equal_nan).all()


@operation
def where(condition, x1=None, x2=None):
    """`x1` where the condition is true, else `x2`.

    Without them the indices where it is true, a tensor for each axis.

    Parameters
    ----------
    condition : tensor of bool
    x1, x2 : tensor, optional

    Returns
    -------
    Tensor, or tuple of them

    Raises
    ------
    ValueError
        Only one of `x1` and `x2`.

    Examples
    --------
    >>> keras.ops.where([True, False], 1.0, 2.0)
    tensor([1., 2.])
    >>> keras.ops.where([False, True, True])
    (tensor([1, 2]),)
    """
    if x1 is None and x2 is None:
        return fastnn.nonzero(tensor(condition), as_tuple=True)
    if x1 is None or x2 is None:
        raise ValueError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    x1, x2 = pair(x1, x2)
    return _where(tensor(condition).bool(), x1, x2)


@operation
def cast(x, dtype):
    """Tensor of another dtype.

    Parameters
    ----------
    x : tensor
    dtype : str

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.cast([1.7, -1.7], "int32")
    tensor([ 1, -1], dtype=torch.int32)
    """
    return tensor(x).to(config.torch_dtype(dtype))


@operation
def saturate_cast(x, dtype):
    """Tensor of another dtype; values are clipped to its range before.

    Parameters
    ----------
    x : tensor
    dtype : str

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.saturate_cast([300.0, -1.0], "uint8")
    tensor([255,   0], dtype=torch.uint8)
    """
    name, x = config.standardize_dtype(dtype), tensor(x)
    if name == "bool":
        return x.bool()
    limits = np.finfo(name) if "float" in name else np.iinfo(name)
    values = np.clip(x.detach().numpy(), limits.min, limits.max) if "int" in name else None
    return x.to(config.torch_dtype(name)) if values is None else tensor(values.astype(name))


@operation
def digitize(x, bins):
    """Index i of the bin of each element, ``bins[i - 1] <= x < bins[i]``.

    Parameters
    ----------
    x : tensor
    bins : sequence of float
        In ascending order.

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> keras.ops.digitize([0.5, 1.0, 5.0], [0.0, 1.0, 2.0])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    edges = tensor(np.asarray(bins, np.float32))
    return fastnn.bucketize(floating(x), edges, right=True).to(config.torch_dtype("int32"))
