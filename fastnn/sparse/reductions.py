"""Products, sums and softmax of sparse tensors."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops._common import axis_of, into
from fastnn.ops.arithmetic import add as dense_add
from fastnn.ops.linear import mm as dense_mm
from fastnn.sparse import products
from fastnn.sparse.common import as_coo, is_sparse, rule, same_places
from fastnn.sparse.creation import sparsified
from fastnn.sparse.elementwise import add, plus_sparse
from fastnn.sparse.patterns import CSR, Coordinates
from fastnn.sparse.tensor import coalesced, entries, frozen, pattern_of, refuse, summed, with_values


# ---- products ----

def _matrix(op, tensor):
    if tensor.sparse_dim() != 2 or tensor.dense_dim():
        raise RuntimeError(f"{op}: expected a matrix of two sparse dimensions, got shape {list(tensor.shape)} with "
                           f"{tensor.sparse_dim()} sparse ones")
    return tensor


@rule("mm spmm")
def mm(input, mat2, *, out=None):
    for name, x in (("input", input), ("mat2", mat2)):
        if not isinstance(x, Tensor):
            raise TypeError(f"mm(): argument '{name}' must be Tensor, not {x.__class__.__name__}")
        if x.ndim != 2:
            raise ShapeError(f"mm: expected 2-D tensors, got {name} of {x.ndim} dimensions")
    if is_sparse(input) and is_sparse(mat2):
        made = sparse_product(_matrix("mm", input), _matrix("mm", mat2))
    elif is_sparse(input):
        _matrix("mm", input)
        made = products.product(pattern_of(input), entries(input), mat2)
    else:
        _matrix("mm", mat2)
        made = products.product(pattern_of(mat2).transposed(), entries(mat2), input.t()).t()
    return made if out is None else into("mm", out, made)


def sparse_product(x, y):
    """The product of two sparse matrices: every entry (i, j) of the first with the entries of row j of the second."""
    if x.dtype is not y.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {x.dtype} != {y.dtype}")
    if x.shape[1] != y.shape[0]:
        raise ShapeError(f"mm: shapes {list(x.shape)} and {list(y.shape)} do not fit")
    left, right = pattern_of(x), pattern_of(y)
    starts, columns, order = right.by_row
    rows, inner = left.indices
    counts = np.diff(starts)[inner]
    first = np.repeat(np.arange(left.nnz), counts)
    within = np.arange(first.size) - np.repeat(np.cumsum(counts) - counts, counts)
    second = starts[inner[first]] + within
    indices = frozen(np.stack((rows[first], columns[second])))
    second = second if order is None else order[second]
    values = entries(x).index_select(0, from_array(first)) * entries(y).index_select(0, from_array(second))
    made = coalesced(with_values(Coordinates(indices, (left.sizes[0], right.sizes[1])), values))
    return made if x.is_sparse else made.to_sparse(layout=CSR)


@rule("mv")
def mv(input, vec, *, out=None):
    if not is_sparse(input):
        refuse("mv", vec)
    if vec.ndim != 1:
        raise ShapeError(f"mv: expected a vector, got {vec.ndim} dimensions")
    made = mm(input, vec.unsqueeze(1)).squeeze(1)
    return made if out is None else into("mv", out, made)


@rule("matmul")
def matmul(input, other, *, out=None):
    if not isinstance(input, Tensor) or not isinstance(other, Tensor):
        raise TypeError("matmul(): arguments must be Tensors")
    if input.ndim == 2 and other.ndim == 1:
        return mv(input, other, out=out)
    if input.ndim == 1 and other.ndim == 2 and not is_sparse(input):
        return mm(input.unsqueeze(0), other).squeeze(0)
    if input.ndim == 3 and other.ndim == 3:
        return bmm(input, other, out=out)
    if input.ndim != 2 or other.ndim != 2:
        refuse("matmul", input if is_sparse(input) else other)
    return mm(input, other, out=out)


@rule("bmm")
def bmm(input, mat2, *, out=None):
    if not is_sparse(input) or is_sparse(mat2) or not input.is_sparse:
        refuse("bmm", input if is_sparse(input) else mat2)
    if input.ndim != 3 or mat2.ndim != 3 or input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        raise ShapeError(f"bmm: shapes {list(input.shape)} and {list(mat2.shape)} do not fit")
    stack, rows, inner = input.shape
    number, i, j = pattern_of(input).indices
    flat = Coordinates(frozen(np.stack((number * rows + i, number * inner + j))), (stack * rows, stack * inner))
    made = products.product(flat, entries(input), mat2.reshape(stack * inner, mat2.shape[2]))
    made = made.reshape(stack, rows, mat2.shape[2])
    return made if out is None else into("bmm", out, made)


@rule("addmm")
def addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None):
    made = mm(mat1, mat2) if is_sparse(mat1) or is_sparse(mat2) else dense_mm(mat1, mat2)
    made = made if alpha == 1 else made * alpha
    if beta != 0:
        scaled = input if beta == 1 else input * beta
        if is_sparse(scaled):
            made = add(scaled, made) if is_sparse(made) else plus_sparse(made, scaled, 1)
        else:
            made = plus_sparse(scaled, made, 1) if is_sparse(made) else dense_add(scaled, made)
    return made if out is None else into("addmm", out, made)


@rule("smm")
def smm(input, mat2):
    return sparsified(mm(input, mat2))


@rule("linear")
def linear(input, weight, bias=None):
    made = mm(input, weight.t())
    return made if bias is None else dense_add(made, bias)


# ---- sums ----

def _dims(tensor, dim):
    dims = range(tensor.ndim) if dim is None or dim == () or dim == [] else dim if isinstance(dim, (tuple, list)) \
        else (dim,)
    found = sorted(axis_of(d, tensor.ndim) for d in dims)
    for d, following in zip(found, found[1:]):
        if d == following:
            raise RuntimeError(f"sum: dim {d} appears multiple times in the list of dims")
    return found


@rule("sum")
def sum_(input, dim=None, keepdim=False, *, dtype=None, axis=None, keepdims=False):
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    values, pattern = entries(input), pattern_of(input)
    if dtype is not None:
        values = values.to(dtype)
    dims = _dims(input, dim)
    if len(dims) == input.ndim:
        made = values.sum(dtype=dtype)
        return made.reshape((1,) * input.ndim) if keepdim else made
    if not input.is_sparse:
        return sum_(as_coo(input), dim, keepdim, dtype=dtype).to_sparse(layout=input.layout)
    sparse, dense = len(pattern.sizes), [d - len(pattern.sizes) + 1 for d in dims if d >= len(pattern.sizes)]
    if dense:
        values = values.sum(dense, keepdim)
    kept = [d for d in range(sparse) if d not in dims]
    if not kept:
        made = values.sum(0)
        return made.reshape((1,) * sparse + tuple(made.shape)) if keepdim else made
    indices, sizes = pattern.indices, pattern.sizes
    if keepdim:
        indices = np.where([[d in kept] for d in range(sparse)], indices, 0)
        sizes = [n if d in kept else 1 for d, n in enumerate(sizes)]
    else:
        indices, sizes = indices[kept], [sizes[d] for d in kept]
    coalesced_still = pattern.coalesced and len(kept) == sparse
    made = with_values(Coordinates(frozen(np.ascontiguousarray(indices)), sizes, coalesced_still), values)
    return coalesced(made)


@rule("norm")
def norm(input, p="fro", dim=None, keepdim=False, dtype=None):
    if dim is not None:
        raise NotImplementedError(f"norm: dim is not implemented for tensors of layout {input.layout}")
    return entries(coalesced(input)).norm(p if p != "fro" else 2, dtype=dtype)


@rule("any")
def any_(input, dim=None, keepdim=False):
    if dim is not None:
        raise NotImplementedError(f"any: dim is not implemented for tensors of layout {input.layout}")
    return entries(coalesced(input)).any()


def softmax_of(op, input, dim, dtype, logarithm):
    """Softmax over the entries along a dimension; positions without an entry count as minus infinity."""
    if not is_sparse(input):
        raise RuntimeError(f"{op}: expected a sparse tensor, got one of layout {input.layout}")
    x = coalesced(as_coo(input))
    values, pattern = entries(x), pattern_of(x)
    if dtype is not None:
        values = values.to(dtype)
    if not values.dtype.is_floating_point:
        raise NotImplementedError(f"\"softmax\" not implemented for '{values.dtype}'")
    dim = axis_of(dim, input.ndim)
    if dim >= len(pattern.sizes):
        function = values.log_softmax if logarithm else values.softmax
        return with_values(pattern, function(dim - len(pattern.sizes) + 1))
    others = [d for d in range(len(pattern.sizes)) if d != dim]
    keys = Coordinates(pattern.indices[others], [pattern.sizes[d] for d in others]).keys
    distinct, group = np.unique(keys, return_inverse=True)
    group = group.reshape(-1)
    array = values.detach().numpy()
    largest = np.full((distinct.size, *array.shape[1:]), -np.inf, array.dtype)
    np.maximum.at(largest, group, array)
    largest[~np.isfinite(largest)] = 0
    shifted = values - from_array(largest[group])
    powers = shifted.exp()
    total = summed(powers, group, distinct.size).index_select(0, from_array(group))
    made = shifted - total.log() if logarithm else powers / total
    return same_places(x, made) if input.is_sparse else same_places(x, made).to_sparse(layout=input.layout)
