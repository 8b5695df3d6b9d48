"""Adagrad."""
from fastnn.optim import _update, sparse_steps
from fastnn.optim.optimizer import Optimizer, check_at_least_zero, check_lr, check_modes


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients (Duchi et al. 2011).

    With ``g = grad + weight_decay * p`` at step t: ``sum += g**2``,
    ``p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(sum) + eps)``. Same as torch.optim.Adagrad.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr, lr_decay, weight_decay, eps : float
        Default 1e-2, 0, 0 and 1e-10.
    initial_accumulator_value : float
        Initial value of `sum`; default 0.
    maximize : bool
    foreach, fused : bool, optional
        Accepted, without effect: a step is one kernel call for all parameters.
    differentiable : bool
        False alone.

    Raises
    ------
    ValueError
        An option is negative or outside of its range.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.tensor([1.0, -2.0]))
    >>> optimizer = fastnn.optim.Adagrad([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.8331, -1.8311])
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10,
                 foreach=None, *, maximize=False, differentiable=False, fused=None):
        check_lr(lr)
        check_at_least_zero(lr_decay=lr_decay, weight_decay=weight_decay,
                            initial_accumulator_value=initial_accumulator_value, eps=eps)
        check_modes(foreach, fused, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
                                  "maximize": maximize, "differentiable": differentiable, "fused": fused})
        for group in self.param_groups:
            _update.init_adagrad(group, self.state)

    def _update_group(self, group):
        _update.adagrad(group, self.state, self._plans)

    def _update_sparse(self, group, param):
        sparse_steps.adagrad(group, self.state[param], param)
