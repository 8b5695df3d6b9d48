"""Elements by their indices: one slice along a dimension, and what an index names along it."""
cimport numpy as np
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport (Tensor, check_inplace, record1, recording, repeats, shape_of, wrap, wrap_view)
from fastnn.ops._common cimport MOST_DIMS, is_real, strided

np.import_array()

cdef extern from "Python.h":
    Py_ssize_t PyNumber_AsSsize_t(object number, void *overflow) except? -1

ctypedef fused Item:
    uint8_t
    uint16_t
    uint32_t
    uint64_t

ctypedef fused Real:
    float
    double


cdef np.ndarray slice_of(np.ndarray x, int axis, Py_ssize_t i):
    """The view of one slice along `axis`, 0 <= i < size, without that dimension."""
    cdef np.npy_intp dims[MOST_DIMS]
    cdef np.npy_intp strides[MOST_DIMS]
    cdef int d, n = np.PyArray_NDIM(x)
    for d in range(n - 1):
        dims[d] = np.PyArray_DIM(x, d + (d >= axis))
        strides[d] = np.PyArray_STRIDE(x, d + (d >= axis))
    return strided(x, n - 1, dims, strides, np.PyArray_BYTES(x) + i * np.PyArray_STRIDE(x, axis))


cdef np.ndarray in_slice(np.ndarray grad, tuple saved):
    """Zeros with `grad` in a slice."""
    shape, axis, i = saved
    cdef np.ndarray dx = numpy.zeros(shape, grad.dtype)
    np.PyArray_CopyInto(slice_of(dx, axis, i), grad)
    return dx


cdef object select_backward(Node node, np.ndarray grad):
    return in_slice(grad, node.saved)


cdef Op SELECT = declare("SelectBackward0", select_backward, "shape dim index")


@SELECT.second
def _select_second(step, g):
    return step.linear(g, lambda array: in_slice(array, (step.shape, step.dim, step.index)),
                       lambda array: slice_of(array, step.dim, step.index).copy())


cdef Tensor selected(Tensor x, int axis, Py_ssize_t i):
    cdef np.ndarray array = slice_of(x.array, axis, i)
    cdef Tensor out = wrap_view(array, x)
    if recording(x):
        out.node = record1(array, SELECT, x, (shape_of(x.array), axis, i)).node
    return out


def slice_at(Tensor x not None, int axis, index):
    """One slice along a dimension, a view; None if there is none of that number."""
    cdef Py_ssize_t size, i = PyNumber_AsSsize_t(index, NULL)  # of the largest there is if it is larger
    if axis >= np.PyArray_NDIM(x.array):
        return None
    size = np.PyArray_DIM(x.array, axis)
    if not -size <= i < size:
        return None
    return selected(x, axis, i + size if i < 0 else i)


def slices(Tensor x not None, int axis):
    """All slices along a dimension: a tuple of views."""
    return tuple([selected(x, axis, i) for i in range(np.PyArray_DIM(x.array, axis))])


def put_slice(Tensor x not None, index, value):
    """Whether ``x[index] = value`` has been done: a tensor of the row's shape and dtype, and nothing to record."""
    cdef Py_ssize_t i = PyNumber_AsSsize_t(index, NULL)
    cdef np.ndarray row, source
    cdef int d
    if not isinstance(value, Tensor) or np.PyArray_NDIM(x.array) == 0 or recording(x) or recording(<Tensor>value):
        return False
    source = (<Tensor>value).array
    if not 0 <= i < np.PyArray_DIM(x.array, 0) or np.PyArray_TYPE(source) != np.PyArray_TYPE(x.array) or \
            np.PyArray_NDIM(source) != np.PyArray_NDIM(x.array) - 1 or np.PyArray_TYPE(source) == np.NPY_VOID:
        return False
    for d in range(np.PyArray_NDIM(source)):
        if np.PyArray_DIM(source, d) != np.PyArray_DIM(x.array, d + 1):
            return False
    row = slice_of(x.array, 0, i)
    if repeats(row):
        return False
    check_inplace(x, False)
    np.PyArray_CopyInto(row, source)
    x.bump()
    return True


cdef bint take(Item *out, const Item *x, const int64_t *index, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t k,
               Py_ssize_t inner) noexcept nogil:
    """out[o, j, i] = x[o, index[o, j, i], i]; false if an index is out of range."""
    cdef Py_ssize_t _o, _j, i
    cdef int64_t place
    for _o in range(outer):
        for _j in range(k):
            for i in range(inner):
                place = index[i]
                if place < 0 or place >= n:
                    return False
                out[i] = x[place * inner + i]
            out += inner
            index += inner
        x += n * inner
    return True


cdef void put(Real *dx, const Real *dy, const int64_t *index, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t k,
              Py_ssize_t inner) noexcept nogil:
    """dx[o, index[o, j, i], i] += dy[o, j, i]"""
    cdef Py_ssize_t _o, _j, i
    for _o in range(outer):
        for _j in range(k):
            for i in range(inner):
                dx[index[i] * inner + i] += dy[i]
            dy += inner
            index += inner
        dx += n * inner


cdef Py_ssize_t product(np.ndarray x, int start, int end) noexcept:
    cdef Py_ssize_t made = 1
    cdef int d
    for d in range(start, end):
        made *= np.PyArray_DIM(x, d)
    return made


cdef np.ndarray along(np.ndarray x, np.ndarray index, int axis):
    """``take_along_axis`` of arrays in order whose other dimensions are the same; None of others, and of indices that
    there are not."""
    cdef int d, n = np.PyArray_NDIM(x)
    if n == 0 or n != np.PyArray_NDIM(index) or np.PyArray_TYPE(index) != np.NPY_INT64 \
            or np.PyArray_TYPE(x) == np.NPY_VOID or not (
                np.PyArray_IS_C_CONTIGUOUS(x) and np.PyArray_IS_C_CONTIGUOUS(index)):
        return None
    for d in range(n):
        if d != axis and np.PyArray_DIM(x, d) != np.PyArray_DIM(index, d):
            return None
    cdef Py_ssize_t outer = product(x, 0, axis), inner = product(x, axis + 1, n)
    cdef Py_ssize_t size = np.PyArray_DIM(x, axis), k = np.PyArray_DIM(index, axis)
    cdef np.ndarray out = np.PyArray_EMPTY(n, np.PyArray_DIMS(index), np.PyArray_TYPE(x), 0)
    cdef const int64_t *indices = <const int64_t *>np.PyArray_DATA(index)
    cdef void *to = np.PyArray_DATA(out)
    cdef void *source = np.PyArray_DATA(x)
    cdef int bytes = np.PyArray_ITEMSIZE(x)
    cdef bint fits = False
    with nogil:
        if bytes == 4:
            fits = take(<uint32_t *>to, <const uint32_t *>source, indices, outer, size, k, inner)
        elif bytes == 8:
            fits = take(<uint64_t *>to, <const uint64_t *>source, indices, outer, size, k, inner)
        elif bytes == 1:
            fits = take(<uint8_t *>to, <const uint8_t *>source, indices, outer, size, k, inner)
        elif bytes == 2:
            fits = take(<uint16_t *>to, <const uint16_t *>source, indices, outer, size, k, inner)
    return out if fits else None


cdef np.ndarray added(np.ndarray grad, tuple saved):
    """Zeros to which `grad` is added at the indices of an index."""
    shape, axis, indices = saved
    cdef int a = axis
    cdef np.ndarray index = indices, dx = numpy.zeros(shape, grad.dtype)
    cdef np.ndarray dy = np.PyArray_GETCONTIGUOUS(grad)
    cdef Py_ssize_t outer = product(dx, 0, a), inner = product(dx, a + 1, np.PyArray_NDIM(dx))
    cdef Py_ssize_t n = np.PyArray_DIM(dx, a), k = np.PyArray_DIM(index, a)
    cdef const int64_t *at = <const int64_t *>np.PyArray_DATA(index)
    cdef void *to = np.PyArray_DATA(dx)
    cdef void *source = np.PyArray_DATA(dy)
    if np.PyArray_TYPE(dx) == np.NPY_FLOAT:
        put(<float *>to, <const float *>source, at, outer, n, k, inner)
    else:
        put(<double *>to, <const double *>source, at, outer, n, k, inner)
    return dx


def inserted(np.ndarray x not None, tuple index, np.ndarray out not None):
    """out = x[index] with PyTorch's strides of the dimensions that None inserts: over the whole of x's next one."""
    cdef np.npy_intp strides[MOST_DIMS]
    cdef int taken = 0, axis = 0, place = 0, i, n = np.PyArray_NDIM(out), ndim = np.PyArray_NDIM(x)
    for i in range(n):
        strides[i] = np.PyArray_STRIDE(out, i)
    for part in index:
        taken += part is not None and part is not Ellipsis
    for part in index:
        if part is None:
            strides[place] = np.PyArray_DIM(x, axis) * np.PyArray_STRIDE(x, axis) if axis < ndim else \
                np.PyArray_ITEMSIZE(x)
            place += 1
        elif part is Ellipsis:
            place += ndim - taken
            axis += ndim - taken
        else:
            place += isinstance(part, slice)
            axis += 1
    return strided(out, n, np.PyArray_DIMS(out), strides, np.PyArray_BYTES(out))


cdef object gather_backward(Node node, np.ndarray grad):
    return added(grad, node.saved)


cdef Op GATHER = declare("GatherBackward0", gather_backward, "shape dim index")


@GATHER.second
def _gather_second(step, g):
    return step.linear(g, lambda array: added(array, (step.shape, step.dim, step.index)),
                       lambda array: numpy.take_along_axis(array, step.index, step.dim))


def gathered(Tensor x not None, int axis, Tensor index not None):
    """``gather`` of tensors in order whose other dimensions are the same; None of others and of wrong indices."""
    cdef np.ndarray y
    cdef Tensor out
    if recording(x) and not is_real(x.array):
        return None
    y = along(x.array, index.array, axis)
    if y is None:
        return None
    if not recording(x):
        return wrap(y)
    out = record1(y, GATHER, x, (shape_of(x.array), axis, index.array))
    out.node.guard(index.version_object())
    return out
