"""SparseAdam."""
from fastnn.dtypes import layout
from fastnn.optim import sparse_steps
from fastnn.optim.optimizer import Optimizer, check_betas, check_lr


class SparseAdam(Optimizer):
    """Adam for sparse gradients, of which it changes the rows that they name, and their averages, alone.

    Same as torch.optim.SparseAdam; an embedding with ``sparse=True`` has such gradients.

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
        A gradient is dense; the message names `Adam`.

    Examples
    --------
    >>> table = nn.Embedding.from_pretrained(fastnn.ones(3, 2), freeze=False, sparse=True)
    >>> table(fastnn.tensor([1])).sum().backward()
    >>> fastnn.optim.SparseAdam([table.weight], lr=0.5).step()
    >>> table.weight.detach()
    tensor([[1.0000, 1.0000],
            [0.5000, 0.5000],
            [1.0000, 1.0000]])
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        check_lr(lr)
        if not lr > 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        for group in self.param_groups:
            for param in group["params"]:
                if param.layout != layout("torch.strided"):
                    raise ValueError(f"SparseAdam requires dense parameter tensors, got one of layout {param.layout}")

    def _update_group(self, group):
        if any(param.grad is not None for param in group["params"]):
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")

    def _update_sparse(self, group, param):
        sparse_steps.adam(group, self.state[param], param)
