"""Rows of a table by their numbers, sums and maxima of such rows, and their gradients."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels.pool cimport ordered
from fastnn.reference import embedding as reference

np.import_array()


cdef np.ndarray numbers(str op, str name, np.ndarray index):
    """Contiguous int64 numbers from int32 or int64 ones."""
    if index is None or np.PyArray_TYPE(index) not in (np.NPY_INT32, np.NPY_INT64, np.NPY_LONGLONG):
        raise DTypeError(f"{op}: expected {name} of int32 or int64, got "
                         f"{None if index is None else (<object>index).dtype}")
    if np.PyArray_TYPE(index) == np.NPY_INT64 and np.PyArray_ISCARRAY_RO(index):
        return index
    return np.PyArray_FROMANY(index, np.NPY_INT64, 0, 0, np.NPY_ARRAY_CARRAY_RO)


cdef int within(str op, str name, np.ndarray index, int64_t low, int64_t end) except -1:
    """IndexError unless all numbers are low..end-1."""
    cdef const int64_t *p = <const int64_t *>np.PyArray_DATA(index)
    cdef int64_t i, least = low, most = low, n = np.PyArray_SIZE(index)
    if n == 0:
        return 0
    with nogil:
        for i in range(n):
            least = p[i] if p[i] < least else least
            most = p[i] if p[i] > most else most
    if least < low or most >= end:
        raise IndexError(f"{op}: index out of range: expected {name} of {low} to {end - 1}, got "
                         f"{least if least < low else most}")
    return 0


cdef int table(str op, np.ndarray weight) except -1:
    cdef int kind = _core.real_kind(weight, op)
    if np.PyArray_NDIM(weight) != 2:
        raise ShapeError(f"{op}: 'weight' must be 2-D, got shape {(<object>weight).shape}")
    return kind


cpdef np.ndarray embedding_forward(np.ndarray weight, np.ndarray index):
    """``y[...] = weight[index[...]]``.

    Parameters
    ----------
    weight : array (rows, dim)
        float32 or float64; not copied if C-contiguous.
    index : array (*), int32 or int64
        0 <= index < rows.

    Returns
    -------
    y : array (*, dim)

    Raises
    ------
    IndexError
        A number is out of range.
    ShapeError, DTypeError
        weight is not 2-D or of another dtype, index of another dtype.
    """
    cdef int kind = table("embedding", weight), d, ndim
    index = numbers("embedding", "indices", index)
    within("embedding", "indices", index, 0, np.PyArray_DIM(weight, 0))
    if _core.use_reference:
        return reference.embedding_forward(weight, index)
    cdef np.npy_intp shape[64]
    ndim = np.PyArray_NDIM(index)
    if ndim > 63:
        raise ShapeError("embedding: expected indices of at most 63 axes")
    for d in range(ndim):
        shape[d] = np.PyArray_DIM(index, d)
    shape[ndim] = np.PyArray_DIM(weight, 1)
    cdef np.ndarray y = _core.new_array(ndim + 1, shape, np.PyArray_TYPE(weight))
    weight = ordered(weight, False)
    cdef void *py = np.PyArray_DATA(y)
    cdef void *pw = np.PyArray_DATA(weight)
    cdef int64_t *pi = <int64_t *>np.PyArray_DATA(index)
    cdef int64_t n = np.PyArray_SIZE(index), dim = np.PyArray_DIM(weight, 1)
    with nogil:
        _core.active[kind].embedding_forward(py, pw, pi, n, dim)
    _core.check_interrupt()
    return y


cpdef np.ndarray embedding_backward(np.ndarray grad, np.ndarray index, np.npy_intp rows, np.npy_intp padding_idx=-1,
                                    np.ndarray source=None, np.ndarray scale=None, bint largest=False):
    """``dw[index[i]] += scale[i] * grad[source[i]]``, zeros elsewhere, added in the order of i.

    It costs the zeros of dw and the rows in use. Threads share the columns, so the bits do not depend on them.

    Parameters
    ----------
    grad : array (*, dim)
        The gradient of ``embedding_forward`` (index.shape + (dim,)), or with `source` of bags, (bags, dim).
    index : array (*), int32 or int64
        0 <= index < rows. With `largest` (bags, dim), as ``embedding_bag_forward`` returned it:
        ``dw[index[i, k], k] += grad[i, k]``, -1 for none.
    rows : int
        Of dw, which is (rows, dim).
    padding_idx : int
        Entries equal to it are left out.
    source : array (n,), int64, or None
        The row of grad for each entry; None: its own.
    scale : array (n,) of grad's dtype, or None

    Raises
    ------
    IndexError
        A number is out of range.
    ShapeError, DTypeError
        Shapes or dtypes that do not fit.
    """
    cdef int kind = _core.real_kind(grad, "embedding_backward"), ndim = np.PyArray_NDIM(grad)
    cdef np.npy_intp dim, count, n
    if ndim == 0 or rows < 0:
        raise ShapeError(f"embedding_backward: expected grad (*, dim) and rows >= 0, got {(<object>grad).shape} and "
                         f"{rows}")
    dim = np.PyArray_DIM(grad, ndim - 1)
    index = numbers("embedding_backward", "indices", index)
    n = np.PyArray_SIZE(index)
    count = 1
    cdef int d
    for d in range(ndim - 1):
        count *= np.PyArray_DIM(grad, d)
    if largest:
        if not np.PyArray_SAMESHAPE(grad, index) or ndim != 2 or source is not None or scale is not None:
            raise ShapeError(f"embedding_backward: expected grad and the indices of the largest of one shape (bags, "
                             f"dim), got {(<object>grad).shape} and {(<object>index).shape}")
        n = count
    elif source is None and n != count or source is not None and (np.PyArray_SIZE(source) != n or ndim != 2):
        raise ShapeError(f"embedding_backward: expected grad {(<object>index).shape + (dim,)}, or one (bags, dim) and "
                         f"source {(<object>index).shape}, got {(<object>grad).shape} and "
                         f"{None if source is None else (<object>source).shape}")
    within("embedding_backward", "indices", index, -1 if largest else 0, rows)
    if source is not None:
        source = numbers("embedding_backward", "source", source)
        within("embedding_backward", "source", source, 0, count)
    if scale is not None:
        _core.same_real_kind(grad, scale, "embedding_backward")
        if np.PyArray_SIZE(scale) != n:
            raise ShapeError(f"embedding_backward: expected scale ({n},), got {(<object>scale).shape}")
    if _core.use_reference:
        return reference.embedding_backward(grad, index, rows, padding_idx, source, scale, largest)
    cdef np.npy_intp shape[2]
    shape[0], shape[1] = rows, dim
    cdef np.ndarray dw = _core.new_array(2, shape, np.PyArray_TYPE(grad))
    grad = ordered(grad, False)
    cdef void *pdw = np.PyArray_DATA(dw)
    cdef void *pdy = np.PyArray_DATA(grad)
    cdef int64_t *pi = <int64_t *>np.PyArray_DATA(index)
    cdef int64_t *pr = NULL
    cdef void *ps = NULL
    if source is not None:
        pr = <int64_t *>np.PyArray_DATA(source)
    if scale is not None:
        scale = ordered(scale, False)
        ps = np.PyArray_DATA(scale)
    with nogil:
        _core.active[kind].embedding_backward(pdw, pdy, pi, pr, ps, n, rows, dim, padding_idx, largest)
    _core.check_interrupt()
    return dw


cpdef tuple embedding_bag_forward(np.ndarray weight, np.ndarray index, np.ndarray offsets, mode="sum",
                                  np.ndarray scale=None, np.npy_intp padding_idx=-1):
    """Sum, mean or maximum of the rows of each bag; zeros for an empty one.

    ``y[b] = sum over offsets[b] <= i < offsets[b + 1] of scale[i] * weight[index[i]]``

    Parameters
    ----------
    weight : array (rows, dim)
        float32 or float64.
    index : array (n,), int32 or int64
        0 <= index < rows.
    offsets : array (bags + 1,), int32 or int64
        Where bags begin, and the end of the last; ascending, 0 to n.
    mode : "sum", "mean" or "max"
    scale : array (n,) of weight's dtype, or None
        Only for "sum".
    padding_idx : int
        Entries equal to it are left out.

    Returns
    -------
    (y, argmax)
        y (bags, dim); argmax None, or for "max" the rows (bags, dim) that the elements are from, -1 for none.

    Raises
    ------
    IndexError
        A number is out of range.
    ValueError, ShapeError, DTypeError
        An unknown mode, shapes or dtypes that do not fit, offsets that do not ascend.
    """
    cdef int kind = table("embedding_bag", weight), number
    cdef np.npy_intp n, bags, rows = np.PyArray_DIM(weight, 0), dim = np.PyArray_DIM(weight, 1)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, got {mode!r}")
    number = 0 if mode == "sum" else 1 if mode == "mean" else 2
    index = numbers("embedding_bag", "indices", index)
    offsets = numbers("embedding_bag", "offsets", offsets)
    if np.PyArray_NDIM(index) != 1 or np.PyArray_NDIM(offsets) != 1 or np.PyArray_SIZE(offsets) == 0:
        raise ShapeError(f"embedding_bag: expected indices (n,) and offsets (bags + 1,), got {(<object>index).shape} "
                         f"and {(<object>offsets).shape}")
    n, bags = np.PyArray_SIZE(index), np.PyArray_SIZE(offsets) - 1
    within("embedding_bag", "indices", index, 0, rows)
    cdef int64_t *po = <int64_t *>np.PyArray_DATA(offsets)
    cdef np.npy_intp i
    for i in range(bags):
        if po[i] > po[i + 1]:
            raise ShapeError(f"embedding_bag: expected ascending offsets, got {po[i]} before {po[i + 1]}")
    if po[0] != 0 or po[bags] > n:
        raise ShapeError(f"embedding_bag: expected offsets from 0 to at most {n}, got {po[0]} and {po[bags]}")
    if scale is not None:
        _core.same_real_kind(weight, scale, "embedding_bag")
        if number != 0 or np.PyArray_SIZE(scale) != n:
            raise ShapeError(f"embedding_bag: expected a scale ({n},) for mode 'sum' alone, got "
                             f"{(<object>scale).shape} and {mode!r}")
    if _core.use_reference:
        return reference.embedding_bag_forward(weight, index, offsets, mode, scale, padding_idx)
    cdef np.npy_intp shape[2]
    shape[0], shape[1] = bags, dim
    cdef np.ndarray y = _core.new_array(2, shape, np.PyArray_TYPE(weight)), argmax = None
    cdef int64_t *pa = NULL
    if number == 2:
        argmax = _core.new_array(2, shape, np.NPY_INT64)
        pa = <int64_t *>np.PyArray_DATA(argmax)
    weight = ordered(weight, False)
    cdef void *py = np.PyArray_DATA(y)
    cdef void *pw = np.PyArray_DATA(weight)
    cdef void *ps = NULL
    cdef int64_t *pi = <int64_t *>np.PyArray_DATA(index)
    if scale is not None:
        scale = ordered(scale, False)
        ps = np.PyArray_DATA(scale)
    with nogil:
        _core.active[kind].embedding_bag_forward(py, pa, pw, pi, po, ps, n, bags, dim, number, padding_idx)
    _core.check_interrupt()
    return y, argmax
