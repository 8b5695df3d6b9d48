"""What other compiled operations of two operands share with arithmetic."""
cimport numpy as np


cdef tuple operands(object x, object y)
cdef np.ndarray compute(str op, np.ndarray x, np.ndarray y)
cdef object discrete(str op, object input, object other)
