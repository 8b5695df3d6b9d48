"""The half-Cauchy distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.cauchy import Cauchy
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import AbsTransform

__all__ = ["HalfCauchy"]


class HalfCauchy(TransformedDistribution):
    """The size of a Cauchy number of the median 0; it has neither mean nor variance.

    ``p(x) = 2 / (pi scale (1 + (x / scale)^2)), x >= 0``

    Parameters
    ----------
    scale : Tensor or float
        The Cauchy number's, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import HalfCauchy
    >>> HalfCauchy(1.0).cdf(fastnn.tensor(1.0))
    tensor(0.5000)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _parts = {}

    def __init__(self, scale, validate_args=None):
        super().__init__(Cauchy(0, scale, validate_args=False), AbsTransform(), validate_args=validate_args)

    scale = property(lambda self: self.base_dist.scale, doc="The Cauchy number's.")

    @property
    def mean(self):
        """Infinite."""
        return fastnn.full(self._extended_shape(), math.inf, dtype=self.scale.dtype)

    @property
    def mode(self):
        """0"""
        return fastnn.zeros_like(self.scale)

    variance = property(lambda self: self.base_dist.variance, doc="Infinite.")

    def log_prob(self, value):
        """``log(2 / pi) - log scale - log(1 + (value / scale)^2)``, -inf below 0"""
        value = fastnn.as_tensor(self._checked(value), dtype=self.scale.dtype)
        return fastnn.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value):
        """``2 F(value) - 1`` of the Cauchy's F"""
        return 2 * self.base_dist.cdf(self._checked(value)) - 1

    def icdf(self, prob):
        """The Cauchy's at ``(prob + 1) / 2``"""
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self):
        """The Cauchy's less log 2"""
        return self.base_dist.entropy() - math.log(2)
