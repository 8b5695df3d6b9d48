"""RAdam."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_betas, check_lr, check_modes


class RAdam(Optimizer):
    """Rectified Adam (torch.optim.RAdam; Liu et al., 2020).

    ``g = grad + weight_decay * p``; m and v as in `Adam`; ``rho_inf = 2 / (1 - beta2) - 1``;
    ``rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)``; ``p -= lr / (1 - beta1**t) * m`` while rho <= 5, later that
    times ``sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho) * (1 - beta2**t))
    / (sqrt(v) + eps)``. With `decoupled_weight_decay` ``p *= 1 - lr * weight_decay`` replaces the decay in g.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr : float
    betas : (float, float)
    eps, weight_decay : float
    decoupled_weight_decay, maximize : bool
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    capturable, differentiable : bool
        Only False.
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "decoupled_weight_decay": False,
                      "capturable": False}

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False, *,
                 foreach=None, maximize=False, capturable=False, differentiable=False):
        check_lr(lr)
        check_at_least_zero(eps=eps)
        check_betas(betas)
        check_at_least_zero(weight_decay=weight_decay)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize, "foreach": foreach, "capturable": capturable,
                                  "decoupled_weight_decay": decoupled_weight_decay,
                                  "differentiable": differentiable})

    def _update_group(self, group):
        _update.radam(group, self.state, self._plans)
