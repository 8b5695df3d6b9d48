"""The base of distributions."""
import warnings

from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.distributions import constraints
from fastnn.distributions.utils import lazy_property
from fastnn.dtypes import Size


class Distribution:
    """A distribution over tensors of shape ``batch_shape + event_shape``.

    Parameters
    ----------
    batch_shape, event_shape : Size
    validate_args : bool, optional
        Check parameters and values; without it as `set_default_validate_args` says, at first True.

    Notes
    -----
    A subclass says what its parameters may be (``arg_constraints``), what its values are (``support``), and which
    attributes expand with the batch (``_parts``: their dimensions after the batch's, None for what stays as it is).

    Examples
    --------
    >>> from fastnn.distributions import Normal
    >>> Normal(fastnn.zeros(3), 1.0).expand((2, 3)).batch_shape
    torch.Size([2, 3])
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = True
    _parts = {}

    @staticmethod
    def set_default_validate_args(value):
        """Whether distributions that do not say check their arguments."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args=None):  # noqa: B008 (immutable)
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    def _validate_parameters(self):
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warnings.warn(f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                          "initialize the distribution with `validate_args=False` to turn off validation.",
                          stacklevel=4)
            return
        for name, constraint in wanted.items():
            lazy = name not in self.__dict__ and isinstance(getattr(type(self), name, None), lazy_property)
            if lazy or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                                 f"distribution {self!r} to satisfy the constraint {constraint!r}, but found invalid "
                                 f"values:\n{value}")

    @property
    def arg_constraints(self):
        """{parameter: constraint}"""
        raise NotImplementedError

    @property
    def support(self):
        """The constraint that values satisfy."""
        raise NotImplementedError

    @property
    def batch_shape(self):
        """The shape of the parameters' batch."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one draw."""
        return self._event_shape

    @property
    def mean(self):
        """The expectation."""
        raise NotImplementedError

    @property
    def mode(self):
        """The value of the highest probability or density."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self):
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self):
        """The standard deviation."""
        return self.variance.sqrt()

    def expand(self, batch_shape, _instance=None):
        """The distribution with a larger batch, whose parameters share memory.

        Parameters
        ----------
        batch_shape : Size
        _instance : Distribution, optional
            What a subclass with an ``__init__`` of its own fills.
        """
        kind = next((kind for kind in type(self).__mro__ if "_parts" in vars(kind)), Distribution)
        if kind is Distribution:
            raise NotImplementedError
        made = self._get_checked_instance(kind, _instance)
        shape = Size(batch_shape)
        for name, dims in kind._parts.items():
            if name not in self.__dict__:
                continue
            value = self.__dict__[name]
            if dims is None:
                pass
            elif isinstance(value, Tensor):
                value = value.expand(shape + value.shape[value.dim() - dims:])
            elif isinstance(value, Distribution):
                value = value.expand(shape + value.batch_shape[len(value.batch_shape) - dims:])
            setattr(made, name, value)
        Distribution.__init__(made, shape, self._event_shape, validate_args=False)
        made._validate_args = self._validate_args
        return made

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Draws, (*sample_shape, *batch_shape, *event_shape), without gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with gradients of the parameters, where a distribution has them."""
        raise NotImplementedError(f"{type(self).__name__}.rsample: draws of this distribution have no gradient")

    def sample_n(self, n):
        """``sample((n,))``"""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", FutureWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def log_prob(self, value):
        """The logarithm of the density or probability at `value`."""
        raise NotImplementedError(f"{type(self).__name__} defines no log_prob")

    def cdf(self, value):
        """The probability of at most `value`."""
        raise NotImplementedError(f"{type(self).__name__} defines no cdf")

    def icdf(self, value):
        """The inverse of `cdf`."""
        raise NotImplementedError(f"{type(self).__name__} defines no icdf")

    def enumerate_support(self, expand=True):
        """All values of a discrete distribution, along a new first dimension; with `expand` for the whole batch."""
        raise NotImplementedError(f"{type(self).__name__} has no finite support")

    def entropy(self):
        """The expectation of ``-log_prob``."""
        raise NotImplementedError(f"{type(self).__name__} defines no entropy")

    def perplexity(self):
        """``exp(entropy)``"""
        return self.entropy().exp()

    def _enumerated(self, values, expand):
        values = values.reshape((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + self._batch_shape) if expand else values

    def _extended_shape(self, sample_shape=Size()):  # noqa: B008
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value):
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        start = value.dim() - len(self._event_shape)
        if value.shape[max(start, 0):] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {value.shape} vs "
                             f"{self._event_shape}.")
        wanted = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(wanted)):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {wanted}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(f"{self.__class__} does not define `support` to enable sample validation. Please initialize "
                          "the distribution with `validate_args=False` to turn off validation.", stacklevel=3)
            return
        if not bool(support.check(value).all()):
            raise ValueError(f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be "
                             f"within the support ({support!r}) of the distribution {self!r}, but found invalid "
                             f"values:\n{value}")

    def _checked(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return value

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom "
                                      "__init__ method must also define a custom .expand() method.")
        return type(self).__new__(type(self)) if _instance is None else _instance

    def __repr__(self):
        known = ((name, self.__dict__[name]) for name in self.arg_constraints if name in self.__dict__)
        return (f"{type(self).__name__}("
                + ", ".join(f"{name}: {value if value.numel() == 1 else value.shape}" for name, value in known) + ")")
