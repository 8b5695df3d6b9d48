"""The uniform distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import batch_of, broadcast_all, uniform_of
from fastnn.dtypes import Size

__all__ = ["Uniform"]


class Uniform(Distribution):
    """Numbers of [low, high), equally likely.

    ``p(x) = 1 / (high - low)``

    Parameters
    ----------
    low, high : Tensor or float
    validate_args : bool, optional

    Raises
    ------
    ValueError
        ``low >= high``.

    Examples
    --------
    >>> from fastnn.distributions import Uniform
    >>> Uniform(fastnn.tensor([0.0]), fastnn.tensor([4.0])).mean
    tensor([2.])
    """

    has_rsample = True
    _parts = {"low": 0, "high": 0}

    @property
    def arg_constraints(self):
        """Each bound lies beyond the other."""
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    def __init__(self, low, high, validate_args=None):
        self.low, self.high = broadcast_all(low, high)
        super().__init__(batch_of(self.low, low, high), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        """``low ... high``"""
        return constraints.interval(self.low, self.high)

    @property
    def mean(self):
        """``(low + high) / 2``"""
        return (self.high + self.low) / 2

    @property
    def mode(self):
        """NaN: all values are equally likely."""
        return float("nan") * self.high

    @property
    def stddev(self):
        """``(high - low) / sqrt(12)``"""
        return (self.high - self.low) / 12 ** 0.5

    @property
    def variance(self):
        """``(high - low)^2 / 12``"""
        return (self.high - self.low).pow(2) / 12

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both bounds, PyTorch's stream."""
        return self.low + uniform_of(self._extended_shape(sample_shape), self.low) * (self.high - self.low)

    def log_prob(self, value):
        """``-log(high - low)``, -inf outside"""
        value = self._checked(value)
        inside = (value >= self.low) & (value < self.high)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value):
        """``(value - low) / (high - low)`` within 0 ... 1"""
        return ((self._checked(value) - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value):
        """``low + value (high - low)``"""
        return value * (self.high - self.low) + self.low

    def entropy(self):
        """``log(high - low)``"""
        return fastnn.log(self.high - self.low)
