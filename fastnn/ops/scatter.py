"""Gather and scatter: reading from and writing to positions named by index tensors, along a dimension or in all."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.ops._common import axis_of, broadcast_shapes, into, need_tensors
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.slicing import gathered


def without(step, g, where):
    """g with zeros at some positions."""
    def rest(array):
        array = array.copy()
        array.reshape(array.shape or (1,))[where] = 0
        return array
    return step.linear(g, rest, rest)


def taken_at(step, g, where, shape):
    """The elements of g at some positions, which may repeat, in another shape."""
    own = tuple(g.shape)

    def put(array):
        out = np.zeros(own or (1,), array.dtype)
        np.add.at(out, where, array.reshape(out[where].shape))
        return out.reshape(own)
    return step.linear(g, lambda array: np.asarray(array.reshape(own or (1,))[where]).reshape(shape), put)


def within(step, g, part, shape):
    """Zeros of a shape with g in one part."""
    def put(array):
        out = np.zeros(shape, array.dtype)
        out[part] = array.reshape(out[part].shape)
        return out
    own = tuple(g.shape)
    return step.linear(g, put, lambda array: np.asarray(array[part]).reshape(own))


def _reduce_backward(grad, reduce, x, part, indices, out, count, touched, include_self, shape, src_shape, within):
    grad = grad.reshape(x.shape)
    kept = include_self | ~touched
    if reduce == "sum":
        dx, ds = grad * kept, grad[indices]
    elif reduce == "mean":
        scaled = grad / np.where(touched, np.maximum(count, 1), 1)
        dx, ds = scaled * kept, scaled[indices]
    elif reduce == "prod":
        with np.errstate(all="ignore"):
            dx, ds = _product_backward(grad, x, part, indices, out, include_self)
            dx = np.where(kept, dx, 0)
    else:
        own_hits = (x == out) & kept
        hits = part == out[indices]
        number = own_hits.astype(np.int64)
        np.add.at(number, indices, hits)
        shared = grad / np.maximum(number, 1)
        dx, ds = shared * own_hits, np.where(hits, shared[indices], 0)
    dsrc = np.zeros(src_shape, x.dtype)
    dsrc[within] = np.asarray(ds, x.dtype).reshape(dsrc[within].shape)
    return np.asarray(dx, x.dtype).reshape(shape), dsrc


SCATTER_REDUCE = Op("ScatterReduceBackward0", _reduce_backward,
                    "reduce x part indices out count touched include_self shape src_shape within")
SCATTER_NOTHING = Op("ScatterReduceBackward0", lambda grad, shape: (grad, np.zeros(shape, grad.dtype)), "shape")
SCATTER_NOTHING.second(lambda step, g: (g, from_array(np.zeros(step.shape, g.detach().numpy().dtype))))


@SCATTER_REDUCE.second
def _reduce_second(step, g):
    """Every element's gradient is one of the result's times a share, which changes with the input in products alone."""
    if step.reduce == "prod":
        raise NotImplementedError("create_graph=True: scatter_reduce with reduce='prod' cannot be differentiated twice")
    own, part = _reduce_backward(np.ones(step.shape, step.x.dtype), *step.saved)
    taken = taken_at(step, g, step.indices, step.part.shape)
    return g * from_array(own), within(step, taken, step.within, step.src_shape) * from_array(part)


@operation(inplace=True, out=True)
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """A copy in which the elements that `index` names along `dim` are reduced with those of `src`.

    `reduce`: "sum", "prod", "mean", "amax" or "amin"; without `include_self` the tensor's own elements do not count.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64
    src : Tensor
    reduce : str
    include_self : bool, default True

    Examples
    --------
    >>> x, index = fastnn.tensor([1.0, 2.0]), fastnn.tensor([0, 0])
    >>> fastnn.scatter_reduce(x, 0, index, fastnn.tensor([5.0, 3.0]), "amax")
    tensor([5., 2.])
    """
    need_tensors("scatter_reduce", input, index, src)
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    dim, indices = _checked("scatter_reduce", input, dim, index, src)
    own = input.detach().numpy()
    x, given = own.reshape(own.shape or (1,)), src.detach().numpy()
    part = given[_part(index)].reshape(index.shape) if index.numel() else given[:0]
    if not index.numel():
        return record(own.copy(), SCATTER_NOTHING, (input, src), (given.shape,))
    out = x.copy()
    part = part.reshape(np.broadcast_shapes(*(p.shape for p in indices)))
    low, high = -np.inf, np.inf
    if x.dtype.kind != "f":
        low, high = (False, True) if x.dtype.kind == "b" else (dtypes.iinfo(x.dtype).min, dtypes.iinfo(x.dtype).max)
    if not include_self:
        out[indices] = {"sum": 0, "mean": 0, "prod": 1, "amax": low, "amin": high}[reduce]
    {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}[reduce].at(
        out, indices, part)
    count = np.full(x.shape, 1 if include_self else 0, np.int64)
    np.add.at(count, indices, 1)
    touched = np.zeros(x.shape, bool)
    touched[indices] = True
    if reduce == "mean":
        divisor = np.maximum(count, 1)
        out = (out / divisor if x.dtype.kind == "f" else out // divisor).astype(x.dtype)
    saved = reduce, x, part, indices, out, count, touched, include_self, own.shape, given.shape, _part(index)
    return record(out.reshape(own.shape), SCATTER_REDUCE, (input, src), saved, (input, src, index))


def _product_backward(grad, x, part, indices, out, include_self):
    """The product of the others, also where one factor is 0."""
    zeros = ((x == 0) & include_self).astype(np.int64)
    np.add.at(zeros, indices, part == 0)
    rest = np.where(x == 0, 1, x) if include_self else np.ones_like(x)
    np.multiply.at(rest, indices, np.where(part == 0, 1, part))
    if not include_self:
        untouched = np.ones(x.shape, bool)
        untouched[indices] = False
        rest = np.where(untouched, x, rest)

    def slope(factor, total, count):
        return np.where(count == 0, total / factor, np.where((count == 1) & (factor == 0), total, 0))
    touched = np.zeros(x.shape, bool)
    touched[indices] = True
    return (np.where(touched, grad * slope(x, rest, zeros), grad), grad[indices] * slope(part, rest[indices],
                                                                                       zeros[indices]))


def _gather_backward(grad, shape, indices, size):
    dx = np.zeros(shape or (1,), grad.dtype)
    np.add.at(dx, indices, grad)
    return dx.reshape(shape)


GATHER = Op("GatherBackward0", _gather_backward, "shape indices size")
GATHER.linear(lambda x, shape, indices, size: np.asarray(x.reshape(shape or (1,))[indices]).reshape(size))


def numpy_index(op, index, dim, shape, other="input"):
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
    indices = list(np.indices(where.shape, sparse=True)) or [where]
    indices[dim] = where
    return tuple(indices)


@operation()
def gather(input, dim, index, *, sparse_grad=False, out=None):
    """``out[i][j] = input[index[i][j]][j]`` for dim 0, and so on. The result has the shape of `index`.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64
    sparse_grad : bool, default False
        Without effect.
    out : Tensor, optional
        Where the result is written.

    Raises
    ------
    RuntimeError
        An index is out of range, or the shapes do not fit.

    Examples
    --------
    >>> fastnn.gather(fastnn.tensor([[1, 2], [3, 4]]), 1, fastnn.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """
    need_tensors("gather", input, index)
    dim = axis_of(dim, input.ndim)
    x = input.detach().numpy()
    if out is not None and out.dtype is not input.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {input.dtype}, but got {out.dtype} instead")
    quick = gathered(input, dim, index) if out is None else None
    if quick is not None:
        return quick
    indices = numpy_index("gather", index, dim, x.shape)
    if not index.numel():
        taken = np.zeros(tuple(index.shape), x.dtype)
        made = record(taken, constant("GatherBackward0"), (input,), (x.shape,))
    else:
        taken = np.asarray(x.reshape(x.shape or (1,))[indices]).reshape(tuple(index.shape))
        made = record(taken, GATHER, (input,), (x.shape, indices, taken.shape), (index,))
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
    return dim, numpy_index(op, index, dim, tuple(input.shape), "self")


def _part(index):
    return tuple(slice(0, n) for n in index.shape)


def _scatter_backward(grad, indices, part, shape):
    """`indices`: None where nothing is written; `shape`: of the source, None of a number."""
    dx, dsrc = grad.copy(), None if shape is None else np.zeros(shape, grad.dtype)
    if indices is None:
        return dx, dsrc
    flat = dx.reshape(dx.shape or (1,))
    taken = flat[indices]
    flat[indices] = 0
    if dsrc is not None:
        dsrc[part] = np.asarray(taken).reshape(dsrc[part].shape)
    return flat.reshape(dx.shape), dsrc


SCATTER = Op("ScatterBackward0", _scatter_backward, "indices part shape")


@SCATTER.second
def _scatter_second(step, g):
    indices, shape = step.indices, step.shape
    if indices is None:
        return g, None if shape is None else from_array(np.zeros(shape, g.detach().numpy().dtype))
    size = tuple(part.stop for part in step.part)
    return (without(step, g, indices),
            None if shape is None else within(step, taken_at(step, g, indices, size), step.part, shape))


@operation(inplace=True, out=True)
def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """A copy with ``out[index[i][j]][j] = src[i][j]`` for dim 0, and so on; `src` a tensor or a number.

    `reduce`: None, "add" or "multiply".

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64
    src : Tensor or number, optional
    value : number, optional
        The same as a number for `src`.
    reduce : {"add", "multiply"}, optional
        Without it elements are replaced.

    Examples
    --------
    >>> fastnn.scatter(fastnn.zeros(3), 0, fastnn.tensor([2]), fastnn.tensor([5.0]))
    tensor([0., 0., 5.])
    """
    if src is None:
        src = value
    dim, indices = _checked("scatter", input, dim, index, src)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        return _scatter_reduced(input, dim, index, src, reduce, indices)
    x = input.detach().numpy()
    out = x.copy()
    part = _part(index)
    given = src.detach().numpy() if isinstance(src, Tensor) else None
    if index.numel():
        out.reshape(x.shape or (1,))[indices] = dtypes.number(src, x.dtype) if given is None else given[part]
    return record(out, SCATTER, (input, src if given is not None else None),
                  (indices if index.numel() else None, part, None if given is None else given.shape), (index,))


def _scatter_reduced(input, dim, index, src, reduce, indices):
    if isinstance(src, Tensor) and src.requires_grad or input.requires_grad:
        if reduce == "add":
            src = src if isinstance(src, Tensor) else input.new_full(tuple(index.shape), src)
            return scatter_add(input, dim, index, src)
        raise NotImplementedError("scatter: gradients of reduce='multiply' are not implemented")
    out = input.detach().numpy().copy()
    values = src.detach().numpy()[_part(index)] if isinstance(src, Tensor) else np.asarray(src).astype(out.dtype)
    if index.numel():
        (np.add if reduce == "add" else np.multiply).at(out.reshape(out.shape or (1,)), indices, values)
    return from_array(out)


def _scatter_add_backward(grad, indices, part, shape):
    dsrc = np.zeros(shape, grad.dtype)
    if indices is not None:
        dsrc[part] = np.asarray(grad.reshape(grad.shape or (1,))[indices]).reshape(dsrc[part].shape)
    return grad, dsrc


def passed_on(grad):
    return grad


SCATTER_ADD = Op("ScatterAddBackward0", _scatter_add_backward, "indices part shape")
SCATTER_ADD_NUMBERS = Op("ScatterAddBackward0", passed_on)  # of a source that gets no gradient
SCATTER_ADD_NUMBERS.linear(passed_on)


@SCATTER_ADD.second
def _scatter_add_second(step, g):
    if step.indices is None:
        return g, from_array(np.zeros(step.shape, g.detach().numpy().dtype))
    size = tuple(part.stop for part in step.part)
    return g, within(step, taken_at(step, g, step.indices, size), step.part, step.shape)


@operation(inplace=True, out=True)
def scatter_add(input, dim, index, src):
    """A copy with ``out[index[i][j]][j] += src[i][j]`` for dim 0, and so on.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    index : Tensor of int64
    src : Tensor

    Examples
    --------
    >>> fastnn.scatter_add(fastnn.zeros(2), 0, fastnn.tensor([1, 1]), fastnn.tensor([5.0, 6.0]))
    tensor([ 0., 11.])
    """
    need_tensors("scatter_add", input, index, src)
    dim, indices = _checked("scatter_add", input, dim, index, src)
    out = input.detach().numpy().copy()
    given = src.detach().numpy()
    part = _part(index)
    if index.numel():
        np.add.at(out.reshape(out.shape or (1,)), indices, given[part])
    if not src.requires_grad:
        return record(out, SCATTER_ADD_NUMBERS, (input,))
    return record(out, SCATTER_ADD, (input, src), (indices if index.numel() else None, part, given.shape), (index,))


@operation(out=True)
def take_along_dim(input, indices, dim=None):
    """``gather`` that broadcasts; without `dim` from the flattened tensor.

    Parameters
    ----------
    input : Tensor
    indices : Tensor of int64
    dim : int, optional
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.take_along_dim(fastnn.tensor([[1, 2], [3, 4]]), fastnn.tensor([[1]]), 1)
    tensor([[2],
            [4]])
    """
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
