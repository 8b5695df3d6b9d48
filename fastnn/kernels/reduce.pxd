cimport numpy as np
from libc.stdint cimport int64_t

cdef int normalize_axis(str op, object axis, int ndim) except -1
# x itself if C-contiguous, else such a copy.
cdef np.ndarray ordered(np.ndarray x)
# x's shape as (outer, n, inner), n the size of the axis; a 0-d array is (1, 1, 1).
cdef void split(np.ndarray x, int axis, int64_t *outer, int64_t *n, int64_t *inner) noexcept
cpdef np.ndarray reduce(op, np.ndarray x, axes=*, bint keepdims=*)
cpdef np.ndarray argreduce(op, np.ndarray x, axis=*, bint keepdims=*)
cpdef np.ndarray cumulate(op, np.ndarray x, axis, bint reverse=*)
cpdef np.ndarray sum_to(np.ndarray x, tuple shape)
