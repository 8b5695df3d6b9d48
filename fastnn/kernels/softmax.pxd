cimport numpy as np

cpdef np.ndarray softmax_forward(np.ndarray x, int axis, bint log=*)
cpdef np.ndarray softmax_backward(np.ndarray grad, np.ndarray y, int axis, bint log=*)
cpdef np.ndarray logsumexp(np.ndarray x, axis, bint keepdims=*)
