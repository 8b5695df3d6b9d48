"""Stochastic gradient descent."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class SGD(Optimizer):
    """Stochastic gradient descent with momentum (torch.optim.SGD).

    ``g = grad + weight_decay * p``; ``b = momentum * b + (1 - dampening) * g`` (first step: ``b = g``);
    ``p -= lr * (g + momentum * b if nesterov else b)``; without momentum ``p -= lr * g``.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr, momentum, dampening, weight_decay : float
    nesterov : bool
    maximize : bool
        Ascend instead.
    foreach, fused : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    differentiable : bool
        Only False.
    """

    _later_options = {"nesterov": False, "maximize": False, "foreach": None, "differentiable": False, "fused": False}

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False,
                 foreach=None, differentiable=False, fused=None):
        check_lr(lr)
        check_at_least_zero(momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_modes(foreach, fused, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                                  "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
                                  "differentiable": differentiable, "fused": fused})

    def _update_group(self, group):
        _update.sgd(group, self.state, self._plans)
