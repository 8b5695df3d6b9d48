"""Diagonals and triangles of matrices: read, written and made."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
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
    """(rows, columns) of the lower triangle's elements.

    Parameters
    ----------
    row : int
        Rows of the matrix.
    col : int
        Its columns.
    offset : int, default 0
        Which diagonal: above the main one if positive, below if negative.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle_indices("tril_indices", 1, row, col, offset, dtype, device, layout, pin_memory, requires_grad)


@operation("fastnn")
def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None, pin_memory=False, requires_grad=False):
    """(rows, columns) of the upper triangle's elements.

    Parameters
    ----------
    row : int
        Rows of the matrix.
    col : int
        Its columns.
    offset : int, default 0
        Which diagonal: above the main one if positive, below if negative.
    dtype : dtype, optional
        Of the result.
    requires_grad : bool, default False
        Whether gradients are computed for the result.
    device, layout, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Examples
    --------
    >>> fastnn.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return _triangle_indices("triu_indices", 0, row, col, offset, dtype, device, layout, pin_memory, requires_grad)


@operation()
def diagflat(input, offset=0):
    """A matrix with the flattened tensor on its diagonal.

    Parameters
    ----------
    input : Tensor
    offset : int, default 0
        Which diagonal: above the main one if positive, below if negative.

    Examples
    --------
    >>> fastnn.diagflat(fastnn.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(input.reshape(-1), offset)


FILL_DIAGONAL = Op("FillDiagonalBackward0", lambda grad, keep: grad * keep, "keep")
FILL_DIAGONAL.linear(lambda x, keep: x * keep)


@operation("Tensor")
def fill_diagonal_(self, fill_value, wrap=False):
    """The main diagonal becomes one value; `wrap`: again below it, for tall matrices.

    Parameters
    ----------
    fill_value : number
    wrap : bool, default False

    Examples
    --------
    >>> fastnn.zeros(2, 2).fill_diagonal_(3)
    tensor([[3., 0.],
            [0., 3.]])
    """
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    keep = np.ones(tuple(self.shape), bool)
    np.fill_diagonal(keep, False, wrap=wrap and self.ndim == 2)
    array = writable(self, False)
    np.fill_diagonal(array, dtypes.number(fill_value, array.dtype), wrap=wrap and self.ndim == 2)
    return record_inplace(self, FILL_DIAGONAL, (), (keep,))


def _diagonal_backward(grad, sizes, offset, axes):
    dx = np.zeros(sizes, grad.dtype)
    view = np.diagonal(dx, offset, *axes)
    view.flags.writeable = True
    view[...] = grad
    return dx


def _diagonal(x, sizes, offset, axes):
    """A view; beyond the corner it is empty."""
    if offset >= x.shape[axes[1]] or -offset >= x.shape[axes[0]]:
        return np.empty(tuple(n for i, n in enumerate(x.shape) if i not in axes) + (0,), x.dtype)
    return np.diagonal(x, offset, *axes)


DIAGONAL = Op("DiagonalBackward0", _diagonal_backward, "sizes offset axes")
DIAGONAL.linear(_diagonal)


@operation()
def diagonal(input, offset=0, dim1=0, dim2=1):
    """The diagonal of two dimensions as a last dimension (a view).

    Parameters
    ----------
    input : Tensor
    offset : int, default 0
        Which diagonal: above the main one if positive, below if negative.
    dim1 : int, default 0
    dim2 : int, default 1

    Examples
    --------
    >>> fastnn.diagonal(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    need_tensors("diagonal", input)
    axes = axis_of(dim1, input.ndim), axis_of(dim2, input.ndim)
    if axes[0] == axes[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    x = input.detach().numpy()
    out = _diagonal(x, x.shape, offset, axes)
    if out.base is not None:
        out.flags.writeable = x.flags.writeable
    viewed = view_of(out, input)
    if not input.requires_grad:
        return viewed
    made = record(out, DIAGONAL, (input,), (x.shape, offset, axes))
    return take_history(viewed, made)


DIAG_EMBED = Op("DiagEmbedBackward0", lambda grad, offset, axes: np.diagonal(grad, offset, *axes), "offset axes")


@DIAG_EMBED.linear
def _diag_embed(x, offset, axes):
    size = x.shape[-1] + abs(offset)
    out = np.zeros(x.shape[:-1] + (size, size), x.dtype)
    rows = np.arange(x.shape[-1])
    out[(..., rows + max(-offset, 0), rows + max(offset, 0))] = x
    return np.moveaxis(out, (-2, -1), axes)


@operation()
def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Matrices of two new dimensions with the last dimension on their diagonal.

    Parameters
    ----------
    input : Tensor
    offset : int, default 0
        Which diagonal: above the main one if positive, below if negative.
    dim1 : int, default -2
    dim2 : int, default -1

    Examples
    --------
    >>> fastnn.diag_embed(fastnn.tensor([[1, 2]]))
    tensor([[[1, 0],
             [0, 2]]])
    """
    need_tensors("diag_embed", input)
    ndim = input.ndim + 1
    axes = axis_of(dim1, ndim), axis_of(dim2, ndim)
    if axes[0] == axes[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    x = input.detach().numpy()
    size = x.shape[-1] + abs(offset)
    room("diag_embed", (*x.shape[:-1], size, size), x.itemsize)
    return record(_diag_embed(x, offset, axes), DIAG_EMBED, (input,), (offset, axes))


@operation(out=True)
def diag(input, diagonal=0):
    """A matrix with the vector on its diagonal, or (a copy of) the diagonal of a matrix.

    Parameters
    ----------
    input : Tensor
    diagonal : int, default 0
        Which diagonal: above the main one if positive, below if negative.

    Raises
    ------
    RuntimeError
        More than two dimensions, or none.

    Examples
    --------
    >>> fastnn.diag(fastnn.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    need_tensors("diag", input)
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    return globals()["diagonal"](input, diagonal).clone()


TRIL, TRIU = Op("TrilBackward0", np.tril, "k"), Op("TriuBackward0", np.triu, "k")
TRIL.linear(np.tril)
TRIU.linear(np.triu)


def _triangle(op, keep, input, k):
    need_tensors(op, input)
    if input.ndim < 2:
        raise RuntimeError(f"{op}: input tensor must have at least 2 dimensions")
    return record(keep(input.detach().numpy(), k), TRIL if op == "tril" else TRIU, (input,), (k,))


@operation(inplace=True, out=True)
def tril(input, diagonal=0):
    """The lower triangle of each matrix, 0 above its diagonal.

    Parameters
    ----------
    input : Tensor
    diagonal : int, default 0
        Which diagonal: above the main one if positive, below if negative.

    Examples
    --------
    >>> fastnn.tril(fastnn.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return _triangle("tril", np.tril, input, diagonal)


@operation(inplace=True, out=True)
def triu(input, diagonal=0):
    """The upper triangle of each matrix, 0 below its diagonal.

    Parameters
    ----------
    input : Tensor
    diagonal : int, default 0
        Which diagonal: above the main one if positive, below if negative.

    Examples
    --------
    >>> fastnn.triu(fastnn.ones(2, 2), 1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    return _triangle("triu", np.triu, input, diagonal)
