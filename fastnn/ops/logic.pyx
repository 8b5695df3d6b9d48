"""Whether all or any elements are true."""
cimport numpy as np
from libc.string cimport memchr, memcmp

import numpy

from fastnn._tensor cimport Tensor, wrap
from fastnn.ops._common cimport MOST_DIMS, wrap_dim, zero_d
from fastnn.ops.reduce cimport axes_of
from fastnn.ops.declare import operation

np.import_array()


cdef bint true_of(const char *row, size_t n, bint every) noexcept nogil:
    if every:
        return memchr(row, 0, n) == NULL
    return n != 0 and (row[0] != 0 or memcmp(row, row + 1, n - 1) != 0)


cdef np.ndarray of_bools(np.ndarray x, int first, bint keepdim, bint every):
    """Of bools in order, over the dimensions from `first` on."""
    cdef np.npy_intp dims[MOST_DIMS]
    cdef Py_ssize_t rows = 1, length = 1, i
    cdef int d, n = np.PyArray_NDIM(x)
    for d in range(n):
        if d < first:
            rows *= np.PyArray_DIM(x, d)
        else:
            length *= np.PyArray_DIM(x, d)
        dims[d] = np.PyArray_DIM(x, d) if d < first else 1
    cdef np.ndarray out = np.PyArray_EMPTY(n if keepdim else first, dims, np.NPY_BOOL, 0)
    cdef char *to = np.PyArray_BYTES(out)
    cdef const char *row = np.PyArray_BYTES(x)
    for i in range(rows):
        to[i] = true_of(row + i * length, length, every)
    return out


cdef Tensor truth(bint every, object input, object dim, bint keepdim):
    """A bool tensor; of uint8 a uint8 tensor, as PyTorch has it."""
    cdef Tensor x = <Tensor?>input
    cdef int first = 0, n = np.PyArray_NDIM(x.array)
    if np.PyArray_TYPE(x.array) == np.NPY_BOOL and np.PyArray_IS_C_CONTIGUOUS(x.array):
        if dim is not None:
            first = wrap_dim(dim, n) if type(dim) is int else -1
        if dim is None or (first >= 0 and first == n - 1):
            return wrap(of_bools(x.array, first, keepdim, every))
    axes = () if isinstance(dim, (tuple, list)) and not dim else axes_of(dim, x.ndim)  # of no dimensions: each element
    found = zero_d((numpy.all if every else numpy.any)(x.array.astype(bool, copy=False), axis=axes, keepdims=keepdim))
    return wrap(found.astype(numpy.uint8) if np.PyArray_TYPE(x.array) == np.NPY_UINT8 else found)


@operation(out=True)
def all(input, dim=None, bint keepdim=False):
    """Whether all elements are true (not 0).

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
    keepdim : bool, default False

    Examples
    --------
    >>> fastnn.all(fastnn.tensor([True, False]))
    tensor(False)
    """
    return truth(True, input, dim, keepdim)


@operation(out=True)
def any(input, dim=None, bint keepdim=False):
    """Whether any element is true (not 0).

    Parameters
    ----------
    input, dim, keepdim : as of ``all``

    Examples
    --------
    >>> fastnn.any(fastnn.tensor([True, False]))
    tensor(True)
    """
    return truth(False, input, dim, keepdim)
