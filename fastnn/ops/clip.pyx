"""Clipping of gradients: their norm together, and scaling all of them in place."""
cimport numpy as np

import math

import numpy

from fastnn._tensor cimport Tensor
from fastnn.kernels cimport clip as K
from fastnn.ops._common cimport is_complex, is_real
from fastnn.ops.shape import converted

np.import_array()


def total_norm(tensors, double p=2.0):
    """The p-norm of all elements of all tensors, a float."""
    cdef dict groups = {}
    for tensor in tensors:
        array = (<Tensor?>tensor).array
        if not is_real(array):
            array = numpy.abs(array) if is_complex(array) else converted(array, numpy.dtype(numpy.float64))
        groups.setdefault(array.dtype, []).append(array)
    if p == 1 or p == 2 or p == math.inf:
        norms = [K.total_norm(arrays, p) for arrays in groups.values()]
        if len(norms) <= 1:
            return norms[0] if norms else 0.0
        return K.total_norm([numpy.array(norms)], p)
    flat = numpy.concatenate([abs(array.astype(numpy.float64)).ravel() for arrays in groups.values()
                              for array in arrays] or [numpy.zeros(0)])
    return float(numpy.linalg.norm(flat, p)) if flat.size else 0.0


def scale_(tensors, double factor):
    """Multiply all tensors, in place."""
    cdef dict groups = {}
    cdef np.ndarray array
    for tensor in tensors:
        array = (<Tensor?>tensor).array
        if is_real(array):
            groups.setdefault(array.dtype, []).append(array)
        elif np.PyArray_TYPE(array) == np.NPY_VOID:
            array[...] = converted(converted(array, numpy.dtype(numpy.float32)) * factor, array.dtype)
        else:
            numpy.multiply(array, factor, out=array, casting="unsafe")
        (<Tensor>tensor).bump()
    for arrays in groups.values():
        K.scale_arrays(arrays, factor)
