"""Averages of a model's weights over training, under the names of torch.optim.swa_utils."""
import copy
import itertools
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.autograd import no_grad
from fastnn.nn import Module
from fastnn.nn.modules.batchnorm import _BatchNorm
from fastnn.optim.lr_scheduler.base import LRScheduler, for_each_group

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
           "get_swa_multi_avg_fn", "update_bn"]


def _check_decay(decay):
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay=0.999):
    """Exponential moving average for `AveragedModel`: average = decay * average + (1 - decay) * parameter.

    Same as torch.optim.swa_utils.get_ema_avg_fn.

    Parameters
    ----------
    decay : float
        In [0, 1]; default 0.999.

    Returns
    -------
    callable
        ``f(average, parameter, num_averaged)``, the new average.

    Examples
    --------
    >>> average = fastnn.optim.swa_utils.get_ema_avg_fn(0.5)
    >>> average(fastnn.tensor([2.0]), fastnn.tensor([4.0]), 1)
    tensor([3.])
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param
    return ema_update


def get_swa_avg_fn():
    """Mean of all parameters so far for `AveragedModel`: average + (parameter - average) / (num_averaged + 1).

    Same as torch.optim.swa_utils.get_swa_avg_fn.

    Returns
    -------
    callable
        ``f(average, parameter, num_averaged)``, the new average.

    Examples
    --------
    >>> average = fastnn.optim.swa_utils.get_swa_avg_fn()
    >>> average(fastnn.tensor([2.0]), fastnn.tensor([5.0]), 2)
    tensor([3.])
    """
    @no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)
    return swa_update


def _move_all(averages, currents, weight):
    for average, current in zip(averages, currents, strict=True):
        if average.is_floating_point():
            average.lerp_(current, weight)
        else:
            average.copy_(average * (1 - weight) + current * weight)


def get_ema_multi_avg_fn(decay=0.999):
    """`get_ema_avg_fn` for lists of tensors, which are changed in place.

    Parameters
    ----------
    decay : float
        In [0, 1]; default 0.999.

    Returns
    -------
    callable
        ``f(averages, parameters, num_averaged)``.

    Examples
    --------
    >>> averages = [fastnn.tensor([2.0])]
    >>> fastnn.optim.swa_utils.get_ema_multi_avg_fn(0.5)(averages, [fastnn.tensor([4.0])], 1)
    >>> averages
    [tensor([3.])]
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list, current_param_list, num_averaged):
        _move_all(ema_param_list, current_param_list, 1 - decay)
    return ema_update


def get_swa_multi_avg_fn():
    """`get_swa_avg_fn` for lists of tensors, which are changed in place.

    Returns
    -------
    callable
        ``f(averages, parameters, num_averaged)``.

    Examples
    --------
    >>> averages = [fastnn.tensor([2.0])]
    >>> fastnn.optim.swa_utils.get_swa_multi_avg_fn()(averages, [fastnn.tensor([5.0])], fastnn.tensor(2))
    >>> averages
    [tensor([3.])]
    """
    @no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        _move_all(averaged_param_list, current_param_list, 1 / (float(num_averaged) + 1))
    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages over training (Izmailov et al. 2018).

    Same as torch.optim.swa_utils.AveragedModel.

    Parameters
    ----------
    model : Module
    device : optional
        The CPU.
    avg_fn : callable, optional
        ``avg_fn(average, parameter, num_averaged)``, the new average; default the mean.
    multi_avg_fn : callable, optional
        The same for lists, in place.
    use_buffers : bool
        Whether buffers are averaged too; otherwise they are copied.

    Raises
    ------
    AssertionError
        Both functions are given.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> averaged = fastnn.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = model.weight.data.fill_(value)
    ...     averaged.update_parameters(model)
    >>> averaged(fastnn.ones(1, 1)).item()
    3.0
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", from_array(np.array(0)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """Output of the averaged model."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model):
        """Add the model's parameters to the averages; the first time they are copied.

        Parameters
        ----------
        model : Module

        Examples
        --------
        >>> model = nn.Linear(1, 1)
        >>> averaged = fastnn.optim.swa_utils.AveragedModel(model)
        >>> averaged.update_parameters(model)
        >>> averaged.n_averaged
        tensor(1)
        """
        own, other = ([tensor.detach() for tensor in itertools.chain(m.parameters(), m.buffers() if self.use_buffers
                                                                     else ())] for m in (self.module, model))
        pairs = list(zip(own, other, strict=False))
        if self.n_averaged == 0:
            for average, current in pairs:
                average.copy_(current)
        elif self.multi_avg_fn is not None:
            for dtype in dict.fromkeys(average.dtype for average, _ in pairs):
                averages, currents = zip(*(pair for pair in pairs if pair[0].dtype == dtype), strict=True)
                self.multi_avg_fn(list(averages), list(currents), self.n_averaged)
        else:
            average_of = self.avg_fn or get_swa_avg_fn()
            for average, current in pairs:
                average.copy_(average_of(average, current, self.n_averaged))
        if not self.use_buffers:
            for average, current in zip(self.module.buffers(), model.buffers(), strict=True):
                average.detach().copy_(current.detach())
        self.n_averaged += 1


@no_grad()
def update_bn(loader, model, device=None):
    """Compute the running statistics of batch normalization anew, from all batches of a loader.

    Same as torch.optim.swa_utils.update_bn.

    Parameters
    ----------
    loader : iterable
        Of inputs, or of tuples that begin with inputs.
    model : Module
    device : optional
        The CPU.

    Examples
    --------
    >>> model = nn.BatchNorm1d(1)
    >>> fastnn.optim.swa_utils.update_bn([fastnn.tensor([[1.0], [3.0]]), fastnn.tensor([[5.0], [7.0]])], model)
    >>> model.running_mean
    tensor([4.])
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches
    training = model.training
    model.train()
    for batch in loader:
        inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(inputs if device is None else inputs.to(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """Learning rates from the present ones to `swa_lr`, then constant.

    Same as torch.optim.swa_utils.SWALR.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of float
        For all groups, or for each.
    anneal_epochs : int
        Epochs of the change; default 10.
    anneal_strategy : {"cos", "linear"}
    last_epoch : int
        As in `LRScheduler`.

    Raises
    ------
    ValueError
        An option is outside of its range, or a list has another length than there are groups.

    Examples
    --------
    >>> optimizer = fastnn.optim.SGD([nn.Parameter(fastnn.ones(1))], lr=1.0)
    >>> scheduler = fastnn.optim.swa_utils.SWALR(optimizer, 0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> for _ in range(3):
    ...     optimizer.step(); scheduler.step(); print(scheduler.get_last_lr())
    [0.75]
    [0.5]
    [0.5]
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        for group, rate in zip(optimizer.param_groups, for_each_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t):
        """Share of the change that is done after the share t of the epochs."""
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def _share(self, step):
        return self.anneal_func(max(0, min(1, step / max(1, self.anneal_epochs))))

    def get_lr(self):
        """The rates of this epoch."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            rate, target = group["lr"], group["swa_lr"]
            first = target if before == 1 else (rate - before * target) / (1 - before)
            rates.append(target * now + first * (1 - now))
        return rates
