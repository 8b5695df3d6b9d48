"""The geometric distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import Odds, broadcast_all, uniform_of
from fastnn.dtypes import Size
from fastnn.nn import functional as F

__all__ = ["Geometric"]


class Geometric(Odds, Distribution):
    """How many trials of success probability p fail before the first success.

    ``P(k) = (1 - p)^k p``

    Parameters
    ----------
    probs : Tensor or float, optional
        p, of (0, 1].
    logits : Tensor or float, optional
        ``log(p / (1 - p))``; one of both must be given.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Geometric
    >>> Geometric(fastnn.tensor([0.25])).mean
    tensor([3.])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _parts = {"_given": 0, "probs": 0, "logits": 0}

    def __init__(self, probs=None, logits=None, validate_args=None):
        super().__init__(self._take(probs, logits), validate_args=validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            bad = self.probs[~(self.probs > 0)]
            raise ValueError(f"Expected parameter probs ({type(self.probs).__name__} of shape "
                             f"{tuple(self.probs.shape)}) of distribution {self!r} to be positive but found invalid "
                             f"values:\n{bad}")

    @property
    def mean(self):
        """``1 / p - 1``"""
        return 1.0 / self.probs - 1.0

    @property
    def mode(self):
        """0"""
        return fastnn.zeros_like(self.probs)

    @property
    def variance(self):
        """``(1 / p - 1) / p``"""
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Whole numbers, by the inverse of the distribution function."""
        shape = self._extended_shape(sample_shape)
        with fastnn.no_grad():
            u = uniform_of(shape, self.probs).clamp(min=fastnn.finfo(self.probs.dtype).tiny)
            return (u.log() / (-self.probs.expand(shape)).log1p()).floor()

    def log_prob(self, value):
        """``value log(1 - p) + log p``"""
        value, probs = broadcast_all(self._checked(value), self.probs)
        probs = fastnn.where((probs == 1) & (value == 0), 0.0, probs)  # there 0 log(0)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self):
        """``(-p log p - (1 - p) log(1 - p)) / p``"""
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
