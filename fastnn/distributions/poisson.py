"""The Poisson distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.utils import batch_of, broadcast_all
from fastnn.dtypes import Size

__all__ = ["Poisson"]


class Poisson(ExponentialFamily):
    """Counts of independent events of a mean number.

    ``P(k) = rate^k exp(-rate) / k!``

    Parameters
    ----------
    rate : Tensor or float
        Not negative.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Poisson
    >>> Poisson(fastnn.tensor([2.0])).log_prob(fastnn.tensor([2.0])).exp()
    tensor([0.2707])
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _parts = {"rate": 0}

    def __init__(self, rate, validate_args=None):
        self.rate, = broadcast_all(rate)
        super().__init__(batch_of(self.rate, rate), validate_args=validate_args)

    @property
    def mean(self):
        """``rate``"""
        return self.rate

    @property
    def mode(self):
        """``floor(rate)``"""
        return self.rate.floor()

    @property
    def variance(self):
        """``rate``"""
        return self.rate

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Counts, PyTorch's stream."""
        with fastnn.no_grad():
            return fastnn.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        """``log P(value)``"""
        rate, value = broadcast_all(self.rate, self._checked(value))
        return value.xlogy(rate) - rate - (value + 1).lgamma()

    @property
    def _natural_params(self):
        return (self.rate.log(),)

    def _log_normalizer(self, x):
        return x.exp()
