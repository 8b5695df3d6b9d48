"""Batches as events."""
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import _sum_rightmost
from fastnn.dtypes import Size

__all__ = ["Independent"]


class Independent(Distribution):
    """The last dimensions of a distribution's batch taken as dimensions of one event.

    ``log p(x) = sum of the base's log p over these dimensions``

    Parameters
    ----------
    base_distribution : Distribution
    reinterpreted_batch_ndims : int
        How many.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Independent, Normal
    >>> Independent(Normal(fastnn.zeros(2, 3), 1.0), 1).log_prob(fastnn.zeros(2, 3)).shape
    torch.Size([2])
    """

    arg_constraints = {}
    _parts = {"reinterpreted_batch_ndims": None}

    def __init__(self, base_distribution, reinterpreted_batch_ndims, validate_args=None):
        batch, count = base_distribution.batch_shape, reinterpreted_batch_ndims
        if count > len(batch):
            raise ValueError("Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                             f"{count} vs {len(batch)}")
        cut = len(batch) - count
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        super().__init__(batch[:cut], batch[cut:] + base_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        """The distribution with a larger batch; see `Distribution.expand`."""
        made = super().expand(batch_shape, _instance)
        made.base_dist = self.base_dist.expand(Size(batch_shape) + self.event_shape[:self.reinterpreted_batch_ndims])
        return made

    has_rsample = property(lambda self: self.base_dist.has_rsample, doc="As the base distribution.")
    mean = property(lambda self: self.base_dist.mean, doc="The base's.")
    mode = property(lambda self: self.base_dist.mode, doc="The base's.")
    variance = property(lambda self: self.base_dist.variance, doc="The base's.")

    @property
    def has_enumerate_support(self):
        """Only if no dimension of the batch is taken."""
        return self.reinterpreted_batch_ndims == 0 and self.base_dist.has_enumerate_support

    @constraints.dependent_property
    def support(self):
        """The base's, for all parts of an event."""
        found = self.base_dist.support
        return constraints.independent(found, self.reinterpreted_batch_ndims) if self.reinterpreted_batch_ndims \
            else found

    def sample(self, sample_shape=Size()):  # noqa: B008
        """The base's draws."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """The base's draws with gradients."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value):
        """The sum of the base's over the event."""
        return _sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self):
        """The sum of the base's over the event."""
        return _sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand=True):
        """The base's, if no dimension of the batch is taken."""
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand=expand)

    def __repr__(self):
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
