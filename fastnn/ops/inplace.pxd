"""In-place forms, for operations that have them compiled."""
cimport numpy as np
from fastnn._tensor cimport Tensor

cdef bint overlap_partly(np.ndarray x, np.ndarray y) noexcept
cpdef Tensor changed(str op, Tensor x, object function, tuple args, dict kwargs, bint reads=*)
