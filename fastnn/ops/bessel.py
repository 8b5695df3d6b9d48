"""Modified Bessel functions of the first kind."""
import math

import numpy as np

from fastnn import dtypes
from fastnn.ops import pointwise
from fastnn.ops.declare import operation
from fastnn.ops.indexing import where
from fastnn.ops.special import mapped_by

_LARGE = 20.0  # from here on by the asymptotic expansion (Abramowitz and Stegun 9.7.1), before by the series (9.6.10)


def _series(size, order):
    size = np.minimum(size, _LARGE)
    quarter = size * size / 4
    term = size / 2 if order else np.ones_like(size)
    total = term.copy()
    for k in range(1, 70):
        term = term * quarter / (k * (k + order))
        total += term
    return total


def _expansion(size, order):
    """exp(-size) times the function."""
    size = np.maximum(size, _LARGE)
    term = np.ones_like(size)
    total = term.copy()
    for k in range(1, 40):
        term = term * ((2 * k - 1) ** 2 - 4 * order) / (8 * k * size)
        total += term
    with np.errstate(invalid="ignore"):  # infinity has 0
        return total / np.sqrt(2 * math.pi * size)


def _signed(x, size, found, order):
    found = np.where(np.isnan(size), size, found)
    return np.copysign(found, x) if order else found


def _scaled(x, order):
    """exp(-|x|) times the function of order 0 or 1."""
    size = np.abs(x.astype(np.float64))
    found = np.where(size < _LARGE, _series(size, order) * np.exp(-np.minimum(size, _LARGE)), _expansion(size, order))
    return _signed(x, size, found, order)


def _unscaled(x, order):
    size = np.abs(x.astype(np.float64))
    with np.errstate(over="ignore", invalid="ignore"):
        large = np.where(np.isinf(size), np.inf, _expansion(size, order) * np.exp(size))
    return _signed(x, size, np.where(size < _LARGE, _series(size, order), large), order)


def _over(y, x):
    """y / x, where y is of order 1: 1/2 near 0, where x has fewer digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(x) < np.finfo(x.dtype).tiny, 0.5, y / x)


def _over_of(y, x):
    small = x.abs() < dtypes.finfo(x.dtype).tiny
    return where(small, 0.5, y / where(small, 1.0, x))


i0 = mapped_by("i0", "I0Backward0", lambda x: _unscaled(x, 0), lambda x, y: _unscaled(x, 1), lambda x, y: i1(x))
i1 = mapped_by("i1", "SpecialI1Backward0", lambda x: _unscaled(x, 1), lambda x, y: _unscaled(x, 0) - _over(y, x),
               lambda x, y: i0(x) - _over_of(y, x))
i0e = mapped_by("i0e", "SpecialI0EBackward0", lambda x: _scaled(x, 0), lambda x, y: _scaled(x, 1) - np.sign(x) * y,
                lambda x, y: i1e(x) - pointwise.sign(x) * y)
i1e = mapped_by("i1e", "SpecialI1EBackward0", lambda x: _scaled(x, 1),
                lambda x, y: _scaled(x, 0) - np.sign(x) * y - _over(y, x),
                lambda x, y: i0e(x) - pointwise.sign(x) * y - _over_of(y, x))

for _function, _text, _result in (
        (i0, "Modified Bessel function of the first kind, of order 0.", 1.0635),
        (i1, "Modified Bessel function of the first kind, of order 1.", 0.2579),
        (i0e, "exp(-abs(x)) i0(x).", 0.645), (i1e, "exp(-abs(x)) i1(x).", 0.1564)):
    _function.__doc__ = f"""{_text}

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.special.{_function.__name__}(fastnn.tensor([0.5]))
    tensor([{_result:.4f}])
    """
operation("fastnn Tensor special", inplace=True, out=True)(i0)
operation("special", out=True)(i0e, i1, i1e)
