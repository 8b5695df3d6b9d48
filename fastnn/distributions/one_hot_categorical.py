"""One-hot vectors of categories."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.categorical import Categorical
from fastnn.distributions.distribution import Distribution
from fastnn.dtypes import Size
from fastnn.nn import functional as F

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(Distribution):
    """`Categorical` whose values are vectors of one 1 among zeros.

    ``P(x) = prod(p_k^x_k)``

    Parameters
    ----------
    probs : Tensor, optional
        (*batch, K), as of `Categorical`.
    logits : Tensor, optional
        (*batch, K); one of both must be given.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import OneHotCategorical
    >>> OneHotCategorical(fastnn.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True
    _parts = {"_categorical": 0}

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:],
                         validate_args=validate_args)

    _param = property(lambda self: self._categorical._param)
    probs = property(lambda self: self._categorical.probs, doc="The categories' probabilities.")
    logits = property(lambda self: self._categorical.logits, doc="Their logarithms.")
    mean = property(lambda self: self._categorical.probs, doc="The probabilities.")
    param_shape = property(lambda self: self._categorical.param_shape, doc="(*batch, K)")

    def _hot(self, categories):
        return F.one_hot(categories, self._event_shape[0]).to(self._param.dtype)

    @property
    def mode(self):
        """The likeliest category."""
        return self._hot(self.probs.argmax(-1))

    @property
    def variance(self):
        """``p (1 - p)``"""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """One-hot vectors, PyTorch's stream."""
        return self._hot(self._categorical.sample(sample_shape))

    def log_prob(self, value):
        """``log P(value)``"""
        return self._categorical.log_prob(self._checked(value).argmax(-1))

    def entropy(self):
        """The categories'."""
        return self._categorical.entropy()

    def enumerate_support(self, expand=True):
        """All one-hot vectors, (K, *batch, K)."""
        n = self._event_shape[0]
        values = fastnn.eye(n, dtype=self._param.dtype).reshape((n,) + (1,) * len(self._batch_shape) + (n,))
        return values.expand((n,) + self._batch_shape + (n,)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` whose draws pass gradients straight to the probabilities (Bengio et al. 2013).

    Parameters
    ----------
    probs, logits : Tensor, optional
        As of `OneHotCategorical`.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import OneHotCategoricalStraightThrough
    >>> OneHotCategoricalStraightThrough(fastnn.ones(3)).rsample().sum()
    tensor(1.)
    """

    has_rsample = True

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """One-hot vectors whose gradient is that of the probabilities."""
        probs = self._categorical.probs
        return self.sample(sample_shape) + (probs - probs.detach())
