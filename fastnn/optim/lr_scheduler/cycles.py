"""Schedules that rise and fall, some with the momentum in the opposite direction."""
import math

from fastnn.optim.lr_scheduler.base import LRScheduler, check_optimizer, for_each_group, set_value, state_of_function


class _WithMomentum(LRScheduler):
    """Sets the momentum too: option "momentum", or the first of "betas"."""

    def _start_momentum(self, base, high, last_epoch):
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in defaults
        if last_epoch != -1:
            return
        for group, low, top in zip(self.optimizer.param_groups, base, high, strict=True):
            self._set_momentum(group, top)
            group["max_momentum"] = top
            group["base_momentum"] = low

    def _set_momentum(self, group, momentum):
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_WithMomentum):
    """Linear rises and falls between two rates, in cycles (Smith 2017).

    Same as torch.optim.lr_scheduler.CyclicLR.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or list of float
        Lower and upper rate, for all groups or for each.
    step_size_up : int
        Steps of a rise; default 2000.
    step_size_down : int, optional
        Steps of a fall; default as many.
    mode : {"triangular", "triangular2", "exp_range"}
        Cycles of equal height, of half the height each time, or of height ``gamma**step``.
    gamma : float
        Default 1.
    scale_fn : callable, optional
        Factor of the height instead of `mode`.
    scale_mode : {"cycle", "iterations"}
        Whether `scale_fn` gets the number of the cycle or of the step.
    cycle_momentum : bool
        Whether the momentum, or Adam's beta1, falls while the rate rises; default True.
    base_momentum, max_momentum : float or list of float
        Its limits; default 0.8 and 0.9.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Raises
    ------
    ValueError
        `mode` is unknown, the optimizer has no momentum, or a list has another length than there are groups.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, step_size_up=2, cycle_momentum=False)
    >>> rates = []
    >>> for _ in range(6):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [0.1, 0.3, 0.5, 0.3, 0.1, 0.3]
    """

    def __init__(self, optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None, mode="triangular",
                 gamma=1.0, scale_fn=None, scale_mode="cycle", cycle_momentum=True, base_momentum=0.8,
                 max_momentum=0.9, last_epoch=-1):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        base_lrs = for_each_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for rate, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", rate)
        self.max_lrs = for_each_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        down = up if step_size_down is None else float(step_size_down)
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        self._init_scale_fn()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums = for_each_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = for_each_group("max_momentum", optimizer, max_momentum)
            self._start_momentum(self.base_momentums, self.max_momentums, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _init_scale_fn(self):
        if self._scale_fn_custom is None:
            self.scale_mode = "iterations" if self.mode == "exp_range" else "cycle"

    def scale_fn(self, x):
        """Factor of the height in cycle x, or at step x."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return self.gamma ** x
        return 1.0 if self.mode == "triangular" else 1 / (2.0 ** (x - 1))

    def get_lr(self):
        """The rates of this step; sets the momentum."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        rise = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        rates = [low + (high - low) * rise * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums,
                                        strict=True):
                self._set_momentum(group, high - (high - low) * rise * scale)
        return rates

    def state_dict(self):
        """Everything but the optimizer; of `scale_fn` the attributes of a callable object."""
        state = super().state_dict()
        function = state.pop("_scale_fn_custom")
        state["_scale_fn_custom"] = None if function is None else state_of_function(function)
        return state

    def load_state_dict(self, state_dict):
        """Take over what `state_dict` returned."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_scale_fn_custom"})
        if state_dict["_scale_fn_custom"] is not None:
            self._scale_fn_custom.__dict__.update(state_dict["_scale_fn_custom"])
        self._init_scale_fn()


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to `eta_min`, then again from the initial rate, each time `T_mult` times as long.

    ``eta_min + (initial_lr - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2``, T_cur epochs after a restart, T_i epochs
    until the next. Same as torch.optim.lr_scheduler.CosineAnnealingWarmRestarts (Loshchilov & Hutter 2017).

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        Epochs until the first restart.
    T_mult : int
        Default 1.
    eta_min : float
        Default 0.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Raises
    ------
    ValueError
        `T_0` or `T_mult` is no positive integer.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> rates = []
    >>> for _ in range(7):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [1.0, 0.5, 1.0, 0.8536, 0.5, 0.1464, 1.0]
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):  # noqa: N803 (PyTorch's names)
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        return [self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
                for base in self.base_lrs]

    def step(self, epoch=None):
        """Set the rates of the next epoch, or of any, which may be a fraction.

        Parameters
        ----------
        epoch : float, optional

        Raises
        ------
        ValueError
            `epoch` is negative.

        Examples
        --------
        >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
        >>> scheduler = fastnn.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=4)
        >>> optimizer.step()
        >>> scheduler.step(2)
        >>> round(scheduler.get_last_lr()[0], 4)
        0.5
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        elif epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult ** restarts - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult ** restarts
        self.last_epoch = math.floor(epoch)
        with self._in_step():
            rates = self.get_lr()
        self._set(rates)


class OneCycleLR(_WithMomentum):
    """One rise from ``max_lr / div_factor`` to `max_lr`, and a fall to a fraction of the first rate.

    `step` is called after each batch. Same as torch.optim.lr_scheduler.OneCycleLR (Smith & Topin 2018).

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or list of float
        For all groups, or for each.
    total_steps : int, optional
        Steps of the cycle; default ``epochs * steps_per_epoch``.
    epochs, steps_per_epoch : int, optional
    pct_start : float
        Share of the steps that rise; default 0.3.
    anneal_strategy : {"cos", "linear"}
    cycle_momentum : bool
        Whether the momentum, or Adam's beta1, falls while the rate rises; default True.
    base_momentum, max_momentum : float or list of float
        Its limits; default 0.85 and 0.95.
    div_factor, final_div_factor : float
        The first rate is ``max_lr / div_factor``, the last ``max_lr / div_factor / final_div_factor``; default 25 and
        1e4.
    three_phase : bool
        Whether the fall is as fast as the rise and a third phase leads to the last rate.
    last_epoch : int
        -1 to begin (the default), or the epoch to resume after.

    Raises
    ------
    ValueError
        An option is outside of its range, the optimizer has no momentum, or there are more steps than `total_steps`.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=5, pct_start=0.4,
    ...                                                  anneal_strategy="linear", cycle_momentum=False)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(rate, 4) for rate in rates]
    [0.04, 1.0, 0.6667, 0.3333, 0.0]
    """

    def __init__(self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3,
                 anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0,
                 final_div_factor=1e4, three_phase=False, last_epoch=-1):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        given = ({"total_steps": total_steps} if total_steps is not None
                 else {"epochs": epochs, "steps_per_epoch": steps_per_epoch})
        for name, value in given.items():
            if value <= 0 or not isinstance(value, int):
                raise ValueError(f"Expected positive integer {name}, but got {value}")
        self.total_steps = math.prod(given.values())
        self._schedule_phases = self._phases(pct_start, three_phase)
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        max_lrs = for_each_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, max_lrs, strict=True):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            high = for_each_group("max_momentum", optimizer, max_momentum)
            self._start_momentum(for_each_group("base_momentum", optimizer, base_momentum), high, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _phases(self, up, three_phase):
        """Which options of the groups a phase leads from and to."""
        rates = ["initial_lr", "max_lr", "initial_lr", "min_lr"] if three_phase else ["initial_lr", "max_lr", "min_lr"]
        momentums = ["max_momentum", "base_momentum", "max_momentum", "max_momentum"]
        ends = [float(up * self.total_steps) - 1, self.total_steps - 1]
        if three_phase:
            ends.insert(1, float(2 * up * self.total_steps) - 2)
        return [{"end_step": end, "start_lr": rates[i], "end_lr": rates[i + 1], "start_momentum": momentums[i],
                 "end_momentum": momentums[i + 1]} for i, end in enumerate(ends)]

    def _between(self, start, end, share):
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
        return (end - start) * share + start

    def get_lr(self):
        """The rates of this step; sets the momentum."""
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        start = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        share = (step - start) / (phase["end_step"] - start)
        groups = self.optimizer.param_groups
        rates = [self._between(group[phase["start_lr"]], group[phase["end_lr"]], share) for group in groups]
        if self.cycle_momentum:
            for group in groups:
                self._set_momentum(group, self._between(group[phase["start_momentum"]], group[phase["end_momentum"]],
                                                        share))
        return rates
