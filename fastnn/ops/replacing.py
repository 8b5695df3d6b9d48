"""Copies in which parts are replaced or added to: slices, diagonals, elements named by indices or masks."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import Tensor, record
from fastnn.kernels import sum_to
from fastnn.ops import diagonals, indexing
from fastnn.ops._common import axis_of, broadcast_shapes, need_one_dtype, need_tensors
from fastnn.ops.declare import operation
from fastnn.ops.scatter import passed_on, scatter_reduce, taken_at, within, without


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
    """A copy in which ``select(dim, index)`` is `src`.

    Parameters
    ----------
    input : Tensor
    src : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : int

    Examples
    --------
    >>> fastnn.select_scatter(fastnn.zeros(2, 2), fastnn.tensor([1.0, 2.0]), 0, 1)
    tensor([[0., 0.],
            [1., 2.]])
    """
    return _replaced("select_scatter", input, src, lambda x: indexing.select(x, dim, index))


@operation(out=True)
def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """A copy in which the slice of `dim` is `src`.

    Parameters
    ----------
    input : Tensor
    src : Tensor
    dim : int, default 0
        Dimension; negative ones count from the end.
    start : int, optional
    end : int, optional
    step : int, default 1

    Examples
    --------
    >>> fastnn.slice_scatter(fastnn.zeros(3), fastnn.tensor([1.0, 2.0]), 0, 1)
    tensor([0., 1., 2.])
    """
    def take(x):
        return x[(slice(None),) * axis_of(dim, x.ndim) + (slice(start, end, step),)]
    return _replaced("slice_scatter", input, src, take)


@operation()
def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """A copy in which the diagonal is `src`.

    Parameters
    ----------
    input : Tensor
    src : Tensor
    offset : int, default 0
        Which diagonal: above the main one if positive, below if negative.
    dim1 : int, default 0
    dim2 : int, default 1

    Examples
    --------
    >>> fastnn.diagonal_scatter(fastnn.zeros(2, 2), fastnn.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return _replaced("diagonal_scatter", input, src, lambda x: diagonals.diagonal(x, offset, dim1, dim2))


def _put_backward(grad, where, shape, accumulate):
    taken = np.ascontiguousarray(grad[where])
    dx = grad
    if not accumulate:
        dx = grad.copy()
        dx[where] = 0
    return dx, sum_to(taken, shape)


INDEX_PUT = Op("IndexPutBackward0", _put_backward, "indices shape accumulate")


@INDEX_PUT.second
def _put_second(step, g):
    size = np.empty(tuple(g.shape), bool)[step.indices].shape
    return (g if step.accumulate else without(step, g, step.indices),
            step.sum_to(taken_at(step, g, step.indices, size), step.shape))


@operation(inplace=True)
def index_put(input, indices, values, accumulate=False):
    """A copy with ``copy[indices] = values``, or ``+=`` with `accumulate`.

    Parameters
    ----------
    input : Tensor
    indices : tuple of Tensors
        One for each of the first dimensions.
    values : Tensor
    accumulate : bool, default False
        Whether values are added.

    Examples
    --------
    >>> fastnn.index_put(fastnn.zeros(3), (fastnn.tensor([0, 2]),), fastnn.tensor([5.0, 6.0]))
    tensor([5., 0., 6.])
    """
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
    """A copy with the flattened copy's ``[index] = source``, or ``+=``.

    Parameters
    ----------
    input : Tensor
    index : Tensor of int64
    source : Tensor
    accumulate : bool, default False
        Whether values are added.

    Examples
    --------
    >>> fastnn.put(fastnn.zeros(3), fastnn.tensor([2]), fastnn.tensor([5.0]))
    tensor([0., 0., 5.])
    """
    need_tensors("put", input, index, source)
    if index.dtype != dtypes.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    return index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(
        tuple(input.shape))


def _index_add_backward(grad, where, shape, alpha):
    taken = np.asarray(grad.reshape(grad.shape or (1,))[where]).reshape(shape)
    return grad, np.asarray(taken * grad.dtype.type(alpha))


INDEX_ADD = Op("IndexAddBackward0", _index_add_backward, "indices shape alpha")
INDEX_ADD.second(lambda step, g: (g, taken_at(step, g, step.indices, step.shape) * step.alpha))
INDEX_ADD_NUMBERS = Op("IndexAddBackward0", passed_on)
INDEX_ADD_NUMBERS.linear(passed_on)


@operation(inplace=True, out=True)
def index_add(input, dim, index, source, *, alpha=1):
    """A copy in which the slice ``index[i]`` along `dim` has ``alpha * source[i]`` added.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64
    source : Tensor
    alpha : number, default 1

    Examples
    --------
    >>> fastnn.index_add(fastnn.zeros(2), 0, fastnn.tensor([1, 1]), fastnn.tensor([5.0, 6.0]))
    tensor([ 0., 11.])
    """
    dim, where, given = _slices("index_add", input, dim, index, source)
    out = input.detach().numpy().copy()
    flat = out.reshape(out.shape or (1,))
    np.add.at(flat, where, (given * np.asarray(alpha).astype(given.dtype)).reshape(flat[where].shape))
    if not source.requires_grad:
        return record(out, INDEX_ADD_NUMBERS, (input,))
    return record(out, INDEX_ADD, (input, source), (where, given.shape, alpha), (index,))


@operation(inplace=True, out=True)
def index_reduce(input, dim, index, source, reduce, *, include_self=True):
    """A copy in which the rows that `index` names along `dim` are reduced with those of `source`.

    `reduce`: "prod", "mean", "amax" or "amin"; without `include_self` the tensor's own rows do not count.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64 or int32
        (n,)
    source : Tensor
        Of the input's sizes, but for n along `dim`.
    reduce : str
    include_self : bool, default True

    Examples
    --------
    >>> x = fastnn.ones(2, 2)
    >>> fastnn.index_reduce(x, 0, fastnn.tensor([0, 0]), fastnn.tensor([[2.0, 3.0], [4.0, 5.0]]), "prod")
    tensor([[ 8., 15.],
            [ 1.,  1.]])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    dim, _, _ = _slices("index_reduce", input, dim, index, source)
    rows = index.long().reshape([-1 if d == dim else 1 for d in range(input.ndim)])
    return scatter_reduce(input, dim, rows.expand(source.shape), source, reduce, include_self=include_self)


def _index_copy_backward(grad, where, shape):
    dx = grad.copy().reshape(grad.shape or (1,))
    taken = np.asarray(dx[where]).reshape(shape)
    dx[where] = 0
    return dx.reshape(grad.shape), taken


INDEX_COPY = Op("IndexCopyBackward0", _index_copy_backward, "indices shape")
INDEX_COPY.second(lambda step, g: (without(step, g, step.indices), taken_at(step, g, step.indices, step.shape)))


@operation(inplace=True, out=True)
def index_copy(input, dim, index, source):
    """A copy in which the slice ``index[i]`` along `dim` is ``source[i]``.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64
    source : Tensor

    Examples
    --------
    >>> fastnn.index_copy(fastnn.zeros(2), 0, fastnn.tensor([1]), fastnn.tensor([5.0]))
    tensor([0., 5.])
    """
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


INDEX_FILL = Op("IndexFillBackward0", _index_fill_backward, "indices")


@INDEX_FILL.second
def _index_fill_second(step, g):
    size = np.empty(tuple(g.shape) or (1,), bool)[step.indices].shape
    return without(step, g, step.indices), taken_at(step, g, step.indices, size).sum()


@operation(inplace=True)
def index_fill(input, dim, index, value):
    """A copy in which the slices ``index[i]`` along `dim` hold one value.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64
    value : number

    Examples
    --------
    >>> fastnn.index_fill(fastnn.zeros(2), 0, fastnn.tensor([1]), 5)
    tensor([0., 5.])
    """
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


def _masked_backward(grad, chosen, count, shape, source_shape, dtype):
    dsource = np.zeros(source_shape, dtype)  # in C order, whatever the source's
    dsource.reshape(-1)[:count] = grad[chosen]
    return sum_to(np.where(chosen, grad.dtype.type(0), grad), shape), None, dsource


MASKED_SCATTER = Op("MaskedScatterBackward0", _masked_backward, "chosen count shape source_shape dtype")


@MASKED_SCATTER.second
def _masked_second(step, g):
    total = int(np.prod(step.source_shape))
    taken = taken_at(step, g, step.chosen, (step.count,))
    return (step.sum_to(without(step, g, step.chosen), step.shape), None,
            within(step, taken, (slice(0, step.count),), (total,)).reshape(step.source_shape).to(step.dtype))


@operation(inplace=True)
def masked_scatter(input, mask, source):
    """A copy whose elements where `mask` is true are those of `source`, one after the other.

    Parameters
    ----------
    input : Tensor
    mask : Tensor of bool
        Broadcasts with the input.
    source : Tensor

    Examples
    --------
    >>> fastnn.masked_scatter(fastnn.zeros(3), fastnn.tensor([True, False, True]), fastnn.tensor([5.0, 6.0]))
    tensor([5., 0., 6.])
    """
    need_tensors("masked_scatter", input, mask, source)
    if mask.dtype.name != "bool":
        raise RuntimeError(f"masked_scatter: expected a bool mask, got {mask.dtype}")
    need_one_dtype("masked_scatter", input, source)
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
