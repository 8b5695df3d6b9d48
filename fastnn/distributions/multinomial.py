"""The multinomial distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.binomial import Binomial
from fastnn.distributions.categorical import Categorical
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import broadcast_all
from fastnn.dtypes import Size

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """How often each of K categories comes in n draws.

    ``P(x) = n! / prod(x_k!) prod(p_k^x_k)``

    Parameters
    ----------
    total_count : int
        n
    probs : Tensor, optional
        (*batch, K), as of `Categorical`.
    logits : Tensor, optional
        (*batch, K); one of both must be given.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Multinomial
    >>> Multinomial(4, fastnn.ones(2)).log_prob(fastnn.tensor([2.0, 2.0])).exp()
    tensor(0.3750)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _parts = {"total_count": None, "_categorical": 0}

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:],
                         validate_args=validate_args)

    probs = property(lambda self: self._categorical.probs, doc="The categories' probabilities.")
    logits = property(lambda self: self._categorical.logits, doc="Their logarithms.")
    param_shape = property(lambda self: self._categorical.param_shape, doc="(*batch, K)")

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        """Counts of the sum n."""
        return constraints.multinomial(self.total_count)

    @property
    def mean(self):
        """``n p``"""
        return self.probs * self.total_count

    @property
    def variance(self):
        """``n p (1 - p)``"""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Counts of n categorical draws, PyTorch's stream."""
        with fastnn.no_grad():
            drawn = self._categorical.sample(Size((self.total_count,)) + Size(sample_shape))
            drawn = drawn.movedim(0, -1)
            counts = fastnn.zeros(self._extended_shape(sample_shape), dtype=self.mean.dtype)
            return counts.scatter_add(-1, drawn, fastnn.ones(drawn.shape, dtype=counts.dtype))

    def log_prob(self, value):
        """``log P(value)``"""
        logits, value = broadcast_all(self.logits, self._checked(value))
        logits = fastnn.where((value == 0) & (logits == -float("inf")), 0.0, logits)
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + (logits * value).sum(-1)

    def entropy(self):
        """``n H(p) - log n! + sum_k E log x_k!``"""
        n = fastnn.tensor(float(self.total_count), dtype=self.probs.dtype)
        counts = Binomial(self.total_count, probs=self.probs)
        values = counts.enumerate_support(expand=False)[1:]
        expected = (counts.log_prob(values).exp() * (values + 1).lgamma()).sum((0, -1))
        return n * self._categorical.entropy() - (n + 1).lgamma() + expected
