cimport numpy as np

cpdef np.ndarray pointwise_loss_forward(op, np.ndarray x, np.ndarray target, np.ndarray weight=*,
                                        np.ndarray pos_weight=*, reduction=*, double a=*, double b=*)
cpdef tuple pointwise_loss_backward(op, np.ndarray grad, np.ndarray x, np.ndarray target, np.ndarray weight=*,
                                    np.ndarray pos_weight=*, reduction=*, double a=*, double b=*,
                                    bint need_input=*, bint need_target=*)
cpdef tuple cross_entropy_forward(np.ndarray x, np.ndarray target, np.ndarray weight=*, long ignore_index=*,
                                  double label_smoothing=*, reduction=*)
cpdef tuple cross_entropy_backward(np.ndarray grad, np.ndarray x, np.ndarray target, np.ndarray saved,
                                   np.ndarray weight=*, long ignore_index=*, double label_smoothing=*, reduction=*,
                                   bint need_input=*, bint need_target=*)
cpdef tuple nll_forward(np.ndarray x, np.ndarray target, np.ndarray weight=*, long ignore_index=*, reduction=*)
cpdef np.ndarray nll_backward(np.ndarray grad, np.ndarray x, np.ndarray target, np.ndarray total,
                              np.ndarray weight=*, long ignore_index=*, reduction=*)
