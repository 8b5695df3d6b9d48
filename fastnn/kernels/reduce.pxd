cimport numpy as np

cdef int normalize_axis(str op, object axis, int ndim) except -1
cpdef np.ndarray reduce(op, np.ndarray x, axes=*, bint keepdims=*)
cpdef np.ndarray argreduce(op, np.ndarray x, axis=*, bint keepdims=*)
cpdef np.ndarray cumulate(op, np.ndarray x, axis, bint reverse=*)
cpdef np.ndarray sum_to(np.ndarray x, tuple shape)
