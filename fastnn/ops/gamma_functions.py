"""The gamma function's relatives: polygamma and zeta, incomplete gamma functions with both derivatives."""
import math

import numpy as np

from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import sum_to
from fastnn.ops import arithmetic, pointwise, reduce
from fastnn.ops._common import need_tensors
from fastnn.ops.arithmetic_composed import pair_of
from fastnn.ops.declare import add, operation
from fastnn.ops.incomplete import lower_series, upper_fraction
from fastnn.ops.special import floating_of

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)


def lgamma_of(x):
    """log|gamma(x)| of a float64 array."""
    return pointwise.lgamma(from_array(np.array(x, np.float64))).numpy()


def digamma_of(x):
    """The derivative of log gamma of a float64 array."""
    return pointwise.digamma(from_array(np.array(x, np.float64))).numpy()


def zeta_of(s, q):
    """Hurwitz' zeta, the sum of (q + k)^-s over k >= 0, by Euler and Maclaurin's formula from the 12th term on."""
    s, q = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(q, np.float64))
    with np.errstate(all="ignore"):
        total = sum((q + k) ** -s for k in range(12))
        w = q + 12
        total = total + w ** (1 - s) / (s - 1) + 0.5 * w ** -s
        factor = s * w ** (-s - 1) / 2
        for j, number in enumerate(BERNOULLI, 1):
            total = total + number * factor
            factor = factor * (s + 2 * j - 1) * (s + 2 * j) / ((2 * j + 1) * (2 * j + 2) * w * w)
        pole = (q <= 0) & (q == np.floor(q))
        total = np.where(pole, np.inf, np.where((q < 0) & (s != np.floor(s)), np.nan, total))
        return np.where(s > 1, total, np.where(s == 1, np.inf, np.nan))


def polygamma_of(n, x):
    """The n-th derivative of digamma of a float64 array."""
    x = np.asarray(x, np.float64)
    if n == 0:
        return digamma_of(x)
    if n == 1:  # reflected, so that small sums do not come from large terms
        with np.errstate(all="ignore"):
            low = x < 0.5
            value = zeta_of(2.0, np.where(low, 1 - x, x))
            mirrored = (np.pi / np.sin(np.pi * (x - np.rint(x)))) ** 2 - value
            return np.where(low, np.where((x <= 0) & (x == np.floor(x)), np.inf, mirrored), value)
    factorial = math.factorial(n) if n <= 170 else math.inf  # beyond float64
    with np.errstate(invalid="ignore"):
        return (1.0 if n % 2 else -1.0) * factorial * zeta_of(float(n + 1), x)


def _order(op, n):
    if isinstance(n, Tensor) or not hasattr(n, "__index__"):
        raise TypeError(f"{op}: expected the order n as an int, got {type(n).__name__}")
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return int(n)


def _polygamma_backward(grad, n, x):
    return np.asarray(grad * polygamma_of(n + 1, x)).astype(x.dtype, copy=False)


POLYGAMMA = Op("PolygammaBackward0", _polygamma_backward, "n x")
POLYGAMMA.second(lambda step, g: g * polygamma(step.n + 1, step.input(step.x, 0)))


@operation("fastnn special", out=True)
def polygamma(n, input):
    """The n-th derivative of ``digamma`` (n = 0 is digamma itself), element by element.

    Parameters
    ----------
    n : int
    input : Tensor

    Raises
    ------
    RuntimeError
        A negative order.

    Examples
    --------
    >>> fastnn.polygamma(1, fastnn.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    n, input = _order("polygamma", n), floating_of("polygamma", input)
    x = input.detach().numpy()
    return record(polygamma_of(n, x).astype(x.dtype), POLYGAMMA, (input,), (n, x), (input,))


def _method(self, n):
    """The n-th derivative of ``digamma``.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> fastnn.tensor([1.0, 0.5]).polygamma(1)
    tensor([1.6449, 4.9348])
    """
    return polygamma(n, self)


_method.__name__ = _method.__qualname__ = "polygamma"
operation("Tensor", inplace=True)(_method)


def _zeta_backward(grad):
    raise NotImplementedError("the derivative for 'special_zeta' is not implemented")


ZETA = Op("SpecialZetaBackward0", _zeta_backward, reason="it has no first gradient")


@operation("special", out=True)
def zeta(input, other):
    """Hurwitz' zeta function, the sum of (other + k)^-input over k = 0, 1, ...; no gradients.

    Parameters
    ----------
    input, other : Tensor or number
        At least one Tensor.

    Examples
    --------
    >>> fastnn.special.zeta(fastnn.tensor([2.0, 4.0]), 1)
    tensor([1.6449, 1.0823])
    """
    x, q = pair_of("special.zeta", input, other, numbers=True)
    x, q = (floating_of("special.zeta", each) for each in (x, q))
    kind = np.result_type(x.detach().numpy(), q.detach().numpy())
    return record(zeta_of(x.detach().numpy(), q.detach().numpy()).astype(kind), ZETA, (x, q))


def log_density(a, x):
    """a log(x) - x - log gamma(a), without the cancellation of large terms."""
    with np.errstate(all="ignore"):
        plain = a * np.log(x) - x - lgamma_of(a)
        mu = (x - a) / a
        small_mu = np.abs(mu) < 0.03
        small = np.where(small_mu, mu, 0)
        series = sum((-1) ** k * small ** k / k for k in range(2, 14))
        phi = np.where(small_mu, series, mu - np.log1p(mu))
        inverse = 1 / np.maximum(a, 1)
        stirling = inverse * (1 / 12 - inverse ** 2 * (1 / 360 - inverse ** 2 * (1 / 1260 - inverse ** 2 / 1680)))
        return np.where(a >= 20, -a * phi + 0.5 * np.log(a / (2 * np.pi)) - stirling, plain)


def incomplete(a, x):
    """(P, Q, dP/da, dx/da at constant P) of float64 arrays a > 0, x >= 0 of one shape."""
    with np.errstate(all="ignore"):
        below = x < a + 1
        inside = np.where(below, x, 1.0), np.where(below, a, 1.0)
        outside = np.where(below, 4.0, np.minimum(x, 1e300)), np.where(below, 1.0, a)
        total, slopes = lower_series(inside[1], inside[0])
        h, dh = upper_fraction(outside[1], outside[0])
        density = np.exp(log_density(a, x))  # x^a exp(-x) / gamma(a)
        log = np.log(np.maximum(x, 1e-320))
        lower = np.where(below, density / a * total, 1 - density * h)
        upper = np.where(below, 1 - density / a * total, density * h)
        rest = np.where(below, (total * (log - digamma_of(a + 1)) + slopes) / a, -(h * (log - digamma_of(a)) + dh))
        ends = np.isinf(x), x == 0
        lower = np.where(ends[0], 1, np.where(ends[1], 0, lower))
        upper = np.where(ends[0], 0, np.where(ends[1], 1, upper))
        return lower, upper, np.where(ends[0] | ends[1], 0, density * rest), np.where(ends[1], 0, -x * rest)


def _incomplete_gamma_backward(grad, sign, slope, good_a, good_x, a, x):
    with np.errstate(all="ignore"):
        density = np.exp(log_density(good_a, good_x)) / good_x
    grad = np.asarray(grad * sign)
    return (sum_to(np.ascontiguousarray((grad * slope).astype(a.dtype)), a.shape),
            sum_to(np.ascontiguousarray((grad * density).astype(x.dtype)), x.shape))


IGAMMA = [Op(name, _incomplete_gamma_backward, "sign slope good_a good_x a x",
             reason="its derivative by the first argument is a series of its own")
          for name in ("IgammaBackward0", "IgammacBackward0")]


def _incomplete_gamma(op, which, input, other):
    a, x = pair_of(op, input, other)
    a, x = floating_of(op, a), floating_of(op, x)
    first, second = a.detach().numpy(), x.detach().numpy()
    kind = np.result_type(first, second)
    shape, values = np.broadcast(first, second).shape, np.broadcast_arrays(first, second)
    values = [value.astype(np.float64) for value in values]
    bad = (values[0] < 0) | (values[1] < 0) | np.isnan(values[0]) | np.isnan(values[1])
    zero = (values[0] == 0) & ~bad
    good_a = np.where(bad | zero, 1.0, values[0])
    good_x = np.where(bad, 1.0, values[1])
    lower, upper, slope, _ = incomplete(good_a, good_x)
    made = np.where(zero, np.where(values[1] > 0, 1 - which, np.nan), (lower, upper)[which])
    made = np.where(bad, np.nan, made).astype(kind).reshape(shape)
    return record(made, IGAMMA[which], (a, x), (1 - 2 * which, slope, good_a, good_x, first, second), (a, x))


@operation("fastnn.igamma Tensor.igamma special", out=True)
def gammainc(input, other):
    """The regularised lower incomplete gamma function P(a, x), a > 0, x >= 0, with the gradients of both.

    ``P(a, x) = 1 / gamma(a) * integral of t^(a - 1) exp(-t) from 0 to x``

    Parameters
    ----------
    input : Tensor
        a
    other : Tensor
        x; both broadcast.

    Examples
    --------
    >>> fastnn.igamma(fastnn.tensor([1.0, 4.0]), fastnn.tensor([1.0, 4.0]))
    tensor([0.6321, 0.5665])
    """
    return _incomplete_gamma("igamma", 0, input, other)


@operation("fastnn.igammac Tensor.igammac special", out=True)
def gammaincc(input, other):
    """The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), exact for large x; see ``gammainc``.

    Parameters
    ----------
    input : Tensor
        a
    other : Tensor
        x; both broadcast.

    Examples
    --------
    >>> fastnn.igammac(fastnn.tensor([1.0, 4.0]), fastnn.tensor([1.0, 4.0]))
    tensor([0.3679, 0.4335])
    """
    return _incomplete_gamma("igammac", 1, input, other)


@operation("fastnn Tensor special.multigammaln", inplace=True, out=True)
def mvlgamma(input, p):
    """The logarithm of the multivariate gamma function of dimension p.

    ``p (p - 1) / 4 log(pi) + sum of lgamma(x - i / 2) over i = 0 ... p - 1``

    Parameters
    ----------
    input : Tensor
        Greater than (p - 1) / 2.
    p : int

    Raises
    ------
    RuntimeError
        p below 1, or elements that are too small.

    Examples
    --------
    >>> fastnn.mvlgamma(fastnn.tensor([2.0, 3.0]), 2)
    tensor([0.4516, 1.5502])
    """
    need_tensors("mvlgamma", input)
    if p < 1:
        raise RuntimeError("mvlgamma: p has to be greater than or equal to 1")
    input = floating_of("mvlgamma", input)
    steps = from_array(np.arange(p).astype(input.detach().numpy().dtype) / -2)
    parts = pointwise.lgamma(arithmetic.add(input.unsqueeze(-1), steps))
    return arithmetic.add(reduce.sum(parts, -1), p * (p - 1) / 4 * math.log(math.pi))


for _name, _function in (("igamma_", gammainc), ("igammac_", gammaincc)):  # in place under these names alone
    add("Tensor", _name, _function, True, None, False, False)
