cimport numpy as np

cpdef np.ndarray resample_forward(np.ndarray x, np.ndarray index, np.ndarray weight=*, int axis=*)
cpdef np.ndarray resample_backward(np.ndarray grad, np.ndarray index, np.npy_intp size, np.ndarray weight=*,
                                   int axis=*)
cpdef np.ndarray unfold_forward(np.ndarray x, kernel_size, dilation=*, padding=*, stride=*)
cpdef np.ndarray unfold_backward(np.ndarray grad, output_size, kernel_size, dilation=*, padding=*, stride=*)
