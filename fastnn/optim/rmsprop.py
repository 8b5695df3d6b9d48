"""RMSprop."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class RMSprop(Optimizer):
    """Steps divided by the root of a running average of squared gradients (Tieleman & Hinton 2012).

    With ``g = grad + weight_decay * p``: ``v = alpha * v + (1 - alpha) * g**2``, ``change = g / (sqrt(v) + eps)``, with
    `centered` ``v - mean**2`` under the root, mean the running average of g; ``b = momentum * b + change``,
    ``p -= lr * b``. A centered variance that rounding made negative counts as 0 (PyTorch: NaN). Otherwise same as
    torch.optim.RMSprop.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr, alpha, eps, weight_decay, momentum : float
        Default 1e-2, 0.99, 1e-8, 0 and 0.
    centered, maximize : bool
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
    >>> optimizer = fastnn.optim.RMSprop([p], lr=0.01)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.8329, -1.8309])
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
