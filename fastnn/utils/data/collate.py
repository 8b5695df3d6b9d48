"""How the items of a batch become tensors."""
import collections.abc
import copy
import re

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops.joining import stack

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

np_str_obj_array_pattern = re.compile("[SaUO]")  # kinds of arrays that no tensor is made of
MESSAGE = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _rebuild(value, convert, convert_all):
    """A mapping, named tuple, tuple or sequence like `value`; None if it is none of them.

    `convert(key)` gives the new value of a mapping's key, `convert_all()` the list of a sequence's new values.
    """
    kind = type(value)
    if isinstance(value, collections.abc.Mapping):
        try:
            if isinstance(value, collections.abc.MutableMapping):
                clone = copy.copy(value)  # may have more than its items
                clone.update({key: convert(key) for key in value})
                return clone
            return kind({key: convert(key) for key in value})
        except TypeError:
            return {key: convert(key) for key in value}
    if isinstance(value, tuple):
        return kind(*convert_all()) if hasattr(value, "_fields") else convert_all()
    if isinstance(value, collections.abc.Sequence):
        items = convert_all()
        try:
            if isinstance(value, collections.abc.MutableSequence):
                clone = copy.copy(value)
                for i, item in enumerate(items):
                    clone[i] = item
                return clone
            return kind(items)
        except TypeError:
            return items
    return None


def default_convert(data):
    """Convert NumPy arrays to Tensors, within containers too; everything else stays: the collation of single items.

    Same as torch.utils.data.default_convert.

    Parameters
    ----------
    data : Any

    Examples
    --------
    >>> fastnn.utils.data.default_convert({"x": np.array([1, 2]), "name": "a"})
    {'x': tensor([1, 2]), 'name': 'a'}
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)) and not isinstance(data, (np.str_, np.bytes_)):
        if np.asarray(data).dtype.kind in "SUOV":
            return data
        return from_array(_known(np.asarray(data)))
    if isinstance(data, (str, bytes)):
        return data
    result = _rebuild(data, lambda key: default_convert(data[key]), lambda: [default_convert(item) for item in data])
    return data if result is None else result


def _known(array):
    """The array, if PyTorch has its dtype."""
    return array.astype(dtypes.from_numpy(array.dtype).numpy, copy=False)


def collate(batch, *, collate_fn_map=None):
    """Collate with a map from types to functions ``f(batch, collate_fn_map=...)``; containers are taken apart."""
    element = batch[0]
    if collate_fn_map is not None:
        function = collate_fn_map.get(type(element))
        if function is None:
            function = next((f for kind, f in collate_fn_map.items() if isinstance(element, kind)), None)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)

    def columns():
        if not isinstance(element, tuple) or not hasattr(element, "_fields"):
            if not all(len(item) == len(element) for item in batch):
                raise RuntimeError("each element in list of batch should be of equal size")
        return [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]

    def column(key):
        return collate([item[key] for item in batch], collate_fn_map=collate_fn_map)

    result = _rebuild(element, column, columns)
    if result is None:
        raise TypeError(MESSAGE.format(type(element)))
    return result


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stack Tensors along a new first axis."""
    shape, dtype = batch[0].shape, batch[0].dtype
    for i, tensor in enumerate(batch):
        if tensor.shape != shape:
            raise ShapeError(f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                             f"{list(tensor.shape)} at entry {i}")
    if any(tensor.requires_grad for tensor in batch) or any(tensor.dtype is not dtype for tensor in batch):
        return stack(list(batch), 0)
    return from_array(np.stack([tensor.numpy() for tensor in batch]))


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """Stack arrays to a Tensor."""
    if batch[0].dtype.kind in "SUOV":
        raise TypeError(MESSAGE.format(batch[0].dtype))
    return collate_tensor_fn([from_array(_known(array)) for array in batch])


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    """NumPy's numbers to a Tensor of their dtype."""
    array = np.asarray(batch)
    if array.dtype.kind == "O":
        raise TypeError(MESSAGE.format(type(batch[0])))
    return from_array(_known(array))


def collate_float_fn(batch, *, collate_fn_map=None):
    """Python's floats to a float64 Tensor."""
    return from_array(np.array(batch, np.float64))


def collate_int_fn(batch, *, collate_fn_map=None):
    """Python's integers to an int64 Tensor, booleans to a bool one."""
    array = np.array(batch)
    if array.dtype.kind not in "bif":
        raise RuntimeError("default_collate: an integer is too large for int64")
    if array.dtype.kind == "f":
        array = array.astype(dtypes.get_default_dtype().numpy)
    return from_array(array)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Strings stay as they are."""
    return batch


default_collate_fn_map = {
    Tensor: collate_tensor_fn, np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn, int: collate_int_fn, str: collate_str_fn, bytes: collate_str_fn}


def default_collate(batch):
    """Merge a list of items into one item of batches.

    Tensors and arrays are stacked, numbers become a Tensor (float64, int64), strings and bytes stay a list; mappings,
    named tuples and sequences of these are collated inside (tuples become lists). Same as
    torch.utils.data.default_collate.

    Parameters
    ----------
    batch : sequence of items of one kind

    Raises
    ------
    TypeError
        An item is something else.
    RuntimeError
        Shapes or lengths differ within the batch.

    Examples
    --------
    >>> fastnn.utils.data.default_collate([(0, "a"), (2, "b")])
    [tensor([0, 2]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
