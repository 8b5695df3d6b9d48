"""Maps of one array, arithmetic and comparison of two with broadcasting, copies."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels import _core as core
from fastnn.reference import elementwise as reference

cdef extern from "fastnn.h":
    enum:
        FNN_UNARY_COUNT
        SAVES_X
        SAVES_Y
        FNN_leaky_relu
        FNN_elu

np.import_array()

cdef list names = core.unary_names()
cdef dict numbers = {name: number for number, name in enumerate(names)}
cdef int saved[FNN_UNARY_COUNT]  # SAVES_X, SAVES_Y, ... of each map
for _number, _flags in enumerate(core.unary_saves_flags()):
    saved[_number] = _flags


cpdef int unary_number(op) except -1:
    """The number of a unary map given by name or number."""
    cdef object number = numbers.get(op)
    if number is not None:
        return number
    if isinstance(op, int) and 0 <= op < len(names):
        return op
    raise ValueError(f"unary: unknown map {op!r}; known: {', '.join(names)}")


cpdef str unary_saves(op):
    """Which arrays `unary_backward` reads for the map `op`: 'x', 'y', 'xy' or ''; the others may be None."""
    cdef int saves = saved[unary_number(op)]
    return ("x" if saves & SAVES_X else "") + ("y" if saves & SAVES_Y else "")


cpdef np.ndarray unary_forward(op, np.ndarray x, double a=0.0, double b=0.0):
    """y = f(x; a, b), element by element.

    Parameters
    ----------
    op : str or int
        A name or number of `unary_names()`: an activation or a mathematical function; what `a` and `b` mean
        for it (slope, alpha, bounds, exponent, ...) stands in `src_c/kernels/elementwise.def`.
    x : ndarray, float32 or float64
        Any shape and strides.

    Returns
    -------
    y : ndarray, new, C-contiguous, shape and dtype of x
    """
    cdef int number = unary_number(op)
    if _core.use_reference:
        return reference.unary_forward(names[number], x, a, b)
    cdef int kind = _core.real_kind(x, "unary_forward")
    x = _core.contiguous(x)
    cdef np.ndarray y = _core.new_like(x, np.PyArray_TYPE(x))
    cdef int64_t n = np.PyArray_SIZE(x)
    cdef void *py = np.PyArray_DATA(y)
    cdef void *px = np.PyArray_DATA(x)
    with nogil:
        _core.active.unary_forward[kind](number, py, px, n, a, b)
    return y


cdef np.ndarray _saved(np.ndarray array, np.ndarray grad, str name, int number):
    """The saved array as backward needs it, checked against grad."""
    if array is None:
        raise ValueError(f"unary_backward: {names[number]} needs {name}, got None")
    if not np.PyArray_SAMESHAPE(array, grad):
        raise ShapeError(f"unary_backward: expected {name} of shape {(<object>grad).shape}, as grad has, "
                         f"got {(<object>array).shape}")
    _core.same_real_kind(grad, array, "unary_backward")
    return _core.contiguous(array)


cpdef np.ndarray unary_backward(op, np.ndarray grad, np.ndarray x, np.ndarray y, double a=0.0, double b=0.0):
    """dx = grad * f'(x; a, b), element by element.

    Parameters
    ----------
    op, a, b : as given to `unary_forward`
    grad : ndarray, float32 or float64
        Gradient with respect to y.
    x, y : ndarray or None
        Input and output of the forward map, shape and dtype of grad; only those that `unary_saves(op)` names
        are read.

    Returns
    -------
    dx : ndarray, new, C-contiguous, shape and dtype of grad
    """
    cdef int number = unary_number(op)
    if a < 0 and (number == FNN_leaky_relu or number == FNN_elu):
        raise ValueError(f"unary_backward: {names[number]} reads its gradient off y, which needs a >= 0, got a={a}; "
                         f"use {names[number]}_signed")
    if _core.use_reference:
        return reference.unary_backward(names[number], grad, x, y, a, b)
    cdef int kind = _core.real_kind(grad, "unary_backward")
    cdef int saves = saved[number]
    cdef void *px = NULL
    cdef void *py = NULL
    grad = _core.contiguous(grad)
    if saves & SAVES_X:
        x = _saved(x, grad, "x", number)
        px = np.PyArray_DATA(x)
    if saves & SAVES_Y:
        y = _saved(y, grad, "y", number)
        py = np.PyArray_DATA(y)
    cdef np.ndarray dx = _core.new_like(grad, np.PyArray_TYPE(grad))
    cdef int64_t n = np.PyArray_SIZE(grad)
    cdef void *pdx = np.PyArray_DATA(dx)
    cdef void *pdy = np.PyArray_DATA(grad)
    with nogil:
        _core.active.unary_backward[kind](number, pdx, pdy, px, py, n, a, b)
    return dx
