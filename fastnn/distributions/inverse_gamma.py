"""The inverse gamma distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.gamma import Gamma
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import PowerTransform

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """The reciprocal of a gamma number.

    ``p(x) = rate^a x^(-a - 1) exp(-rate / x) / gamma(a)`` of the concentration a

    Parameters
    ----------
    concentration, rate : Tensor or float
        Of the gamma distribution, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import InverseGamma
    >>> InverseGamma(fastnn.tensor([3.0]), fastnn.tensor([4.0])).mean
    tensor([2.])
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parts = {**TransformedDistribution._parts}

    def __init__(self, concentration, rate, validate_args=None):
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(base.rate.new_tensor(-1.0)), validate_args=validate_args)

    concentration = property(lambda self: self.base_dist.concentration, doc="The shape.")
    rate = property(lambda self: self.base_dist.rate, doc="The rate.")

    @property
    def mean(self):
        """``rate / (a - 1)``, infinite for a <= 1"""
        return fastnn.where(self.concentration > 1, self.rate / (self.concentration - 1), math.inf)

    @property
    def mode(self):
        """``rate / (a + 1)``"""
        return self.rate / (self.concentration + 1)

    @property
    def variance(self):
        """``rate^2 / ((a - 1)^2 (a - 2))``, infinite for a <= 2"""
        a = self.concentration
        return fastnn.where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self):
        """``a + log rate + log gamma(a) - (1 + a) digamma(a)``"""
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
