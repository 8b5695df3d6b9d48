cimport numpy as np

cpdef np.ndarray matmul(np.ndarray a, np.ndarray b)
# The array itself if a kernel that takes strides can read it, else a contiguous copy.
cdef np.ndarray strided(np.ndarray array)
