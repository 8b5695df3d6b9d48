"""Mixtures of distributions of one family."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.categorical import Categorical
from fastnn.distributions.distribution import Distribution
from fastnn.dtypes import Size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """One of K distributions of a family, chosen by a categorical one.

    ``p(x) = sum_k P(k) p_k(x)``

    Parameters
    ----------
    mixture_distribution : Categorical
        (*batch) over K components.
    component_distribution : Distribution
        Of the batch shape (*batch, K).
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Categorical, MixtureSameFamily, Normal
    >>> parts = Normal(fastnn.tensor([-1.0, 1.0]), fastnn.ones(2))
    >>> MixtureSameFamily(Categorical(fastnn.ones(2)), parts).variance
    tensor(2.)
    """

    arg_constraints = {}
    has_rsample = False
    _parts = {"_component_distribution": 1, "_mixture_distribution": 0, "_num_component": None,
              "_event_ndims": None}

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        mixed, batch = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for one, other in zip(reversed(mixed), reversed(batch)):
            if one != 1 and other != 1 and one != other:
                raise ValueError(f"`mixture_distribution.batch_shape` ({mixed}) is not compatible with "
                                 f"`component_distribution.batch_shape`({batch})")
        self._num_component = mixture_distribution.logits.shape[-1]
        count = component_distribution.batch_shape[-1]
        if self._num_component != count:
            raise ValueError(f"`mixture_distribution component` ({self._num_component}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({count})")
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(batch, component_distribution.event_shape, validate_args=validate_args)

    mixture_distribution = property(lambda self: self._mixture_distribution, doc="The categorical distribution.")
    component_distribution = property(lambda self: self._component_distribution, doc="The components.")

    @constraints.dependent_property
    def support(self):
        """The components'."""
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    def _weighted(self, values):
        """The sum over components, weighted by their probabilities."""
        probs = self._mixture_distribution.probs
        probs = probs.reshape(probs.shape + (1,) * self._event_ndims)
        return (probs * values).sum(-1 - self._event_ndims)

    @property
    def mean(self):
        """``sum_k P(k) mean_k``"""
        return self._weighted(self._component_distribution.mean)

    @property
    def variance(self):
        """``sum_k P(k) (variance_k + (mean_k - mean)^2)``"""
        mean = self.mean.unsqueeze(-1 - self._event_ndims)
        return (self._weighted(self._component_distribution.variance)
                + self._weighted((self._component_distribution.mean - mean).pow(2.0)))

    def cdf(self, x):
        """``sum_k P(k) cdf_k(x)``"""
        values = self._component_distribution.cdf(x.unsqueeze(-1 - self._event_ndims))
        return (values * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x):
        """``log sum_k P(k) p_k(x)``"""
        values = self._component_distribution.log_prob(self._checked(x).unsqueeze(-1 - self._event_ndims))
        return fastnn.logsumexp(values + fastnn.log_softmax(self._mixture_distribution.logits, -1), -1)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Draws of every component, of which one is taken; PyTorch's stream."""
        with fastnn.no_grad():
            axis, event = len(sample_shape) + len(self._batch_shape), self._event_shape
            chosen = self._mixture_distribution.sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            chosen = chosen.reshape(chosen.shape + (1,) * (len(event) + 1))
            chosen = chosen.expand(drawn.shape[:axis] + (1,) + event)
            return drawn.gather(axis, chosen).squeeze(axis)

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
