"""Distributions of transformed draws."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.independent import Independent
from fastnn.distributions.transforms import ComposeTransform, Transform
from fastnn.distributions.utils import _sum_rightmost
from fastnn.dtypes import Size

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of ``y = f(x)`` for x of a base distribution.

    ``log p(y) = log p_base(x) - log|det dy/dx|``

    Parameters
    ----------
    base_distribution : Distribution
    transforms : Transform or list of Transform
        Applied one after the other.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import ExpTransform, Normal, TransformedDistribution
    >>> TransformedDistribution(Normal(0.0, 1.0), ExpTransform()).cdf(fastnn.tensor(1.0))
    tensor(0.5000)
    """

    arg_constraints = {}
    _parts = {}

    def __init__(self, base_distribution, transforms, validate_args=None):
        if isinstance(transforms, Transform):
            self.transforms = [transforms]
        elif isinstance(transforms, list):
            if not all(isinstance(part, Transform) for part in transforms):
                raise ValueError("transforms must be a Transform or a list of Transforms")
            self.transforms = transforms
        else:
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        base, whole = base_distribution, ComposeTransform(self.transforms)
        shape, own = base.batch_shape + base.event_shape, len(base.event_shape)
        inner, outer = whole.domain.event_dim, whole.codomain.event_dim
        if len(shape) < inner:
            raise ValueError("base_distribution needs to have shape with size at least "
                             f"{inner}, but got {base_distribution}.")
        made = whole.forward_shape(shape)
        wanted = whole.inverse_shape(made)  # parameters of transforms may enlarge the batch
        if shape != wanted:
            base = base.expand(wanted[:len(wanted) - own])
        if inner > own:
            base = Independent(base, inner - own)
        self.base_dist = base
        cut = len(made) - max(outer, own + outer - inner)
        super().__init__(made[:cut], made[cut:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        """The distribution with a larger batch; see `Distribution.expand`."""
        made = super().expand(batch_shape, _instance)
        shape = made.batch_shape + made.event_shape
        for part in reversed(self.transforms):
            shape = part.inverse_shape(shape)
        made.base_dist = self.base_dist.expand(shape[:len(shape) - len(self.base_dist.event_shape)])
        made.transforms = self.transforms
        return made

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        """Where the last transform leads."""
        if not self.transforms:
            return self.base_dist.support
        found, dims = self.transforms[-1].codomain, len(self.event_shape)
        return constraints.independent(found, dims - found.event_dim) if dims > found.event_dim else found

    @property
    def has_rsample(self):
        """As the base distribution."""
        return self.base_dist.has_rsample

    def _transformed(self, x):
        for part in self.transforms:
            x = part(x)
        return x

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Transformed draws of the base distribution."""
        with fastnn.no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Transformed draws with gradients."""
        return self._transformed(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        """``log p(value)``"""
        y, dims, total = self._checked(value), len(self.event_shape), 0.0
        for part in reversed(self.transforms):
            x = part.inv(y)
            dims += part.domain.event_dim - part.codomain.event_dim
            total = total - _sum_rightmost(part.log_abs_det_jacobian(x, y), dims - part.domain.event_dim)
            y = x
        return total + _sum_rightmost(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def _rising(self, value):
        """A probability, or 1 less it where the transforms fall."""
        sign = 1
        for part in self.transforms:
            sign = sign * part.sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value):
        """The base's, at the inversely transformed value."""
        for part in reversed(self.transforms):
            value = part.inv(value)
        self.base_dist._checked(value)
        return self._rising(self.base_dist.cdf(value))

    def icdf(self, value):
        """The base's, transformed."""
        return self._transformed(self.base_dist.icdf(self._rising(value)))
