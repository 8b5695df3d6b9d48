"""Continuous relaxations of the Bernoulli distribution."""
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.transformed_distribution import TransformedDistribution
from fastnn.distributions.transforms import SigmoidTransform
from fastnn.distributions.utils import Odds, broadcast_all, clamp_probs, uniform_of
from fastnn.dtypes import Size

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(Odds, Distribution):
    """The logits of `RelaxedBernoulli`.

    Parameters
    ----------
    temperature : Tensor
    probs, logits : Tensor or float, optional
        One of both.
    validate_args : bool, optional
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True
    _parts = {"_given": 0, "temperature": None, "probs": 0, "logits": 0}

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self.temperature = temperature
        super().__init__(self._take(probs, logits), validate_args=validate_args)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with gradients, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        probs, u = clamp_probs(self.probs.expand(shape)), clamp_probs(uniform_of(shape, self.probs))
        return (u.log() - (-u).log1p() + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value):
        """``log t + d - 2 log(1 + exp(d)), d = logits - t value``"""
        logits, value = broadcast_all(self.logits, self._checked(value))
        off = logits - value * self.temperature
        return self.temperature.log() + off - 2 * off.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers of (0, 1) that come near to Bernoulli's as the temperature falls (Maddison et al. 2017).

    ``x = sigmoid((logits + log u - log(1 - u)) / temperature)`` for u uniform

    Parameters
    ----------
    temperature : Tensor
    probs, logits : Tensor or float, optional
        One of both, as of `Bernoulli`.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import RelaxedBernoulli
    >>> RelaxedBernoulli(fastnn.tensor([0.5]), fastnn.tensor([0.5])).rsample().shape
    torch.Size([1])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _parts = {}

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(),
                         validate_args=validate_args)

    temperature = property(lambda self: self.base_dist.temperature, doc="The temperature.")
    logits = property(lambda self: self.base_dist.logits, doc="The logits.")
    probs = property(lambda self: self.base_dist.probs, doc="The probabilities.")
