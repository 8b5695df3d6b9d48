"""Products of matrices."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import ShapeError
from fastnn.kernels cimport _core
from fastnn.reference import gemm as reference

np.import_array()


cdef np.ndarray strided(np.ndarray array):
    cdef int i
    cdef np.npy_intp itemsize = np.PyArray_ITEMSIZE(array)
    if not np.PyArray_ISBEHAVED_RO(array):
        return _core.contiguous(array)
    for i in range(np.PyArray_NDIM(array)):
        if np.PyArray_STRIDE(array, i) & (itemsize - 1):  # a field of a record, say
            return _core.contiguous(array)
    return array


cdef object misfit(np.ndarray a, np.ndarray b):
    return ShapeError(f"matmul: shapes {(<object>a).shape} and {(<object>b).shape} do not fit")


cdef int broadcast_batch(np.ndarray a, np.ndarray b, np.npy_intp *shape, int64_t *batch, int64_t *a_batch,
                         int64_t *b_batch) except -1:
    """How many batch axes the product has; their sizes and, in elements, the operands' strides along them."""
    cdef int a_extra = np.PyArray_NDIM(a) - 2, b_extra = np.PyArray_NDIM(b) - 2
    cdef int extra = max(a_extra, b_extra, 0)
    cdef int i, ia, ib
    cdef np.npy_intp da, db, item = np.PyArray_ITEMSIZE(a)
    for i in range(extra):
        ia = i - (extra - a_extra)
        ib = i - (extra - b_extra)
        da = np.PyArray_DIM(a, ia) if ia >= 0 else 1
        db = np.PyArray_DIM(b, ib) if ib >= 0 else 1
        if da != db and da != 1 and db != 1:
            raise misfit(a, b)
        shape[i] = batch[i] = db if da == 1 else da
        a_batch[i] = np.PyArray_STRIDE(a, ia) // item if da != 1 else 0
        b_batch[i] = np.PyArray_STRIDE(b, ib) // item if db != 1 else 0
    return extra


cpdef np.ndarray matmul(np.ndarray a, np.ndarray b):
    """The matrix product of `a` and `b`, by the rules of ``numpy.matmul`` and ``torch.matmul``.

    ``c[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]``

    Parameters
    ----------
    a : array (*batch, m, k), or (k,)
        float32 or float64, any strides: a transposed view costs no copy.
    b : array (*batch, k, n), or (k,)
        Of the same dtype. A 1-D operand is a row on the left, a column on the right; its axis of length 1 is
        dropped from the result. The batch axes broadcast.

    Returns
    -------
    c : array (*batch, m, n)
        C-contiguous. The same bits for any number of threads.

    Raises
    ------
    ShapeError
        An operand has no axes, the depths k differ or the batch axes do not broadcast.
    DTypeError
        Other dtypes, or two different ones.
    """
    cdef int status
    cdef int kind = _core.same_real_kind(a, b, "matmul")
    cdef int na = np.PyArray_NDIM(a), nb = np.PyArray_NDIM(b)
    if na == 0 or nb == 0:
        raise ShapeError(f"matmul: expected operands with 1 or more axes, got shapes {(<object>a).shape} and "
                         f"{(<object>b).shape}")
    a = strided(a)
    b = strided(b)
    cdef np.npy_intp item = np.PyArray_ITEMSIZE(a)
    cdef np.npy_intp *a_shape = np.PyArray_DIMS(a)
    cdef np.npy_intp *b_shape = np.PyArray_DIMS(b)
    cdef np.npy_intp *a_strides = np.PyArray_STRIDES(a)
    cdef np.npy_intp *b_strides = np.PyArray_STRIDES(b)
    cdef int64_t m = 1, n = 1, k = a_shape[na - 1], as_m = k, bs_n = 1
    cdef int64_t as_k = a_strides[na - 1] // item, bs_k
    cdef np.npy_intp shape[64]
    cdef int64_t a_batch[64]
    cdef int64_t b_batch[64]
    cdef int64_t batch[64]
    cdef int extra, ndim
    if na > 1:
        m = a_shape[na - 2]
        as_m = a_strides[na - 2] // item
    if nb > 1:
        n = b_shape[nb - 1]
        bs_n = b_strides[nb - 1] // item
        bs_k = b_strides[nb - 2] // item
        if b_shape[nb - 2] != k:
            raise misfit(a, b)
    else:
        bs_k = b_strides[0] // item
        if b_shape[0] != k:
            raise misfit(a, b)
    extra = ndim = broadcast_batch(a, b, shape, batch, a_batch, b_batch)
    if na > 1:
        shape[ndim] = m
        ndim += 1
    if nb > 1:
        shape[ndim] = n
        ndim += 1
    if _core.use_reference:
        return reference.matmul(a, b)
    cdef np.ndarray c = _core.new_array(ndim, shape, np.PyArray_TYPE(a))
    cdef void *pc = np.PyArray_DATA(c)
    cdef void *pa = np.PyArray_DATA(a)
    cdef void *pb = np.PyArray_DATA(b)
    with nogil:
        status = _core.active[kind].matmul(pc, pa, pb, m, n, k, as_m, as_k, bs_k, bs_n, extra, batch, a_batch, b_batch,
                                           0)
    _core.check_status(status, "matmul")
    return c
