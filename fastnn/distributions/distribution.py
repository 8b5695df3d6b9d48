"""The base class of distributions."""
from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.dtypes import Size


class Distribution:
    """Base class of distributions over tensors of shape ``batch_shape + event_shape``.

    Subclasses define ``sample`` or ``rsample``, ``log_prob`` and ``entropy``. Same as
    torch.distributions.Distribution.

    Parameters
    ----------
    batch_shape, event_shape : Size
    validate_args : bool, optional
        Whether parameters and values are checked; default `set_default_validate_args`, at first True.

    Examples
    --------
    >>> from fastnn.distributions import Categorical, Distribution
    >>> coins = Categorical(fastnn.ones(3, 2))
    >>> isinstance(coins, Distribution), coins.batch_shape, coins.event_shape
    (True, torch.Size([3]), torch.Size([]))
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = True

    @staticmethod
    def set_default_validate_args(value):
        """Set whether distributions check their arguments by default.

        Parameters
        ----------
        value : bool

        Raises
        ------
        ValueError
            It is no bool.

        Examples
        --------
        >>> Distribution.set_default_validate_args(True)
        """
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args=None):  # noqa: B008 (immutable)
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args

    @property
    def batch_shape(self):
        """The shape of the parameters' batch."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one draw."""
        return self._event_shape

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Draws (*sample_shape, *batch_shape, *event_shape) without gradient.

        Parameters
        ----------
        sample_shape : Size
        """
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws through which gradients of the parameters flow, where a distribution has them.

        Parameters
        ----------
        sample_shape : Size

        Raises
        ------
        NotImplementedError
            It has none.
        """
        raise NotImplementedError(f"{type(self).__name__}.rsample: draws of this distribution have no gradient")

    def log_prob(self, value):
        """The logarithm of the density or probability.

        Parameters
        ----------
        value : Tensor
        """
        raise NotImplementedError(f"{type(self).__name__} defines no log_prob")

    @property
    def stddev(self):
        """The standard deviation."""
        return self.variance.sqrt()

    def perplexity(self):
        """``exp(entropy)``"""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape=Size()):  # noqa: B008
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value):
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        wanted = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(wanted)):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {wanted}.")
