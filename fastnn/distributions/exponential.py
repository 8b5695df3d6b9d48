"""The exponential distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.utils import batch_of, broadcast_all
from fastnn.dtypes import Size

__all__ = ["Exponential"]


class Exponential(ExponentialFamily):
    """Waiting times of events of a constant rate.

    ``p(x) = rate exp(-rate x)``

    Parameters
    ----------
    rate : Tensor or float
        Positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Exponential
    >>> Exponential(fastnn.tensor([2.0])).mean
    tensor([0.5000])
    """

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    _parts = {"rate": 0}

    def __init__(self, rate, validate_args=None):
        self.rate, = broadcast_all(rate)
        super().__init__(batch_of(self.rate, rate), validate_args=validate_args)

    @property
    def mean(self):
        """``1 / rate``"""
        return self.rate.reciprocal()

    @property
    def mode(self):
        """0"""
        return fastnn.zeros_like(self.rate)

    @property
    def stddev(self):
        """``1 / rate``"""
        return self.rate.reciprocal()

    @property
    def variance(self):
        """``1 / rate^2``"""
        return self.rate.pow(-2)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradient of the rate, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        return fastnn.empty(shape, dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value):
        """``log rate - rate value``"""
        return self.rate.log() - self.rate * self._checked(value)

    def cdf(self, value):
        """``1 - exp(-rate value)``"""
        return 1 - (-self.rate * self._checked(value)).exp()

    def icdf(self, value):
        """``-log(1 - value) / rate``"""
        return -(-value).log1p() / self.rate

    def entropy(self):
        """``1 - log rate``"""
        return 1.0 - self.rate.log()

    @property
    def _natural_params(self):
        return (-self.rate,)

    def _log_normalizer(self, x):
        return -(-x).log()
