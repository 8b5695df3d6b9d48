"""The normal distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.utils import _standard_normal, batch_of, broadcast_all
from fastnn.dtypes import Size

__all__ = ["Normal"]


class Normal(ExponentialFamily):
    """The normal (Gaussian) distribution.

    ``p(x) = exp(-(x - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi))``

    Parameters
    ----------
    loc : Tensor or float
        The mean.
    scale : Tensor or float
        The standard deviation, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Normal
    >>> Normal(0.0, 1.0).log_prob(fastnn.tensor(0.0))
    tensor(-0.9189)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _mean_carrier_measure = 0
    _parts = {"loc": 0, "scale": 0}

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(batch_of(self.loc, loc, scale), validate_args=validate_args)

    mean = property(lambda self: self.loc, doc="``loc``")
    mode = property(lambda self: self.loc, doc="``loc``")
    stddev = property(lambda self: self.scale, doc="``scale``")
    variance = property(lambda self: self.scale.pow(2), doc="``scale^2``")

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Draws without gradient, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        with fastnn.no_grad():
            return fastnn.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both parameters, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        return self.loc + _standard_normal(shape, self.loc.dtype) * self.scale

    def log_prob(self, value):
        """``-(value - loc)^2 / (2 scale^2) - log scale - log(2 pi) / 2``"""
        z = self._checked(value) - self.loc
        return -(z ** 2) / (2 * self.scale ** 2) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value):
        """``(1 + erf((value - loc) / (scale sqrt(2)))) / 2``"""
        return 0.5 * (1 + fastnn.erf((self._checked(value) - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value):
        """``loc + scale sqrt(2) erfinv(2 value - 1)``"""
        return self.loc + self.scale * fastnn.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self):
        """``(1 + log(2 pi)) / 2 + log scale``"""
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

    @property
    def _natural_params(self):
        return (self.loc / self.scale.pow(2), -0.5 * self.scale.pow(2).reciprocal())

    def _log_normalizer(self, x, y):
        return -0.25 * x.pow(2) / y + 0.5 * (-math.pi / y).log()
