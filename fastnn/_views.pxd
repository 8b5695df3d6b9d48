"""Gradients of views, for Tensor."""
cimport numpy as np

from fastnn._tape cimport Op

cdef tuple layout(np.ndarray array)
cdef int check_part(tuple base, tuple view) except -1
cdef Op AS_STRIDED, COPY_SLICES
cdef object copied(object array, dict memo)
