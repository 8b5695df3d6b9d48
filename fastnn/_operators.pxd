"""The base of Tensor that has its operators and what else the array alone decides."""
cimport numpy as np

from fastnn._tape cimport Vertex


# Compiled forms of the frequent operators, set by fastnn.ops.arithmetic.
ctypedef object (*Binary)(object x, object y)
cdef Binary quick_add, quick_sub, quick_mul, quick_div

# And of comparisons, set by fastnn.ops.compare: eq, ne, lt, le, gt, ge by number.
ctypedef object (*Comparison)(int number, object x, object y)
cdef Comparison quick_compare


cdef int need_self(str name, object self) except -1


cdef class Operators(Vertex):
    cdef np.ndarray array
