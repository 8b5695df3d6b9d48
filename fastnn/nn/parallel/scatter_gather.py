"""``torch.nn.parallel.scatter_gather``: batches cut into parts for devices, all of which are the CPU here."""
from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops.joining import cat

__all__ = ["gather", "scatter", "scatter_kwargs"]


def scatter(inputs, target_gpus, dim=0):
    """Tensors within `inputs` split into as many parts as there are devices, or fewer; other values are repeated.

    Same as torch.nn.parallel.scatter_gather.scatter.

    Parameters
    ----------
    inputs : Tensor, or nested tuples, lists and dicts of tensors
    target_gpus : list
        Devices; each is the CPU.
    dim : int
        The dimension to split.

    Returns
    -------
    tuple
        `inputs` for each device.

    Examples
    --------
    >>> nn.parallel.scatter(fastnn.arange(5), ["cpu", "cpu"])
    (tensor([0, 1, 2]), tensor([3, 4]))
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
    """`scatter` of positional and keyword arguments, with equally many parts of both.

    Parameters
    ----------
    inputs : tuple
    kwargs : dict
    target_gpus, dim
        As in `scatter`.

    Returns
    -------
    (tuple of tuple, tuple of dict)

    Examples
    --------
    >>> nn.parallel.scatter_gather.scatter_kwargs((fastnn.arange(2),), {"scale": 2}, ["cpu", "cpu"])
    (((tensor([0]),), (tensor([1]),)), ({'scale': 2}, {'scale': 2}))
    """
    inputs, kwargs = list(scatter(inputs, target_gpus, dim)), list(scatter(kwargs, target_gpus, dim)) if kwargs else []
    inputs += [()] * (len(kwargs) - len(inputs))
    kwargs += [{} for _ in range(len(inputs) - len(kwargs))]
    return tuple(inputs), tuple(kwargs)


def gather(outputs, target_device, dim=0):
    """Parts of outputs concatenated: the inverse of `scatter`.

    Parameters
    ----------
    outputs : list
        Tensors, or nested tuples, lists and dicts of tensors.
    target_device : device
        The CPU.
    dim : int
        The dimension to concatenate.

    Examples
    --------
    >>> nn.parallel.gather([fastnn.tensor([0, 1]), fastnn.tensor([2])], "cpu")
    tensor([0, 1, 2])
    """
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
