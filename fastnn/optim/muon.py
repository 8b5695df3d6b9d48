"""Muon."""
import math

from fastnn._tensor import Tensor
from fastnn.autograd.grad_mode import no_grad
from fastnn.optim.optimizer import Optimizer

MOST_STEPS = 100


class Muon(Optimizer):
    """Muon (torch.optim.Muon; Jordan et al., 2024): momentum whose step for a matrix is made nearly orthogonal.

    ``m += (1 - momentum) * (grad - m)``; ``u = grad + momentum * (m - grad)`` with `nesterov`, else ``m``;
    ``x = u / max(norm(u), eps)``, transposed if it has more rows than columns; `ns_steps` times
    ``s = x @ x.T; x = a * x + (b * s + c * s @ s) @ x`` (a Newton-Schulz iteration, which takes all singular values
    near 1); ``p *= 1 - lr * weight_decay``; ``p -= lr * ratio * x``.

    Parameters
    ----------
    params : iterable of Tensor or dict
        Matrices alone: weights of hidden layers. Biases and embeddings go to another optimizer.
    lr : float
    weight_decay : float
        Decoupled, as AdamW's.
    momentum : float
    nesterov : bool
    ns_coefficients : (float, float, float)
        a, b, c.
    eps : float
    ns_steps : int
        Below 100.
    adjust_lr_fn : {None, "original", "match_rms_adamw"}
        The ratio for a matrix (rows, columns): ``sqrt(max(1, rows / columns))``, which None means too, or
        ``0.2 * sqrt(max(rows, columns))``, with which learning rates found for AdamW fit (Liu et al., 2025).

    Raises
    ------
    ValueError
        A parameter is not a matrix, or an option is out of range.

    Notes
    -----
    PyTorch iterates in bfloat16, fastnn in the parameter's dtype: steps differ by that rounding, of about 1 %.

    Examples
    --------
    >>> weight = nn.Parameter(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> optimizer = fastnn.optim.Muon([weight], lr=0.1, weight_decay=0.0)
    >>> (weight ** 2).sum().backward()
    >>> optimizer.step()
    >>> (3 - weight[0, 0].item() > 0.05, 4 - weight[1, 1].item() > 0.05, weight[0, 1].item())
    (True, True, 0.0)
    """

    def __init__(self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
                 ns_coefficients=(3.4445, -4.7750, 2.0315), eps=1e-7, ns_steps=5, adjust_lr_fn=None):
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not 0.0 <= value:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
                                  "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
                                  "adjust_lr_fn": adjust_lr_fn})
        for group in self.param_groups:
            for param in group["params"]:
                if param.is_complex():
                    raise RuntimeError("Muon does not support complex parameters")
                if param.ndim != 2:
                    raise ValueError("Muon only supports 2D parameters whereas we found a parameter with size: "
                                     f"{param.size()}")

    @no_grad()
    def _update_group(self, group):
        lr, momentum = float(group["lr"]), group["momentum"]
        for param in group["params"]:
            if param.grad is None:
                continue
            grad, state = param.grad, self.state[param]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = grad.new_zeros(grad.shape)
            average = state["momentum_buffer"].lerp_(grad, 1 - momentum)
            step = orthogonal(grad.lerp(average, momentum) if group["nesterov"] else average,
                              group["ns_coefficients"], group["ns_steps"], group["eps"])
            param.mul_(1 - lr * group["weight_decay"])
            param.add_(step, alpha=-lr * ratio(group["adjust_lr_fn"], *param.shape))


def ratio(name, rows, columns):
    """What the learning rate is multiplied by for a matrix of this size."""
    if name == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


def orthogonal(x, coefficients, steps, eps):
    """A matrix with the singular vectors of `x` and singular values near 1."""
    if steps >= MOST_STEPS:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = x.t() if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        x = (gram @ gram).mul_(c).add_(gram, alpha=b) @ x + a * x
    return x.t() if tall else x
