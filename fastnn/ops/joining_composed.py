"""Several tensors as one: stacks of rows and columns, block matrices; ``cat`` and ``stack`` are in `joining`."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops import joining
from fastnn.ops._common import need_tensors, promote, room
from fastnn.ops.declare import operation
from fastnn.ops.shape_composed import all_tensors, atleast_1d, atleast_2d, atleast_3d


@operation("fastnn")
def row_stack(tensors, *, out=None):
    """``vstack``.

    Parameters
    ----------
    tensors : sequence of Tensors
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.row_stack([fastnn.tensor([1, 2]), fastnn.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return vstack(tensors, out=out)


BLOCK_DIAG = Op("BlockDiagBackward0", lambda grad, slices, kinds: tuple(
    grad[part].astype(kind) for part, kind in zip(slices, kinds)), "slices kinds")
BLOCK_DIAG.second(lambda step, g: tuple(g[part].to(kind) for part, kind in zip(step.slices, step.kinds)))


@operation("fastnn")
def block_diag(*tensors):
    """Matrices along the diagonal of a larger one, 0 elsewhere.

    Parameters
    ----------
    *tensors : Tensor
        Matrices; vectors count as rows.

    Examples
    --------
    >>> fastnn.block_diag(fastnn.ones(1, 2), fastnn.ones(2, 1))
    tensor([[1., 1., 0.],
            [0., 0., 1.],
            [0., 0., 1.]])
    """
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
    out, slices, i, j = np.zeros((rows, columns), kind), [], 0, 0
    for x in blocks:
        slices.append((slice(i, i + x.shape[0]), slice(j, j + x.shape[1])))
        out[slices[-1]] = x.detach().numpy()
        i, j = i + x.shape[0], j + x.shape[1]
    kinds = [x.detach().numpy().dtype for x in blocks]
    return record(out, BLOCK_DIAG, tuple(blocks), (slices, kinds))


@operation("fastnn")
def hstack(tensors, *, out=None):
    """Joined along dimension 1 (vectors: 0).

    Parameters
    ----------
    tensors : sequence of Tensors
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.hstack([fastnn.tensor([1, 2]), fastnn.tensor([3])])
    tensor([1, 2, 3])
    """
    tensors = atleast_1d(all_tensors(tensors, "hstack"))
    return joining.cat(tensors, 0 if tensors[0].ndim == 1 else 1, out=out)


@operation("fastnn")
def vstack(tensors, *, out=None):
    """Joined along dimension 0; vectors become rows.

    Parameters
    ----------
    tensors : sequence of Tensors
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.vstack([fastnn.tensor([1, 2]), fastnn.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return joining.cat(atleast_2d(all_tensors(tensors, "vstack")), 0, out=out)


@operation("fastnn")
def dstack(tensors, *, out=None):
    """Joined along dimension 2.

    Parameters
    ----------
    tensors : sequence of Tensors
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.dstack([fastnn.tensor([1, 2]), fastnn.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    return joining.cat(atleast_3d(all_tensors(tensors, "dstack")), 2, out=out)


@operation("fastnn")
def column_stack(tensors, *, out=None):
    """Vectors become the columns of a matrix; matrices are joined along dimension 1.

    Parameters
    ----------
    tensors : sequence of Tensors
    out : Tensor, optional
        Where the result is written.

    Examples
    --------
    >>> fastnn.column_stack([fastnn.tensor([1, 2]), fastnn.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    columns = [x.reshape(-1, 1) if x.ndim < 2 else x for x in all_tensors(tensors, "column_stack")]
    return joining.cat(columns, 1, out=out)
