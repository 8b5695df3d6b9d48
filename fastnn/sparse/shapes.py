"""Shapes, parts and joins of sparse tensors."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.ops._common import axis_of
from fastnn.ops.joining import cat as dense_cat
from fastnn.sparse.common import as_coo, is_sparse, rule, same_places
from fastnn.sparse.patterns import Coordinates, grouped
from fastnn.sparse.tensor import entries, frozen, pattern_of, refuse, with_values


@rule("permute")
def permute(input, *dims):
    dims = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    if len(dims) != input.ndim:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length "
                           f"of the desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to "
                           f"len(dims) = {len(dims)}")
    dims = [axis_of(d, input.ndim) for d in dims]
    if len(set(dims)) != len(dims):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    if dims == list(range(input.ndim)):
        return input
    pattern, sparse = pattern_of(input), input.sparse_dim()
    if sorted(dims[:sparse]) != list(range(sparse)):
        raise RuntimeError(f"permute: sparse and dense dimensions cannot be exchanged, got {dims} for {sparse} sparse "
                           f"dimensions of {input.ndim}")
    values = entries(input)
    if dims[sparse:] != list(range(sparse, input.ndim)):
        values = values.permute(0, *(d - sparse + 1 for d in dims[sparse:]))
    if dims[:sparse] == list(range(sparse)):
        return same_places(input, values)
    if sparse == 2:
        return with_values(pattern.transposed(), values)
    indices = frozen(np.ascontiguousarray(pattern.indices[dims[:sparse]]))
    return with_values(Coordinates(indices, [pattern.sizes[d] for d in dims[:sparse]]), values)


@rule("transpose swapaxes swapdims")
def transpose(input, dim0, dim1):
    dims = list(range(input.ndim))
    dim0, dim1 = axis_of(dim0, input.ndim), axis_of(dim1, input.ndim)
    dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
    return permute(input, dims)


@rule("t")
def t(input):
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got "
                           f"{input.sparse_dim()} sparse and {input.dense_dim()} dense dimensions")
    return transpose(input, 0, 1) if input.ndim == 2 else input


@rule("unsqueeze")
def unsqueeze(input, dim):
    x, dim = as_coo(input), axis_of(dim, input.ndim + 1)
    pattern, values = pattern_of(x), entries(x)
    if dim > len(pattern.sizes):
        return with_values(pattern, values.unsqueeze(dim - len(pattern.sizes) + 1))
    indices = frozen(np.insert(pattern.indices, dim, 0, axis=0))
    sizes = [*pattern.sizes[:dim], 1, *pattern.sizes[dim:]]
    return with_values(Coordinates(indices, sizes, pattern.coalesced), values)


@rule("cat concat concatenate")
def cat(tensors, dim=0, *, out=None):
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"cat(): argument 'tensors' must be tuple of Tensors, not {type(tensors).__name__}")
    if not all(is_sparse(x) for x in tensors):
        kinds = sorted({str(x.layout) for x in tensors})
        raise RuntimeError(f"cat: all tensors must be sparse, or none; got layouts {', '.join(kinds)}")
    tensors = [as_coo(x) for x in tensors]
    first = tensors[0]
    dim, sparse = axis_of(dim, first.ndim), first.sparse_dim()
    for x in tensors:
        if x.sparse_dim() != sparse or x.ndim != first.ndim or any(
                x.shape[d] != first.shape[d] for d in range(x.ndim) if d != dim):
            raise RuntimeError(f"cat: shapes {[list(x.shape) for x in tensors]} with "
                               f"{[x.sparse_dim() for x in tensors]} sparse dimensions do not fit along dimension "
                               f"{dim}")
    if dim >= sparse:
        raise NotImplementedError("cat: along a dense dimension of sparse tensors is not implemented")
    begin, parts = 0, []
    for x in tensors:
        indices = pattern_of(x).indices.copy()
        indices[dim] += begin
        begin += x.shape[dim]
        parts.append(indices)
    sizes = [begin if d == dim else n for d, n in enumerate(pattern_of(first).sizes)]
    return with_values(Coordinates(frozen(np.concatenate(parts, 1)), sizes), dense_cat([entries(x) for x in tensors]))


@rule("stack")
def stack(tensors, dim=0, *, out=None):
    return cat([unsqueeze(x, dim) for x in tensors], axis_of(dim, tensors[0].ndim + 1))


@rule("index_select")
def index_select(input, dim, index):
    if is_sparse(index):
        refuse("index_select", index)
    x, dim = as_coo(input), axis_of(dim, input.ndim)
    pattern, values = pattern_of(x), entries(x)
    if dim >= len(pattern.sizes):
        return with_values(pattern, values.index_select(dim - len(pattern.sizes) + 1, index))
    if index.ndim > 1:
        raise IndexError(f"index_select(): expected index of one dimension, got shape {list(index.shape)}")
    wanted, size = index.detach().numpy().reshape(-1), pattern.sizes[dim]
    if wanted.dtype.kind not in "iu":
        raise IndexError("index_select(): Expected dtype int32 or int64 for index")
    if wanted.size and not 0 <= wanted.min() <= wanted.max() < size:
        raise IndexError(f"index_select(): index contains {wanted[(wanted < 0) | (wanted >= size)][0]} that is out of "
                         f"range for tensor of size {list(input.shape)} at dimension {dim}")
    own = pattern.indices[dim]
    order = np.argsort(own, kind="stable")
    starts = grouped(own, size)
    counts = np.diff(starts)[wanted]
    at = np.repeat(np.arange(wanted.size), counts)
    entry = order[starts[wanted[at]] + np.arange(at.size) - np.repeat(np.cumsum(counts) - counts, counts)]
    indices = pattern.indices[:, entry]
    indices[dim] = at
    sizes = [wanted.size if d == dim else n for d, n in enumerate(pattern.sizes)]
    return with_values(Coordinates(frozen(indices), sizes), values.index_select(0, from_array(entry)))


@rule("select")
def select(input, dim, index):
    x, dim = as_coo(input), axis_of(dim, input.ndim)
    pattern, values = pattern_of(x), entries(x)
    size = input.shape[dim]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension "
                         f"{dim}")
    if dim >= len(pattern.sizes):
        return with_values(pattern, values.select(dim - len(pattern.sizes) + 1, index))
    kept = np.flatnonzero(pattern.indices[dim] == index % size)
    values = values.index_select(0, from_array(kept))
    others = [d for d in range(len(pattern.sizes)) if d != dim]
    if not others:
        return values.sum(0)
    return with_values(Coordinates(frozen(pattern.indices[others][:, kept]), [pattern.sizes[d] for d in others],
                                   pattern.coalesced or None), values)


@rule("getitem")
def getitem(input, index):
    index = index if isinstance(index, tuple) else (index,)
    dim, found = 0, input
    if len([i for i in index if i is not Ellipsis and i is not None]) > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    for item in index:
        if isinstance(item, slice) and item == slice(None):
            dim += 1
        elif hasattr(item, "__index__") and not isinstance(item, (bool, Tensor)):
            found = found.select(dim, item.__index__())
        elif item is Ellipsis and index[-1] is item:
            break
        else:
            raise NotImplementedError(f"indexing a tensor of layout {input.layout}: expected integers and ':', got "
                                      f"{item!r}; index_select takes index tensors")
    return found


@rule("unbind")
def unbind(input, dim=0):
    return tuple(select(input, dim, i) for i in range(input.shape[axis_of(dim, input.ndim)]))
