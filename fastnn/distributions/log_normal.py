"""The log-normal distribution."""
from fastnn.distributions import constraints
from fastnn.distributions.normal import Normal
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import ExpTransform

__all__ = ["LogNormal"]


class LogNormal(TransformedDistribution):
    """The exponential of a normal number.

    ``p(x) = exp(-(log x - loc)^2 / (2 scale^2)) / (x scale sqrt(2 pi))``

    Parameters
    ----------
    loc, scale : Tensor or float
        The mean and the standard deviation of the logarithm.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import LogNormal
    >>> LogNormal(0.0, 1.0).mean
    tensor(1.6487)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parts = {}

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(Normal(loc, scale, validate_args=validate_args), ExpTransform(), validate_args=validate_args)

    loc = property(lambda self: self.base_dist.loc, doc="The logarithm's mean.")
    scale = property(lambda self: self.base_dist.scale, doc="The logarithm's standard deviation.")

    @property
    def mean(self):
        """``exp(loc + scale^2 / 2)``"""
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self):
        """``exp(loc - scale^2)``"""
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self):
        """``(exp(scale^2) - 1) exp(2 loc + scale^2)``"""
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self):
        """The normal's and loc"""
        return self.base_dist.entropy() + self.loc
