"""Adamax."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_betas, check_lr, check_modes


class Adamax(Optimizer):
    """Adamax: Adam with the largest gradient in place of the average square (torch.optim.Adamax).

    ``g = grad + weight_decay * p``; ``m = beta1 * m + (1 - beta1) * g``; ``u = max(beta2 * u, |g| + eps)``;
    ``p -= lr / (1 - beta1**t) * m / u`` at step t.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr : float
    betas : (float, float)
    eps, weight_decay : float
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    maximize : bool
    capturable, differentiable : bool
        Only False.
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None, *, maximize=False,
                 differentiable=False, capturable=False):
        check_lr(lr)
        check_at_least_zero(eps=eps)
        check_betas(betas)
        check_at_least_zero(weight_decay=weight_decay)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
                                  "capturable": capturable})

    def _update_group(self, group):
        _update.adamax(group, self.state, self._plans)
