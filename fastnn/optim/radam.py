"""RAdam."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_betas, check_lr, check_modes


class RAdam(Optimizer):
    """Rectified Adam (Liu et al. 2020).

    With ``g = grad + weight_decay * p`` at step t, m and v as in `Adam`, ``rho_inf = 2 / (1 - beta2) - 1`` and
    ``rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)``: ``p -= lr / (1 - beta1**t) * m`` while rho <= 5, afterwards
    that times ``sqrt(r * (1 - beta2**t)) / (sqrt(v) + eps)``,
    ``r = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)``. With `decoupled_weight_decay`
    ``p *= 1 - lr * weight_decay`` replaces the decay in g. Same as torch.optim.RAdam.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr : float or Tensor
        Default 1e-3.
    betas : (float, float)
        Default (0.9, 0.999).
    eps, weight_decay : float
        Default 1e-8 and 0.
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
    >>> optimizer = fastnn.optim.RAdam([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.6211, -1.2421])
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
