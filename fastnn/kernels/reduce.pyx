"""Sums, means, products and extrema over any axes."""
import operator

cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels.elementwise cimport copy, unary_forward
from fastnn import reference

np.import_array()

cdef extern from "fastnn.h":
    enum:
        MAX_NDIM "FNN_MAX_NDIM"

# The order of the enum in src_c/kernels/reduce.inc.h.
cdef enum:
    SUM, PROD, MAX, MIN, SUM_SQUARES

# The order of the enum in src_c/kernels/cumulate.inc.h.
cdef dict cumulate_of = {"sum": 0, "prod": 1, "logsumexp": 2}
cdef dict kernel_of = {"sum": SUM, "mean": SUM, "prod": PROD, "max": MAX, "min": MIN, "norm": SUM_SQUARES}


cdef int normalize_axis(str op, object axis, int ndim) except -1:
    """The axis counted from the front; IndexError if there is none such. A 0-d array has axis 0 and -1."""
    cdef int limit = ndim if ndim else 1
    cdef Py_ssize_t value
    try:
        value = operator.index(axis)
    except TypeError:
        raise TypeError(f"{op}: expected an int as axis, got {type(axis).__name__}") from None
    if not -limit <= value < limit:
        raise IndexError(f"{op}: expected an axis from {-limit} to {limit - 1}, got {value}")
    return value + ndim if value < 0 and ndim else 0 if ndim == 0 else value


cdef np.ndarray ordered(np.ndarray x):
    """x itself if C-contiguous, else such a copy, made by our own kernel where it can."""
    if np.PyArray_ISCARRAY_RO(x):
        return x
    return copy(x)


cdef void split(np.ndarray x, int axis, int64_t *outer, int64_t *n, int64_t *inner) noexcept:
    cdef int d
    outer[0] = n[0] = inner[0] = 1
    for d in range(np.PyArray_NDIM(x)):
        if d < axis:
            outer[0] *= np.PyArray_DIMS(x)[d]
        elif d == axis:
            n[0] = np.PyArray_DIMS(x)[d]
        else:
            inner[0] *= np.PyArray_DIMS(x)[d]


cdef int wanted_axes(str op, object axes, int ndim, bint *wanted) except -1:
    """Which axes are reduced: those of `axes`, or all if it is empty."""
    cdef int d
    for d in range(ndim):
        wanted[d] = len(axes) == 0
    for axis in axes:
        d = normalize_axis(op, axis, ndim)
        if ndim:
            if wanted[d]:
                raise ValueError(f"{op}: axis {d} appears twice in {axes}")
            wanted[d] = True
    return 0


cdef bint next_pass(int ndim, const bint *wanted, np.npy_intp *shape, int *high, int *low, int64_t *outer, int64_t *n,
                    int64_t *inner) noexcept:
    """The last run of neighbouring axes to reduce, at or before axis `high`, and the array around it as (outer, n,
    inner); their sizes become 1. Whether no other axis is left."""
    cdef int d
    while high[0] >= 0 and not wanted[high[0]]:
        high[0] -= 1
    low[0] = high[0]
    while low[0] >= 1 and (wanted[low[0] - 1] or shape[low[0] - 1] == 1):
        low[0] -= 1
    outer[0] = n[0] = inner[0] = 1
    for d in range(ndim):
        if high[0] < 0 or d < low[0]:
            outer[0] *= shape[d]
        elif d <= high[0]:
            n[0] *= shape[d]
        else:
            inner[0] *= shape[d]
    for d in range(max(low[0], 0), high[0] + 1):
        shape[d] = 1
    for d in range(max(low[0], 0)):
        if wanted[d]:
            return False
    return True


cpdef np.ndarray reduce(op, np.ndarray x, axes=None, bint keepdims=False):
    """The sum, mean, product, maximum, minimum or 2-norm of x over some axes.

    Parameters
    ----------
    op : str
        'sum', 'mean', 'prod', 'max', 'min' (NaN wins) or 'norm' (square root of the sum of squares).
    x : ndarray, float32 or float64
        Any strides.
    axes : None, int or sequence of int
        None and () mean all axes. IndexError if out of range, ValueError if one comes twice.
    keepdims : bool
        Keep the reduced axes with size 1.

    Returns
    -------
    y : ndarray, new, dtype of x
        The bits do not depend on the number of threads. Nothing sums to 0, multiplies to 1, has the mean NaN;
        ShapeError for its maximum and minimum.
    """
    cdef int d, ndim, kept = 0, kind, number
    cdef bint wanted[64]
    cdef np.npy_intp shape[64]
    cdef np.npy_intp out_shape[64]
    cdef np.npy_intp flat
    cdef int64_t outer, n, inner, count = 1
    cdef int high, low
    cdef bint last = False
    cdef double divisor
    cdef object code = kernel_of.get(op)
    if code is None:
        raise ValueError(f"reduce: unknown operation {op!r}; known: {', '.join(kernel_of)}")
    number = code
    kind = _core.real_kind(x, <str>op)
    ndim = np.PyArray_NDIM(x)
    if axes is None:
        axes = ()
    elif not isinstance(axes, (tuple, list)):
        axes = (axes,)
    wanted_axes(<str>op, axes, ndim, wanted)
    for d in range(ndim):
        shape[d] = np.PyArray_DIMS(x)[d]
        if wanted[d]:
            count *= shape[d]
        if keepdims or not wanted[d]:
            out_shape[kept] = 1 if wanted[d] else shape[d]
            kept += 1
    if count == 0 and (number == MAX or number == MIN):
        raise ShapeError(f"{op}: expected at least one element to reduce, got shape {(<object>x).shape}")
    if _core.use_reference:
        return reference.reduce(op, x, axes or None, keepdims)

    x = ordered(x)
    cdef np.ndarray y = _core.new_array(kept, out_shape, np.PyArray_TYPE(x))
    cdef np.ndarray current = x
    cdef np.ndarray target
    cdef void *source
    cdef void *out
    # Neighbouring axes are reduced in one pass, the last ones first; passes after the first see less data.
    high = ndim - 1
    while not last:
        last = next_pass(ndim, wanted, shape, &high, &low, &outer, &n, &inner)
        if last:
            target, divisor = y, count if op == "mean" else 1
        else:
            flat = outer * inner
            target, divisor = _core.new_array(1, &flat, np.PyArray_TYPE(x)), 1
        source = np.PyArray_DATA(current)
        out = np.PyArray_DATA(target)
        with nogil:
            _core.active[kind].reduce(number, out, source, outer, n, inner, divisor)
        _core.check_interrupt()
        if number == SUM_SQUARES:
            number = SUM
        current = target
        high = low - 1
    return unary_forward("sqrt", y) if op == "norm" else y


cpdef np.ndarray argreduce(op, np.ndarray x, axis=None, bint keepdims=False):
    """Where x is largest ('argmax') or smallest ('argmin') along an axis, as int64.

    The first such place; NaN counts as larger and smaller than all. `axis` None: in the flattened array.
    ShapeError if there is nothing to choose from.
    """
    cdef int d, ndim, at = -1, kept = 0, kind
    cdef np.npy_intp shape[64]
    cdef int64_t outer = 1, n = 1, inner = 1
    if op != "argmax" and op != "argmin":
        raise ValueError(f"argreduce: unknown operation {op!r}; known: argmax, argmin")
    kind = _core.real_kind(x, <str>op)
    ndim = np.PyArray_NDIM(x)
    if axis is not None:
        at = normalize_axis(<str>op, axis, ndim)
    for d in range(ndim):
        if at < 0 or d == at:
            n *= np.PyArray_DIMS(x)[d]
        elif d < at:
            outer *= np.PyArray_DIMS(x)[d]
        else:
            inner *= np.PyArray_DIMS(x)[d]
        if keepdims or (at >= 0 and d != at):
            shape[kept] = 1 if at < 0 or d == at else np.PyArray_DIMS(x)[d]
            kept += 1
    if n == 0:
        raise ShapeError(f"{op}: expected at least one element to choose from, got shape {(<object>x).shape}")
    if _core.use_reference:
        return reference.argreduce(op, x, axis, keepdims)
    x = ordered(x)
    cdef np.ndarray y = _core.new_array(kept, shape, np.NPY_INT64)
    cdef int smallest = op == "argmin"
    cdef int64_t *out = <int64_t *>np.PyArray_DATA(y)
    cdef void *source = np.PyArray_DATA(x)
    with nogil:
        _core.active[kind].argreduce(smallest, out, source, outer, n, inner)
    _core.check_interrupt()
    return y


cpdef np.ndarray cumulate(op, np.ndarray x, axis, bint reverse=False):
    """The sum, product or log-sum-exp of all elements up to each along an axis.

    Parameters
    ----------
    op : str
        'sum', 'prod' or 'logsumexp'.
    x : ndarray, float32 or float64
        Any strides. A 0-d array is its own result (axis 0).
    axis : int
        IndexError if there is none such.
    reverse : bool
        Of all elements from each on.

    Returns
    -------
    y : ndarray, new, like x
        Accumulated in float64, sums with compensation. The bits do not depend on the number of threads.
    """
    cdef int64_t outer = 1, n = 1, inner = 1
    cdef object code = cumulate_of.get(op)
    if code is None:
        raise ValueError(f"cumulate: unknown operation {op!r}; known: {', '.join(cumulate_of)}")
    cdef int status, number = code, kind = _core.real_kind(x, "cumulate")
    cdef int at = normalize_axis("cumulate", axis, np.PyArray_NDIM(x))
    if _core.use_reference:
        return reference.cumulate(op, x, at, reverse)
    split(x, at, &outer, &n, &inner)
    x = ordered(x)
    cdef np.ndarray y = _core.new_like(x, np.PyArray_TYPE(x))
    cdef void *out = np.PyArray_DATA(y)
    cdef void *source = np.PyArray_DATA(x)
    with nogil:
        status = _core.active[kind].cumulate(number, out, source, outer, n, inner, reverse)
    _core.check_status(status, "cumulate")
    return y


cpdef np.ndarray sum_to(np.ndarray x, tuple shape):
    """Undoes broadcasting: the sum of x over the axes along which an array of `shape` was repeated to x.shape.

    Returns an array of `shape`: x itself if it has that shape. ShapeError if `shape` does not broadcast to x.shape.
    """
    cdef int d, own, ndim, fits
    cdef list axes
    if shape is not None and x is not None and (np.PyArray_ISCOMPLEX(x) or np.PyArray_TYPE(x) == np.NPY_FLOAT16):
        return reference.sum_to(x, shape)  # NumPy's: kernels have no such numbers
    _core.real_kind(x, "sum_to")
    if shape is None:
        raise ShapeError("sum_to: expected a shape, got None")
    own, ndim = len(shape), np.PyArray_NDIM(x)
    axes = []
    fits = own <= ndim
    if fits:
        for d in range(ndim):
            if d < ndim - own:
                axes.append(d)
            elif <object>np.PyArray_DIMS(x)[d] != shape[d - ndim + own]:
                fits = fits and shape[d - ndim + own] == 1
                axes.append(d)
    if not fits:
        raise ShapeError(f"sum_to: expected a shape that broadcasts to {(<object>x).shape}, got {shape}")
    if not axes:
        return x
    cdef np.ndarray y = reduce("sum", x, axes)
    return y if np.PyArray_NDIM(y) == own else (<object>y).reshape(shape)
