"""The Pareto distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exponential import Exponential
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import AffineTransform, ExpTransform
from fastnn.distributions.utils import broadcast_all

__all__ = ["Pareto"]


class Pareto(TransformedDistribution):
    """A power law above a least value.

    ``p(x) = alpha scale^alpha / x^(alpha + 1), x > scale``

    Parameters
    ----------
    scale : Tensor or float
        The least value, positive.
    alpha : Tensor or float
        Positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Pareto
    >>> Pareto(1.0, 2.0).mean
    tensor(2.)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}
    _parts = {"scale": 0, "alpha": 0}

    def __init__(self, scale, alpha, validate_args=None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(Exponential(self.alpha, validate_args=validate_args),
                         [ExpTransform(), AffineTransform(loc=0, scale=self.scale)], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        """Above `scale`."""
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self):
        """``alpha scale / (alpha - 1)``, infinite for alpha <= 1"""
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    mode = property(lambda self: self.scale, doc="``scale``")

    @property
    def variance(self):
        """``scale^2 alpha / ((alpha - 1)^2 (alpha - 2))``, infinite for alpha <= 2"""
        a = self.alpha
        found = self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))
        return fastnn.where(a > 2, found, math.inf)

    def entropy(self):
        """``log(scale / alpha) + 1 + 1 / alpha``"""
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())
