"""Writing to places named by an index tensor, and reading from them along a dimension."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, record
from fastnn.ops._common import axis_of, broadcast_shapes, in_single, into, need_tensors
from fastnn.ops.indexing import gather, places_of


def _checked(op, input, dim, index, src):
    """The dimension, NumPy indices and the part of `src` that is used."""
    need_tensors(op, input, index)
    dim = axis_of(dim, input.ndim)
    if isinstance(src, Tensor):
        if src.dtype is not input.dtype:
            raise RuntimeError(f"{op}(): Expected self.dtype to be equal to src.dtype")
        if index.numel() and max(src.ndim, 1) != max(index.ndim, 1):
            raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
        if index.numel():
            for axis, (n, bound) in enumerate(zip(index.shape, src.shape)):
                if n > bound:
                    raise RuntimeError(f"Expected index {list(index.shape)} to be no larger than src "
                                       f"{list(src.shape)} in dimension {axis}")
    return dim, places_of(op, index, dim, tuple(input.shape), "self")


def _part(index):
    return tuple(slice(0, n) for n in index.shape)


def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """A copy with ``out[index[i][j]][j] = src[i][j]`` for dim 0, and so on; `src` a tensor or a number.

    `reduce`: None, "add" or "multiply".
    """
    if src is None:
        src = value
    dim, places = _checked("scatter", input, dim, index, src)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        return _scatter_reduced(input, dim, index, src, reduce, places)
    x = input.detach().numpy()
    out = x.copy()
    part = _part(index)
    given = src.detach().numpy() if isinstance(src, Tensor) else None
    if index.numel():
        out.reshape(x.shape or (1,))[places] = dtypes.number(src, x.dtype) if given is None else given[part]

    def backward(grad):
        dx = grad.copy()
        if not index.numel():
            return dx, None if given is None else np.zeros_like(given)
        flat = dx.reshape(dx.shape or (1,))
        taken = flat[places]
        flat[places] = 0
        if given is None:
            return dx, None
        dsrc = np.zeros_like(given)
        dsrc[part] = np.asarray(taken).reshape(dsrc[part].shape)
        return flat.reshape(dx.shape), dsrc
    return record(out, backward, "ScatterBackward0", (input, src if given is not None else None), (), (index,))


def _scatter_reduced(input, dim, index, src, reduce, places):
    if isinstance(src, Tensor) and src.requires_grad or input.requires_grad:
        if reduce == "add":
            src = src if isinstance(src, Tensor) else input.new_full(tuple(index.shape), src)
            return scatter_add(input, dim, index, src)
        raise NotImplementedError("scatter: gradients of reduce='multiply' are not implemented")
    out = input.detach().numpy().copy()
    values = src.detach().numpy()[_part(index)] if isinstance(src, Tensor) else np.asarray(src).astype(out.dtype)
    if index.numel():
        (np.add if reduce == "add" else np.multiply).at(out.reshape(out.shape or (1,)), places, values)
    return from_array(out)


@in_single
def scatter_add(input, dim, index, src):
    """A copy with ``out[index[i][j]][j] += src[i][j]`` for dim 0, and so on."""
    need_tensors("scatter_add", input, index, src)
    dim, places = _checked("scatter_add", input, dim, index, src)
    out = input.detach().numpy().copy()
    given = src.detach().numpy()
    part = _part(index)
    if index.numel():
        np.add.at(out.reshape(out.shape or (1,)), places, given[part])

    def backward(grad):
        dsrc = np.zeros_like(given)
        if index.numel():
            dsrc[part] = np.asarray(grad.reshape(grad.shape or (1,))[places]).reshape(dsrc[part].shape)
        return grad, dsrc
    if not src.requires_grad:
        return record(out, _pass, "ScatterAddBackward0", (input,))
    return record(out, backward, "ScatterAddBackward0", (input, src), (), (index,))


def _pass(grad):
    return grad


def index_add(input, dim, index, source, *, alpha=1):
    """A copy in which the slice ``index[i]`` along `dim` has ``alpha * source[i]`` added."""
    dim, where, given = _slices("index_add", input, dim, index, source)
    out = input.detach().numpy().copy()
    flat = out.reshape(out.shape or (1,))
    np.add.at(flat, where, (given * np.asarray(alpha).astype(given.dtype)).reshape(flat[where].shape))

    def backward(grad):
        taken = np.asarray(grad.reshape(flat.shape)[where]).reshape(given.shape)
        return grad, np.asarray(taken * grad.dtype.type(alpha))
    if not source.requires_grad:
        return record(out, _pass, "IndexAddBackward0", (input,))
    return record(out, backward, "IndexAddBackward0", (input, source), (), (index,))


def index_copy(input, dim, index, source):
    """A copy in which the slice ``index[i]`` along `dim` is ``source[i]``."""
    dim, where, given = _slices("index_copy", input, dim, index, source)
    out = input.detach().numpy().copy()
    flat = out.reshape(out.shape or (1,))
    flat[where] = given.reshape(flat[where].shape)

    def backward(grad):
        dx = grad.copy().reshape(flat.shape)
        taken = np.asarray(dx[where]).reshape(given.shape)
        dx[where] = 0
        return dx.reshape(grad.shape), taken
    return record(out, backward, "IndexCopyBackward0", (input, source), (), (index,))


def index_fill(input, dim, index, value):
    """A copy in which the slices ``index[i]`` along `dim` hold one value."""
    need_tensors("index_fill", input, index)
    given = value
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                               f"{value.ndim} dimension(s).")
        value = value.item()
    value = dtypes.number(value, input.detach().numpy().dtype)
    where = (slice(None),) * axis_of(dim, input.ndim) + (np.unique(index.numpy()),)
    out = input.detach().numpy().copy()
    out.reshape(out.shape or (1,))[where] = value

    def backward(grad):
        dx = grad.copy()
        flat = dx.reshape(dx.shape or (1,))
        total = np.asarray(flat[where].sum() if where[-1].size else grad.dtype.type(0))
        flat[where] = 0
        return dx, total
    return record(out, backward, "IndexFillBackward0", (input, given))


def _slices(op, input, dim, index, source):
    need_tensors(op, input)
    dim = axis_of(dim, input.ndim)
    need_tensors(op, index, source)
    where = index.numpy()
    if where.ndim > 1:
        raise IndexError(f"{op}(): Index is supposed to be a vector, but got dim: {where.ndim}")
    if where.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{op}(): Expected dtype int32/int64 for index but got: {index.dtype}")
    if source.dtype is not input.dtype:
        raise RuntimeError(f"{op}(): self ({input.dtype}) and source ({source.dtype}) must have the same dtype")
    own, given = tuple(input.shape), tuple(source.shape)
    if given[:dim] + given[dim + 1:] != own[:dim] + own[dim + 1:] or (len(given) != len(own) and len(own) > 1):
        raise RuntimeError(f"source tensor shape must match self tensor shape, excluding the specified dimension. Got "
                           f"self.shape = {list(own)} source.shape = {list(given)}")
    count, bound = (given[dim] if given else 1), (own[dim] if own else 1)
    if where.size != count:
        raise RuntimeError(f"{op}(): Number of indices ({where.size}) should be equal to source.size(dim): ({count}), "
                           f"for dim: {dim}")
    if where.size and (where.min() < 0 or where.max() >= bound):
        raise IndexError(f"{op}(): index out of range in self of size {bound}")
    return dim, (slice(None),) * dim + (where.reshape(-1),), source.detach().numpy()


def take_along_dim(input, indices, dim=None):
    """``gather`` that broadcasts; without `dim` from the flattened tensor."""
    need_tensors("take_along_dim", input, indices)
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    if input.ndim != indices.ndim:
        raise RuntimeError(f"torch.take_along_dim(): input and indices should have the same number of dimensions, but "
                           f"got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices")
    if indices.detach().numpy().dtype != np.int64:
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}")
    dim = axis_of(dim, input.ndim)
    own, wanted = list(input.shape), list(indices.shape)
    if own:
        own[dim], wanted[dim] = 1, 1
        common = list(broadcast_shapes(tuple(own), tuple(wanted)))
        x, where = common[:], common[:]
        x[dim], where[dim] = input.shape[dim], indices.shape[dim]
        input = input.expand(x)
        if list(indices.shape) != where or input.requires_grad:  # as PyTorch, which keeps indices of its own
            indices = indices.expand(where).clone()
    size = input.shape[dim] if input.ndim else 1
    array = indices.numpy()
    if array.size and array.min() < 0:
        if array.min() < -size:
            raise RuntimeError(f"index {array.min()} is out of bounds for dimension {dim} with size {size}")
        indices = from_array(np.where(array < 0, array + size, array))
    return gather(input, dim, indices)


def take(input, index, *, out=None):
    """Elements of the flattened tensor."""
    need_tensors("take", input, index)
    if index.numpy().size and (index.numpy().max() >= input.numel() or index.numpy().min() < -input.numel()):
        raise IndexError(f"take(): index out of range, the tensor has {input.numel()} elements")
    return into("take", out, input.reshape(-1)[index], (input, index))


def masked_scatter(input, mask, source):
    """A copy whose elements where `mask` is true are those of `source`, one after the other."""
    need_tensors("masked_scatter", input, mask, source)
    if mask.dtype.name != "bool":
        raise RuntimeError(f"masked_scatter: expected a bool mask, got {mask.dtype}")
    shape = broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    chosen = np.broadcast_to(mask.numpy(), shape)
    count = int(chosen.sum())
    given = source.detach().numpy()
    if given.size < count:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes and at least {count} "
                           f"elements in source, got {given.size}")
    out = np.broadcast_to(input.detach().numpy(), shape).copy()
    out[chosen] = given.reshape(-1)[:count]
    own = tuple(input.shape)

    def backward(grad):
        from fastnn.kernels import sum_to
        dsource = np.zeros(given.shape, given.dtype)  # in C order, whatever the source's
        dsource.reshape(-1)[:count] = grad[chosen]
        return sum_to(np.where(chosen, grad.dtype.type(0), grad), own), None, dsource
    return record(out, backward, "MaskedScatterBackward0", (input, mask, source), (), (mask,))
