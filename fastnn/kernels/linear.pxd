cimport numpy as np

cpdef np.ndarray linear_forward(np.ndarray x, np.ndarray weight, np.ndarray bias=*, activation=*, double a=*,
                                double b=*)
cpdef tuple linear_backward(np.ndarray grad, np.ndarray x, np.ndarray weight, np.ndarray y=*, activation=*,
                            double a=*, double b=*, bint need_x=*, bint need_weight=*, bint need_bias=*,
                            np.ndarray dw=*, np.ndarray db=*)
