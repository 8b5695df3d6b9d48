"""NAdam."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_betas, check_lr, check_modes


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016).

    With ``g = grad + weight_decay * p`` at step t, m and v as in `Adam`,
    ``mu(t) = beta1 * (1 - 0.5 * 0.96**(t * momentum_decay))`` and ``M(t) = mu(1) * ... * mu(t)``:
    ``p -= lr * ((1 - mu(t)) / (1 - M(t)) * g + mu(t + 1) / (1 - M(t + 1)) * m) / (sqrt(v / (1 - beta2**t)) + eps)``.
    With `decoupled_weight_decay` ``p *= 1 - lr * weight_decay`` replaces the decay in g. Same as torch.optim.NAdam.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr : float or Tensor
        Default 2e-3.
    betas : (float, float)
        Default (0.9, 0.999).
    eps, weight_decay, momentum_decay : float
        Default 1e-8, 0 and 4e-3.
    decoupled_weight_decay, maximize : bool
    foreach : bool, optional
        Accepted, without effect: a step is one kernel call for all parameters.
    capturable, differentiable : bool
        False alone.

    Raises
    ------
    ValueError
        An option is negative or outside of its range.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.tensor([1.0, -2.0]))
    >>> optimizer = fastnn.optim.NAdam([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.8200, -1.8179])
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
