"""The base class of schedulers."""
import contextlib
import functools
import types
import warnings
import weakref

from fastnn._tensor import Tensor
from fastnn.optim.optimizer import Optimizer

HOW_TO = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
EPOCH_IS_DEPRECATED = ("The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
                       "possible. Please use `scheduler.step()` to step the scheduler. If epoch is given, the closed "
                       "form is used instead of the new chainable form, where available.")


def values_of(optimizer, key):
    """The groups' options `key`; tensors as copies, since the optimizer changes its own."""
    return [copied(group[key]) for group in optimizer.param_groups]


def copied(value):
    return value.clone() if isinstance(value, Tensor) else value


def set_value(group, key, value):
    """Set an option; a tensor stays that tensor and gets a new value."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


def for_each_group(name, optimizer, value):
    """A list with an entry for each group, from such a list or from one value for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [copied(value) for _ in range(groups)]
    if len(value) != groups:
        raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
                         f"param_groups has {groups}.")
    return [copied(item) for item in value]


def check_optimizer(optimizer):
    """TypeError unless it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def state_of_function(function):
    """What a state_dict keeps of a user's function: the attributes of a callable object, nothing of a function."""
    return None if isinstance(function, types.FunctionType) else function.__dict__.copy()


def note_steps(optimizer):
    """Make the optimizer's `step` leave a note that it was called."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    function, owner = optimizer.step.__func__, weakref.ref(optimizer)

    @functools.wraps(function)
    def step(*args, **kwargs):
        own = owner()
        own._opt_called = True
        return function(own, *args, **kwargs)
    step._wrapped_by_lr_sched = True
    optimizer.step = step


class LRScheduler:
    """Base class of schedulers.

    A subclass defines ``get_lr()``, the rates of all groups for ``self.last_epoch``, and perhaps
    ``_get_closed_form_lr()``, the same without the present rates. Same as torch.optim.lr_scheduler.LRScheduler.

    Parameters
    ----------
    optimizer : Optimizer
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after; then the groups must hold "initial_lr".

    Raises
    ------
    TypeError
        `optimizer` is no Optimizer.
    KeyError
        A group lacks "initial_lr" when resuming.

    Examples
    --------
    >>> class Halved(fastnn.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [rate / 2**self.last_epoch for rate in self.base_lrs]
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = Halved(optimizer)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer, last_epoch=-1):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                               f"last_epoch >= 0: load the optimizer's state first, or begin with last_epoch=-1")
        self.base_lrs = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        note_steps(optimizer)
        self._initial_step()

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self):
        """All attributes but the optimizer.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
        >>> fastnn.optim.lr_scheduler.StepLR(optimizer, 2).state_dict()["step_size"]
        2
        """
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict):
        """Restore what `state_dict` returned.

        Parameters
        ----------
        state_dict : dict
        """
        self.__dict__.update(state_dict)

    def get_last_lr(self):
        """The rates that the last step set, one for each group.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
        >>> fastnn.optim.lr_scheduler.StepLR(optimizer, 2).get_last_lr()
        [1.0]
        """
        return self._last_lr

    def get_lr(self):
        """The rates for ``self.last_epoch``, which `step` calls; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__}: get_lr is not implemented")

    def step(self, epoch=None):
        """Set the rates of the next epoch.

        Parameters
        ----------
        epoch : int, optional
            Deprecated: the epoch to go to.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
        >>> scheduler = fastnn.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
                warnings.warn("Seems like `optimizer.step()` has been overridden after learning rate scheduler "
                              "initialization. Please, make sure to call `optimizer.step()` before "
                              f"`lr_scheduler.step()`. {HOW_TO}", UserWarning, stacklevel=2)
            elif not getattr(self.optimizer, "_opt_called", False):
                warnings.warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`: in the opposite order "
                              f"the first value of the schedule is used too. {HOW_TO}", UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_IS_DEPRECATED, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch=None):
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        with self._in_step():
            if epoch is not None and hasattr(self, "_get_closed_form_lr"):
                rates = self._get_closed_form_lr()
            else:
                rates = self.get_lr()
        self._set(rates)

    def _set(self, rates):
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_value(group, "lr", rate)
        self._last_lr = values_of(self.optimizer, "lr")

    @contextlib.contextmanager
    def _in_step(self):
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _warn_outside_step(self):
        if not self._get_lr_called_within_step:
            warnings.warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                          UserWarning, stacklevel=3)

    # ---- helpers of get_lr ----

    def _same(self):
        return values_of(self.optimizer, "lr")

    def _times(self, factor):
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class _LRScheduler(LRScheduler):
    """Former name of the base class `LRScheduler`, from which programs derive.

    Parameters
    ----------
    optimizer, last_epoch
        As in `LRScheduler`.

    Examples
    --------
    >>> issubclass(fastnn.optim.lr_scheduler._LRScheduler, fastnn.optim.lr_scheduler.LRScheduler)
    True
    """
