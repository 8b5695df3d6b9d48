cimport numpy as np
import numpy
cpdef np.ndarray softmax_forward(np.ndarray x, int axis, bint log=False):
    z=x-x.max(axis,keepdims=True); e=numpy.exp(z); s=e.sum(axis,keepdims=True)
    return z-numpy.log(s) if log else e/s
cpdef np.ndarray softmax_backward(np.ndarray grad, np.ndarray y, int axis, bint log=False):
    if log: return grad-numpy.exp(y)*grad.sum(axis,keepdims=True)
    return y*(grad-(y*grad).sum(axis,keepdims=True))
