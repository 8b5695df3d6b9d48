cimport numpy as np

cpdef int unary_number(op) except -1
cpdef str unary_saves(op)
cpdef np.ndarray unary_forward(op, np.ndarray x, double a=*, double b=*)
cpdef np.ndarray unary_backward(op, np.ndarray grad, np.ndarray x, np.ndarray y, double a=*, double b=*)
cpdef np.ndarray binary(op, np.ndarray x, np.ndarray y)
cpdef np.ndarray binary_into(op, np.ndarray out, np.ndarray x, np.ndarray y)
cpdef np.ndarray compare(op, np.ndarray x, np.ndarray y)
cpdef np.ndarray where(np.ndarray condition, np.ndarray x, np.ndarray y)
# unary_forward of a map's number.
cdef np.ndarray unary_map(int number, np.ndarray x, double a, double b)
# For operators on small tensors: None where the general function must look (other shapes, strides, dtypes).
cdef np.ndarray binary_alike(int number, np.ndarray x, np.ndarray y)
cdef np.ndarray compare_alike(int number, np.ndarray x, np.ndarray y)
cdef np.ndarray compare_number(int number, np.ndarray x, double y)
cdef np.ndarray added(np.ndarray x, np.ndarray y)
cdef int binary_number(str op) except -1
cpdef np.ndarray copy(np.ndarray x, bint keep_order=*)
cpdef np.ndarray copy_into(np.ndarray out, np.ndarray x)
cpdef np.ndarray add_into(np.ndarray out, np.ndarray x, double alpha=*)
cdef int add_at_once(np.ndarray out, np.ndarray x) except -1
