"""Rprop."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_lr, check_modes


class Rprop(Optimizer):
    """Resilient backpropagation, for gradients of all data at once (Riedmiller & Braun 1993).

    Each element has a step size, initially `lr`. It is multiplied by ``etas[1]`` while the gradient keeps its sign, by
    ``etas[0]`` when the sign changes; then the element is not moved in this step. ``p -= sign(grad) * step_size``. Same
    as torch.optim.Rprop.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr : float
        Default 1e-2.
    etas : (float, float)
        Default (0.5, 1.2), below and above 1.
    step_sizes : (float, float)
        Least and largest step size; default (1e-6, 50).
    maximize : bool
    foreach : bool, optional
        Accepted, without effect: a step is one kernel call for all parameters.
    capturable, differentiable : bool
        False alone.

    Raises
    ------
    ValueError
        `lr` is negative, or `etas` are not below and above 1.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.tensor([1.0, -2.0]))
    >>> optimizer = fastnn.optim.Rprop([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.7800, -1.7800])
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(self, params, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), *, capturable=False, foreach=None,
                 maximize=False, differentiable=False):
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        check_modes(foreach, None, capturable, differentiable)
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
                                  "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def _update_group(self, group):
        _update.rprop(group, self.state, self._plans)
