"""Comparisons and logic: bool tensors, no gradients."""
import numpy as np

from fastnn import kernels
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors, promote

_FUNCTIONS = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
              "ge": np.greater_equal}


def _array(value):
    return value.detach().numpy() if isinstance(value, Tensor) else value


def _compare(op, input, other):
    need_tensors(op, input)
    x, y = _array(input), _array(other)
    if isinstance(y, np.ndarray) and x.dtype == y.dtype and x.dtype.kind == "f":
        return from_array(kernels.compare(op, x, y))
    if y is None or isinstance(y, (str, bytes)):
        return NotImplemented
    try:
        if type(y) is float and x.dtype == np.float32:
            y = np.float32(y)
        return from_array(np.asarray(_FUNCTIONS[op](x, y)))
    except ValueError as error:
        raise ShapeError(f"{op}: {error}") from None


def eq(input, other):
    """input == other, element by element."""
    return _compare("eq", input, other)


def ne(input, other):
    """input != other, element by element."""
    return _compare("ne", input, other)


def lt(input, other):
    """input < other, element by element."""
    return _compare("lt", input, other)


def le(input, other):
    """input <= other, element by element."""
    return _compare("le", input, other)


def gt(input, other):
    """input > other, element by element."""
    return _compare("gt", input, other)


def ge(input, other):
    """input >= other, element by element."""
    return _compare("ge", input, other)


def equal(input, other):
    """Whether both have the same shape and elements (a Python bool)."""
    return np.array_equal(_array(input), _array(other))


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether |input - other| <= atol + rtol * |other| everywhere (a Python bool)."""
    return bool(np.allclose(_array(input), _array(other), rtol, atol, equal_nan))


def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Where |input - other| <= atol + rtol * |other|."""
    need_tensors("isclose", input, other)
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    return from_array(np.asarray(np.isclose(_array(input), _array(other), rtol, atol, equal_nan)))


def isnan(input):
    """Where the element is NaN."""
    return from_array(np.asarray(np.isnan(_array(input))))


def isinf(input):
    """Where the element is infinite."""
    return from_array(np.asarray(np.isinf(_array(input))))


def isfinite(input):
    """Where the element is neither infinite nor NaN."""
    return from_array(np.asarray(np.isfinite(_array(input))))


def logical_and(input, other):
    """Both true (not 0)."""
    need_tensors("logical_and", input, other)
    return from_array(np.asarray(np.logical_and(_array(input), _array(other))))


def logical_or(input, other):
    """Either true (not 0)."""
    need_tensors("logical_or", input, other)
    return from_array(np.asarray(np.logical_or(_array(input), _array(other))))


def logical_xor(input, other):
    """Exactly one true (not 0)."""
    need_tensors("logical_xor", input, other)
    return from_array(np.asarray(np.logical_xor(_array(input), _array(other))))


def logical_not(input):
    """True where the element is 0."""
    return from_array(np.asarray(np.logical_not(_array(input))))


def _bitwise(op, function, input, other):
    if not isinstance(other, Tensor):
        need_tensors(f"bitwise_{op}", input)
    dtype = promote(input, other)
    if dtype.kind == "f":
        raise NotImplementedError(f'"bitwise_{op}_cpu" not implemented for {dtype}')
    x, y = (np.asarray(_array(value)).astype(dtype, copy=False) for value in (input, other))
    return from_array(np.asarray(function(x, y)))


def bitwise_and(input, other):
    """Bits set in both; logical for bool."""
    return _bitwise("and", np.bitwise_and, input, other)


def bitwise_or(input, other):
    """Bits set in either; logical for bool."""
    return _bitwise("or", np.bitwise_or, input, other)


def bitwise_xor(input, other):
    """Bits set in exactly one; logical for bool."""
    return _bitwise("xor", np.bitwise_xor, input, other)


def bitwise_not(input):
    """All bits inverted; logical for bool."""
    x = _array(input)
    if x.dtype.kind == "f":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return from_array(np.asarray(np.invert(x)))
