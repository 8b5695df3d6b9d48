"""Elements along a dimension, for compiled operations."""
cimport numpy as np

cdef np.ndarray along(np.ndarray x, np.ndarray index, int axis)
