"""Stochastic gradient descent."""
from fastnn.optim import _update, sparse_steps
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    With ``g = grad + weight_decay * p``: ``b = momentum * b + (1 - dampening) * g`` (first step: ``b = g``), then
    ``p -= lr * (g + momentum * b if nesterov else b)``; without momentum ``p -= lr * g``. Same as torch.optim.SGD
    (Sutskever et al. 2013).

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr, momentum, dampening, weight_decay : float
        Default 1e-3, 0, 0 and 0.
    nesterov : bool
        Whether Nesterov's momentum is used; needs a momentum and no dampening.
    maximize : bool
        Whether the objective is maximized.
    foreach, fused : bool, optional
        Accepted, without effect: a step is one kernel call for all parameters.
    differentiable : bool
        False alone.

    Raises
    ------
    ValueError
        An option is negative, or `nesterov` without momentum or with dampening.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.tensor([1.0, -2.0]))
    >>> optimizer = fastnn.optim.SGD([p], lr=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.5400, -1.0800])
    """

    _later_options = {"nesterov": False, "maximize": False, "foreach": None, "differentiable": False, "fused": False}

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False,
                 foreach=None, differentiable=False, fused=None):
        check_lr(lr)
        check_at_least_zero(momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_modes(foreach, fused, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                                  "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
                                  "differentiable": differentiable, "fused": fused})

    def _update_group(self, group):
        _update.sgd(group, self.state, self._plans)

    def _update_sparse(self, group, param):
        sparse_steps.sgd(group, self.state[param] if group["momentum"] else {}, param)
