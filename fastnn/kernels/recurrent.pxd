cimport numpy as np

cpdef tuple recurrent_forward(str mode, np.ndarray x, list weights, np.ndarray h0=*, np.ndarray c0=*, batch_sizes=*,
                              bint batch_first=*, int directions=*, bint save=*)
cpdef tuple recurrent_backward(str mode, np.ndarray grad, np.ndarray grad_h, np.ndarray grad_c, np.ndarray x,
                               np.ndarray y, list weights, np.ndarray saved, np.ndarray h0=*, np.ndarray c0=*,
                               batch_sizes=*, bint batch_first=*, int directions=*, bint need_x=*, bint need_weights=*)
