"""The Cauchy distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import batch_of, broadcast_all
from fastnn.dtypes import Size

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """The ratio of two normal numbers; it has neither mean nor variance.

    ``p(x) = 1 / (pi scale (1 + ((x - loc) / scale)^2))``

    Parameters
    ----------
    loc : Tensor or float
        The median.
    scale : Tensor or float
        Half the width at half the height, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Cauchy
    >>> Cauchy(0.0, 1.0).cdf(fastnn.tensor(1.0))
    tensor(0.7500)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parts = {"loc": 0, "scale": 0}

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(batch_of(self.loc, loc, scale), validate_args=validate_args)

    @property
    def mean(self):
        """NaN"""
        return fastnn.full(self._extended_shape(), math.nan, dtype=self.loc.dtype)

    mode = property(lambda self: self.loc, doc="``loc``")

    @property
    def variance(self):
        """Infinite."""
        return fastnn.full(self._extended_shape(), math.inf, dtype=self.loc.dtype)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both parameters, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        return self.loc + fastnn.empty(shape, dtype=self.loc.dtype).cauchy_() * self.scale

    def log_prob(self, value):
        """``-log pi - log scale - log(1 + ((value - loc) / scale)^2)``"""
        z = (self._checked(value) - self.loc) / self.scale
        return -math.log(math.pi) - self.scale.log() - (z ** 2).log1p()

    def cdf(self, value):
        """``atan((value - loc) / scale) / pi + 1/2``"""
        return fastnn.atan((self._checked(value) - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value):
        """``loc + scale tan(pi (value - 1/2))``"""
        return fastnn.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self):
        """``log(4 pi scale)``"""
        return math.log(4 * math.pi) + self.scale.log()
