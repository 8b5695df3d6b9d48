"""The logistic-normal distribution."""
from fastnn.distributions import constraints
from fastnn.distributions.normal import Normal
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Probabilities made of independent normal numbers by `StickBreakingTransform`.

    Parameters
    ----------
    loc, scale : Tensor or float
        The normal numbers', (*batch, K); draws have K + 1 parts with the sum 1.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import LogisticNormal
    >>> LogisticNormal(fastnn.zeros(3), fastnn.ones(3)).sample().shape
    torch.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    _parts = {}

    def __init__(self, loc, scale, validate_args=None):
        base = Normal(loc, scale, validate_args=validate_args)
        base = base if base.batch_shape else base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    loc = property(lambda self: self.base_dist.base_dist.loc, doc="The normal numbers' mean.")
    scale = property(lambda self: self.base_dist.base_dist.scale, doc="The normal numbers' standard deviation.")
