"""Sparse tensors from indices and values."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, to_array
from fastnn.ops.creation import tensor as dense_tensor
from fastnn.ops.shape import view_as
from fastnn.sparse.patterns import BSC, BSR, COO, CSC, CSR, Compressed, Coordinates, SparseArray
from fastnn.sparse.tensor import frozen, with_values

always_check = False  # whether what costs a sort is checked too, see `check_sparse_tensor_invariants`


def _values_of(values, dtype):
    """Values as a tensor: the given one, if its dtype is right, which gradients flow to."""
    if not isinstance(values, Tensor):
        return dense_tensor(values, dtype=dtype)
    return values if dtype is None or values.dtype is dtype else values.to(dtype)


def _numbers(op, name, given):
    """Indices as an int64 array of their own."""
    array = given.detach().numpy() if isinstance(given, Tensor) else np.asarray(given)
    if array.size and array.dtype.kind not in "iu" and not (array.dtype.kind == "f" and (array == array.round()).all()):
        raise RuntimeError(f"{op}: {name} must be an int tensor, got {array.dtype}")
    return frozen(np.array(array, np.int64))


def _sizes(op, size):
    size = tuple(size)
    if any(isinstance(n, bool) or not hasattr(n, "__index__") for n in size):
        raise TypeError(f"{op}(): argument 'size' must be tuple of ints, got {size}")
    if any(n < 0 for n in size):
        raise RuntimeError(f"{op}: Trying to create tensor with negative dimension {min(size)}: {list(size)}")
    return tuple(int(n) for n in size)


def _made(pattern, values, requires_grad):
    if values.requires_grad:
        made = with_values(pattern, view_as(values, values))
    else:
        made = from_array(SparseArray(pattern, values.detach().numpy()))
    return made.requires_grad_() if requires_grad and not made.requires_grad else made


def _bounds(indices, sizes):
    """RuntimeError for coordinates outside."""
    if indices.shape[1]:
        for dim, (least, most, size) in enumerate(zip(indices.min(1), indices.max(1), sizes)):
            if least < 0:
                raise RuntimeError(f"found negative index {least} for dim {dim}")
            if most >= size:
                raise RuntimeError(f"size is inconsistent with indices: for dim {dim}, size is {size} but found index "
                                   f"{most}")


def sparse_coo_tensor(indices=None, values=None, size=None, *, dtype=None, device=None, pin_memory=False,
                      requires_grad=False, check_invariants=None, is_coalesced=None):
    """A sparse tensor with ``values[k]`` at the position ``indices[:, k]``; positions may repeat, values then add up.

    Same as torch.sparse_coo_tensor, but that positions outside of `size` are always an error.

    Parameters
    ----------
    indices : Tensor or array-like (sparse dimensions, entries)
        Integers. With `size` alone the tensor is empty.
    values : Tensor or array-like (entries, *)
        Numbers, or rows of further, dense dimensions. Gradients flow to a tensor.
    size : tuple of ints, optional
        By default as large as the positions demand.
    dtype : dtype, optional
        Of the values.
    requires_grad : bool
    check_invariants : bool, optional
        Whether a claim of `is_coalesced` is checked.
    is_coalesced : bool, optional
        Whether every position is named once, in order.
    device, pin_memory : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    RuntimeError
        Shapes that do not fit each other, a position outside.

    Examples
    --------
    >>> fastnn.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    dtypes.need_cpu(device)
    if values is None:
        size = indices if size is None else size
        if size is None or isinstance(size, Tensor):
            raise TypeError("sparse_coo_tensor(): expected indices and values, or a size")
        size = _sizes("sparse_coo_tensor", size)
        pattern = Coordinates(frozen(np.zeros((len(size), 0), np.int64)), size)
        return _made(pattern, from_array(np.zeros(0, dtypes.to_numpy(dtype))), requires_grad)
    values = _values_of(values, dtype)
    indices = _numbers("sparse_coo_tensor", "indices", indices)
    if indices.ndim == 1 and not indices.size:
        indices = indices.reshape(1, 0)
    if indices.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(indices.shape)}")
    if values.ndim < 1 or len(values) != indices.shape[1]:
        raise RuntimeError(f"indices and values must have same nnz, but got nnz from indices: {indices.shape[1]}, nnz "
                           f"from values: {len(values) if values.ndim else 0}")
    dims, dense = len(indices), values.ndim - 1
    if size is None:
        size = tuple(int(n) + 1 for n in indices.max(1, initial=-1)) + tuple(values.shape[1:])
    size = _sizes("sparse_coo_tensor", size)
    if len(size) != dims + dense:
        raise RuntimeError(f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
                           f"sparse_dim = {dims}, dense_dim = {dense}")
    if size[dims:] != tuple(values.shape[1:]):
        raise RuntimeError(f"values has incorrect size, expected {[len(values), *size[dims:]]}, got "
                           f"{list(values.shape)}")
    _bounds(indices, size)
    pattern = Coordinates(indices, size[:dims], is_coalesced)
    if is_coalesced and (always_check if check_invariants is None else check_invariants) \
            and not (np.diff(pattern.keys) > 0).all():
        raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")
    return _made(pattern, values, requires_grad)


def _compressed(axis, op, starts, plain, values, size, dtype, device, requires_grad):
    dtypes.need_cpu(device)
    names = (("crow_indices", "col_indices"), ("ccol_indices", "row_indices"))[axis]
    values = _values_of(values, dtype)
    kinds = {given.dtype for given in (starts, plain) if isinstance(given, Tensor)}
    kind = np.int32 if kinds == {dtypes.int32} else np.int64
    starts, plain = (_numbers(op, name, given) for name, given in zip(names, (starts, plain)))
    if starts.ndim != 1 or plain.ndim != 1 or values.ndim != 1:
        raise NotImplementedError(f"{op}: expected one-dimensional {names[0]}, {names[1]} and values; stacks of "
                                  f"matrices and dense dimensions are not implemented")
    if size is None:
        sizes = [starts.size - 1, int(plain.max(initial=-1)) + 1]
        size = sizes if axis == 0 else sizes[::-1]
    size = _sizes(op, size)
    if len(size) != 2:
        raise RuntimeError(f"{op}: expected a size of two dimensions, got {list(size)}")
    if starts.size != size[axis] + 1 or plain.size != len(values) or plain.size != starts[-1] or starts[0] != 0 \
            or (np.diff(starts) < 0).any():
        raise RuntimeError(f"{op}: `{names[0]}` must ascend from 0 to the number of values, in {size[axis] + 1} "
                           f"numbers for size {list(size)}, with one of `{names[1]}` for each value; got "
                           f"{starts.size} numbers up to {starts[-1] if starts.size else None}, {plain.size} of "
                           f"`{names[1]}` and {len(values)} values")
    if plain.size and not 0 <= plain.min() <= plain.max() < size[1 - axis]:
        raise RuntimeError(f"{op}: `0 <= {names[1]} < {size[1 - axis]}` is not satisfied: got {plain.min()} to "
                           f"{plain.max()}")
    starts, plain = (frozen(array.astype(kind, copy=False)) for array in (starts, plain))
    return _made(Compressed(starts, plain, size, axis), values, requires_grad)


def sparse_csr_tensor(crow_indices, col_indices, values, size=None, *, dtype=None, device=None, pin_memory=False,
                      requires_grad=False, check_invariants=None):
    """A sparse matrix by rows: those of row i are the entries ``crow_indices[i]`` to ``crow_indices[i + 1] - 1``.

    Same as torch.sparse_csr_tensor, but that indices are always checked.

    Parameters
    ----------
    crow_indices : Tensor or array-like (rows + 1,)
    col_indices : Tensor or array-like (entries,)
    values : Tensor or array-like (entries,)
        Gradients flow to a tensor.
    size : tuple of ints, optional
    dtype : dtype, optional
        Of the values.
    requires_grad : bool
    device, pin_memory, check_invariants : optional
        Taken for PyTorch's sake.

    Raises
    ------
    RuntimeError
        Indices that do not fit the size or each other.
    NotImplementedError
        Stacks of matrices, dense dimensions.

    Examples
    --------
    >>> fastnn.sparse_csr_tensor([0, 1, 2], [1, 0], [3.0, 4.0]).to_dense()
    tensor([[0., 3.],
            [4., 0.]])
    """
    return _compressed(0, "sparse_csr_tensor", crow_indices, col_indices, values, size, dtype, device, requires_grad)


def sparse_csc_tensor(ccol_indices, row_indices, values, size=None, *, dtype=None, device=None, pin_memory=False,
                      requires_grad=False, check_invariants=None):
    """A sparse matrix by columns, see `sparse_csr_tensor`.

    Same as torch.sparse_csc_tensor, but that indices are always checked.

    Parameters
    ----------
    ccol_indices : Tensor or array-like (columns + 1,)
    row_indices : Tensor or array-like (entries,)
    values : Tensor or array-like (entries,)
    size, dtype, device, pin_memory, requires_grad, check_invariants : optional
        As there.

    Examples
    --------
    >>> fastnn.sparse_csc_tensor([0, 1, 2], [1, 0], [3.0, 4.0]).to_dense()
    tensor([[0., 4.],
            [3., 0.]])
    """
    return _compressed(1, "sparse_csc_tensor", ccol_indices, row_indices, values, size, dtype, device, requires_grad)


def sparse_compressed_tensor(compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None,
                             device=None, pin_memory=False, requires_grad=False, check_invariants=None):
    """A sparse matrix of layout ``fastnn.sparse_csr`` or ``fastnn.sparse_csc``.

    Same as torch.sparse_compressed_tensor.

    Parameters
    ----------
    compressed_indices, plain_indices, values : Tensor or array-like
        As `sparse_csr_tensor` and `sparse_csc_tensor` take them.
    layout : layout
    size, dtype, device, pin_memory, requires_grad, check_invariants : optional

    Examples
    --------
    >>> fastnn.sparse_compressed_tensor([0, 1], [0], [2.0], layout=fastnn.sparse_csr).to_dense()
    tensor([[2.]])
    """
    if layout not in (CSR, CSC):
        refuse_layout("sparse_compressed_tensor", layout)
    return _compressed(0 if layout == CSR else 1, "sparse_compressed_tensor", compressed_indices, plain_indices, values,
                       size, dtype, device, requires_grad)


def refuse_layout(op, layout):
    """The error of blocked layouts, and of what is none."""
    if layout in (BSR, BSC):
        raise NotImplementedError(f"{op}: layout {layout} is not implemented; torch.sparse_coo, torch.sparse_csr and "
                                  f"torch.sparse_csc are")
    raise RuntimeError(f"{op}: expected a sparse layout, got {layout}")


def sparse_bsr_tensor(*args, **kwargs):
    """Always NotImplementedError: the blocked layouts are not implemented.

    Parameters
    ----------
    *args, **kwargs : optional

    Examples
    --------
    >>> fastnn.sparse_bsr_tensor([0, 1], [0], [[[1.0]]])
    Traceback (most recent call last):
    NotImplementedError: sparse_bsr_tensor: layout torch.sparse_bsr is not implemented; ...
    """
    refuse_layout("sparse_bsr_tensor", BSR)


def sparse_bsc_tensor(*args, **kwargs):
    """Always NotImplementedError: the blocked layouts are not implemented.

    Parameters
    ----------
    *args, **kwargs : optional

    Examples
    --------
    >>> fastnn.sparse_bsc_tensor([0, 1], [0], [[[1.0]]])
    Traceback (most recent call last):
    NotImplementedError: sparse_bsc_tensor: layout torch.sparse_bsc is not implemented; ...
    """
    refuse_layout("sparse_bsc_tensor", BSC)


def sparsified(tensor, sparse_dim=None, layout=None, blocksize=None, dense_dim=None):
    """``Tensor.to_sparse`` of a dense tensor: its elements (or rows, with fewer sparse dimensions) that are not 0."""
    layout = COO if layout is None else layout
    if blocksize is not None or layout not in (COO, CSR, CSC):
        refuse_layout("to_sparse", BSR if layout == COO else layout)
    if dense_dim not in (None, 0):
        if sparse_dim is not None and sparse_dim != tensor.ndim - dense_dim:
            raise RuntimeError(f"to_sparse: sparse_dim {sparse_dim} and dense_dim {dense_dim} do not make "
                               f"{tensor.ndim} dimensions")
        sparse_dim = tensor.ndim - dense_dim
    dims = tensor.ndim if sparse_dim is None else sparse_dim
    if not 0 < dims <= tensor.ndim:
        raise RuntimeError(f"to_sparse: expected sparse_dim of 1 to {tensor.ndim}, got {dims}")
    array = to_array(tensor)
    used = array != 0
    if dims < tensor.ndim:
        used = used.any(axis=tuple(range(dims, tensor.ndim)))
    found = np.nonzero(used)
    indices = frozen(np.stack(found).astype(np.int64, copy=False))
    values = tensor[tuple(from_array(numbers) for numbers in found)]
    made = with_values(Coordinates(indices, array.shape[:dims], True), values)
    return made if layout == COO else made.to_sparse(layout=layout)
