cimport numpy as np
from libc.stdint cimport uint64_t

cpdef tuple attention_forward(np.ndarray q, np.ndarray k, np.ndarray v, np.ndarray mask=*, bint causal=*, scale=*,
                              double p=*, uint64_t key=*, bint drop=*, weights=*, np.ndarray out=*)
cpdef tuple attention_backward(np.ndarray grad, np.ndarray q, np.ndarray k, np.ndarray v, np.ndarray out,
                               np.ndarray lse, np.ndarray mask=*, bint causal=*, scale=*, double p=*, uint64_t key=*,
                               bint drop=*, tuple need=*, tuple into=*)
