"""The base of Tensor that has its operators."""
from fastnn._tape cimport Vertex


cdef class Operators(Vertex):
    pass
