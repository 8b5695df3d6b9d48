"""Gradients of views, for Tensor."""
cimport numpy as np

from fastnn._tape cimport Node

cdef tuple part_of(base, view, dtype)
cdef object as_strided_backward(Node node, np.ndarray grad)
cdef object copy_slices(Node node, np.ndarray grad)
