"""The categorical distribution."""
import fastnn
from fastnn.distributions.distribution import Distribution
from fastnn.dtypes import Size


class Categorical(Distribution):
    """The categorical distribution: one of K categories, 0 to K - 1.

    ``P(k) = probs_k / sum(probs) = exp(logits_k) / sum(exp(logits))``. Same as torch.distributions.Categorical.

    Parameters
    ----------
    probs : Tensor, shape (*batch, K), optional
        Not negative, not all 0; need not have the sum 1.
    logits : Tensor, shape (*batch, K), optional
        One of both must be given.
    validate_args : bool, optional
        Whether parameters and values are checked; default `Distribution.set_default_validate_args`, at first True.

    Raises
    ------
    ValueError
        Both or none of the parameters, or numbers that are no probabilities.

    Examples
    --------
    >>> from fastnn.distributions import Categorical
    >>> die = Categorical(fastnn.ones(6))
    >>> die.log_prob(fastnn.tensor(3)).exp()
    tensor(0.1667)
    >>> die.entropy().exp()
    tensor(6.0000)
    >>> die.sample((2, 4)).shape
    torch.Size([2, 4])
    """

    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        given = logits if probs is None else probs
        if given.dim() < 1:
            raise ValueError(f"`{'logits' if probs is None else 'probs'}` parameter must be at least one-dimensional.")
        super().__init__(given.shape[:-1], validate_args=validate_args)
        if self._validate_args:
            self._check(given, "logits" if probs is None else "probs")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = given.shape[-1]

    @staticmethod
    def _check(given, name):
        values = given.detach()
        if name == "probs":
            good = bool((values >= 0).all()) and bool((values.sum(-1) > 0).all())
        else:
            good = not bool(values.isnan().any())
        if not good:
            raise ValueError(f"Expected parameter {name} (Tensor of shape {tuple(given.shape)}) of distribution "
                             f"Categorical to be {'probabilities' if name == 'probs' else 'numbers'}, but found "
                             f"invalid values:\n{values}")

    def __getattr__(self, name):
        if name == "logits" and "probs" in self.__dict__:
            eps = fastnn.finfo(self.probs.dtype).eps
            self.logits = self.probs.clamp(eps, 1 - eps).log()
            return self.logits
        if name == "probs" and "logits" in self.__dict__:
            self.probs = self.logits.softmax(-1)
            return self.probs
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def _param(self):
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self):
        """(*batch, K)"""
        return self._param.shape

    @property
    def mean(self):
        """NaN: categories have no mean."""
        return fastnn.full(self._batch_shape, float("nan"), dtype=self._param.dtype)

    variance = mean

    @property
    def mode(self):
        """The most probable category."""
        return self.probs.argmax(-1)

    def expand(self, batch_shape, _instance=None):
        """The distribution with a larger batch, which shares memory.

        Parameters
        ----------
        batch_shape : Size

        Examples
        --------
        >>> Categorical(fastnn.ones(3)).expand((2,)).batch_shape
        torch.Size([2])
        """
        shape = Size(batch_shape)
        name = "probs" if "probs" in self.__dict__ else "logits"
        made = Categorical.__new__(type(self))
        Distribution.__init__(made, shape, validate_args=self._validate_args)
        made.__dict__[name] = self._param.expand(*shape, self._num_events)
        made._num_events = self._num_events
        return made

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Draws of categories, int64, (*sample_shape, *batch).

        Parameters
        ----------
        sample_shape : Size

        Examples
        --------
        >>> Categorical(fastnn.tensor([0.0, 1.0])).sample((3,))
        tensor([1, 1, 1])
        """
        shape = Size(sample_shape)
        with fastnn.no_grad():
            drawn = fastnn.multinomial(self.probs.detach().reshape(-1, self._num_events), shape.numel(), True)
            return drawn.t().reshape(self._extended_shape(shape))

    def log_prob(self, value):
        """``log P(value)``.

        Parameters
        ----------
        value : Tensor
            Categories, of a shape that broadcasts against the batch.

        Raises
        ------
        ValueError
            A number is no category.

        Examples
        --------
        >>> Categorical(fastnn.ones(4)).log_prob(fastnn.tensor([0, 3])).exp()
        tensor([0.2500, 0.2500])
        """
        if self._validate_args:
            self._validate_sample(value)
            if bool(((value < 0) | (value >= self._num_events) | (value != value.long())).any()):
                raise ValueError(f"Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the "
                                 f"support (IntegerInterval(lower_bound=0, upper_bound={self._num_events - 1})) of the "
                                 f"distribution {self!r}, but found invalid values:\n{value}")
        value, logits = fastnn.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self):
        """``-sum_k P(k) log P(k)``.

        Examples
        --------
        >>> Categorical(fastnn.ones(4)).entropy().exp()
        tensor(4.)
        """
        logits = self.logits.clamp(min=fastnn.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        """All categories, (K, *batch).

        Parameters
        ----------
        expand : bool
            False: (K, 1, ..., 1).

        Examples
        --------
        >>> Categorical(fastnn.ones(3)).enumerate_support()
        tensor([0, 1, 2])
        """
        values = fastnn.arange(self._num_events).reshape(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def __repr__(self):
        name = "probs" if "probs" in self.__dict__ else "logits"
        return f"Categorical({name}: {self._param.shape})"
