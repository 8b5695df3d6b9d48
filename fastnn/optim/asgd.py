"""ASGD."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class ASGD(Optimizer):
    """Averaged stochastic gradient descent (Polyak & Juditsky 1992).

    With ``g = grad + weight_decay * p``: ``p = (1 - lambd * eta) * p - eta * g``, and the state ``ax`` is the average
    of p, ``ax += (p - ax) * mu``. After step t ``eta = lr / (1 + lambd * lr * t)**alpha`` and
    ``mu = 1 / max(1, t - t0)``. Same as torch.optim.ASGD.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr, lambd, alpha, t0, weight_decay : float
        Default 1e-2, 1e-4, 0.75, 1e6 and 0; before step t0 the average is p itself.
    maximize : bool
    foreach : bool, optional
        Accepted, without effect: a step is one kernel call for all parameters.
    capturable, differentiable : bool
        False alone.

    Raises
    ------
    ValueError
        `lr` or `weight_decay` is negative.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.tensor([1.0, -2.0]))
    >>> optimizer = fastnn.optim.ASGD([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.6400, -1.2800])
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None, maximize=False,
                 differentiable=False, capturable=False):
        check_lr(lr)
        check_at_least_zero(weight_decay=weight_decay)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
                                  "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
                                  "capturable": capturable})

    def _update_group(self, group):
        _update.asgd(group, self.state, self._plans)
