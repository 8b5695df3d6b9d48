"""The Gumbel distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import AffineTransform, ExpTransform
from fastnn.distributions.uniform import Uniform
from fastnn.distributions.utils import broadcast_all, euler_constant

__all__ = ["Gumbel"]


class Gumbel(TransformedDistribution):
    """The largest of many numbers.

    ``F(x) = exp(-exp(-(x - loc) / scale))``

    Parameters
    ----------
    loc : Tensor or float
    scale : Tensor or float
        Positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Gumbel
    >>> Gumbel(0.0, 1.0).mean
    tensor(0.5772)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _parts = {"loc": 0, "scale": 0}

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        limits = fastnn.finfo(self.loc.dtype)
        low, high = limits.tiny, 1 - limits.eps
        if self.loc.shape or isinstance(loc, fastnn.Tensor) or isinstance(scale, fastnn.Tensor):
            low, high = fastnn.full_like(self.loc, low), fastnn.full_like(self.loc, high)
        chain = [ExpTransform().inv, AffineTransform(0, -fastnn.ones_like(self.scale)), ExpTransform().inv,
                 AffineTransform(self.loc, -self.scale)]
        super().__init__(Uniform(low, high, validate_args=validate_args), chain, validate_args=validate_args)

    def log_prob(self, value):
        """``z - exp(z) - log scale``, ``z = (loc - value) / scale``"""
        z = (self.loc - self._checked(value)) / self.scale
        return z - z.exp() - self.scale.log()

    @property
    def mean(self):
        """``loc + 0.5772... scale``"""
        return self.loc + self.scale * euler_constant

    mode = property(lambda self: self.loc, doc="``loc``")

    @property
    def stddev(self):
        """``pi scale / sqrt(6)``"""
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self):
        """``pi^2 scale^2 / 6``"""
        return self.stddev.pow(2)

    def entropy(self):
        """``log scale + 1.5772...``"""
        return self.scale.log() + (1 + euler_constant)
