"""The F distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.gamma import Gamma
from fastnn.distributions.utils import batch_of, broadcast_all
from fastnn.dtypes import Size

__all__ = ["FisherSnedecor"]


class FisherSnedecor(Distribution):
    """Fisher's F: the ratio of two means of squares of normal numbers.

    ``p(x) ~ x^(df1 / 2 - 1) (1 + x df1 / df2)^(-(df1 + df2) / 2)``

    Parameters
    ----------
    df1, df2 : Tensor or float
        Degrees of freedom above and below, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import FisherSnedecor
    >>> FisherSnedecor(fastnn.tensor([2.0]), fastnn.tensor([4.0])).mean
    tensor([2.])
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parts = {"df1": 0, "df2": 0, "_gamma1": 0, "_gamma2": 0}

    def __init__(self, df1, df2, validate_args=None):
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1, self._gamma2 = Gamma(self.df1 * 0.5, self.df1), Gamma(self.df2 * 0.5, self.df2)
        super().__init__(batch_of(self.df1, df1, df2), validate_args=validate_args)

    @property
    def mean(self):
        """``df2 / (df2 - 2)``, NaN for df2 <= 2"""
        d = fastnn.where(self.df2 <= 2, math.nan, self.df2)
        return d / (d - 2)

    @property
    def mode(self):
        """``(df1 - 2) / df1 df2 / (df2 + 2)``, NaN for df1 <= 2"""
        found = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return fastnn.where(self.df1 <= 2, math.nan, found)

    @property
    def variance(self):
        """``2 df2^2 (df1 + df2 - 2) / (df1 (df2 - 2)^2 (df2 - 4))``, NaN for df2 <= 4"""
        d = fastnn.where(self.df2 <= 4, math.nan, self.df2)
        return 2 * d.pow(2) * (self.df1 + d - 2) / (self.df1 * (d - 2).pow(2) * (d - 4))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both parameters."""
        shape = self._extended_shape(sample_shape)
        above = self._gamma1.rsample(sample_shape).reshape(shape)
        below = self._gamma2.rsample(sample_shape).reshape(shape)
        tiny = fastnn.finfo(below.dtype).tiny
        return (above / below.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value):
        """``log p(value)``"""
        value, a, b = self._checked(value), self.df1 * 0.5, self.df2 * 0.5
        ratio = self.df1 / self.df2
        return ((a + b).lgamma() - a.lgamma() - b.lgamma() + a * ratio.log() + (a - 1) * value.log()
                - (a + b) * (ratio * value).log1p())
