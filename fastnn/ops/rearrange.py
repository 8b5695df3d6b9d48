"""Operations that move or repeat elements: flips, rolls, tiles."""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import Tensor, record
from fastnn.ops._common import axis_of, need_tensors, room
from fastnn.ops.declare import operation


def _axes(op, dims, ndim):
    dims = (dims,) if hasattr(dims, "__index__") else tuple(dims)
    axes = tuple(axis_of(d, ndim) for d in dims)
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return axes


FLIP = Op("FlipBackward0", np.flip, "axes")
FLIP.linear(np.flip)


@operation()
def flip(input, *args, dims=None):
    """Elements in reverse order along dimensions (a copy).

    Parameters
    ----------
    input : Tensor
    *args : int
        Dimensions, or a sequence of them.
    dims : tuple of ints, optional
        The same.

    Examples
    --------
    >>> fastnn.flip(fastnn.tensor([[1, 2], [3, 4]]), (0,))
    tensor([[3, 4],
            [1, 2]])
    """
    need_tensors("flip", input)
    dims = dims if dims is not None else args[0] if len(args) == 1 else args
    axes = _axes("flip", dims, input.ndim)
    if input.ndim == 0:
        return input.clone()
    return record(np.flip(input.detach().numpy(), axes).copy(), FLIP, (input,), (axes,))


@operation()
def fliplr(input):
    """Columns in reverse order.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.fliplr(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@operation()
def flipud(input):
    """Rows in reverse order.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.flipud(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def _roll_backward(grad, shifts, axes):
    return np.roll(grad, [-shift for shift in shifts], axes) if axes else np.roll(grad, -shifts[0])


ROLL = Op("RollBackward0", _roll_backward, "shifts axes")


@ROLL.linear
def _roll(x, shifts, axes):
    return np.roll(x, shifts, axes) if axes else np.roll(x, shifts[0])


@operation()
def roll(input, shifts, dims=None):
    """Elements moved on by `shifts` along `dims`, the last ones to the front; without dims along all, flattened.

    Parameters
    ----------
    input : Tensor
    shifts : int or tuple of ints
    dims : int or tuple of ints, optional

    Examples
    --------
    >>> fastnn.roll(fastnn.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
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
    return record(_roll(x, shifts, axes), ROLL, (input,), (shifts, axes))


ROT90 = Op("Rot90Backward0", lambda grad, k, axes: np.rot90(grad, -k, axes), "k axes")
ROT90.linear(np.rot90)


@operation()
def rot90(input, k=1, dims=(0, 1)):
    """Turned by k * 90 degrees in the plane of two dimensions.

    Parameters
    ----------
    input : Tensor
    k : int, default 1
    dims : tuple of two ints, default (0, 1)

    Examples
    --------
    >>> fastnn.rot90(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    need_tensors("rot90", input)
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    axes = _axes("rot90", dims, input.ndim)
    if len(axes) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(axes)}")
    return record(np.rot90(input.detach().numpy(), k, axes).copy(), ROT90, (input,), (k, axes))


def _repeat_backward(grad, sizes, counts, shape):
    parts = [n for pair in zip(counts, sizes) for n in pair]
    return grad.reshape(parts).sum(axis=tuple(range(0, len(parts), 2))).reshape(shape)


REPEAT = Op("RepeatBackward0", _repeat_backward, "sizes counts shape")


@REPEAT.linear
def _repeat(x, sizes, counts, shape):
    return np.tile(x.reshape(sizes), counts)


@operation("Tensor")
def repeat(input, *repeats):
    """The tensor laid side by side `repeats` times along each dimension (a copy).

    Parameters
    ----------
    input : Tensor
    *repeats : int

    Examples
    --------
    >>> fastnn.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
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
    saved = sizes, repeats, tuple(input.shape)
    return record(_repeat(input.detach().numpy(), *saved), REPEAT, (input,), saved)


@operation()
def tile(input, *dims):
    """``repeat`` that takes fewer numbers than dimensions.

    Parameters
    ----------
    input : Tensor
    *dims : int

    Examples
    --------
    >>> fastnn.tile(fastnn.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = tuple(dims[0])
    return repeat(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


def _interleave_backward(grad, shape, dim, which):
    dx = np.zeros(shape, grad.dtype)
    np.add.at(dx, (slice(None),) * dim + (which,), grad)
    return dx


REPEAT_INTERLEAVE = Op("RepeatInterleaveBackward0", _interleave_backward, "shape dim which")
REPEAT_INTERLEAVE.linear(lambda x, shape, dim, which: np.take(x, which, dim))


@operation()
def repeat_interleave(input, repeats, dim=None, *, output_size=None):
    """Every slice along `dim` (of the flattened tensor by default) `repeats` times in a row.

    Parameters
    ----------
    input : Tensor
    repeats : int or Tensor
        For all slices, or for each.
    dim : int, optional
        Dimension; negative ones count from the end.
    output_size : int, optional
        The result's size along `dim`, which is computed in any case.

    Examples
    --------
    >>> fastnn.repeat_interleave(fastnn.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
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
    return record(np.take(input.detach().numpy(), which, dim), REPEAT_INTERLEAVE, (input,),
                  (tuple(input.shape), dim, which))
