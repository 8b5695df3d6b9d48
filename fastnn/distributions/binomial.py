"""The binomial distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import Number, Odds, broadcast_all
from fastnn.dtypes import Size

__all__ = ["Binomial"]


def _above_zero(x):
    """max(x, 0), whose gradient at 0 is 1/2 from both sides."""
    return (x.clamp(min=0) + x - x.clamp(max=0)) / 2


def counted(self, total_count, probs, logits):
    """Broadcast a number of trials and `probs` or `logits`; the batch's shape."""
    self._take(probs, logits)
    given = logits if probs is None else probs
    self.total_count, value = broadcast_all(total_count, given)
    self.total_count = self.total_count.to(value.dtype)
    setattr(self, self._given, value)
    return Size() if isinstance(total_count, Number) and isinstance(given, Number) else value.shape


class Binomial(Odds, Distribution):
    """How many of n trials of success probability p succeed.

    ``P(k) = n! / (k! (n - k)!) p^k (1 - p)^(n - k)``

    Parameters
    ----------
    total_count : int or Tensor
        n
    probs : Tensor or float, optional
        p
    logits : Tensor or float, optional
        ``log(p / (1 - p))``; one of both must be given.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Binomial
    >>> Binomial(4, fastnn.tensor([0.5])).log_prob(fastnn.tensor([2.0])).exp()
    tensor([0.3750])
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval,
                       "logits": constraints.real}
    has_enumerate_support = True
    _parts = {"_given": 0, "total_count": 0, "probs": 0, "logits": 0}

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        super().__init__(counted(self, total_count, probs, logits), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        """0 ... n"""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self):
        """``n p``"""
        return self.total_count * self.probs

    @property
    def mode(self):
        """``floor((n + 1) p)``, at most n"""
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self):
        """``n p (1 - p)``"""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Counts, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        with fastnn.no_grad():
            return fastnn.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value):
        """``log P(value)``"""
        value, n = self._checked(value), self.total_count
        log_coefficient = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        rest = n * _above_zero(self.logits) + n * (-self.logits.abs()).exp().log1p()
        return value * self.logits + log_coefficient - rest

    def entropy(self):
        """``-sum_k P(k) log P(k)``; all batches must have the same n."""
        n = int(self.total_count.max())
        if not bool((self.total_count == n).all()):
            raise NotImplementedError("Inhomogeneous total count not supported by `entropy`.")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand=True):
        """0 ... n; all batches must have the same n."""
        n = int(self.total_count.max())
        if not bool((self.total_count == n).all()):
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        return self._enumerated(fastnn.arange(1 + n, dtype=self._param.dtype), expand)
