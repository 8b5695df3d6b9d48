"""Adadelta."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class Adadelta(Optimizer):
    """Adadelta (torch.optim.Adadelta; Zeiler, 2012).

    ``g = grad + weight_decay * p``; ``v = rho * v + (1 - rho) * g**2``; ``change = sqrt(u + eps) / sqrt(v + eps) * g``;
    ``u = rho * u + (1 - rho) * change**2``; ``p -= lr * change``.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr, rho, eps, weight_decay : float
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    maximize : bool
    capturable, differentiable : bool
        Only False.
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *, capturable=False,
                 maximize=False, differentiable=False):
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_at_least_zero(eps=eps, weight_decay=weight_decay)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
                                  "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def _update_group(self, group):
        _update.adadelta(group, self.state, self._plans)
