cimport numpy as np

cpdef int unary_number(op) except -1
cpdef str unary_saves(op)
cpdef np.ndarray unary_forward(op, np.ndarray x, double a=*, double b=*)
cpdef np.ndarray unary_backward(op, np.ndarray grad, np.ndarray x, np.ndarray y, double a=*, double b=*)
