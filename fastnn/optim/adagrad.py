"""Adagrad."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class Adagrad(Optimizer):
    """Adagrad (torch.optim.Adagrad).

    ``g = grad + weight_decay * p``; ``sum += g**2``;
    ``p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(sum) + eps)`` at step t.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr, lr_decay, weight_decay, eps : float
    initial_accumulator_value : float
        Where `sum` starts.
    maximize : bool
    foreach, fused : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    differentiable : bool
        Only False.
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10,
                 foreach=None, *, maximize=False, differentiable=False, fused=None):
        check_lr(lr)
        check_at_least_zero(lr_decay=lr_decay, weight_decay=weight_decay,
                            initial_accumulator_value=initial_accumulator_value, eps=eps)
        check_modes(foreach, fused, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
                                  "maximize": maximize, "differentiable": differentiable, "fused": fused})
        for group in self.param_groups:
            _update.init_adagrad(group, self.state)

    def _update_group(self, group):
        _update.adagrad(group, self.state, self._plans)
