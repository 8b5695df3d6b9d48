"""The negative binomial distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.binomial import counted
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.gamma import Gamma
from fastnn.distributions.utils import Odds, lazy_property
from fastnn.dtypes import Size
from fastnn.nn import functional as F

__all__ = ["NegativeBinomial"]


class NegativeBinomial(Odds, Distribution):
    """How many trials of success probability p succeed before r trials have failed.

    ``P(k) = gamma(k + r) / (k! gamma(r)) p^k (1 - p)^r``

    Parameters
    ----------
    total_count : float or Tensor
        r, not negative; need not be whole.
    probs : Tensor or float, optional
        p, of [0, 1).
    logits : Tensor or float, optional
        ``log(p / (1 - p))``; one of both must be given.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import NegativeBinomial
    >>> NegativeBinomial(3, fastnn.tensor([0.5])).mean
    tensor([3.])
    """

    arg_constraints = {"total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
                       "logits": constraints.real}
    support = constraints.nonnegative_integer
    _parts = {"_given": 0, "total_count": 0, "probs": 0, "logits": 0}

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        super().__init__(counted(self, total_count, probs, logits), validate_args=validate_args)

    @property
    def mean(self):
        """``r p / (1 - p)``"""
        return self.total_count * self.logits.exp()

    @property
    def mode(self):
        """``floor((r - 1) p / (1 - p))``, at least 0"""
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self):
        """``r p / (1 - p)^2``"""
        return self.mean / fastnn.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self):
        return Gamma(concentration=self.total_count, rate=(-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Poisson numbers of gamma rates."""
        with fastnn.no_grad():
            return fastnn.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value):
        """``log P(value)``"""
        value, r = self._checked(value), self.total_count
        chance = r * F.logsigmoid(-self.logits) + value * F.logsigmoid(self.logits)
        log_coefficient = (r + value).lgamma() - (1.0 + value).lgamma() - r.lgamma()
        return chance + fastnn.where(r + value == 0.0, 0.0, log_coefficient)
