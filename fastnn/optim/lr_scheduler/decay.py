"""Schedules that only lower (or only raise) the rate: factors, steps, lines, powers, cosines."""
import math
from bisect import bisect_right
from collections import Counter

from fastnn.optim.lr_scheduler.base import LRScheduler, state_of_function


class _WithFunctions(LRScheduler):
    """The rates come from functions of the epoch, one for all groups or one for each."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.optimizer = optimizer
        groups = len(optimizer.param_groups)
        if not isinstance(lr_lambda, (list, tuple)):
            lr_lambda = [lr_lambda] * groups
        elif len(lr_lambda) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
        self.lr_lambdas = list(lr_lambda)
        self._check_functions()
        super().__init__(optimizer, last_epoch)

    def _check_functions(self):
        pass

    def state_dict(self):
        """Everything but the optimizer; of the functions the attributes of callable objects."""
        state = super().state_dict()
        del state["lr_lambdas"]
        state["lr_lambdas"] = [state_of_function(function) for function in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict):
        """Take over what `state_dict` returned; plain functions stay what they are."""
        self.__dict__.update({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for function, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=False):
            if attributes is not None:
                function.__dict__.update(attributes)


class LambdaLR(_WithFunctions):
    """``initial_lr * lr_lambda(epoch)``.

    Same as torch.optim.lr_scheduler.LambdaLR.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or list of callables
        The factor of an epoch; a list has one function for each group.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Raises
    ------
    ValueError
        A list has another length than there are groups.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 0.5, 0.25, 0.125]
    """

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        return [base * function(self.last_epoch)
                for function, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_WithFunctions):
    """The rate times ``lr_lambda(epoch)`` in each epoch.

    Same as torch.optim.lr_scheduler.MultiplicativeLR.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or list of callables
        The factor of an epoch; a list has one function for each group.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Raises
    ------
    TypeError
        `lr_lambda` cannot be called.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 1 / epoch)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 1.0, 0.5, 0.1667]
    """

    def _check_functions(self):
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        if self._is_initial:
            return self._same()
        return [group["lr"] * function(self.last_epoch)
                for function, group in zip(self.lr_lambdas, self.optimizer.param_groups, strict=True)]


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs.

    ``initial_lr * gamma**(epoch // step_size)``. Same as torch.optim.lr_scheduler.StepLR.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
    gamma : float
        Default 0.1.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._same()
        return self._times(self.gamma)

    def _get_closed_form_lr(self):
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """The rate times `gamma` at each milestone.

    Same as torch.optim.lr_scheduler.MultiStepLR.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        Epochs; one that is named twice counts twice.
    gamma : float
        Default 0.1.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3], gamma=0.5)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        if self.last_epoch not in self.milestones:
            return self._same()
        return self._times(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self):
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma ** passed for base in self.base_lrs]


class ConstantLR(LRScheduler):
    """``initial_lr * factor`` until epoch `total_iters`, then ``initial_lr``.

    Same as torch.optim.lr_scheduler.ConstantLR.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        In [0, 1]; default 1/3.
    total_iters : int
        Default 5.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Raises
    ------
    ValueError
        `factor` is not in [0, 1].

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [0.5, 0.5, 1.0, 1.0]
    """

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        if factor > 1.0 or factor < 0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        if self.last_epoch == 0:
            return self._times(self.factor)
        return self._times(1.0 / self.factor) if self.last_epoch == self.total_iters else self._same()

    def _get_closed_form_lr(self):
        return [base * (self.factor + (self.last_epoch >= self.total_iters) * (1 - self.factor))
                for base in self.base_lrs]


class LinearLR(LRScheduler):
    """``initial_lr`` times a factor that goes linearly from `start_factor` to `end_factor`.

    factor = start_factor + (end_factor - start_factor) * min(epoch, total_iters) / total_iters. Same as
    torch.optim.lr_scheduler.LinearLR.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor, end_factor : float
        In (0, 1] and [0, 1]; default 1/3 and 1.
    total_iters : int
        Default 5.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Raises
    ------
    ValueError
        A factor is outside of its range.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.")
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        if self.last_epoch == 0:
            return self._times(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._same()
        rise = self.end_factor - self.start_factor
        return self._times(1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def _get_closed_form_lr(self):
        rise = self.end_factor - self.start_factor
        return [base * (self.start_factor + rise * min(self.total_iters, self.last_epoch) / self.total_iters)
                for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """``initial_lr * gamma**epoch``.

    Same as torch.optim.lr_scheduler.ExponentialLR.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        return self._same() if self._is_initial else self._times(self.gamma)

    def _get_closed_form_lr(self):
        return [base * self.gamma ** self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """``initial_lr * (1 - min(epoch, total_iters) / total_iters)**power``.

    Same as torch.optim.lr_scheduler.PolynomialLR.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int
        Default 5.
    power : float
        Default 1.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=2.0)
    >>> rates = []
    >>> for _ in range(6):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._same()
        now, before = (1.0 - epoch / self.total_iters for epoch in (self.last_epoch, self.last_epoch - 1))
        return self._times((now / before) ** self.power)

    def _get_closed_form_lr(self):
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * left ** self.power for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """A cosine from the initial rate to `eta_min` in `T_max` epochs, and back.

    ``eta_min + (initial_lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2``. Same as
    torch.optim.lr_scheduler.CosineAnnealingLR (Loshchilov & Hutter 2017).

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
    eta_min : float
        Default 0.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    >>> rates = []
    >>> for _ in range(6):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.1464]
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):  # noqa: N803 (PyTorch's name)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        low, period, epoch = self.eta_min, self.T_max, self.last_epoch
        if self._is_initial:
            return self._same()
        if self._step_count == 1 and epoch > 0:
            return [low + (base - low) * (1 + math.cos(epoch * math.pi / period)) / 2 for base in self.base_lrs]
        if (epoch - 1 - period) % (2 * period) == 0:  # the factor below would divide by 0
            return [group["lr"] + (base - low) * (1 - math.cos(math.pi / period)) / 2
                    for base, group in zip(self.base_lrs, self.optimizer.param_groups, strict=True)]
        now, before = (1 + math.cos(math.pi * e / period) for e in (epoch, epoch - 1))
        return [now / before * (group["lr"] - low) + low for group in self.optimizer.param_groups]

    def _get_closed_form_lr(self):
        return [self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
                for base in self.base_lrs]
