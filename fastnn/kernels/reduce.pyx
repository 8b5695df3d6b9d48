"""Reductions (in NumPy until the C kernels are in place)."""
cimport numpy as np
import numpy

NAMES = {"sum": numpy.sum, "mean": numpy.mean, "prod": numpy.prod, "max": numpy.max, "min": numpy.min}


cpdef np.ndarray reduce(op, np.ndarray x, axes=None, bint keepdims=False):
    return numpy.asarray(NAMES[op](x, axis=axes, keepdims=keepdims))


cpdef np.ndarray argreduce(op, np.ndarray x, axis, bint keepdims=False):
    return numpy.asarray((numpy.argmax if op == "argmax" else numpy.argmin)(x, axis=axis, keepdims=keepdims))


cpdef np.ndarray sum_to(np.ndarray x, tuple shape):
    extra = x.ndim - len(shape)
    y = numpy.asarray(x.sum(axis=tuple(range(extra)))) if extra else x
    return numpy.asarray(y.sum(axis=tuple([i for i, size in enumerate(shape) if size == 1]), keepdims=True))
