"""Adadelta."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class Adadelta(Optimizer):
    """Steps scaled by averages of squared steps and squared gradients (Zeiler 2012).

    With ``g = grad + weight_decay * p``: ``v = rho * v + (1 - rho) * g**2``,
    ``change = sqrt(u + eps) / sqrt(v + eps) * g``, ``u = rho * u + (1 - rho) * change**2``, ``p -= lr * change``. Same
    as torch.optim.Adadelta.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr, rho, eps, weight_decay : float
        Default 1, 0.9, 1e-6 and 0; rho is in [0, 1].
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
    >>> optimizer = fastnn.optim.Adadelta([p], lr=1.0)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.9936, -1.9936])
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *, capturable=False,
                 maximize=False, differentiable=False):
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_at_least_zero(eps=eps, weight_decay=weight_decay)
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
                                  "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def _update_group(self, group):
        _update.adadelta(group, self.state, self._plans)
