cimport numpy as np

cpdef tuple group_norm_forward(np.ndarray x, int groups, np.ndarray weight=*, np.ndarray bias=*, double eps=*)
cpdef tuple group_norm_backward(np.ndarray grad, np.ndarray x, np.ndarray mean, np.ndarray rstd, int groups,
                                np.ndarray weight=*, bint need_dx=*, bint need_dw=*, bint need_db=*)
cpdef tuple layer_norm_forward(np.ndarray x, int ndim, np.ndarray weight=*, np.ndarray bias=*, double eps=*,
                               bint rms=*)
cpdef tuple layer_norm_backward(np.ndarray grad, np.ndarray x, np.ndarray mean, np.ndarray rstd, int ndim,
                                np.ndarray weight=*, bint need_dx=*, bint need_dw=*, bint need_db=*, bint rms=*)
cpdef tuple batch_norm_forward(np.ndarray x, np.ndarray weight=*, np.ndarray bias=*, np.ndarray running_mean=*,
                               np.ndarray running_var=*, bint training=*, double momentum=*, double eps=*)
cpdef tuple batch_norm_backward(np.ndarray grad, np.ndarray x, np.ndarray mean, np.ndarray rstd,
                                np.ndarray weight=*, bint training=*, bint need_dx=*, bint need_dw=*,
                                bint need_db=*)
cpdef tuple variance(np.ndarray x, tuple axes, double correction=*, bint keepdims=*)
