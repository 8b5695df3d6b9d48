"""Reading and writing parts of a tensor: slices, masks, integer arrays, gather and select."""
import numpy as np

from fastnn._tensor import Tensor, from_array, record, record_inplace, view_of, writable
from fastnn.ops._common import promote


def _numpy_index(index):
    """An index for NumPy; tensors inside become their arrays (byte masks as bool)."""
    if isinstance(index, tuple):
        return tuple(_numpy_index(item) for item in index)
    if isinstance(index, Tensor):
        array = index.detach().numpy()
        if array.dtype == np.uint8:
            return array.astype(bool)
        if array.dtype.kind == "f":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return array
    if isinstance(index, list):
        return [_numpy_index(item) for item in index]
    if isinstance(index, slice) and any(isinstance(part, Tensor) for part in (index.start, index.stop, index.step)):
        return slice(*(int(part) if isinstance(part, Tensor) else part
                       for part in (index.start, index.stop, index.step)))
    return index


def _is_basic(index):
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, slice)
               or (isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_))) for part in parts)


def _check_steps(index):
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, slice) and part.step is not None and part.step <= 0:
            raise ValueError("step must be greater than zero")


def _slice_backward(grad, shape, index, basic):
    dx = np.zeros(shape, grad.dtype)
    if basic:
        dx[index] = grad
    else:
        np.add.at(dx, index, grad)
    return dx


def getitem(input, index):
    """``input[index]``: a view for integers and slices, a copy for masks and integer arrays."""
    x = input.detach().numpy()
    index = _numpy_index(index)
    basic = _is_basic(index)
    if basic:
        _check_steps(index)
    try:
        out = x[index]
    except IndexError as error:
        if isinstance(index, int):
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {x.shape[0]}"
                             if x.ndim else "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                             "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number") from None
        raise IndexError(f"indexing: {error}") from None
    if basic:
        if not isinstance(out, np.ndarray):
            out = x[index + (Ellipsis,)] if isinstance(index, tuple) else x[index, ...]
        viewed = view_of(out, input)
        if not input.requires_grad:
            return viewed
        made = record(out, _slice_backward, "SliceBackward0", (input,), (x.shape, index, True))
        return _as_view(made, viewed)
    out = np.asarray(out)
    return record(out, _slice_backward, "IndexBackward0", (input,), (x.shape, index, False))


def _as_view(made, viewed):
    from fastnn._tensor import take_history
    return take_history(viewed, made)


def _setitem_backward(grad, index, shape):
    dx = grad.copy()
    dx[index] = 0
    from fastnn.kernels import sum_to
    dv = np.asarray(grad[index])
    return dx, None if shape is None else sum_to(np.ascontiguousarray(dv), shape)


def setitem(input, index, value):
    """``input[index] = value``, in place."""
    x = writable(input)
    index = _numpy_index(index)
    if _is_basic(index):
        _check_steps(index)
    source = value.detach().numpy() if isinstance(value, Tensor) else value
    if isinstance(source, np.ndarray) and source.ndim > 0:
        target = np.asarray(x[index]).shape
        extra = source.ndim - len(target)
        if extra > 0 and all(size == 1 for size in source.shape[:extra]):
            source = source.reshape(source.shape[extra:])
    try:
        x[index] = source
    except ValueError as error:
        raise RuntimeError(f"setitem: shape mismatch: {error}") from None
    shape = source.shape if isinstance(value, Tensor) else None
    record_inplace(input, _setitem_backward, "CopySlices", (value,) if isinstance(value, Tensor) else (),
                   (index, shape))


def select(input, dim, index):
    """One slice along `dim`, without that dimension (a view)."""
    dim = _wrap(dim, input.ndim)
    size = input.shape[dim]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension "
                         f"{dim}")
    return getitem(input, (slice(None),) * dim + (int(index),))


def narrow(input, dim, start, length):
    """`length` slices along `dim` from `start` on (a view)."""
    dim = _wrap(dim, input.ndim)
    start = int(start)
    size = input.shape[dim]
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return getitem(input, (slice(None),) * dim + (slice(start, start + length),))


def _wrap(dim, ndim):
    bound = max(ndim, 1)
    if not -bound <= dim < bound:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {dim})")
    return dim % bound


def unbind(input, dim=0):
    """All slices along `dim`."""
    if input.ndim == 0:
        raise RuntimeError("Dimension specified as 0 but tensor has no dimensions")
    return tuple(select(input, dim, i) for i in range(input.shape[_wrap(dim, input.ndim)]))


def split(tensor, split_size_or_sections, dim=0):
    """Pieces along `dim`: of one size (the last may be smaller), or of the sizes in a list."""
    dim = _wrap(dim, tensor.ndim)
    size = tensor.shape[dim]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 0 or (step == 0 and size):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
        sections = [min(step, size - i) for i in range(0, size, step)] if size else [0]
    else:
        sections = list(split_size_or_sections)
        if sum(sections) != size:
            raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
                               f"dimension {dim}), but got split_sizes={sections}")
    starts = np.cumsum([0] + sections[:-1])
    return tuple(narrow(tensor, dim, int(start), length) for start, length in zip(starts, sections))


def chunk(input, chunks, dim=0):
    """At most `chunks` pieces of equal size along `dim` (the last may be smaller)."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.shape[_wrap(dim, input.ndim)]
    if size == 0:
        return (input,) * chunks
    return split(input, -(-size // chunks), dim)


def _gather_backward(grad, shape, dim, index):
    dx = np.zeros(shape, grad.dtype)
    where = list(np.indices(index.shape, sparse=True))
    where[dim] = index
    np.add.at(dx, tuple(where), grad)
    return dx


def gather(input, dim, index):
    """``out[i][j] = input[index[i][j]][j]`` for dim 0, and so on."""
    dim = _wrap(dim, input.ndim)
    x, where = input.detach().numpy(), index.numpy()
    if where.dtype.kind not in "iu":
        raise RuntimeError(f"gather(): Expected dtype int64 for index, got {index.dtype}")
    if where.ndim != x.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    if where.size and (where.min() < 0 or where.max() >= x.shape[dim]):
        raise RuntimeError(f"index {where.max() if where.max() >= x.shape[dim] else where.min()} is out of bounds for "
                           f"dimension {dim} with size {x.shape[dim]}")
    places = list(np.indices(where.shape, sparse=True))
    places[dim] = where
    return record(x[tuple(places)], _gather_backward, "GatherBackward0", (input,), (x.shape, dim, where))


def index_select(input, dim, index):
    """The slices along `dim` whose numbers are in `index`."""
    dim = _wrap(dim, input.ndim)
    where = index.numpy()
    if where.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    return getitem(input, (slice(None),) * dim + (index.reshape(-1),))


def masked_select(input, mask):
    """The elements where `mask` is true, in one dimension."""
    shape = np.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    return getitem(input.expand(shape), mask.expand(shape))


def _where_backward(grad, condition, shapes):
    from fastnn.kernels import sum_to
    zero = grad.dtype.type(0)
    return (None, sum_to(np.where(condition, grad, zero), shapes[0]), sum_to(np.where(condition, zero, grad), shapes[1]))


def where(condition, input=None, other=None):
    """`input` where the condition holds, else `other`; with the condition alone the indices where it holds."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if not isinstance(condition, Tensor) or condition.numpy().dtype != bool:
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype "
                           f"{getattr(condition, 'dtype', type(condition))}")
    dtype = promote(input, other)
    x, y = (value.to(dtype) if isinstance(value, Tensor) else from_array(np.asarray(value, dtype))
            for value in (input, other))
    out = np.where(condition.numpy(), x.detach().numpy(), y.detach().numpy())
    return record(np.asarray(out), _where_backward, "WhereBackward0", (condition, x, y),
                  (condition.numpy(), (tuple(x.shape), tuple(y.shape))))


def masked_fill(input, mask, value):
    """`value` where `mask` is true, else `input`."""
    if mask.numpy().dtype != bool:
        raise RuntimeError("masked_fill only supports boolean masks, but got mask with dtype " + str(mask.dtype))
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError("masked_fill only supports a 0-dimensional value tensor, but got tensor with "
                               f"{value.ndim} dimension(s).")
        value = value.to(input.dtype)
    else:
        value = from_array(np.asarray(value, input.detach().numpy().dtype))
    return where(mask, value, input)


def nonzero(input, *, as_tuple=False):
    """Indices of the elements that are not 0: one row each, or (as_tuple) one vector for each dimension."""
    places = np.nonzero(input.detach().numpy()) if input.ndim else np.nonzero(input.detach().numpy().reshape(1))[:0]
    if as_tuple:
        return tuple(from_array(place) for place in places)
    count = int(np.count_nonzero(input.detach().numpy()))
    return from_array(np.stack(places, 1) if places else np.zeros((count, 0), np.int64))
