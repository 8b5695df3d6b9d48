"""The Kumaraswamy distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import AffineTransform, PowerTransform
from fastnn.distributions.uniform import Uniform
from fastnn.distributions.utils import broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


def _moment(a, b, n):
    """E x^n = b B(1 + n / a, b)"""
    first = 1 + n / a
    return (b.log() + first.lgamma() + b.lgamma() - (first + b).lgamma()).exp()


class Kumaraswamy(TransformedDistribution):
    """Numbers of (0, 1), much like `Beta` but with a closed distribution function.

    ``F(x) = 1 - (1 - x^a)^b``

    Parameters
    ----------
    concentration1 : Tensor or float
        a, positive.
    concentration0 : Tensor or float
        b, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Kumaraswamy
    >>> Kumaraswamy(1.0, 1.0).mean
    tensor(0.5000)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _parts = {"concentration1": 0, "concentration0": 0}

    def __init__(self, concentration1, concentration0, validate_args=None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(fastnn.full_like(self.concentration0, 0), fastnn.full_like(self.concentration0, 1),
                       validate_args=validate_args)
        super().__init__(base, [PowerTransform(self.concentration0.reciprocal()), AffineTransform(1.0, -1.0),
                                PowerTransform(self.concentration1.reciprocal())], validate_args=validate_args)

    @property
    def mean(self):
        """``b B(1 + 1 / a, b)``"""
        return _moment(self.concentration1, self.concentration0, 1)

    @property
    def mode(self):
        """``((a - 1) / (a b - 1))^(1 / a)``; NaN where a or b is below 1"""
        a, b = self.concentration1, self.concentration0
        found = ((a - 1) / (a * b - 1)) ** a.reciprocal()
        return fastnn.where((a < 1) | (b < 1), float("nan"), found)

    @property
    def variance(self):
        """``E x^2 - (E x)^2``"""
        return _moment(self.concentration1, self.concentration0, 2) - self.mean.pow(2)

    def entropy(self):
        """``1 - 1 / b + (1 - 1 / a) (digamma(b + 1) + 0.5772...) - log(a b)``"""
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + euler_constant
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - a.log() - b.log()
