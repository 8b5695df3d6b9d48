cimport numpy as np

cpdef int unary_number(op) except -1
cpdef np.ndarray unary_forward(op, np.ndarray x, double a=*, double b=*)
