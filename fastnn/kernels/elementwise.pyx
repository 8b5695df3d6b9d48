"""Maps of one array (activations and mathematical functions)."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.kernels cimport _core
from fastnn.kernels import _core as core
from fastnn.reference import elementwise as reference

np.import_array()

cdef list names = core.unary_names()
cdef dict numbers = {name: number for number, name in enumerate(names)}


cpdef int unary_number(op) except -1:
    """The number of a unary map given by name or number."""
    if isinstance(op, int):
        if 0 <= op < len(names):
            return op
    elif op in numbers:
        return numbers[op]
    raise ValueError(f"unary: unknown map {op!r}; known: {', '.join(names)}")


cpdef np.ndarray unary_forward(op, np.ndarray x, double a=0.0, double b=0.0):
    """y = f(x; a, b) for the map `op`, a name or number of `unary_names()`; same shape and dtype as x."""
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
