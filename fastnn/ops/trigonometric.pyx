"""Trigonometric and hyperbolic functions and their inverses, element by element."""
from fastnn.ops.declare import operation
from fastnn.ops.maps cimport apply
from fastnn.ops.maps import in_place_form


def sin(input):
    """Sine of an angle in radians.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.sin(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8415])
    """
    return apply("sin", input)


def cos(input):
    """Cosine of an angle in radians.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.cos(fastnn.tensor([0.0, 1.0]))
    tensor([1.0000, 0.5403])
    """
    return apply("cos", input)


def tan(input):
    """Tangent of an angle in radians.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.tan(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5574])
    """
    return apply("tan", input)


def asin(input):
    """Inverse sine, in [-pi/2, pi/2]; NaN outside of [-1, 1].

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.asin(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """
    return apply("asin", input)


def acos(input):
    """Inverse cosine, in [0, pi]; NaN outside of [-1, 1].

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.acos(fastnn.tensor([1.0, 0.0]))
    tensor([0.0000, 1.5708])
    """
    return apply("acos", input)


def atan(input):
    """Inverse tangent, in (-pi/2, pi/2).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.atan(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """
    return apply("atan", input)


def sinh(input):
    """(exp(x) - exp(-x)) / 2.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.sinh(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """
    return apply("sinh", input)


def cosh(input):
    """(exp(x) + exp(-x)) / 2.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.cosh(fastnn.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """
    return apply("cosh", input)


def asinh(input):
    """Inverse hyperbolic sine, log(x + sqrt(x^2 + 1)).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.asinh(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """
    return apply("asinh", input)


def acosh(input):
    """Inverse hyperbolic cosine, log(x + sqrt(x^2 - 1)); NaN below 1.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.acosh(fastnn.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """
    return apply("acosh", input)


def atanh(input):
    """Inverse hyperbolic tangent, log((1 + x) / (1 - x)) / 2; NaN outside of [-1, 1].

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.atanh(fastnn.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """
    return apply("atanh", input)


def tanh(input):
    """Hyperbolic tangent, sinh(x) / cosh(x).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.tanh(fastnn.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """
    return apply("tanh", input)


operation(inplace=in_place_form, out=True)(sin, cos, tan, sinh, cosh, tanh)
for alias, function in {"arcsin": asin, "arccos": acos, "arctan": atan, "arcsinh": asinh, "arccosh": acosh,
                        "arctanh": atanh}.items():
    operation(aliases=alias, inplace=in_place_form, out=True)(function)
operation("nn")(tanh)
