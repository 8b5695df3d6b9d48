cimport numpy as np

cpdef np.ndarray conv_forward(np.ndarray x, np.ndarray weight, np.ndarray bias=*, stride=*, padding=*, dilation=*,
                              long groups=*, bint relu=*)
cpdef np.ndarray conv_backward_input(np.ndarray grad, np.ndarray weight, size, np.ndarray bias=*, stride=*, padding=*,
                                     dilation=*, long groups=*, bint relu=*)
cpdef np.ndarray conv_backward_weight(np.ndarray grad, np.ndarray x, kernel, stride=*, padding=*, dilation=*,
                                      long groups=*)
