"""Diagonals and triangles of matrices: read, written and made."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import record, record_inplace, take_history, view_of, writable
from fastnn.ops import creation
from fastnn.ops._common import axis_of, need_tensors, room
from fastnn.ops.declare import operation


def _triangle_indices(op, lower, row, col, offset, dtype, device, layout, pin_memory, requires_grad):
    creation.check_options(device, layout, pin_memory)
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
    return creation.finish(np.stack([rows, columns]).astype(kind), requires_grad)


@operation("fastnn")
def tril_indices(row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False, requires_grad=False):
    """(rows, columns) of the lower triangle's elements."""
    return _triangle_indices("tril_indices", 1, row, col, offset, dtype, device, layout, pin_memory, requires_grad)


@operation("fastnn")
def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False, requires_grad=False):
    """(rows, columns) of the upper triangle's elements."""
    return _triangle_indices("triu_indices", 0, row, col, offset, dtype, device, layout, pin_memory, requires_grad)


@operation()
def diagflat(input, offset=0):
    """A matrix with the flattened tensor on its diagonal."""
    return diag_embed(input.reshape(-1), offset)


@operation("Tensor")
def fill_diagonal_(self, fill_value, wrap=False):
    """The main diagonal becomes one value; `wrap`: again below it, for tall matrices."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    keep = np.ones(tuple(self.shape), bool)
    np.fill_diagonal(keep, False, wrap=wrap and self.ndim == 2)
    array = writable(self)
    np.fill_diagonal(array, dtypes.number(fill_value, array.dtype), wrap=wrap and self.ndim == 2)
    return record_inplace(self, lambda grad: grad * keep, "FillDiagonalBackward0")


def _diagonal_backward(grad, sizes, offset, axes):
    dx = np.zeros(sizes, grad.dtype)
    view = np.diagonal(dx, offset, *axes)
    view.flags.writeable = True
    view[...] = grad
    return dx


@operation()
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


@operation()
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


@operation(out=True)
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


@operation(inplace=True, out=True)
def tril(input, diagonal=0):
    """The lower triangle of each matrix, 0 above its diagonal."""
    return _triangle("tril", np.tril, input, diagonal)


@operation(inplace=True, out=True)
def triu(input, diagonal=0):
    """The upper triangle of each matrix, 0 below its diagonal."""
    return _triangle("triu", np.triu, input, diagonal)
