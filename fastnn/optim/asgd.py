"""ASGD."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class ASGD(Optimizer):
    """Averaged stochastic gradient descent (torch.optim.ASGD; Polyak and Juditsky, 1992).

    ``g = grad + weight_decay * p``; ``p = (1 - lambd * eta) * p - eta * g``; the state ``ax`` is the average of p:
    ``ax += (p - ax) * mu``; ``eta = lr / (1 + lambd * lr * t)**alpha`` and ``mu = 1 / max(1, t - t0)`` for the step
    after step t.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr, lambd, alpha, t0, weight_decay : float
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    maximize : bool
    capturable, differentiable : bool
        Only False.
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None, maximize=False,
                 differentiable=False, capturable=False):
        check_lr(lr)
        check_at_least_zero(weight_decay=weight_decay)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
                                  "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
                                  "capturable": capturable})

    def _update_group(self, group):
        _update.asgd(group, self.state, self._plans)
