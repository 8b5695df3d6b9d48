"""NAdam."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_betas, check_lr, check_modes


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (torch.optim.NAdam).

    ``g = grad + weight_decay * p``; m and v as in `Adam`; ``mu(t) = beta1 * (1 - 0.5 * 0.96**(t * momentum_decay))``;
    ``M(t) = mu(1) * ... * mu(t)``; ``p -= lr * ((1 - mu(t)) / (1 - M(t)) * g + mu(t + 1) / (1 - M(t + 1)) * m)
    / (sqrt(v / (1 - beta2**t)) + eps)`` at step t. With `decoupled_weight_decay` ``p *= 1 - lr * weight_decay``
    replaces the decay in g.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr : float
    betas : (float, float)
    eps, weight_decay, momentum_decay : float
    decoupled_weight_decay, maximize : bool
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    capturable, differentiable : bool
        Only False.
    """

    _later_options = {"maximize": False, "foreach": None, "capturable": False, "differentiable": False,
                      "decoupled_weight_decay": False}

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
                 decoupled_weight_decay=False, *, foreach=None, maximize=False, capturable=False,
                 differentiable=False):
        check_lr(lr)
        check_at_least_zero(eps=eps)
        check_betas(betas)
        check_at_least_zero(weight_decay=weight_decay, momentum_decay=momentum_decay)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
                                  "maximize": maximize, "foreach": foreach, "capturable": capturable,
                                  "differentiable": differentiable})

    def _update_group(self, group):
        _update.nadam(group, self.state, self._plans)
