"""RMSprop."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class RMSprop(Optimizer):
    """RMSprop (torch.optim.RMSprop).

    ``g = grad + weight_decay * p``; ``v = alpha * v + (1 - alpha) * g**2``; ``change = g / (sqrt(v) + eps)``, with
    `centered` ``v - mean**2`` under the root, mean the running average of g; ``b = momentum * b + change``;
    ``p -= lr * b``. A centered variance that rounding made negative counts as 0 (PyTorch: NaN).

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr, alpha, eps, weight_decay, momentum : float
    centered, maximize : bool
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    capturable, differentiable : bool
        Only False.
    """

    _later_options = {"momentum": 0, "centered": False, "foreach": None, "maximize": False, "differentiable": False,
                      "capturable": False}

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False,
                 capturable=False, foreach=None, maximize=False, differentiable=False):
        check_lr(lr)
        check_at_least_zero(eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
                                  "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
                                  "maximize": maximize, "differentiable": differentiable})

    def _update_group(self, group):
        _update.rmsprop(group, self.state, self._plans)
