"""``torch.nn.parallel.scatter_gather``: batches cut into parts for devices, all of which are the CPU here."""
from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops.shape import cat

__all__ = ["gather", "scatter", "scatter_kwargs"]


def scatter(inputs, target_gpus, dim=0):
    """Tensors within `inputs` in as many parts as there are devices, or fewer; the rest goes to each.

    Parameters
    ----------
    inputs : Tensor, or tuples, lists and dicts with them
    target_gpus : list
        Devices, of which only the CPU is there.
    dim : int

    Returns
    -------
    tuple
        `inputs` for each device.
    """
    for device in target_gpus:
        dtypes.need_cpu(device)
    count = len(target_gpus)

    def parts(value):
        if isinstance(value, Tensor):
            return list(value.chunk(count, dim))
        if isinstance(value, (tuple, list)) and value:
            columns = list(zip(*map(parts, value)))
            if hasattr(value, "_fields"):
                return [type(value)(*column) for column in columns]
            return [type(value)(column) for column in columns]
        if isinstance(value, dict) and value:
            return [type(value)(column) for column in zip(*(zip([key] * count, parts(each))
                                                            for key, each in value.items()))]
        return [value] * count
    return tuple(parts(inputs))


def scatter_kwargs(inputs, kwargs, target_gpus, dim=0):
    """``scatter`` of arguments and keywords, equally many of both."""
    inputs, kwargs = list(scatter(inputs, target_gpus, dim)), list(scatter(kwargs, target_gpus, dim)) if kwargs else []
    inputs += [()] * (len(kwargs) - len(inputs))
    kwargs += [{} for _ in range(len(inputs) - len(kwargs))]
    return tuple(inputs), tuple(kwargs)


def gather(outputs, target_device, dim=0):
    """The parts of outputs as one."""
    dtypes.need_cpu(target_device)
    first = outputs[0]
    if isinstance(first, Tensor):
        return cat([out.reshape(1) if not out.ndim else out for out in outputs], dim)
    if first is None:
        return None
    if isinstance(first, dict):
        return type(first)((key, gather([out[key] for out in outputs], target_device, dim)) for key in first)
    columns = [gather(list(each), target_device, dim) for each in zip(*outputs)]
    return type(first)(*columns) if hasattr(first, "_fields") else type(first)(columns)
