"""The gamma distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.utils import batch_of, broadcast_all
from fastnn.dtypes import Size

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """Positive numbers of a shape and a rate; draws have implicit gradients (Figurnov, Mohamed and Mnih 2018).

    ``p(x) = rate^concentration x^(concentration - 1) exp(-rate x) / gamma(concentration)``

    Parameters
    ----------
    concentration : Tensor or float
        The shape, positive.
    rate : Tensor or float
        Positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Gamma
    >>> Gamma(fastnn.tensor([3.0]), fastnn.tensor([2.0])).variance
    tensor([0.7500])
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    _parts = {"concentration": 0, "rate": 0}

    def __init__(self, concentration, rate, validate_args=None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(batch_of(self.rate, concentration, rate), validate_args=validate_args)

    @property
    def mean(self):
        """``concentration / rate``"""
        return self.concentration / self.rate

    @property
    def mode(self):
        """``(concentration - 1) / rate``, at least 0"""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self):
        """``concentration / rate^2``"""
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both parameters."""
        shape = self._extended_shape(sample_shape)
        value = fastnn._standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        return fastnn.where(value.detach() < fastnn.finfo(value.dtype).tiny, fastnn.finfo(value.dtype).tiny, value)

    def log_prob(self, value):
        """``log p(value)``"""
        value = self._checked(fastnn.as_tensor(value, dtype=self.rate.dtype))
        return (self.concentration.xlogy(self.rate) + (self.concentration - 1).xlogy(value) - self.rate * value
                - self.concentration.lgamma())

    def entropy(self):
        """``a - log rate + log gamma(a) + (1 - a) digamma(a)`` of the concentration a"""
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1.0 - a) * a.digamma()

    def cdf(self, value):
        """The regularised incomplete gamma function of ``rate value``."""
        return fastnn.special.gammainc(self.concentration, self.rate * self._checked(value))

    @property
    def _natural_params(self):
        return (self.concentration - 1, -self.rate)

    def _log_normalizer(self, x, y):
        return (x + 1).lgamma() + (x + 1) * (-y.reciprocal()).log()
