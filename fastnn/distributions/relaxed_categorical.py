"""Continuous relaxations of one-hot categories."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.categorical import Categorical
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import ExpTransform
from fastnn.distributions.utils import broadcast_all, clamp_probs, uniform_of
from fastnn.dtypes import Size

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(Distribution):
    """The logarithms of `RelaxedOneHotCategorical`.

    Parameters
    ----------
    temperature : Tensor
    probs, logits : Tensor, optional
        One of both.
    validate_args : bool, optional
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _parts = {"_categorical": 0, "temperature": None}

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self._categorical, self.temperature = Categorical(probs, logits), temperature
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:],
                         validate_args=validate_args)

    param_shape = property(lambda self: self._categorical.param_shape)
    logits = property(lambda self: self._categorical.logits)
    probs = property(lambda self: self._categorical.probs)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with gradients, PyTorch's stream."""
        u = clamp_probs(uniform_of(self._extended_shape(sample_shape), self.logits))
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value):
        """``log p(value)``"""
        k = self._categorical._num_events
        logits, value = broadcast_all(self.logits, self._checked(value))
        score = logits - value * self.temperature
        score = (score - score.logsumexp(-1, keepdim=True)).sum(-1)
        return score + fastnn.full_like(self.temperature, float(k)).lgamma() + (k - 1) * self.temperature.log()


class RelaxedOneHotCategorical(TransformedDistribution):
    """Vectors of the sum 1 that come near to one-hot ones as the temperature falls (Maddison et al. 2017).

    ``x = softmax((logits - log(-log u)) / temperature)`` for u uniform

    Parameters
    ----------
    temperature : Tensor
    probs, logits : Tensor, optional
        One of both, (*batch, K), as of `Categorical`.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import RelaxedOneHotCategorical
    >>> RelaxedOneHotCategorical(fastnn.tensor(0.5), fastnn.ones(3)).rsample().sum()
    tensor(1.)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    _parts = {}

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        super().__init__(ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args),
                         ExpTransform(), validate_args=validate_args)

    temperature = property(lambda self: self.base_dist.temperature, doc="The temperature.")
    logits = property(lambda self: self.base_dist.logits, doc="The logarithms of the probabilities.")
    probs = property(lambda self: self.base_dist.probs, doc="The probabilities.")
