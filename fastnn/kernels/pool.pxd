cimport numpy as np
from libc.stdint cimport int64_t

cpdef tuple max_pool_forward(np.ndarray x, kernel_size, stride=*, padding=*, dilation=*, bint ceil_mode=*,
                             indices=*)
cpdef np.ndarray max_pool_backward(np.ndarray grad, np.ndarray index, tuple shape, kernel_size=*, stride=*, padding=*,
                                   dilation=*)
cpdef np.ndarray avg_pool_forward(np.ndarray x, kernel_size, stride=*, padding=*, bint ceil_mode=*,
                                  bint count_include_pad=*, divisor_override=*)
cpdef np.ndarray avg_pool_backward(np.ndarray grad, tuple shape, kernel_size, stride=*, padding=*,
                                   bint count_include_pad=*, divisor_override=*)
cpdef tuple adaptive_max_pool_forward(np.ndarray x, output_size)
cpdef np.ndarray adaptive_avg_pool_forward(np.ndarray x, output_size)
cpdef np.ndarray adaptive_avg_pool_backward(np.ndarray grad, tuple shape)

# One int for both axes, or two.
cdef int pair(str name, object value, int64_t *first, int64_t *second) except -1
# How many windows there are along an axis; below 1 if there is no room.
cdef int64_t count(int64_t n, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bint ceil_mode)
# x in C order, or (last) a view (N, H, W, C) of it in that order; a copy where x is neither.
cdef np.ndarray ordered(np.ndarray x, bint last)
