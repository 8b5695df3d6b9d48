"""The half-normal distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.normal import Normal
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import AbsTransform

__all__ = ["HalfNormal"]


class HalfNormal(TransformedDistribution):
    """The size of a normal number of the mean 0.

    ``p(x) = sqrt(2 / pi) / scale exp(-x^2 / (2 scale^2)), x >= 0``

    Parameters
    ----------
    scale : Tensor or float
        The normal number's standard deviation, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import HalfNormal
    >>> HalfNormal(1.0).mean
    tensor(0.7979)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _parts = {}

    def __init__(self, scale, validate_args=None):
        super().__init__(Normal(0, scale, validate_args=False), AbsTransform(), validate_args=validate_args)

    scale = property(lambda self: self.base_dist.scale, doc="The normal number's standard deviation.")

    @property
    def mean(self):
        """``scale sqrt(2 / pi)``"""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self):
        """0"""
        return fastnn.zeros_like(self.scale)

    @property
    def variance(self):
        """``scale^2 (1 - 2 / pi)``"""
        return self.scale.pow(2) * (1 - 2 / math.pi)

    def log_prob(self, value):
        """The normal's and log 2, -inf below 0"""
        value = self._checked(value)
        return fastnn.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value):
        """``2 F(value) - 1`` of the normal's F"""
        return 2 * self.base_dist.cdf(self._checked(value)) - 1

    def icdf(self, prob):
        """The normal's at ``(prob + 1) / 2``"""
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self):
        """The normal's less log 2"""
        return self.base_dist.entropy() - math.log(2)
