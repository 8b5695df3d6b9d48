cimport numpy as np

cpdef tuple attention_forward(np.ndarray q, np.ndarray k, np.ndarray v, np.ndarray mask=*, bint causal=*, scale=*,
                              double p=*, np.ndarray keep=*, bint drop=*, weights=*, np.ndarray out=*)
cpdef tuple attention_backward(np.ndarray grad, np.ndarray q, np.ndarray k, np.ndarray v, np.ndarray out,
                               np.ndarray lse, np.ndarray mask=*, bint causal=*, scale=*, double p=*,
                               np.ndarray keep=*, bint drop=*, tuple need=*, tuple into=*)
