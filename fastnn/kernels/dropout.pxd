cimport numpy as np

cpdef np.ndarray dropout_forward(np.ndarray x, np.ndarray mask, double p, bint alpha=*)
cpdef np.ndarray dropout_backward(np.ndarray grad, np.ndarray mask, double p, bint alpha=*)
