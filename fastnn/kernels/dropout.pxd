cimport numpy as np
from libc.stdint cimport uint64_t

cpdef tuple dropout_forward(np.ndarray x, double p, uint64_t key, bint features=*, bint alpha=*)
cpdef np.ndarray dropout_backward(np.ndarray grad, np.ndarray mask, double p, bint alpha=*)
