cimport numpy as np

cpdef np.ndarray embedding_forward(np.ndarray weight, np.ndarray index)
cpdef np.ndarray embedding_backward(np.ndarray grad, np.ndarray index, np.npy_intp rows, np.npy_intp padding_idx=*,
                                    np.ndarray source=*, np.ndarray scale=*, bint largest=*)
cpdef tuple embedding_bag_forward(np.ndarray weight, np.ndarray index, np.ndarray offsets, mode=*,
                                  np.ndarray scale=*, np.npy_intp padding_idx=*)
