"""The Bernoulli distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.utils import Odds, broadcast_all
from fastnn.dtypes import Size
from fastnn.nn import functional as F

__all__ = ["Bernoulli"]


class Bernoulli(Odds, ExponentialFamily):
    """1 with probability p, else 0.

    ``P(x) = p^x (1 - p)^(1 - x)``

    Parameters
    ----------
    probs : Tensor or float, optional
        p
    logits : Tensor or float, optional
        ``log(p / (1 - p))``; one of both must be given.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Bernoulli
    >>> Bernoulli(fastnn.tensor([0.25])).log_prob(fastnn.tensor([1.0])).exp()
    tensor([0.2500])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0
    _parts = {"_given": 0, "probs": 0, "logits": 0}

    def __init__(self, probs=None, logits=None, validate_args=None):
        super().__init__(self._take(probs, logits), validate_args=validate_args)

    @property
    def mean(self):
        """p"""
        return self.probs

    @property
    def mode(self):
        """1 where p > 1/2, 0 where p < 1/2, else NaN."""
        found = (self.probs >= 0.5).to(self.probs.dtype)
        return fastnn.where(self.probs == 0.5, math.nan, found)

    @property
    def variance(self):
        """``p (1 - p)``"""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Zeros and ones, PyTorch's stream."""
        with fastnn.no_grad():
            return fastnn.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        """``log P(value)``"""
        logits, value = broadcast_all(self.logits, self._checked(value))
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self):
        """``-p log p - (1 - p) log(1 - p)``"""
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand=True):
        """0 and 1."""
        return self._enumerated(fastnn.arange(2, dtype=self._param.dtype), expand)

    @property
    def _natural_params(self):
        return (fastnn.logit(self.probs),)

    def _log_normalizer(self, x):
        return F.softplus(x)
