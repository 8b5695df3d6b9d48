"""Gather and scatter: reading from and writing to places named by index tensors, along a dimension or in all."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import sum_to
from fastnn.ops import diagonals, indexing
from fastnn.ops._common import axis_of, broadcast_shapes, in_single, into, need_tensors
from fastnn.ops.declare import operation


def _replaced(op, input, src, take):
    """A copy of `input` whose part ``take(copy)`` is `src`."""
    need_tensors(op, input, src)
    out = input.clone()
    part = take(out)
    if part.shape != src.shape:
        raise RuntimeError(f"expected src to have a size equal to the {op.split('_')[0]} of self. src size = "
                           f"{list(src.shape)}, size of the part = {list(part.shape)}")
    part.copy_(src)
    return out


@operation()
def select_scatter(input, src, dim, index):
    """A copy in which ``select(dim, index)`` is `src`."""
    return _replaced("select_scatter", input, src, lambda x: indexing.select(x, dim, index))


@operation(out=True)
def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """A copy in which the slice of `dim` is `src`."""
    def take(x):
        return x[(slice(None),) * axis_of(dim, x.ndim) + (slice(start, end, step),)]
    return _replaced("slice_scatter", input, src, take)


@operation()
def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """A copy in which the diagonal is `src`."""
    return _replaced("diagonal_scatter", input, src, lambda x: diagonals.diagonal(x, offset, dim1, dim2))


@operation(inplace=True)
def index_put(input, indices, values, accumulate=False):
    """A copy with ``copy[indices] = values``, or ``+=`` with `accumulate`."""
    need_tensors("index_put", input, values)
    if values.dtype is not input.dtype:
        raise RuntimeError(f"Index put requires the source and destination dtypes match, got {input.dtype} for the "
                           f"destination and {values.dtype} for the source.")
    read = indexing._tensors_in(tuple(indices))
    where = tuple(slice(None) if i is None else indexing._numpy_index(i) for i in indices)
    out = input.detach().numpy().copy()
    given = values.detach().numpy()
    try:
        if accumulate:
            np.add.at(out, where, given)
        else:
            out[where] = given
    except ValueError as error:
        raise RuntimeError(f"index_put: {error}") from None

    def backward(grad):
        taken = np.ascontiguousarray(grad[where])
        dx = grad
        if not accumulate:
            dx = grad.copy()
            dx[where] = 0
        return dx, sum_to(taken, given.shape)
    return record(out, backward, "IndexPutBackward0", (input, values), (), read)


@operation(inplace=True)
def put(input, index, source, accumulate=False):
    """A copy with the flattened copy's ``[index] = source``, or ``+=``."""
    need_tensors("put", input, index, source)
    if index.dtype != dtypes.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    return index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(
        tuple(input.shape))


@operation(inplace=True, out=True)
@in_single
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """A copy in which the elements that `index` names along `dim` are reduced with those of `src`.

    `reduce`: "sum", "prod", "mean", "amax" or "amin"; without `include_self` the tensor's own elements do not count.
    """
    need_tensors("scatter_reduce", input, index, src)
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    dim, places = _checked("scatter_reduce", input, dim, index, src)
    own = input.detach().numpy()
    x, given = own.reshape(own.shape or (1,)), src.detach().numpy()
    part = given[_part(index)].reshape(index.shape) if index.numel() else given[:0]
    if not index.numel():
        return record(own.copy(), lambda grad: (grad, np.zeros_like(given)), "ScatterReduceBackward0", (input, src))
    out = x.copy()
    part = part.reshape(np.broadcast_shapes(*(p.shape for p in places)))
    low, high = -np.inf, np.inf
    if x.dtype.kind != "f":
        low, high = (False, True) if x.dtype.kind == "b" else (dtypes.iinfo(x.dtype).min, dtypes.iinfo(x.dtype).max)
    if not include_self:
        out[places] = {"sum": 0, "mean": 0, "prod": 1, "amax": low, "amin": high}[reduce]
    {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}[reduce].at(
        out, places, part)
    count = np.full(x.shape, 1 if include_self else 0, np.int64)
    np.add.at(count, places, 1)
    touched = np.zeros(x.shape, bool)
    touched[places] = True
    if reduce == "mean":
        divisor = np.maximum(count, 1)
        out = (out / divisor if x.dtype.kind == "f" else out // divisor).astype(x.dtype)

    def backward(grad):
        grad = grad.reshape(x.shape)
        kept = include_self | ~touched
        if reduce == "sum":
            dx, ds = grad * kept, grad[places]
        elif reduce == "mean":
            scaled = grad / np.where(touched, np.maximum(count, 1), 1)
            dx, ds = scaled * kept, scaled[places]
        elif reduce == "prod":
            with np.errstate(all="ignore"):
                dx, ds = _product_backward(grad, x, part, places, out, include_self)
                dx = np.where(kept, dx, 0)
        else:
            own_hits = (x == out) & kept
            hits = part == out[places]
            number = own_hits.astype(np.int64)
            np.add.at(number, places, hits)
            shared = grad / np.maximum(number, 1)
            dx, ds = shared * own_hits, np.where(hits, shared[places], 0)
        dsrc = np.zeros_like(given)
        dsrc[_part(index)] = np.asarray(ds, x.dtype).reshape(dsrc[_part(index)].shape)
        return np.asarray(dx, x.dtype).reshape(own.shape), dsrc
    return record(out.reshape(own.shape), backward, "ScatterReduceBackward0", (input, src), (), (input, src, index))


def _product_backward(grad, x, part, places, out, include_self):
    """The product of the others, also where one factor is 0."""
    zeros = ((x == 0) & include_self).astype(np.int64)
    np.add.at(zeros, places, part == 0)
    rest = np.where(x == 0, 1, x) if include_self else np.ones_like(x)
    np.multiply.at(rest, places, np.where(part == 0, 1, part))
    if not include_self:
        untouched = np.ones(x.shape, bool)
        untouched[places] = False
        rest = np.where(untouched, x, rest)

    def slope(factor, total, count):
        return np.where(count == 0, total / factor, np.where((count == 1) & (factor == 0), total, 0))
    touched = np.zeros(x.shape, bool)
    touched[places] = True
    return (np.where(touched, grad * slope(x, rest, zeros), grad), grad[places] * slope(part, rest[places],
                                                                                       zeros[places]))


def _gather_backward(grad, shape, places):
    dx = np.zeros(shape, grad.dtype)
    np.add.at(dx, places, grad)
    return dx


def _gather_rule(grad, shape, places):
    return _gather_backward(grad, shape or (1,), places).reshape(shape)


def places_of(op, index, dim, shape, other="input"):
    """NumPy index (one array for each dimension) for the elements that `index` names along `dim`."""
    need_tensors(op, index)
    where = index.numpy()
    if where.dtype not in (np.int64, np.int32) and where.size:
        raise RuntimeError(f"{op}(): Expected dtype int32/int64 for index")
    if max(where.ndim, 1) != max(len(shape), 1) and where.size:
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {other} tensor")
    if not where.size:
        return (np.zeros(where.shape, np.int64),) * max(len(shape), 1)
    shape = shape or (1,)
    for axis, (size, bound) in enumerate(zip(where.shape, shape)):
        if axis != dim and size > bound:
            raise RuntimeError(f"Size does not match at dimension {axis} expected index {list(where.shape)} to be no "
                               f"larger than self {list(shape)} apart from dimension {dim}")
    low, high = where.min(), where.max()
    if low < 0 or high >= shape[dim]:
        raise RuntimeError(f"index {high if high >= shape[dim] else low} is out of bounds for dimension {dim} with "
                           f"size {shape[dim]}")
    places = list(np.indices(where.shape, sparse=True)) or [where]
    places[dim] = where
    return tuple(places)


@operation()
def gather(input, dim, index, *, sparse_grad=False, out=None):
    """``out[i][j] = input[index[i][j]][j]`` for dim 0, and so on. The result has the shape of `index`."""
    need_tensors("gather", input, index)
    dim = axis_of(dim, input.ndim)
    x = input.detach().numpy()
    if out is not None and out.dtype is not input.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {input.dtype}, but got {out.dtype} instead")
    places = places_of("gather", index, dim, x.shape)
    if not index.numel():
        taken = np.zeros(tuple(index.shape), x.dtype)
        made = record(taken, lambda grad: np.zeros(x.shape, x.dtype), "GatherBackward0", (input,))
    else:
        taken = np.asarray(x.reshape(x.shape or (1,))[places]).reshape(tuple(index.shape))
        made = record(taken, _gather_rule, "GatherBackward0", (input,), (x.shape, places), (index,))
    return into("gather", out, made, (input, index))


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


@operation(inplace=True, out=True)
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


@operation(inplace=True, out=True)
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


@operation(inplace=True, out=True)
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


@operation(inplace=True, out=True)
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


@operation(inplace=True)
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


@operation(out=True)
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


@operation(inplace=True)
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
        dsource = np.zeros(given.shape, given.dtype)  # in C order, whatever the source's
        dsource.reshape(-1)[:count] = grad[chosen]
        return sum_to(np.where(chosen, grad.dtype.type(0), grad), own), None, dsource
    return record(out, backward, "MaskedScatterBackward0", (input, mask, source), (), (mask,))
