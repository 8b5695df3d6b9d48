"""The direction of a step of L-BFGS."""
cimport numpy as np
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t

import numpy

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.reference import lbfgs as reference

np.import_array()


cdef np.ndarray checked(object array, str name, object grad, bint plain):
    if not isinstance(array, np.ndarray):
        raise TypeError(f"lbfgs_direction: expected an array as {name}, got {type(array).__name__}")
    if array.ndim != 1 or plain and len(array) != len(grad):
        raise ShapeError(f"lbfgs_direction: expected {name} of shape {grad.shape if plain else '(history,)'}, got "
                         f"{array.shape}")
    if plain and array.dtype != grad.dtype:
        raise DTypeError(f"lbfgs_direction: expected {name} of dtype {grad.dtype}, got {array.dtype}")
    return _core.contiguous(array)


cpdef tuple lbfgs_direction(object grad, list dirs, list stps, object ro, double h_diag=1.0):
    """(-H grad, al): H is L-BFGS' estimate of the inverse Hessian (Liu and Nocedal, 1989, two loops).

    ``q = -grad``; from the newest pair to the oldest ``al[i] = ro[i] * (stps[i] @ q)``, ``q -= al[i] * dirs[i]``;
    ``d = h_diag * q``; from the oldest to the newest ``d += (al[i] - ro[i] * (dirs[i] @ d)) * stps[i]``.

    Parameters
    ----------
    grad : array
        Gradient of all parameters, (n,), float32 or float64.
    dirs, stps : lists of arrays
        Changes of the gradient and of the parameters, oldest first, (n,).
    ro : array
        ``1 / (dirs[i] @ stps[i])``, float64.
    h_diag : float
        Scale of the first estimate.

    Returns
    -------
    d, al : arrays
        (n,) and (len(dirs),), al in float64.
    """
    if _core.use_reference:
        return reference.lbfgs_direction(grad, dirs, stps, ro, h_diag)
    if not isinstance(grad, np.ndarray):
        raise TypeError(f"lbfgs_direction: expected an array as grad, got {type(grad).__name__}")
    cdef int status
    cdef int kind = _core.real_kind(grad, "lbfgs_direction")
    if grad.ndim != 1:
        raise ShapeError(f"lbfgs_direction: expected grad of shape (n,), got {grad.shape}")
    cdef np.ndarray g = checked(grad, "grad", grad, True)
    cdef int64_t n = np.PyArray_DIM(g, 0)
    cdef Py_ssize_t i, count = PyList_GET_SIZE(dirs)
    cdef list kept = []
    cdef np.ndarray item, rates, d, al
    cdef void **table
    cdef void *pg
    cdef void *pd
    if PyList_GET_SIZE(stps) != count:
        raise ShapeError(f"lbfgs_direction: expected {count} stps, as many as dirs, got {len(stps)}")
    rates = checked(ro, "ro", g, False)
    if np.PyArray_TYPE(rates) != np.NPY_DOUBLE:
        raise DTypeError(f"lbfgs_direction: expected ro of dtype float64, got {rates.dtype}")
    if np.PyArray_DIM(rates, 0) != count:
        raise ShapeError(f"lbfgs_direction: expected ro of shape ({count},), got {ro.shape}")
    d = _core.new_like(g, np.PyArray_TYPE(g))
    al = numpy.empty(count)
    table = <void **>PyMem_Malloc((2 * count + 1) * sizeof(void *))
    if table == NULL:
        raise MemoryError("lbfgs_direction: no memory for its tables")
    try:
        for i in range(count):
            item = checked(dirs[i], "dirs", g, True)
            kept.append(item)
            table[i] = np.PyArray_DATA(item)
            item = checked(stps[i], "stps", g, True)
            kept.append(item)
            table[count + i] = np.PyArray_DATA(item)
        pd, pg = np.PyArray_DATA(d), np.PyArray_DATA(g)
        with nogil:
            status = _core.active[kind].lbfgs_direction(pd, pg, table, table + count, <double *>np.PyArray_DATA(rates),
                                                        <double *>np.PyArray_DATA(al), count, n, h_diag)
        _core.check_status(status, "lbfgs_direction")
    finally:
        PyMem_Free(table)
    return d, al
