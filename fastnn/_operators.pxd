"""The base of Tensor that has its operators and what else the array alone decides."""
cimport numpy as np

from fastnn._tape cimport Vertex


cdef class Operators(Vertex):
    cdef np.ndarray array
