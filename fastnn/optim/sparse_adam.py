"""SparseAdam."""
from fastnn.optim.optimizer import Optimizer, check_betas, check_lr


class SparseAdam(Optimizer):
    """Adam for sparse gradients; gradients are dense here, which it refuses as PyTorch's does.

    Same as torch.optim.SparseAdam on dense gradients.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        As in `Optimizer`.
    lr : float
        Default 1e-3.
    betas : (float, float)
        Default (0.9, 0.999).
    eps : float
        Default 1e-8.
    maximize : bool

    Raises
    ------
    RuntimeError
        A step with gradients is made; the message names `Adam`.

    Examples
    --------
    >>> p = nn.Parameter(fastnn.ones(2))
    >>> p.sum().backward()
    >>> fastnn.optim.SparseAdam([p]).step()
    Traceback (most recent call last):
        ...
    RuntimeError: SparseAdam does not support dense gradients, please consider Adam instead
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        check_lr(lr)
        if not lr > 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def _update_group(self, group):
        if any(param.grad is not None for param in group["params"]):
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
