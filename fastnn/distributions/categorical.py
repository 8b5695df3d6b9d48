"""The categorical distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import Odds
from fastnn.dtypes import Size

__all__ = ["Categorical"]


class Categorical(Odds, Distribution):
    """One of K categories, 0 ... K - 1, by given probabilities.

    ``P(k) = probs_k / sum(probs) = exp(logits_k) / sum(exp(logits))``

    Parameters
    ----------
    probs : Tensor, optional
        (*batch, K), not negative, not all 0; need not have the sum 1.
    logits : Tensor, optional
        (*batch, K); one of both must be given.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        Both or none of the parameters, or values that are no probabilities.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.distributions import Categorical
    >>> die = Categorical(fastnn.ones(6))
    >>> die.log_prob(fastnn.tensor(3)).exp()
    tensor(0.1667)
    >>> die.sample((1000,)).bincount().shape
    torch.Size([6])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _binary = False
    _parts = {"_given": 0, "_num_events": 0, "probs": 1, "logits": 1}

    def __init__(self, probs=None, logits=None, validate_args=None):
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._given, given = ("probs", probs) if logits is None else ("logits", logits)
        if given.dim() < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        """0 ... K - 1"""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self):
        """NaN: categories have no mean."""
        return fastnn.full(self._batch_shape, float("nan"), dtype=self._param.dtype)

    variance = mean

    @property
    def mode(self):
        """The likeliest category."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Categories, int64, (*sample_shape, *batch)."""
        shape = Size(sample_shape)
        with fastnn.no_grad():
            drawn = fastnn.multinomial(self.probs.detach().reshape(-1, self._num_events), shape.numel(), True)
            return drawn.t().reshape(self._extended_shape(shape))

    def log_prob(self, value):
        """``log P(value)`` for categories that broadcast against the batch."""
        value, logits = self._checked(value).long().unsqueeze(-1), self.logits
        if value.shape[:-1] != logits.shape[:-1]:
            value, logits = fastnn.broadcast_tensors(value, logits)
            value = value[..., :1]
        return logits.gather(-1, value).squeeze(-1)

    def entropy(self):
        """``-sum_k P(k) log P(k)``"""
        logits = self.logits.clamp(min=fastnn.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        """All categories, (K, *batch), or (K, 1, ..., 1) without `expand`."""
        return self._enumerated(fastnn.arange(self._num_events), expand)
