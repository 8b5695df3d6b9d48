"""Random streams for compiled code: see random.pyx."""
cimport numpy as np
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "random.h" nogil:
    ctypedef struct fnn_mt:
        uint64_t seed
        int left
        uint32_t next
        uint32_t state[624]
    double fnn_mt_double(fnn_mt *mt)

cdef class Generator:
    cdef fnn_mt mt
    cdef bint has_normal          # Box-Muller makes two: the second waits here
    cdef double next_normal
    cdef bint has_normal_f32      # kept only to carry PyTorch's saved states through unchanged
    cdef float next_normal_f32
    cdef object __weakref__
    cpdef np.ndarray uniform(self, np.ndarray out, double low=*, double high=*)
    cpdef np.ndarray normal(self, np.ndarray out, double mean=*, double std=*)
    cpdef np.ndarray random(self, np.ndarray out, low=*, high=*)
    cpdef np.ndarray randint(self, low, high, shape, dtype=*)
    cpdef np.ndarray randperm(self, int64_t n)
    cdef int hits(self, np.ndarray out, double p) except -1
    cpdef np.ndarray bernoulli(self, np.ndarray out, p=*)
    cpdef np.ndarray exponential(self, np.ndarray out, double lambd=*)
    cpdef int64_t random63(self)
    cdef double scalar_normal(self) noexcept
    cdef np.ndarray serial(self, np.ndarray out, int op, double a, double b)

cpdef list memory_order(np.ndarray x)
