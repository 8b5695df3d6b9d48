cimport numpy as np

cpdef tuple max_pool_forward(np.ndarray x, kernel_size, stride=*, padding=*, dilation=*, bint ceil_mode=*,
                             indices=*)
cpdef np.ndarray max_pool_backward(np.ndarray grad, np.ndarray index, tuple shape, kernel_size=*, stride=*, padding=*,
                                   dilation=*)
cpdef np.ndarray avg_pool_forward(np.ndarray x, kernel_size, stride=*, padding=*, bint ceil_mode=*,
                                  bint count_include_pad=*, divisor_override=*)
cpdef np.ndarray avg_pool_backward(np.ndarray grad, tuple shape, kernel_size, stride=*, padding=*,
                                   bint count_include_pad=*, divisor_override=*)
cpdef tuple adaptive_max_pool_forward(np.ndarray x, output_size)
