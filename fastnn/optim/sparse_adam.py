"""SparseAdam."""
from fastnn.optim.optimizer import Optimizer, check_betas, check_lr


class SparseAdam(Optimizer):
    """Adam for sparse gradients (torch.optim.SparseAdam). There are none here, and like PyTorch's it refuses dense
    ones, with the advice to take `Adam`.

    Parameters
    ----------
    params : iterable of Tensor or dict
    lr : float
    betas : (float, float)
    eps : float
    maximize : bool
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
