"""Adafactor."""
from fastnn._tensor import Tensor
from fastnn.optim import _update
from fastnn.optim.optimizer import Optimizer, check_modes


class Adafactor(Optimizer):
    """Adam's second moments kept as row and column means; steps proportional to the parameters (Shazeer & Stern 2018).

    With ``g = grad`` and ``w = t**beta2_decay`` at step t: ``row += w * (mean(g**2, -1) - row)``,
    ``col += w * (mean(g**2, -2) - col)``, ``v = row @ col / max(mean(row), eps[0])``, of vectors
    ``v += w * (g**2 - v)``; ``u = g / sqrt(max(v, eps[0]**2))``; after ``p *= 1 - lr * weight_decay``
    ``p -= max(eps[1], rms(p)) * min(lr, 1 / sqrt(t)) / max(1, rms(u) / d) * u``. Same as torch.optim.Adafactor.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr, beta2_decay : float
        Default 1e-2 and -0.8.
    eps : (float or None, float)
        Default (None, 1e-3); None stands for the machine epsilon of the dtype.
    d : float
        Limit of the root mean square of u, at least 1.
    weight_decay : float
        Default 0.
    foreach : bool, optional
        Accepted, without effect: a step is one kernel call for all parameters.
    maximize : bool

    Raises
    ------
    ValueError
        An option is outside of its range.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.tensor([1.0, -2.0]))
    >>> optimizer = fastnn.optim.Adafactor([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     p.square().sum().backward()
    ...     optimizer.step()
    >>> p.detach()
    tensor([ 0.7098, -1.7038])
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
