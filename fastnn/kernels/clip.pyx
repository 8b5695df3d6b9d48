"""The norm of many arrays as one vector, and their scaling: one call for all gradients of a model."""
cimport numpy as np
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY
from libc.stdint cimport int64_t

from fastnn.errors import DTypeError
from fastnn.kernels cimport _core
from fastnn.kernels.elementwise cimport copy_into
from fastnn.reference import clip as reference

np.import_array()


cdef class Table:
    """Pointers to arrays of one dtype, and contiguous copies of those that are not."""
    cdef void **pointers
    cdef int64_t *sizes
    cdef int64_t count
    cdef int kind
    cdef list arrays, kept

    def __dealloc__(self):
        PyMem_Free(self.pointers)
        PyMem_Free(self.sizes)

    cdef int fill(self, str op, arrays) except -1:
        cdef Py_ssize_t i
        cdef np.ndarray x
        self.arrays, self.kept = list(arrays), []
        self.count = len(self.arrays)
        self.pointers = <void **>PyMem_Malloc((self.count or 1) * sizeof(void *))
        self.sizes = <int64_t *>PyMem_Malloc((self.count or 1) * sizeof(int64_t))
        if self.pointers == NULL or self.sizes == NULL:
            raise MemoryError(f"{op}: {self.count} arrays")
        for i in range(self.count):
            if not isinstance(self.arrays[i], np.ndarray):
                raise DTypeError(f"{op}: expected arrays, got {type(self.arrays[i]).__name__}")
            x = <np.ndarray>self.arrays[i]
            if i == 0:
                self.kind = _core.real_kind(x, op)
            elif np.PyArray_TYPE(x) != np.PyArray_TYPE(<np.ndarray>self.arrays[0]):
                raise DTypeError(f"{op}: expected arrays of one dtype, got {self.arrays[0].dtype} and {x.dtype}")
            x = _core.contiguous(x)
            self.kept.append(x)
            self.pointers[i] = np.PyArray_DATA(x)
            self.sizes[i] = np.PyArray_SIZE(x)
        return 0


cpdef double total_norm(arrays, double p=2.0) except? -1:
    """(sum |x|^p)^(1/p) over all elements of all arrays; p = inf: the largest |x|, NaN if any is.

    Parameters
    ----------
    arrays : list of ndarray, float32 or float64, all of one dtype, any shapes
    p : 1, 2 or inf
        ValueError for others.

    Returns
    -------
    float, 0 without elements; sums are taken in double precision
    """
    cdef int status
    cdef int order
    if p == 1:
        order = 0
    elif p == 2:
        order = 1
    elif p == INFINITY:
        order = 2
    else:
        raise ValueError(f"total_norm: expected p = 1, 2 or inf, got {p}")
    cdef Table t = Table.__new__(Table)
    t.fill("total_norm", arrays)
    if _core.use_reference:
        return reference.total_norm(t.arrays, p)
    cdef double norm = 0
    if t.count:
        with nogil:
            status = _core.active[t.kind].total_norm(&norm, t.pointers, t.sizes, t.count, order)
        _core.check_status(status, "total_norm")
    return norm


cpdef scale_arrays(arrays, double factor):
    """x *= factor for all arrays, in place.

    arrays : list of writeable ndarrays, float32 or float64, all of one dtype; no two may overlap.
    """
    cdef Py_ssize_t i
    cdef Table t = Table.__new__(Table)
    t.fill("scale_arrays", arrays)
    for i in range(t.count):
        if not np.PyArray_ISWRITEABLE(<np.ndarray>t.arrays[i]):
            raise ValueError("scale_arrays: an array is read-only")
    if _core.use_reference:
        return reference.scale_arrays(t.arrays, factor)
    if t.count:
        with nogil:
            _core.active[t.kind].scale_arrays(t.pointers, t.sizes, t.count, factor)
        _core.check_interrupt()
    for i in range(t.count):
        if t.kept[i] is not t.arrays[i]:
            copy_into(<np.ndarray>t.arrays[i], <np.ndarray>t.kept[i])
