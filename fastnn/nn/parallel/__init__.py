"""``torch.nn.parallel``: data-parallel training by several processes, and what means something without devices."""
from fastnn.nn.modules.module import Module
from fastnn.nn.parallel.distributed import DistributedDataParallel
from fastnn.nn.parallel.scatter_gather import gather, scatter, scatter_kwargs

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "scatter", "scatter_kwargs"]


class DataParallel(Module):
    """A module as attribute `module`, called as it is.

    PyTorch splits batches between devices; here there is one. Same as torch.nn.DataParallel on a machine without GPU.

    Parameters
    ----------
    module : Module
    device_ids, output_device, dim
        Accepted, without effect.

    Examples
    --------
    >>> nn.DataParallel(nn.ReLU())(fastnn.tensor([-1.0, 1.0]))
    tensor([0., 1.])
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module, self.device_ids, self.dim = module, [], dim

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """``module(*inputs, **module_kwargs)``: a batch is not split, for there is one device.

    Same as torch.nn.parallel.data_parallel on a machine without GPU.

    Parameters
    ----------
    module : Module
    inputs : tuple or Tensor
    device_ids, output_device, dim
        Accepted, without effect.
    module_kwargs : dict, optional

    Examples
    --------
    >>> nn.parallel.data_parallel(nn.ReLU(), fastnn.tensor([-1.0, 1.0]))
    tensor([0., 1.])
    """
    return module(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))
