"""Softmax, its logarithm and log-sum-exp along one axis."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels.reduce cimport normalize_axis, ordered, split
from fastnn.reference import softmax as reference

np.import_array()


cpdef np.ndarray softmax_forward(np.ndarray x, int axis, bint log=False):
    """y = exp(x) / sum(exp(x)) along `axis`, or its logarithm.

    x : ndarray, float32 or float64, any strides. Returns a new array of the same shape. The largest element is
    subtracted first; a row of -inf, or one that contains inf or NaN, gives NaN. IndexError for a wrong axis.
    """
    cdef int64_t outer, n, inner
    cdef str name = "log_softmax" if log else "softmax"
    cdef int kind = _core.real_kind(x, name)
    axis = normalize_axis(name, axis, np.PyArray_NDIM(x))
    if _core.use_reference:
        return reference.softmax_forward(x, axis, log)
    x = ordered(x)
    cdef np.ndarray y = _core.new_like(x, np.PyArray_TYPE(x))
    cdef void *py = np.PyArray_DATA(y)
    cdef void *px = np.PyArray_DATA(x)
    split(x, axis, &outer, &n, &inner)
    with nogil:
        _core.active[kind].softmax_forward(log, py, px, outer, n, inner)
    _core.check_interrupt()
    return y


cpdef np.ndarray softmax_backward(np.ndarray grad, np.ndarray y, int axis, bint log=False):
    """dx = y * (grad - sum(grad * y)) along `axis`; with `log`, dx = grad - exp(y) * sum(grad).

    grad, y : ndarray of one shape and dtype, y what `softmax_forward` returned. Returns a new array.
    """
    cdef int64_t outer, n, inner
    cdef str name = "log_softmax" if log else "softmax"
    cdef int kind = _core.same_real_kind(grad, y, name)
    axis = normalize_axis(name, axis, np.PyArray_NDIM(y))
    if not np.PyArray_SAMESHAPE(grad, y):
        raise ShapeError(f"{name}: expected grad of shape {(<object>y).shape}, got {(<object>grad).shape}")
    if _core.use_reference:
        return reference.softmax_backward(grad, y, axis, log)
    grad, y = ordered(grad), ordered(y)
    cdef np.ndarray dx = _core.new_like(y, np.PyArray_TYPE(y))
    cdef void *pdx = np.PyArray_DATA(dx)
    cdef void *pdy = np.PyArray_DATA(grad)
    cdef void *py = np.PyArray_DATA(y)
    split(y, axis, &outer, &n, &inner)
    with nogil:
        _core.active[kind].softmax_backward(log, pdx, pdy, py, outer, n, inner)
    _core.check_interrupt()
    return dx


cpdef np.ndarray logsumexp(np.ndarray x, axis, bint keepdims=False):
    """log(sum(exp(x))) along `axis`, without overflow; a row of -inf gives -inf.

    x : ndarray, float32 or float64, any strides. An empty axis gives -inf.
    """
    cdef int64_t outer, n, inner
    cdef int d, kept = 0, at, ndim, kind = _core.real_kind(x, "logsumexp")
    cdef np.npy_intp shape[64]
    ndim = np.PyArray_NDIM(x)
    at = normalize_axis("logsumexp", axis, ndim)
    if _core.use_reference:
        return reference.logsumexp(x, at, keepdims)
    for d in range(ndim):
        if d != at or keepdims:
            shape[kept] = 1 if d == at else np.PyArray_DIMS(x)[d]
            kept += 1
    if ndim:
        x = np.PyArray_SwapAxes(x, at, ndim - 1) if ndim == 2 or at == ndim - 1 else _last(x, at)
    x = ordered(x)
    cdef np.ndarray y = _core.new_array(kept, shape, np.PyArray_TYPE(x))
    cdef void *py = np.PyArray_DATA(y)
    cdef void *px = np.PyArray_DATA(x)
    split(x, ndim - 1 if ndim else 0, &outer, &n, &inner)
    with nogil:
        _core.active[kind].logsumexp(py, px, outer, n)
    _core.check_interrupt()
    return y


cdef np.ndarray _last(np.ndarray x, int axis):
    """A view of x with `axis` last and the others in order."""
    return (<object>x).transpose([d for d in range(np.PyArray_NDIM(x)) if d != axis] + [axis])
