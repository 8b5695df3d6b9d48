"""Copies chosen rows of an array, for loaders."""
cimport numpy as np
from libc.stdint cimport int64_t
from libc.string cimport memcpy

import numpy

from fastnn.kernels cimport _core

np.import_array()

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *address) nogil


cdef void gather(char *out, const char *rows, const int64_t *indices, int64_t count, int64_t n, int64_t stride,
                 int64_t size) noexcept nogil:
    """Rows are far apart: while one is copied, the next is prefetched."""
    cdef int64_t i, k, index, ahead
    cdef const char *next_row
    for i in range(count):
        if i + 1 < count:
            ahead = indices[i + 1]
            next_row = rows + (ahead + n if ahead < 0 else ahead) * stride
            for k in range(0, size if size < 8192 else 8192, 64):
                prefetch(next_row + k)
        index = indices[i]
        memcpy(out + i * size, rows + (index + n if index < 0 else index) * stride, size)


cpdef np.ndarray take_rows(np.ndarray array, indices):
    """New array of the rows `indices` (int64 array or slice) of `array`, which has at least one axis.

    Raises
    ------
    IndexError
        An index is outside of -len(array) .. len(array) - 1.
    """
    cdef int ndim = np.PyArray_NDIM(array), i
    cdef np.npy_intp shape[64]
    cdef np.ndarray out, chosen
    cdef int64_t n, count, size, low = 0, high = 0
    cdef const int64_t *values
    cdef char *target
    cdef const char *source
    if isinstance(indices, slice):
        chosen = array[indices]
        out = _core.new_array(ndim, np.PyArray_DIMS(chosen), np.PyArray_TYPE(array))
        out[...] = chosen
        return out
    chosen = numpy.ascontiguousarray(indices, numpy.int64)
    n, count = np.PyArray_DIM(array, 0), np.PyArray_SIZE(chosen)
    values = <const int64_t *>np.PyArray_DATA(chosen)
    for i in range(count):
        low, high = min(low, values[i]), max(high, values[i])
    if count and (low < -n or high >= n):
        raise IndexError(f"index {low if low < -n else high} is out of bounds for a data set of {n} rows")
    size = np.PyArray_ITEMSIZE(array)
    shape[0] = count
    for i in range(1, ndim):
        shape[i] = np.PyArray_DIM(array, i)
        size *= shape[i]
    out = _core.new_array(ndim, shape, np.PyArray_TYPE(array))
    if not count or not size:
        return out
    if not np.PyArray_ISCARRAY_RO(array):
        if not np.PyArray_ISCARRAY_RO(array[0:1]):  # rows of their own are in pieces, or of another byte order
            out[...] = array[chosen]
            return out
    target, source = <char *>np.PyArray_DATA(out), <const char *>np.PyArray_DATA(array)
    cdef int64_t stride = np.PyArray_STRIDE(array, 0)
    with nogil:
        gather(target, source, values, count, n, stride, size)
    return out
