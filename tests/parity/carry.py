"""Values from PyTorch to fastnn, and comparison of results. Imports torch: only for tests that need it."""
import numpy as np
import torch

import fastnn

TOLERANCES = {np.dtype(np.float32): (1.3e-6, 1e-5), np.dtype(np.float64): (1e-7, 1e-7),  # torch.testing's (rtol, atol)
              np.dtype(np.complex64): (1.3e-6, 1e-5), np.dtype(np.complex128): (1e-7, 1e-7)}


class Different(AssertionError):
    """A result that is not PyTorch's."""


def array_of(tensor):
    return tensor.detach().resolve_conj().resolve_neg().numpy()


def map_tensors(value, function):
    """`value` with `function` applied to all torch tensors in it."""
    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, torch.Size):
        return fastnn.Size(value)
    if isinstance(value, (list, tuple)):
        return rebuilt(value, [map_tensors(item, function) for item in value])
    if isinstance(value, dict):
        return {key: map_tensors(item, function) for key, item in value.items()}
    return value


def rebuilt(sequence, items):
    """A list or (named) tuple like another with other items."""
    return type(sequence)(*items) if hasattr(sequence, "_fields") else type(sequence)(items)


def copy_of(value):
    """Torch arguments whose tensors are leaves with memory of their own, laid out as the originals."""
    seen = {}  # one tensor given twice stays one tensor

    def copied(tensor):
        if id(tensor) not in seen:
            fresh = torch.from_numpy(_like_layout(array_of(tensor)))
            seen[id(tensor)] = fresh.requires_grad_(tensor.requires_grad)
        return seen[id(tensor)]
    return map_tensors(value, copied)


def _like_layout(array):
    """A copy with the same strides (also 0 and gaps), so that both sides see non-contiguous input."""
    if array.flags.c_contiguous or array.size == 0:
        return array.copy()
    low, high = np.lib.array_utils.byte_bounds(array)
    memory = np.empty(high - low, np.uint8)
    offset = array.__array_interface__["data"][0] - low
    fresh = np.ndarray(array.shape, array.dtype, memory, offset, array.strides)
    fresh[...] = array
    return fresh


def to_fastnn(value, sharing=False):
    """Torch arguments as fastnn's: tensors (leaves), dtypes, devices, formats.

    Tensors get memory of their own, or (`sharing`) that of the torch tensors, so that what overlaps there does here.
    """
    seen = {}  # one tensor given twice stays one tensor

    def carried(tensor):
        if id(tensor) not in seen:
            array = array_of(tensor)
            fresh = fastnn.from_numpy(array if sharing else _like_layout(array))
            seen[id(tensor)] = fresh.requires_grad_(tensor.requires_grad)
        return seen[id(tensor)]

    def walk(item):
        if isinstance(item, (torch.Tensor, torch.Size)):
            return map_tensors(item, carried)
        if isinstance(item, (torch.dtype, torch.memory_format)):
            return getattr(fastnn, str(item).split(".")[1])
        if isinstance(item, torch.device):
            return fastnn.device(str(item))
        if isinstance(item, torch.layout):
            return str(item)
        if isinstance(item, slice):
            return slice(walk(item.start), walk(item.stop), walk(item.step))
        if isinstance(item, torch.nn.utils.rnn.PackedSequence):
            return fastnn.nn.utils.rnn.PackedSequence(*[walk(each) for each in item])
        if isinstance(item, torch.nn.TransformerEncoderLayer):
            return encoder_layer(item, walk)
        if isinstance(item, torch.nn.PairwiseDistance):
            return fastnn.nn.PairwiseDistance(item.norm, item.eps, item.keepdim)
        if getattr(torch.nn.functional, getattr(item, "__name__", ""), None) is item and callable(item):
            return getattr(fastnn.nn.functional, item.__name__)
        if isinstance(item, (list, tuple)):
            return rebuilt(item, [walk(each) for each in item])
        if isinstance(item, dict):
            return {key: walk(each) for key, each in item.items()}
        return item
    return walk(value)


def encoder_layer(layer, walk):
    """A torch layer that is another module's argument, made again by its constructor, with its parameters."""
    made = fastnn.nn.TransformerEncoderLayer(
        layer.self_attn.embed_dim, layer.self_attn.num_heads, layer.linear1.out_features, layer.dropout.p,
        walk(layer.activation), layer.norm1.eps, layer.self_attn.batch_first, layer.norm_first,
        layer.linear1.bias is not None, dtype=walk(layer.linear1.weight.dtype))
    made.load_state_dict({key: walk(value) for key, value in layer.state_dict().items()})
    return made


def leaves(value, kind):
    """All tensors of a class in nested arguments, in order."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, (list, tuple)) or hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
        return [leaf for item in value for leaf in leaves(item, kind)]
    return []


def compare(found, expected, what, rtol=None, atol=None):
    """Same structure, shapes, dtypes and (within torch.testing's tolerances) values."""
    if isinstance(expected, torch.Tensor):
        if not isinstance(found, fastnn.Tensor):
            raise Different(f"{what}: expected a Tensor, found {type(found).__name__}")
        if tuple(found.shape) != tuple(expected.shape):
            raise Different(f"{what}: shape {list(found.shape)}, PyTorch {list(expected.shape)}")
        if str(found.dtype) != str(expected.dtype):
            raise Different(f"{what}: dtype {found.dtype}, PyTorch {expected.dtype}")
        x, y = found.detach().numpy(), array_of(expected)
        default = TOLERANCES.get(y.dtype, (0, 0))
        try:
            np.testing.assert_allclose(x, y, default[0] if rtol is None else rtol, default[1] if atol is None else atol)
        except AssertionError as error:
            raise Different(f"{what}: {' '.join(str(error).split())}") from None
    elif isinstance(expected, (list, tuple)):
        if not isinstance(found, (list, tuple)) or len(found) != len(expected):
            raise Different(f"{what}: {type(found).__name__} of {len(found) if hasattr(found, '__len__') else '?'}, "
                            f"PyTorch {type(expected).__name__} of {len(expected)}")
        for i, (x, y) in enumerate(zip(found, expected)):
            compare(x, y, f"{what}[{i}]", rtol, atol)
    elif found != expected:
        raise Different(f"{what}: {found!r}, PyTorch {expected!r}")
