"""Modified Bessel functions of the first kind."""
import math

import numpy as np

from fastnn.ops import pointwise
from fastnn.ops.declare import operation
from fastnn.ops.indexing import where
from fastnn.ops.special import mapped_by

_FAR = 30.0  # from here on by the asymptotic expansion (Abramowitz and Stegun 9.7.1), before by the series (9.6.10)


def _scaled(x, order):
    """exp(-|x|) times the function of order 0 or 1."""
    size = np.abs(x.astype(np.float64))
    inner = np.minimum(size, _FAR)
    quarter = inner * inner / 4
    term = inner / 2 if order else np.ones_like(inner)
    small = term.copy()
    for k in range(1, 70):
        term = term * quarter / (k * (k + order))
        small += term
    far = np.maximum(size, _FAR)
    term = np.ones_like(far)
    large = term.copy()
    for k in range(1, 22):
        term = term * ((2 * k - 1) ** 2 - 4 * order) / (8 * k * far)
        large += term
    with np.errstate(invalid="ignore"):  # infinity has 0
        found = np.where(size < _FAR, small * np.exp(-inner), large / np.sqrt(2 * math.pi * far))
    found = np.where(np.isnan(size), size, found)
    return np.copysign(found, x) if order else found


def _unscaled(x, order):
    with np.errstate(over="ignore"):
        return np.where(np.isinf(x), np.copysign(np.inf, x) if order else np.inf,
                        _scaled(x, order) * np.exp(np.abs(x.astype(np.float64))))


def _over(y, x):
    """y / x, where y is of order 1: 1/2 at 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x == 0, 0.5, y / x)


def _over_of(y, x):
    return where(x == 0, 0.5, y / where(x == 0, 1.0, x))


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
