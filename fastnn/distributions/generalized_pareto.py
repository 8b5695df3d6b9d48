"""The generalised Pareto distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import batch_of, broadcast_all, uniform_of
from fastnn.dtypes import Size

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """Values beyond a threshold.

    ``F(x) = 1 - (1 + k z)^(-1 / k), z = (x - loc) / scale``, and ``1 - exp(-z)`` for the concentration k = 0

    Parameters
    ----------
    loc, scale, concentration : Tensor or float
        The scale is positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import GeneralizedPareto
    >>> GeneralizedPareto(0.0, 1.0, 0.5).mean
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True
    _parts = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc, scale, concentration, validate_args=None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(batch_of(self.loc, loc, scale, concentration), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        """``loc ... loc - scale / k``, or without an upper end for k >= 0"""
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, fastnn.where(self.concentration < 0, end, math.inf))

    def _cases(self):
        """(where k is 0, k with ones there)"""
        zero = fastnn.isclose(self.concentration, fastnn.zeros_like(self.concentration))
        return zero, fastnn.where(zero, 1.0, self.concentration)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of all parameters, PyTorch's stream."""
        return self.icdf(uniform_of(self._extended_shape(sample_shape), self.loc))

    def log_prob(self, value):
        """``-log scale - (1 + 1 / k) log(1 + k z)``"""
        z = (self._checked(value) - self.loc) / self.scale
        zero, k = self._cases()
        power = 1 / k + fastnn.ones_like(z)
        return -self.scale.log() - fastnn.where(zero, z, fastnn.where(power == 0, power, power * (k * z).log1p()))

    def log_survival_function(self, value):
        """``log(1 - F(value))``"""
        z = (self._checked(value) - self.loc) / self.scale
        zero, k = self._cases()
        return fastnn.where(zero, -z, -(k * z).log1p() / k)

    def log_cdf(self, value):
        """``log F(value)``"""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value):
        """``F(value)``"""
        return self.log_cdf(value).exp()

    def icdf(self, value):
        """``loc + scale ((1 - value)^-k - 1) / k``"""
        zero, k = self._cases()
        rest = (-value).log1p()
        return fastnn.where(zero, self.loc - self.scale * rest, self.loc + self.scale / k * (-k * rest).expm1())

    @property
    def mean(self):
        """``loc + scale / (1 - k)``, NaN for k >= 1"""
        k = self.concentration
        return fastnn.where(k < 1, self.loc + self.scale / (1 - fastnn.where(k < 1, k, 0.5)), math.nan)

    @property
    def variance(self):
        """``scale^2 / ((1 - k)^2 (1 - 2 k))``, NaN for k >= 1/2"""
        small = self.concentration < 0.5
        k = fastnn.where(small, self.concentration, 0.25)
        return fastnn.where(small, self.scale ** 2 / ((1 - k) ** 2 * (1 - 2 * k)), math.nan)

    mode = property(lambda self: self.loc, doc="``loc``")

    def entropy(self):
        """``log scale + k + 1``"""
        return (self.scale.log() + self.concentration + 1).expand(self._batch_shape)
