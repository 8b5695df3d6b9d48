"""Names of ``torch.nn.parallel`` that mean something without other devices."""
from fastnn.nn.modules.module import Module
from fastnn.nn.parallel.scatter_gather import gather, scatter, scatter_kwargs

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "scatter", "scatter_kwargs"]


class DataParallel(Module):
    """A module as attribute `module`, called as it is: PyTorch too splits batches between other devices alone.

    Parameters
    ----------
    module : Module
    device_ids, output_device, dim
        Accepted, without effect.
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module, self.device_ids, self.dim = module, [], dim

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """``module(*inputs, **module_kwargs)``."""
    return module(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))


class DistributedDataParallel(Module):
    """The class alone, which libraries ask ``isinstance`` for: there is one process and no process group.

    Raises
    ------
    ValueError
        An object of it is made, as in PyTorch without a process group.
    """

    def __init__(self, module, *args, **kwargs):
        raise ValueError("Default process group has not been initialized, please make sure to call "
                         "init_process_group. (fastnn trains in one process.)")
