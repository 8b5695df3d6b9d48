"""Rprop."""
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_lr, check_modes


class Rprop(Optimizer):
    """Resilient backpropagation, for gradients of all data at once (torch.optim.Rprop; Riedmiller and Braun, 1993).

    Every element has a step size, which starts at `lr`. It grows by ``etas[1]`` while the gradient keeps its sign;
    when the sign turns, it shrinks by ``etas[0]`` and the element waits a step. ``p -= sign(grad) * step_size``.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr : float
    etas : (float, float)
    step_sizes : (float, float)
        Smallest and largest.
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    maximize : bool
    capturable, differentiable : bool
        Only False.
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
