"""Gather and scatter: reading from and writing to places named by index tensors, along a dimension or in all."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import sum_to
from fastnn.ops import diagonals, indexing
from fastnn.ops._common import axis_of, broadcast_shapes, in_single, into, need_tensors
from fastnn.ops.constant import constant
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


def _put_backward(grad, where, shape, accumulate):
    taken = np.ascontiguousarray(grad[where])
    dx = grad
    if not accumulate:
        dx = grad.copy()
        dx[where] = 0
    return dx, sum_to(taken, shape)


INDEX_PUT = Op("IndexPutBackward0", _put_backward, "places shape accumulate")


def _without(step, g, where):
    """g with zeros at some places."""
    def rest(array):
        array = array.copy()
        array.reshape(array.shape or (1,))[where] = 0
        return array
    return step.linear(g, rest, rest)


def _taken(step, g, where, shape):
    """The elements of g at some places, which may repeat, in another shape."""
    own = tuple(g.shape)

    def put(array):
        out = np.zeros(own or (1,), array.dtype)
        np.add.at(out, where, array.reshape(out[where].shape))
        return out.reshape(own)
    return step.linear(g, lambda array: np.asarray(array.reshape(own or (1,))[where]).reshape(shape), put)


def _within(step, g, part, shape):
    """Zeros of a shape with g in one part."""
    def put(array):
        out = np.zeros(shape, array.dtype)
        out[part] = array.reshape(out[part].shape)
        return out
    own = tuple(g.shape)
    return step.linear(g, put, lambda array: np.asarray(array[part]).reshape(own))


@INDEX_PUT.second
def _put_second(step, g):
    size = np.empty(tuple(g.shape), bool)[step.places].shape
    return (g if step.accumulate else _without(step, g, step.places),
            step.sum_to(_taken(step, g, step.places, size), step.shape))


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
    return record(out, INDEX_PUT, (input, values), (where, given.shape, accumulate), read)


@operation(inplace=True)
def put(input, index, source, accumulate=False):
    """A copy with the flattened copy's ``[index] = source``, or ``+=``."""
    need_tensors("put", input, index, source)
    if index.dtype != dtypes.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    return index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(
        tuple(input.shape))


def _reduce_backward(grad, reduce, x, part, places, out, count, touched, include_self, shape, src_shape, within):
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
    dsrc = np.zeros(src_shape, x.dtype)
    dsrc[within] = np.asarray(ds, x.dtype).reshape(dsrc[within].shape)
    return np.asarray(dx, x.dtype).reshape(shape), dsrc


SCATTER_REDUCE = Op("ScatterReduceBackward0", _reduce_backward,
                    "reduce x part places out count touched include_self shape src_shape within")
SCATTER_NOTHING = Op("ScatterReduceBackward0", lambda grad, shape: (grad, np.zeros(shape, grad.dtype)), "shape")
SCATTER_NOTHING.second(lambda step, g: (g, from_array(np.zeros(step.shape, g.detach().numpy().dtype))))


@SCATTER_REDUCE.second
def _reduce_second(step, g):
    """Every element's gradient is one of the result's times a share, which changes with the input in products alone."""
    if step.reduce == "prod":
        raise NotImplementedError("create_graph=True: scatter_reduce with reduce='prod' cannot be differentiated twice")
    own, part = _reduce_backward(np.ones(step.shape, step.x.dtype), *step.saved)
    taken = _taken(step, g, step.places, step.part.shape)
    return g * from_array(own), _within(step, taken, step.within, step.src_shape) * from_array(part)


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
        return record(own.copy(), SCATTER_NOTHING, (input, src), (given.shape,))
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
    saved = reduce, x, part, places, out, count, touched, include_self, own.shape, given.shape, _part(index)
    return record(out.reshape(own.shape), SCATTER_REDUCE, (input, src), saved, (input, src, index))


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


def _gather_backward(grad, shape, places, size):
    dx = np.zeros(shape or (1,), grad.dtype)
    np.add.at(dx, places, grad)
    return dx.reshape(shape)


GATHER = Op("GatherBackward0", _gather_backward, "shape places size")
GATHER.linear(lambda x, shape, places, size: np.asarray(x.reshape(shape or (1,))[places]).reshape(size))


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
        made = record(taken, constant("GatherBackward0"), (input,), (x.shape,))
    else:
        taken = np.asarray(x.reshape(x.shape or (1,))[places]).reshape(tuple(index.shape))
        made = record(taken, GATHER, (input,), (x.shape, places, taken.shape), (index,))
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


def _scatter_backward(grad, places, part, shape):
    """`places`: None where nothing is written; `shape`: of the source, None of a number."""
    dx, dsrc = grad.copy(), None if shape is None else np.zeros(shape, grad.dtype)
    if places is None:
        return dx, dsrc
    flat = dx.reshape(dx.shape or (1,))
    taken = flat[places]
    flat[places] = 0
    if dsrc is not None:
        dsrc[part] = np.asarray(taken).reshape(dsrc[part].shape)
    return flat.reshape(dx.shape), dsrc


SCATTER = Op("ScatterBackward0", _scatter_backward, "places part shape")


@SCATTER.second
def _scatter_second(step, g):
    places, shape = step.places, step.shape
    if places is None:
        return g, None if shape is None else from_array(np.zeros(shape, g.detach().numpy().dtype))
    size = tuple(part.stop for part in step.part)
    return (_without(step, g, places),
            None if shape is None else _within(step, _taken(step, g, places, size), step.part, shape))


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
    return record(out, SCATTER, (input, src if given is not None else None),
                  (places if index.numel() else None, part, None if given is None else given.shape), (index,))


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


def _scatter_add_backward(grad, places, part, shape):
    dsrc = np.zeros(shape, grad.dtype)
    if places is not None:
        dsrc[part] = np.asarray(grad.reshape(grad.shape or (1,))[places]).reshape(dsrc[part].shape)
    return grad, dsrc


def _pass(grad):
    return grad


SCATTER_ADD = Op("ScatterAddBackward0", _scatter_add_backward, "places part shape")
SCATTER_ADD_NUMBERS = Op("ScatterAddBackward0", _pass)  # of a source that gets no gradient
SCATTER_ADD_NUMBERS.linear(_pass)


@SCATTER_ADD.second
def _scatter_add_second(step, g):
    if step.places is None:
        return g, from_array(np.zeros(step.shape, g.detach().numpy().dtype))
    size = tuple(part.stop for part in step.part)
    return g, _within(step, _taken(step, g, step.places, size), step.part, step.shape)


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
    if not src.requires_grad:
        return record(out, SCATTER_ADD_NUMBERS, (input,))
    return record(out, SCATTER_ADD, (input, src), (places if index.numel() else None, part, given.shape), (index,))


def _index_add_backward(grad, where, shape, alpha):
    taken = np.asarray(grad.reshape(grad.shape or (1,))[where]).reshape(shape)
    return grad, np.asarray(taken * grad.dtype.type(alpha))


INDEX_ADD = Op("IndexAddBackward0", _index_add_backward, "places shape alpha")
INDEX_ADD.second(lambda step, g: (g, _taken(step, g, step.places, step.shape) * step.alpha))
INDEX_ADD_NUMBERS = Op("IndexAddBackward0", _pass)
INDEX_ADD_NUMBERS.linear(_pass)


@operation(inplace=True, out=True)
def index_add(input, dim, index, source, *, alpha=1):
    """A copy in which the slice ``index[i]`` along `dim` has ``alpha * source[i]`` added."""
    dim, where, given = _slices("index_add", input, dim, index, source)
    out = input.detach().numpy().copy()
    flat = out.reshape(out.shape or (1,))
    np.add.at(flat, where, (given * np.asarray(alpha).astype(given.dtype)).reshape(flat[where].shape))
    if not source.requires_grad:
        return record(out, INDEX_ADD_NUMBERS, (input,))
    return record(out, INDEX_ADD, (input, source), (where, given.shape, alpha), (index,))


def _index_copy_backward(grad, where, shape):
    dx = grad.copy().reshape(grad.shape or (1,))
    taken = np.asarray(dx[where]).reshape(shape)
    dx[where] = 0
    return dx.reshape(grad.shape), taken


INDEX_COPY = Op("IndexCopyBackward0", _index_copy_backward, "places shape")
INDEX_COPY.second(lambda step, g: (_without(step, g, step.places), _taken(step, g, step.places, step.shape)))


@operation(inplace=True, out=True)
def index_copy(input, dim, index, source):
    """A copy in which the slice ``index[i]`` along `dim` is ``source[i]``."""
    dim, where, given = _slices("index_copy", input, dim, index, source)
    out = input.detach().numpy().copy()
    flat = out.reshape(out.shape or (1,))
    flat[where] = given.reshape(flat[where].shape)
    return record(out, INDEX_COPY, (input, source), (where, given.shape), (index,))


def _index_fill_backward(grad, where):
    dx = grad.copy()
    flat = dx.reshape(dx.shape or (1,))
    total = np.asarray(flat[where].sum() if where[-1].size else grad.dtype.type(0))
    flat[where] = 0
    return dx, total


INDEX_FILL = Op("IndexFillBackward0", _index_fill_backward, "places")


@INDEX_FILL.second
def _index_fill_second(step, g):
    size = np.empty(tuple(g.shape) or (1,), bool)[step.places].shape
    return _without(step, g, step.places), _taken(step, g, step.places, size).sum()


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
    return record(out, INDEX_FILL, (input, given), (where,))


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


def _masked_backward(grad, chosen, count, shape, source_shape, dtype):
    dsource = np.zeros(source_shape, dtype)  # in C order, whatever the source's
    dsource.reshape(-1)[:count] = grad[chosen]
    return sum_to(np.where(chosen, grad.dtype.type(0), grad), shape), None, dsource


MASKED_SCATTER = Op("MaskedScatterBackward0", _masked_backward, "chosen count shape source_shape dtype")


@MASKED_SCATTER.second
def _masked_second(step, g):
    total = int(np.prod(step.source_shape))
    taken = _taken(step, g, step.chosen, (step.count,))
    return (step.sum_to(_without(step, g, step.chosen), step.shape), None,
            _within(step, taken, (slice(0, step.count),), (total,)).reshape(step.source_shape).to(step.dtype))


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
    return record(out, MASKED_SCATTER, (input, mask, source),
                  (chosen, count, tuple(input.shape), given.shape, given.dtype), (mask,))
