"""A schedule that follows a metric."""
import math
import warnings

from fastnn.optim.lr_scheduler.base import (EPOCH_IS_DEPRECATED, LRScheduler, check_optimizer, set_value, values_of)


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` when a metric has not improved for more than `patience` epochs.

    ``scheduler.step(metric)`` is called after each epoch. Same as torch.optim.lr_scheduler.ReduceLROnPlateau.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether a smaller or a larger metric is better.
    factor : float
        Less than 1; default 0.1.
    patience : int
        Default 10.
    threshold : float
        Default 1e-4.
    threshold_mode : {"rel", "abs"}
        Whether an improvement is at least `threshold` times the best metric so far, or at least `threshold`.
    cooldown : int
        Epochs after a reduction that are not counted; default 0.
    min_lr : float or list of float
        Least rate, for all groups or for each; default 0.
    eps : float
        Smaller changes of the rate are not made; default 1e-8.

    Raises
    ------
    ValueError
        `factor` is not below 1, a mode is unknown, or `min_lr` has another length than there are groups.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> rates = []
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 1.0):
    ...     scheduler.step(loss)
    ...     rates += scheduler.get_last_lr()
    >>> rates
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    def __init__(self, optimizer, mode="min", factor=0.1, patience=10, threshold=1e-4, threshold_mode="rel",
                 cooldown=0, min_lr=0, eps=1e-8):
        if factor >= 1.0:
            raise ValueError("Factor should be < 1.0.")
        check_optimizer(optimizer)
        self.factor = factor
        self.optimizer = optimizer
        groups = len(optimizer.param_groups)
        if isinstance(min_lr, (list, tuple)):
            if len(min_lr) != groups:
                raise ValueError(f"expected {groups} min_lrs, got {len(min_lr)}")
            self.default_min_lr = None
            self.min_lrs = list(min_lr)
        else:
            self.default_min_lr = min_lr
            self.min_lrs = [min_lr] * groups
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = values_of(optimizer, "lr")
        self._init_is_better(mode, threshold, threshold_mode)
        self._reset()

    def _reset(self):
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(self, metrics, epoch=None):
        """Take the metric of an epoch into account.

        Parameters
        ----------
        metrics : float or Tensor
        epoch : int, optional
            Deprecated: the epoch's number.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
        >>> scheduler = fastnn.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
        >>> scheduler.step(2.0), scheduler.step(2.0)
        (None, None)
        >>> scheduler.get_last_lr()
        [0.1]
        """
        current = float(metrics)
        if epoch is None:
            epoch = self.last_epoch + 1
        else:
            warnings.warn(EPOCH_IS_DEPRECATED, UserWarning, stacklevel=2)
        self.last_epoch = epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr(epoch)
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = values_of(self.optimizer, "lr")

    def _reduce_lr(self, epoch):
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(f"The number of param groups in the `optimizer` ({len(groups)}) differs from when "
                                   f"`ReduceLROnPlateau` was initialized ({len(self.min_lrs)}), usually due to a new "
                                   "param group being added to the optimizer. Please modify the `min_lrs` field to "
                                   "match the length of the `optimizer` param groups.")
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, least in zip(groups, self.min_lrs, strict=True):
            before = float(group["lr"])
            after = max(before * self.factor, least)
            if before - after > self.eps:
                set_value(group, "lr", after)

    @property
    def in_cooldown(self):
        """Whether epochs after a reduction are left that are not counted."""
        return self.cooldown_counter > 0

    def _is_better(self, value, best):
        margin = self.threshold
        if self.mode == "min":
            return value < (best * (1.0 - margin) if self.threshold_mode == "rel" else best - margin)
        return value > (best * (margin + 1.0) if self.threshold_mode == "rel" else best + margin)

    def _init_is_better(self, mode, threshold, threshold_mode):
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode

    def load_state_dict(self, state_dict):
        """Take over what `state_dict` returned."""
        self.__dict__.update(state_dict)
        self._init_is_better(self.mode, self.threshold, self.threshold_mode)
