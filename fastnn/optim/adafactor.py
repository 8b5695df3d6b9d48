"""Adafactor."""
from fastnn._tensor import Tensor
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_modes


class Adafactor(Optimizer):
    """Adafactor (torch.optim.Adafactor; Shazeer and Stern, 2018): the average square of a matrix' gradient is kept as
    its row and column means, and steps are as large as the parameters.

    ``w = t**beta2_decay`` at step t; ``row += w * (mean(g**2, -1) - row)``, ``col += w * (mean(g**2, -2) - col)``,
    ``v = row @ col / max(mean(row), eps[0])``, for vectors ``v += w * (g**2 - v)``;
    ``u = g / sqrt(max(v, eps[0]**2))``;
    ``p -= max(eps[1], rms(p)) * min(lr, 1 / sqrt(t)) / max(1, rms(u) / d) * u`` after ``p *= 1 - lr * weight_decay``.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr, beta2_decay : float
    eps : (float or None, float)
        None: the dtype's machine epsilon.
    d : float
        How large steps may get.
    weight_decay : float
    foreach : bool or None
        Accepted and of no effect: a step is one kernel call anyway.
    maximize : bool
    """

    _later_options = {"foreach": None}

    def __init__(self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, *, foreach=None,
                 maximize=False):
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value, good, bound in (("Learning rate", lr, lr >= 0, ">= 0"),
                                         ("beta2_decay", beta2_decay, beta2_decay <= 0, "<= 0"),
                                         ("epsilon1", eps[0], eps[0] is None or eps[0] >= 0, ">= 0"),
                                         ("epsilon2", eps[1], eps[1] >= 0, ">= 0"),
                                         ("Clipping threshold d", d, d >= 1, ">= 1"),
                                         ("weight_decay", weight_decay, weight_decay >= 0, ">= 0")):
            if not good:
                raise ValueError(f"{name} should be {bound} but is: {value}")
        check_modes(foreach)
        super().__init__(params, {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
                                  "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize})

    def _update_group(self, group):
        _update.adafactor(group, self.state)
