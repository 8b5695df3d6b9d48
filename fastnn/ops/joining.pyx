"""Several tensors as one: along a dimension they have, or along a new one."""
cimport numpy as np
from libc.stdint cimport int64_t
from libc.string cimport memcpy

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, recordn, recording, wrap, shape_of
from fastnn.errors import ShapeError
from fastnn.kernels cimport _core
from fastnn.ops._common cimport wrap_dim
from fastnn.ops._common import into, promote
from fastnn.ops.declare import operation

np.import_array()


cdef object concat_backward(Node node, np.ndarray grad):
    """A slice of the gradient for each input, nothing for those of shape (0,) that fit any others (size None)."""
    dim, sizes, dtypes_ = node.saved
    pieces, start = [], 0
    for size, dtype in zip(sizes, dtypes_):
        if size is None:
            pieces.append(numpy.zeros(0, dtype))
            continue
        index = [slice(None)] * grad.ndim
        index[dim] = slice(start, start + size)
        pieces.append(grad[tuple(index)].astype(dtype, copy=False))
        start += size
    return tuple(pieces)


cdef Op CAT = declare("CatBackward0", concat_backward, "dim sizes kinds")


@CAT.second
def _concat_second(step, g):
    pieces, start = [], 0
    for size, kind in zip(step.sizes, step.kinds):
        pieces.append(wrap(numpy.zeros(0, kind)) if size is None else g.narrow(step.dim, start, size).to(kind))
        start += size or 0
    return tuple(pieces)


cdef int move_pieces(char *to, const char *piece, int64_t outer, int64_t step, int64_t size) noexcept nogil:
    """`outer` runs of `size` bytes, which lie `step` bytes apart in `to`."""
    cdef int64_t i
    for i in range(outer):
        memcpy(to + i * step, piece + i * size, size)
    return 0


cdef np.ndarray joined(list arrays, int d, object dtype):
    """The arrays behind each other along axis d, in one dtype (None: all have it)."""
    cdef np.ndarray x, out, first = <np.ndarray>arrays[0]
    cdef np.npy_intp shape[64]
    cdef int axis, ndim = np.PyArray_NDIM(first)
    cdef int64_t outer = 1, inner = np.PyArray_ITEMSIZE(first), at = 0, step, size
    cdef char *to
    cdef const char *piece
    shape[d] = 0
    for item in arrays:
        x = <np.ndarray>item
        if dtype is not None or not np.PyArray_ISCARRAY_RO(x) or np.PyArray_TYPE(x) == np.NPY_VOID:
            return numpy.concatenate(arrays, axis=d, dtype=dtype, casting="unsafe")
        shape[d] += np.PyArray_DIM(x, d)
    for axis in range(ndim):
        if axis < d:
            outer *= np.PyArray_DIM(first, axis)
        elif axis > d:
            inner *= np.PyArray_DIM(first, axis)
        if axis != d:
            shape[axis] = np.PyArray_DIM(first, axis)
    out = _core.new_array(ndim, shape, np.PyArray_TYPE(first))
    to, step = <char *>np.PyArray_DATA(out), shape[d] * inner
    for item in arrays:
        piece, size = <const char *>np.PyArray_DATA(<np.ndarray>item), np.PyArray_DIM(<np.ndarray>item, d) * inner
        if size == 0:
            continue
        if outer * size < 65536:
            move_pieces(to + at, piece, outer, step, size)
        else:
            with nogil:
                move_pieces(to + at, piece, outer, step, size)
        at += size
    return out


cdef object common_dtype(tuple tensors):
    """The dtype that all promote to; None if all have one."""
    cdef int typenum = np.PyArray_TYPE((<Tensor>tensors[0]).array)
    cdef bint same = True
    for x in tensors:  # formats share a number
        same = same and np.PyArray_TYPE((<Tensor>x).array) == typenum != np.NPY_VOID
    if same:
        return None
    dtype = (<Tensor>tensors[0]).array.dtype
    for x in tensors:
        if (<Tensor>x).array.dtype != dtype:
            dtype = promote(wrap(numpy.empty((1,), dtype)), wrap(numpy.empty((1,), (<Tensor>x).array.dtype)))
    return dtype


@operation("fastnn", aliases="concat concatenate")
def cat(tensors, dim=0, *, out=None):
    """Join tensors along an existing dimension.

    Parameters
    ----------
    tensors : sequence of Tensors
    dim : int, default 0
    out : Tensor, optional

    Raises
    ------
    RuntimeError
        Sizes differ in another dimension.

    Examples
    --------
    >>> fastnn.cat([fastnn.tensor([1, 2]), fastnn.tensor([3])])
    tensor([1, 2, 3])
    """
    if isinstance(tensors, Tensor):
        raise TypeError("cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    cdef tuple items = tuple(tensors), kept
    cdef np.ndarray x, first
    cdef int axis, ndim
    cdef bint empty = False, on = False
    if not items:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, item in enumerate(items):
        if not isinstance(item, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(item).__name__}")
        x = (<Tensor>item).array
        empty = empty or np.PyArray_NDIM(x) == 1 and np.PyArray_DIM(x, 0) == 0
        on = on or recording(<Tensor>item)
    kept = items
    if empty:  # tensors of shape (0,) fit any others
        kept = tuple([item for item in items if shape_of((<Tensor>item).array) != (0,)]) or items[:1]
    first = (<Tensor>kept[0]).array
    ndim = np.PyArray_NDIM(first)
    for i, item in enumerate(kept):
        x = (<Tensor>item).array
        if np.PyArray_NDIM(x) == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
        if np.PyArray_NDIM(x) != ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {ndim} and {x.ndim}")
    cdef int d = wrap_dim(dim, ndim)
    for i, item in enumerate(kept):
        x = (<Tensor>item).array
        for axis in range(ndim):
            if axis != d and np.PyArray_DIM(x, axis) != np.PyArray_DIM(first, axis):
                raise RuntimeError(f"Sizes of tensors must match except in dimension {d}. Expected size "
                                   f"{np.PyArray_DIM(first, axis)} but got size {np.PyArray_DIM(x, axis)} for tensor "
                                   f"number {i} in the list.")
    cdef np.ndarray array = joined([(<Tensor>item).array for item in kept], d, common_dtype(items))
    if out is not None:
        if not numpy.can_cast(array.dtype, (<Tensor?>out).array.dtype, "same_kind"):
            raise TypeError(f"torch.cat(): input types can't be cast to the desired output type {out.dtype}")
        return into("torch.cat", out, wrap(array), items)
    if on:
        sizes = [None if empty and ndim > 1 and shape_of((<Tensor>item).array) == (0,) else
                 np.PyArray_DIM((<Tensor>item).array, d) for item in items]
        return recordn(array, CAT, items, (d, sizes, [(<Tensor>item).array.dtype for item in items]))
    return wrap(array)


cdef object stack_backward(Node node, np.ndarray grad):
    """A slice of the gradient for each input."""
    dim, dtypes_ = node.saved
    before = (slice(None),) * dim
    return tuple([numpy.asarray(grad[(*before, i)], dtype) for i, dtype in enumerate(dtypes_)])


cdef Op STACK = declare("StackBackward0", stack_backward, "dim kinds")
STACK.second(lambda step, g: tuple([g.select(step.dim, i).to(kind) for i, kind in enumerate(step.kinds)]))


@operation("fastnn")
def stack(tensors, dim=0, *, out=None):
    """Join tensors of one shape along a new dimension.

    Parameters
    ----------
    tensors : sequence of Tensors
    dim : int, default 0
    out : Tensor, optional

    Raises
    ------
    RuntimeError
        Shapes differ.

    Examples
    --------
    >>> fastnn.stack([fastnn.tensor([1, 2]), fastnn.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    cdef tuple items = tuple(tensors), index
    cdef np.ndarray first
    cdef bint on = False
    if not items:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, item in enumerate(items):
        if not isinstance(item, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(item).__name__}")
        on = on or recording(<Tensor>item)
    first = (<Tensor>items[0]).array
    for i, item in enumerate(items):
        if not np.PyArray_SAMESHAPE((<Tensor>item).array, first):
            raise ShapeError(f"stack expects each tensor to be equal size, but got {list(shape_of(first))} at entry 0 "
                             f"and {list(shape_of((<Tensor>item).array))} at entry {i}")
    cdef int d = wrap_dim(dim, np.PyArray_NDIM(first) + 1)
    index = (*(slice(None),) * d, None)
    cdef np.ndarray array = joined([(<Tensor>item).array[index] for item in items], d, common_dtype(items))
    if out is not None:
        if not numpy.can_cast(array.dtype, (<Tensor?>out).array.dtype, "same_kind"):
            raise TypeError(f"torch.stack(): input types can't be cast to the desired output type {out.dtype}")
        return into("torch.stack", out, wrap(array), items)
    if on:
        return recordn(array, STACK, items, (d, [(<Tensor>item).array.dtype for item in items]))
    return wrap(array)
