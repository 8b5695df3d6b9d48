"""Adamax."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_betas, check_lr, check_modes


class Adamax(Optimizer):
    """Adam with the largest gradient instead of the average square (Kingma & Ba 2015).

    With ``g = grad + weight_decay * p`` at step t: ``m = beta1 * m + (1 - beta1) * g``,
    ``u = max(beta2 * u, abs(g) + eps)``, ``p -= lr / (1 - beta1**t) * m / u``. Same as torch.optim.Adamax.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr : float or Tensor
        Default 2e-3.
    betas : (float, float)
        Default (0.9, 0.999).
    eps, weight_decay : float
        Default 1e-8 and 0.
    maximize : bool
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
    >>> optimizer = fastnn.optim.Adamax([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.8052, -1.8025])
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
