cimport numpy as np

cpdef int unary_number(op) except -1
cpdef str unary_saves(op)
cpdef np.ndarray unary_forward(op, np.ndarray x, double a=*, double b=*)
cpdef np.ndarray unary_backward(op, np.ndarray grad, np.ndarray x, np.ndarray y, double a=*, double b=*)
cpdef np.ndarray binary(op, np.ndarray x, np.ndarray y)
cpdef np.ndarray binary_into(op, np.ndarray out, np.ndarray x, np.ndarray y)
cpdef np.ndarray compare(op, np.ndarray x, np.ndarray y)
cpdef np.ndarray where(np.ndarray condition, np.ndarray x, np.ndarray y)
cpdef np.ndarray copy(np.ndarray x)
cpdef np.ndarray copy_into(np.ndarray out, np.ndarray x)
cpdef np.ndarray add_into(np.ndarray out, np.ndarray x, double alpha=*)
