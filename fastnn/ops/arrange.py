"""Further rearrangements: windows, triangles' indices, blocks, and copies with a part replaced."""
import itertools
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import from_array, record, take_history, view_of
from fastnn.ops import arithmetic, creation, indexing, rearrange, reduce, scatter, shape
from fastnn.ops._common import axis_of, broadcast_shapes, in_single, int64_of, int64s_of, need_tensors, promote, room
from fastnn.ops.shape import stack


# ---- views ----

def _storage_of(array):
    """The memory that an array is a view of, as a flat array of bytes."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    whole = array if array.flags.c_contiguous else array.T
    if not whole.flags.c_contiguous:
        raise NotImplementedError("as_strided: the memory of the tensor is a part of another library's, with gaps")
    return whole.reshape(-1).view(np.uint8)


def _places(sizes, steps, offset):
    """Where the elements of a view lie, counted in elements from `offset` = 0."""
    places = np.full(sizes, offset)
    for axis, (size, step) in enumerate(zip(sizes, steps)):
        places += (np.arange(size) * step).reshape([-1 if i == axis else 1 for i in range(len(sizes))])
    return places


def _place_backward(grad, own, seen):
    """Every place of a view hands its gradient to the element that it shows, which may be one of the input's, several
    (of an expanded input; they share it) or none."""
    first = min(own.min(), seen.min())
    memory = np.zeros(max(own.max(), seen.max()) - first + 1, grad.dtype)
    np.add.at(memory, seen.reshape(-1) - first, grad.reshape(-1))
    return memory[own - first] / np.bincount((own - first).reshape(-1))[own - first].astype(grad.dtype)


def as_strided(input, size, stride, storage_offset=None):
    """The memory below a tensor with other sizes and steps, from another place on (all counted in elements)."""
    need_tensors("as_strided", input)
    x = input.detach().numpy()
    memory = _storage_of(x)
    size, stride = int64s_of("as_strided", "size", size), int64s_of("as_strided", "stride", stride)
    start = x.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    offset = (start // x.itemsize if storage_offset is None else
              int64_of("as_strided", "storage_offset", storage_offset))
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(n < 0 for n in size):
        raise RuntimeError(f"as_strided: sizes must not be negative, got {list(size)}")
    if any(step < 0 for step in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if all(size) and (last + 1) * x.itemsize > memory.size:
        raise RuntimeError(f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out "
                           f"of bounds for storage of {memory.size // x.itemsize} elements")
    steps = [min(step, 2 ** 40) for step in stride]  # what is larger is never taken
    try:
        out = (np.ndarray(size, x.dtype, memory, offset * x.itemsize, [step * x.itemsize for step in steps])
               if all(size) else np.empty(size, x.dtype))
    except ValueError:
        raise RuntimeError(f"as_strided: sizes {list(size)}: too many elements") from None
    out.flags.writeable = x.flags.writeable
    viewed = view_of(out, input)
    if not input.requires_grad:
        return viewed
    shape, item = x.shape, x.itemsize  # not x itself: the rule reads no memory of it
    strides = [step // item for step in x.strides]

    def backward(grad):
        if not grad.size or 0 in shape:
            return np.zeros(shape, grad.dtype)
        return _place_backward(grad, _places(shape, strides, start // item), _places(size, steps, offset))
    return take_history(viewed, record(out, backward, "AsStridedBackward0", (input,)))


def unfold(input, dimension, size, step):
    """Windows of `size` elements along a dimension, `step` apart, as a new last dimension (a view)."""
    need_tensors("unfold", input)
    dim = axis_of(dimension, input.ndim)
    x = input.detach().numpy() if input.ndim else input.detach().numpy().reshape(1)
    size, step = int64_of("unfold", "size", size), min(int64_of("unfold", "step", step), 2 ** 40)
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > x.shape[dim]:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {x.shape[dim]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if input.ndim == 0 or size == 0:
        count = (x.shape[dim] - size) // step + 1
        return input.reshape(1)[:size] if input.ndim == 0 else indexing.getitem(
            input, (slice(None),) * dim + (slice(0, 0),)).reshape((*x.shape[:dim], count, *x.shape[dim + 1:], 0))
    count = (x.shape[dim] - size) // step + 1
    sizes = (*x.shape[:dim], count, *x.shape[dim + 1:], size)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1:], x.strides[dim])
    out = np.lib.stride_tricks.as_strided(x, sizes, strides, writeable=x.flags.writeable)
    shape = x.shape

    def backward(grad):
        dx = np.zeros(shape, grad.dtype)
        moved = np.moveaxis(dx, dim, 0)
        windows = np.moveaxis(grad, dim, 0)
        for i in range(count):
            moved[i * step:i * step + size] += np.moveaxis(windows[i], -1, 0)
        return dx
    viewed = view_of(out, input)
    if not input.requires_grad:
        return viewed
    return take_history(viewed, record(out, backward, "UnfoldBackward0", (input,)))


def adjoint(input):
    """Matrices transposed."""
    return shape.transpose(input, -2, -1)


def hsplit(input, indices_or_sections):
    """Pieces along dimension 1 (of a vector: 0)."""
    return _split("hsplit", input, indices_or_sections, 1, 0 if input.ndim == 1 else 1)


def vsplit(input, indices_or_sections):
    """Pieces along dimension 0."""
    return _split("vsplit", input, indices_or_sections, 2, 0)


def dsplit(input, indices_or_sections):
    """Pieces along dimension 2."""
    return _split("dsplit", input, indices_or_sections, 3, 2)


def _split(op, input, given, ndim, dim):
    if input.ndim < ndim:
        raise RuntimeError(f"torch.{op} requires a tensor with at least {ndim} dimension, but got a tensor with "
                           f"{input.ndim} dimensions!")
    if isinstance(given, int) and (given <= 0 or input.shape[dim] % given):
        raise RuntimeError(f"torch.{op} attempted to split along dimension {dim}, but the size of the dimension "
                           f"{input.shape[dim]} is not divisible by the split_size {given}!")
    return rearrange.tensor_split(input, given, dim)


# ---- indices ----

def _triangle_indices(op, lower, row, col, offset, dtype, device, layout, pin_memory, requires_grad):
    creation._check(device, layout, pin_memory)
    if row < 0 or col < 0:
        raise RuntimeError(f"{op}: row and col must be non-negative, got {row} and {col}")
    kind = dtypes.to_numpy(np.int64 if dtype is None else dtype)
    step = min(max(offset, -row), col) + lower  # in row i the border stands before column i + step
    start = min(max(-step, 0), row)             # the first row that it crosses, and the first that it is behind of
    stop = min(max(col - step, start), row)
    below = (start + stop - 1 + 2 * step) * (stop - start) // 2 + (row - stop) * col
    total = below if lower else row * col - below
    room(op, (2 * total + row,), 16)
    border = np.clip(np.arange(row) + step, 0, col)
    first, last = (0, border) if lower else (border, col)
    count = last - first + np.zeros(row, np.int64)
    rows = np.repeat(np.arange(row), count)
    columns = np.arange(total) - np.repeat(np.cumsum(count) - count - first, count)
    return creation._finish(np.stack([rows, columns]).astype(kind), requires_grad)


def tril_indices(row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False, requires_grad=False):
    """(rows, columns) of the lower triangle's elements."""
    return _triangle_indices("tril_indices", 1, row, col, offset, dtype, device, layout, pin_memory, requires_grad)


def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False, requires_grad=False):
    """(rows, columns) of the upper triangle's elements."""
    return _triangle_indices("triu_indices", 0, row, col, offset, dtype, device, layout, pin_memory, requires_grad)


def argwhere(input):
    """Indices of the elements that are not 0, one row each."""
    return indexing.nonzero(input)


def unravel_index(indices, shape):
    """Indices of the flattened tensor as one index for each dimension."""
    need_tensors("unravel_index", indices)
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return tuple(from_array(np.asarray(part, np.int64)) for part in np.unravel_index(indices.numpy(), sizes))


def combinations(input, r=2, with_replacement=False):
    """All choices of r elements of a vector, one a row."""
    need_tensors("combinations", input)
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return from_array(np.zeros(0, input.detach().numpy().dtype))
    n = input.shape[0]
    count = math.comb(n + r - 1 if with_replacement and n else n, r)
    room("combinations", (count, r), 8 + input.itemsize)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.fromiter(itertools.chain.from_iterable(choose(range(n), r)), np.int64, count * r)
    return indexing.getitem(input, from_array(rows.reshape(count, r)))


# ---- made of several ----

def row_stack(tensors, *, out=None):
    """``vstack``."""
    return rearrange.vstack(tensors, out=out)


def block_diag(*tensors):
    """Matrices along the diagonal of a larger one, 0 elsewhere."""
    if not tensors:
        return from_array(np.zeros((1, 0), dtypes.get_default_dtype().numpy))
    need_tensors("block_diag", *tensors)
    blocks = [x.reshape(1, -1) if x.ndim < 2 else x for x in tensors]
    for i, x in enumerate(blocks):
        if x.ndim != 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has "
                               f"{x.ndim} dimensions")
    kind = blocks[0].detach().numpy().dtype
    for x in blocks:
        kind = promote(from_array(np.empty(1, kind)), from_array(np.empty(1, x.detach().numpy().dtype)))
    rows, columns = sum(x.shape[0] for x in blocks), sum(x.shape[1] for x in blocks)
    room("block_diag", (rows, columns), kind.itemsize)
    out, places, i, j = np.zeros((rows, columns), kind), [], 0, 0
    for x in blocks:
        places.append((slice(i, i + x.shape[0]), slice(j, j + x.shape[1])))
        out[places[-1]] = x.detach().numpy()
        i, j = i + x.shape[0], j + x.shape[1]
    kinds = [x.detach().numpy().dtype for x in blocks]
    return record(out, lambda grad: tuple(grad[place].astype(kind) for place, kind in zip(places, kinds)),
                  "BlockDiagBackward0", tuple(blocks))


def vander(x, N=None, increasing=False):  # noqa: N803 (PyTorch's name)
    """Powers of a vector's elements, one element a row."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    powers = powers_of(x, n)
    return powers if increasing else powers.flip(1)


def powers_of(x, count):
    """x^0, x^1, ... along a new last dimension; of whole numbers in int64."""
    room("vander", (*x.shape, count), x.itemsize)
    x = x if x.is_floating_point() else x.to(dtypes.int64)
    powers = [from_array(np.ones(tuple(x.shape), x.detach().numpy().dtype))]
    while len(powers) < count:
        powers.append(arithmetic.mul(powers[-1], x))
    return stack(powers, -1)[..., :count]


def cross(input, other, dim=None):
    """The vector product of vectors of 3 numbers along `dim` (the first of size 3 by default)."""
    need_tensors("cross", input, other)
    if input.ndim != other.ndim:
        raise RuntimeError(f"linalg.cross: inputs must have the same number of dimensions, got {input.ndim} and "
                           f"{other.ndim}")
    sizes = broadcast_shapes(tuple(input.shape), tuple(other.shape))
    if dim is None:
        if 3 not in sizes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = sizes.index(3)
    dim = axis_of(dim, len(sizes))
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and "
                           f"{other.shape[dim]}")
    x, y = input.expand(sizes), other.expand(sizes)
    return arithmetic.sub(arithmetic.mul(rearrange.roll(x, -1, dim), rearrange.roll(y, -2, dim)),
                          arithmetic.mul(rearrange.roll(x, -2, dim), rearrange.roll(y, -1, dim)))


def diagflat(input, offset=0):
    """A matrix with the flattened tensor on its diagonal."""
    return rearrange.diag_embed(input.reshape(-1), offset)


def sum_to_size(input, *size):
    """Summed over the dimensions that broadcasting to the tensor's shape would have repeated."""
    size = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else tuple(size)
    extra = input.ndim - len(size)
    if extra < 0 or any(n != m and n != 1 for n, m in zip(size, tuple(input.shape)[extra:])):
        raise RuntimeError(f"size {list(size)} is not expandable to size {list(input.shape)}.")
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(size) if n == 1 != input.shape[i + extra])
    return reduce.sum(input, axes, True).reshape(size) if axes else input


# ---- a part replaced ----

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


def select_scatter(input, src, dim, index):
    """A copy in which ``select(dim, index)`` is `src`."""
    return _replaced("select_scatter", input, src, lambda x: indexing.select(x, dim, index))


def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """A copy in which the slice of `dim` is `src`."""
    def take(x):
        return x[(slice(None),) * axis_of(dim, x.ndim) + (slice(start, end, step),)]
    return _replaced("slice_scatter", input, src, take)


def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """A copy in which the diagonal is `src`."""
    return _replaced("diagonal_scatter", input, src, lambda x: rearrange.diagonal(x, offset, dim1, dim2))


def narrow_copy(input, dim, start, length):
    """``narrow`` as a copy."""
    return indexing.narrow(input, dim, start, length).clone()


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
        from fastnn.kernels import sum_to
        taken = np.ascontiguousarray(grad[where])
        dx = grad
        if not accumulate:
            dx = grad.copy()
            dx[where] = 0
        return dx, sum_to(taken, given.shape)
    return record(out, backward, "IndexPutBackward0", (input, values), (), read)


def put(input, index, source, accumulate=False):
    """A copy with the flattened copy's ``[index] = source``, or ``+=``."""
    need_tensors("put", input, index, source)
    if index.dtype != dtypes.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    return index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(
        tuple(input.shape))


@in_single
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """A copy in which the elements that `index` names along `dim` are reduced with those of `src`.

    `reduce`: "sum", "prod", "mean", "amax" or "amin"; without `include_self` the tensor's own elements do not count.
    """
    need_tensors("scatter_reduce", input, index, src)
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    dim, places = scatter._checked("scatter_reduce", input, dim, index, src)
    own = input.detach().numpy()
    x, given = own.reshape(own.shape or (1,)), src.detach().numpy()
    part = given[scatter._part(index)].reshape(index.shape) if index.numel() else given[:0]
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
        dsrc[scatter._part(index)] = np.asarray(ds, x.dtype).reshape(dsrc[scatter._part(index)].shape)
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


def broadcast_shapes_of(*shapes):
    """The shape that these shapes broadcast to."""
    return broadcast_shapes(*((s,) if isinstance(s, int) else tuple(s) for s in shapes))


def unsafe_chunk(input, chunks, dim=0):
    """``chunk``; the pieces share memory, but a change of one in place is nothing that another's gradient knows of."""
    pieces, axis, start, made = indexing.chunk(input, chunks, dim), axis_of(dim, input.ndim), 0, []
    for piece in pieces:
        index = (slice(None),) * axis + (slice(start, start + piece.shape[axis]),)
        made.append(record(piece.detach().numpy(), _piece_backward, "UnsafeSplitBackward0", (input,),
                           (tuple(input.shape), index)))
        start += piece.shape[axis]
    return tuple(made)


def _piece_backward(grad, shape, index):
    dx = np.zeros(shape, grad.dtype)
    dx[index] = grad
    return dx


def split_with_sizes(input, split_sizes, dim=0):
    """``split`` by a list of sizes."""
    return indexing.split(input, list(split_sizes), dim)


def is_same_size(input, other):
    """Whether both have one shape."""
    return tuple(input.shape) == tuple(other.shape)


