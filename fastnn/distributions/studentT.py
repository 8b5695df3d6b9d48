"""Student's t distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.chi2 import Chi2
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import _standard_normal, broadcast_all
from fastnn.dtypes import Size

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Normal numbers over the root of a mean of squares of `df` others; draws have implicit gradients.

    ``p(x) ~ (1 + z^2 / df)^(-(df + 1) / 2), z = (x - loc) / scale``

    Parameters
    ----------
    df : Tensor or float
        Degrees of freedom, positive.
    loc, scale : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import StudentT
    >>> StudentT(fastnn.tensor([4.0])).variance
    tensor([2.])
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parts = {"df": 0, "loc": 0, "scale": 0, "_chi2": 0}

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self):
        """``loc``, NaN for df <= 1"""
        return fastnn.where(self.df <= 1, math.nan, self.loc)

    mode = property(lambda self: self.loc, doc="``loc``")

    @property
    def variance(self):
        """``scale^2 df / (df - 2)``, infinite for df <= 2, NaN for df <= 1"""
        found = fastnn.where(self.df > 2, self.scale.pow(2) * self.df / (self.df - 2), math.inf)
        return fastnn.where(self.df <= 1, math.nan, found)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of all parameters."""
        normal = _standard_normal(self._extended_shape(sample_shape), self.df.dtype)
        return self.loc + self.scale * normal * fastnn.rsqrt(self._chi2.rsample(sample_shape) / self.df)

    def log_prob(self, value):
        """``log p(value)``"""
        y, half = (self._checked(value) - self.loc) / self.scale, 0.5 * self.df
        total = (self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi) + half.lgamma()
                 - (half + 0.5).lgamma())
        return -(half + 0.5) * (y ** 2.0 / self.df).log1p() - total

    def entropy(self):
        """``log scale + (df + 1) / 2 (digamma((df + 1) / 2) - digamma(df / 2)) + log(df) / 2 + log B(df / 2, 1/2)``"""
        half = 0.5 * self.df
        log_beta = half.lgamma() + math.lgamma(0.5) - (half + 0.5).lgamma()
        return (self.scale.log() + (half + 0.5) * ((half + 0.5).digamma() - half.digamma()) + 0.5 * self.df.log()
                + log_beta)
