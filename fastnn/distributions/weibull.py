"""The Weibull distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exponential import Exponential
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import AffineTransform, PowerTransform
from fastnn.distributions.utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """A power of an exponential number: lifetimes.

    ``F(x) = 1 - exp(-(x / scale)^k)`` of the concentration k

    Parameters
    ----------
    scale : Tensor or float
        Positive.
    concentration : Tensor or float
        k, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Weibull
    >>> Weibull(2.0, 1.0).mean
    tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    _parts = {"scale": 0, "concentration": 0, "concentration_reciprocal": 0}

    def __init__(self, scale, concentration, validate_args=None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        super().__init__(Exponential(fastnn.ones_like(self.scale), validate_args=validate_args),
                         [PowerTransform(exponent=self.concentration_reciprocal),
                          AffineTransform(loc=0, scale=self.scale)], validate_args=validate_args)

    def _moment(self, n):
        return (1 + n * self.concentration_reciprocal).lgamma()

    @property
    def mean(self):
        """``scale gamma(1 + 1 / k)``"""
        return self.scale * self._moment(1).exp()

    @property
    def mode(self):
        """``scale ((k - 1) / k)^(1 / k)``"""
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self):
        """``scale^2 (gamma(1 + 2 / k) - gamma(1 + 1 / k)^2)``"""
        return self.scale.pow(2) * (self._moment(2).exp() - (2 * self._moment(1)).exp())

    def entropy(self):
        """``0.5772... (1 - 1 / k) + log(scale / k) + 1``"""
        return (euler_constant * (1 - self.concentration_reciprocal)
                + (self.scale * self.concentration_reciprocal).log() + 1)
