"""Operations that move or repeat elements: flips, rolls, tiles, diagonals, triangles, grids, padding."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, record, take_history, view_of
from fastnn.ops import shape
from fastnn.ops._common import axis_of, broadcast_shapes, need_tensors, room
from fastnn.ops.indexing import TENSOR_BYTES, need_dimensions, split


def _axes(op, dims, ndim):
    dims = (dims,) if hasattr(dims, "__index__") else tuple(dims)
    axes = tuple(axis_of(d, ndim) for d in dims)
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return axes


def flip(input, *args, dims=None):
    """Elements in reverse order along dimensions (a copy)."""
    need_tensors("flip", input)
    dims = dims if dims is not None else args[0] if len(args) == 1 else args
    axes = _axes("flip", dims, input.ndim)
    if input.ndim == 0:
        return input.clone()
    return record(np.flip(input.detach().numpy(), axes).copy(), lambda grad, axes: np.flip(grad, axes),
                  "FlipBackward0", (input,), (axes,))


def fliplr(input):
    """Columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


def flipud(input):
    """Rows in reverse order."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def _roll_backward(grad, shifts, axes):
    return np.roll(grad, [-shift for shift in shifts], axes) if axes else np.roll(grad, -shifts[0])


def roll(input, shifts, dims=None):
    """Elements moved on by `shifts` along `dims`, the last ones to the front; without dims along all, flattened."""
    need_tensors("roll", input)
    shifts = (shifts,) if hasattr(shifts, "__index__") else tuple(shifts)
    dims = () if dims is None else (dims,) if hasattr(dims, "__index__") else tuple(dims)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if dims and input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if len(shifts) != len(dims) and (dims or len(shifts) != 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    axes = tuple(axis_of(d, input.ndim) for d in dims)
    x = input.detach().numpy()
    rolled = np.roll(x, shifts, axes) if axes else np.roll(x, shifts[0])
    return record(rolled, _roll_backward, "RollBackward0", (input,), (shifts, axes))


def rot90(input, k=1, dims=(0, 1)):
    """Turned by k * 90 degrees in the plane of two dimensions."""
    need_tensors("rot90", input)
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    axes = _axes("rot90", dims, input.ndim)
    if len(axes) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(axes)}")
    return record(np.rot90(input.detach().numpy(), k, axes).copy(), lambda grad, k, axes: np.rot90(grad, -k, axes),
                  "Rot90Backward0", (input,), (k, axes))


def _repeat_backward(grad, sizes, counts):
    parts = [n for pair in zip(counts, sizes) for n in pair]
    return grad.reshape(parts).sum(axis=tuple(range(0, len(parts), 2)))


def repeat(input, *repeats):
    """The tensor laid side by side `repeats` times along each dimension (a copy)."""
    need_tensors("repeat", input)
    if len(repeats) == 1 and isinstance(repeats[0], (tuple, list)):
        repeats = tuple(repeats[0])
    repeats = tuple(int(n) for n in repeats)
    if len(repeats) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(n < 0 for n in repeats):
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeats {list(repeats)}")
    sizes = (1,) * (len(repeats) - input.ndim) + tuple(input.shape)
    room("repeat", [n * size for n, size in zip(repeats, sizes)], input.itemsize)
    out = np.tile(input.detach().numpy().reshape(sizes), repeats)
    own = tuple(input.shape)
    return record(out, lambda grad, sizes, repeats: _repeat_backward(grad, sizes, repeats).reshape(own),
                  "RepeatBackward0", (input,), (sizes, repeats))


def tile(input, *dims):
    """``repeat`` that takes fewer numbers than dimensions."""
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = tuple(dims[0])
    return repeat(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


def repeat_interleave(input, repeats, dim=None, *, output_size=None):
    """Every slice along `dim` (of the flattened tensor by default) `repeats` times in a row."""
    need_tensors("repeat_interleave", input)
    if dim is None:
        input, dim = input.reshape(-1), 0
    dim = axis_of(dim, input.ndim)
    counts = repeats.numpy() if isinstance(repeats, Tensor) else repeats
    if np.any(np.asarray(counts) < 0):
        raise RuntimeError("repeats can not be negative")
    if np.ndim(counts) == 1 and np.size(counts) not in (1, input.shape[dim]):
        raise RuntimeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = "
                           f"{np.size(counts)} and input.size({dim}) = {input.shape[dim]}")
    count = int(np.sum(counts, dtype=object)) * (1 if np.size(counts) == input.shape[dim] > 1 else input.shape[dim])
    room("repeat_interleave", [count if i == dim else n for i, n in enumerate(input.shape)], 8 + input.itemsize)
    which = np.repeat(np.arange(input.shape[dim]), counts)
    which.flags.writeable = False
    shape = tuple(input.shape)

    def backward(grad):
        dx = np.zeros(shape, grad.dtype)
        np.add.at(dx, (slice(None),) * dim + (which,), grad)
        return dx
    return record(np.take(input.detach().numpy(), which, dim), backward, "RepeatInterleaveBackward0", (input,))


# ---- joining ----

def _all(tensors, op):
    tensors = tuple(tensors)
    if not tensors:
        raise RuntimeError(f"{op} expects a non-empty TensorList")
    return tensors


def atleast_1d(*tensors):
    """With at least one dimension."""
    return _each(tensors, lambda x: x.reshape(1) if x.ndim == 0 else x)


def atleast_2d(*tensors):
    """With at least two dimensions."""
    return _each(tensors, lambda x: x.reshape(1, 1) if x.ndim == 0 else x.unsqueeze(0) if x.ndim == 1 else x)


def atleast_3d(*tensors):
    """With at least three dimensions."""
    return _each(tensors, lambda x: x.reshape(1, 1, 1) if x.ndim == 0 else x.unsqueeze(0).unsqueeze(-1)
                 if x.ndim == 1 else x.unsqueeze(-1) if x.ndim == 2 else x)


def _each(tensors, function):
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    return tuple(function(x) for x in (tensors[0] if len(tensors) == 1 else tensors))


def hstack(tensors, *, out=None):
    """Joined along dimension 1 (vectors: 0)."""
    tensors = atleast_1d(_all(tensors, "hstack"))
    return shape.cat(tensors, 0 if tensors[0].ndim == 1 else 1, out=out)


def vstack(tensors, *, out=None):
    """Joined along dimension 0; vectors become rows."""
    return shape.cat(atleast_2d(_all(tensors, "vstack")), 0, out=out)


def dstack(tensors, *, out=None):
    """Joined along dimension 2."""
    return shape.cat(atleast_3d(_all(tensors, "dstack")), 2, out=out)


def column_stack(tensors, *, out=None):
    """Vectors become the columns of a matrix; matrices are joined along dimension 1."""
    return shape.cat([x.reshape(-1, 1) if x.ndim < 2 else x for x in _all(tensors, "column_stack")], 1, out=out)


def tensor_split(input, indices_or_sections, dim=0):
    """Pieces along `dim`: so many of nearly equal size, or cut at given places."""
    need_dimensions("tensor_split", input)
    dim = axis_of(dim, input.ndim)
    size = input.shape[dim]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        room("tensor_split", (indices_or_sections,), TENSOR_BYTES)
        small, larger = divmod(size, indices_or_sections)
        return split(input, [small + (i < larger) for i in range(indices_or_sections)], dim)
    cuts = [0] + [min(max(i + size if i < 0 else i, 0), size) for i in indices_or_sections] + [size]
    return tuple(input.narrow(dim, a, max(b - a, 0)) for a, b in zip(cuts, cuts[1:]))


# ---- diagonals and triangles ----

def _diagonal_backward(grad, sizes, offset, axes):
    dx = np.zeros(sizes, grad.dtype)
    view = np.diagonal(dx, offset, *axes)
    view.flags.writeable = True
    view[...] = grad
    return dx


def diagonal(input, offset=0, dim1=0, dim2=1):
    """The diagonal of two dimensions as a last dimension (a view)."""
    need_tensors("diagonal", input)
    axes = axis_of(dim1, input.ndim), axis_of(dim2, input.ndim)
    if axes[0] == axes[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    x = input.detach().numpy()
    if offset >= x.shape[axes[1]] or -offset >= x.shape[axes[0]]:  # beyond the corner: nothing
        empty = tuple(n for i, n in enumerate(x.shape) if i not in axes) + (0,)
        out = np.empty(empty, x.dtype)
    else:
        out = np.diagonal(x, offset, *axes)
        out.flags.writeable = x.flags.writeable
    viewed = view_of(out, input)
    if not input.requires_grad:
        return viewed
    made = record(out, _diagonal_backward, "DiagonalBackward0", (input,), (x.shape, offset, axes))
    return take_history(viewed, made)


def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Matrices of two new dimensions with the last dimension on their diagonal."""
    need_tensors("diag_embed", input)
    ndim = input.ndim + 1
    axes = axis_of(dim1, ndim), axis_of(dim2, ndim)
    if axes[0] == axes[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    x = input.detach().numpy()
    size = x.shape[-1] + abs(offset)
    room("diag_embed", (*x.shape[:-1], size, size), x.itemsize)
    out = np.zeros(x.shape[:-1] + (size, size), x.dtype)
    places = np.arange(x.shape[-1])
    places = places + max(-offset, 0), places + max(offset, 0)
    out[(..., *places)] = x
    out = np.moveaxis(out, (-2, -1), axes)
    return record(out, lambda grad: np.diagonal(grad, offset, *axes), "DiagEmbedBackward0", (input,))


def diag(input, diagonal=0):
    """A matrix with the vector on its diagonal, or (a copy of) the diagonal of a matrix."""
    need_tensors("diag", input)
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    return globals()["diagonal"](input, diagonal).clone()


def _triangle(op, keep, input, k):
    need_tensors(op, input)
    if input.ndim < 2:
        raise RuntimeError(f"{op}: input tensor must have at least 2 dimensions")
    return record(keep(input.detach().numpy(), k), lambda grad: keep(grad, k), f"{op.capitalize()}Backward0", (input,))


def tril(input, diagonal=0):
    """The lower triangle of each matrix, 0 above its diagonal."""
    return _triangle("tril", np.tril, input, diagonal)


def triu(input, diagonal=0):
    """The upper triangle of each matrix, 0 below its diagonal."""
    return _triangle("triu", np.triu, input, diagonal)


def meshgrid(*tensors, indexing=None):
    """Coordinates of a grid: each vector expanded over the dimensions of the others."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    for x in tensors:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x}")
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swapped = indexing == "xy" and len(tensors) > 1
    if swapped:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    sizes = [x.numel() for x in tensors]
    grids = [x.reshape([-1 if i == axis else 1 for i in range(len(tensors))] if x.numel() else
                       [0 if i == axis else 1 for i in range(len(tensors))]).expand(sizes)
             for axis, x in enumerate(tensors)]
    if swapped:
        grids = [grids[1], grids[0], *grids[2:]]
    return tuple(grids)


def broadcast_tensors(*tensors):
    """All expanded to their common shape."""
    common = broadcast_shapes(*(tuple(x.shape) for x in tensors))
    return tuple(x if x.shape == common else x.expand(common) for x in tensors)


def cartesian_prod(*tensors):
    """All combinations of the elements of vectors, one a row."""
    if len(tensors) == 1:
        return tensors[0]
    room("cartesian_prod", [*(x.numel() for x in tensors), len(tensors)], max(x.itemsize for x in tensors))
    return shape.stack([grid.reshape(-1) for grid in meshgrid(*tensors, indexing="ij")], 1)


# ---- padding ----

def _sources(size, before, after, mode):
    """For every place of a padded dimension the element that it shows."""
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return places.clip(0, max(size - 1, 0))
    if mode == "circular":  # of what negative widths leave
        first, last = max(-before, 0), size - max(-after, 0)
        return first + np.arange(-max(before, 0), last - first + max(after, 0)) % max(last - first, 1)
    return (size - 1) - np.abs((size - 1) - np.abs(places))  # reflect


def _pad_backward(grad, sizes, sources):
    """Every place hands its gradient to the element that it shows."""
    for axis, (size, source) in enumerate(zip(sizes, sources)):
        if source is not None:
            moved = np.moveaxis(grad, axis, 0)
            total = np.zeros((size,) + moved.shape[1:], grad.dtype)
            np.add.at(total, source, moved)
            grad = np.moveaxis(total, 0, axis)
    return grad


def pad(input, pad, mode="constant", value=None):
    """More elements at the borders, `pad` = (before, after) of the last dimension, of the last but one, ...

    `mode`: "constant" (`value`, 0 by default; negative widths crop), "reflect", "replicate" or "circular".
    """
    need_tensors("pad", input)
    pad = [int(n) for n in pad]
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2: got {len(pad)} numbers")
    if len(pad) // 2 > input.ndim:
        raise RuntimeError(f"Padding length should be less than or equal to two times the input dimension but got "
                           f"padding length {len(pad)} and input of dimension {input.ndim}")
    sizes = tuple(input.shape)
    widths = [(0, 0)] * (input.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    room("pad", [max(size + sum(pair), 0) for size, pair in zip(sizes, widths)], input.itemsize)
    if mode == "constant":
        return _pad_constant(input, sizes, widths, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    spatial = len(pad) // 2
    if input.ndim not in (spatial + 1, spatial + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    for size, (before, after) in zip(sizes, widths):
        if mode == "reflect" and (before >= size or after >= size) and (before or after):
            raise RuntimeError(f"Argument #4: Padding size should be less than the corresponding input dimension, but "
                               f"got: padding ({before}, {after}) at dimension of input {list(sizes)}")
        if mode == "circular" and (before > size or after > size):
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode == "replicate" and size == 0 and (before or after):
            raise RuntimeError(f"pad: expected a non-empty input for replicate padding, got {list(sizes)}")
    sources = [None if pair == (0, 0) else _sources(size, *pair, mode) for size, pair in zip(sizes, widths)]
    out = input.detach().numpy()
    for axis, source in enumerate(sources):
        if source is not None:
            out = np.take(out, source, axis)
    return record(out, _pad_backward, f"{mode.capitalize()}ionPadBackward0", (input,), (sizes, sources))


def _pad_constant(input, sizes, widths, value):
    x = input.detach().numpy()
    result = [size + before + after for size, (before, after) in zip(sizes, widths)]
    for axis, size in enumerate(result):
        if size < 0:
            raise RuntimeError(f"The input size {sizes[axis]}, plus negative padding {widths[axis][0]} and "
                               f"{widths[axis][1]}, resulted in a negative output size, which is invalid. Check "
                               f"dimension {axis} of your input.")
    inside = tuple(slice(max(before, 0), max(before, 0) + max(size + min(before, 0) + min(after, 0), 0))
                   for size, (before, after) in zip(sizes, widths))
    kept = tuple(slice(max(-before, 0), max(-before, 0) + (part.stop - part.start))
                 for part, (before, _) in zip(inside, widths))
    out = np.full(result, dtypes.number(value, x.dtype), x.dtype)
    out[inside] = x[kept]

    def backward(grad):
        dx = np.zeros(sizes, grad.dtype)
        dx[kept] = grad[inside]
        return dx
    return record(out, backward, "ConstantPadNdBackward0", (input,))
