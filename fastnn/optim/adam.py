"""Adam and AdamW."""
from fastnn._tensor import Tensor
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_betas, check_lr, check_modes


class Adam(Optimizer):
    """Adam, and AMSGrad (torch.optim.Adam).

    ``g = grad + weight_decay * p``; ``m = beta1 * m + (1 - beta1) * g``; ``v = beta2 * v + (1 - beta2) * g**2``;
    ``p -= lr / (1 - beta1**t) * m / (sqrt(v / (1 - beta2**t)) + eps)`` at step t; with `amsgrad` the largest v so far
    takes v's place, with `decoupled_weight_decay` ``p *= 1 - lr * weight_decay`` replaces the decay in g.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr : float
    betas : (float, float)
    eps, weight_decay : float
    amsgrad, maximize, decoupled_weight_decay : bool
    foreach, fused : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    capturable, differentiable : bool
        Only False.
    """

    _later_options = {"amsgrad": False, "maximize": False, "foreach": None, "capturable": False,
                      "differentiable": False, "fused": None, "decoupled_weight_decay": False}

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, foreach=None,
                 maximize=False, capturable=False, differentiable=False, fused=None, decoupled_weight_decay=False):
        check_lr(lr)
        check_at_least_zero(eps=eps)
        check_betas(betas)
        check_at_least_zero(weight_decay=weight_decay)
        if not (all(isinstance(beta, float) for beta in betas) or all(isinstance(beta, Tensor) for beta in betas)):
            raise ValueError("betas must be either both floats or both Tensors")
        for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
            if isinstance(value, Tensor) and foreach and not capturable:
                raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
            if isinstance(value, Tensor) and value.numel() != 1:
                raise ValueError(f"Tensor {name} must be 1-element")
        check_modes(foreach, fused, capturable, differentiable)
        super().__init__(params, {"lr": lr, "betas": tuple(map(float, betas)), "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach,
                                  "capturable": capturable, "differentiable": differentiable, "fused": fused,
                                  "decoupled_weight_decay": decoupled_weight_decay})

    def _update_group(self, group):
        _update.adam(group, self.state, self._plans)


class AdamW(Adam):
    """Adam with decoupled weight decay (torch.optim.AdamW): ``p *= 1 - lr * weight_decay``, then Adam's step.

    Parameters are those of `Adam`; `weight_decay` defaults to 0.01.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *,
                 maximize=False, foreach=None, capturable=False, differentiable=False, fused=None):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused,
                         decoupled_weight_decay=True)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
