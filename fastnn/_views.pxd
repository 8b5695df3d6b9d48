"""Gradients of views, for Tensor."""
cimport numpy as np

from fastnn._tape cimport Node

cdef tuple layout(np.ndarray array)
cdef int check_part(tuple base, tuple view) except -1
cdef object as_strided_backward(Node node, np.ndarray grad)
cdef object copy_slices(Node node, np.ndarray grad)
