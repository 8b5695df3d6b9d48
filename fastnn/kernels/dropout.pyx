"""Dropout: what a mask does not keep becomes 0 (Srivastava et al. 2014), or SELU's limit (Klambauer et al. 2017)."""
cimport numpy as np
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint8_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.reference import dropout as reference

np.import_array()

cdef double ALPHA = reference.ALPHA


cdef int check(np.ndarray x, np.ndarray mask, double p) except -1:
    """The kind of x, which `mask` must fit."""
    cdef int kind = _core.real_kind(x, "dropout")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: dropout probability has to be between 0 and 1, but got {p}")
    if mask is None or np.PyArray_TYPE(mask) != np.NPY_BOOL:
        raise DTypeError("dropout: expected a bool array as mask")
    cdef int i, ndim = np.PyArray_NDIM(x), outer = np.PyArray_NDIM(mask)
    cdef bint fits = outer <= ndim
    for i in range(outer if fits else 0):
        fits = fits and np.PyArray_DIM(mask, i) == np.PyArray_DIM(x, i)
    if not fits:
        raise ShapeError(f"dropout: expected a mask of shape {(<object>x).shape} or its first sizes, got "
                         f"{(<object>mask).shape}")
    return kind


cdef np.ndarray in_order_of(np.ndarray mask, np.ndarray y):
    cdef np.ndarray found = _core.new_in_order(y, np.NPY_BOOL)
    np.PyArray_CopyInto(found, mask)
    return found


cdef np.ndarray apply(np.ndarray x, np.ndarray mask, int kind, double scale, double kept, double dropped):
    cdef np.ndarray y
    if np.PyArray_NDIM(mask) == np.PyArray_NDIM(x):
        y = _core.new_in_order(x, np.PyArray_TYPE(x))
        x, mask = _core.laid_out_as(x, y), _core.contiguous(mask) if np.PyArray_ISCARRAY_RO(y) else in_order_of(mask, y)
    else:
        x, mask = _core.contiguous(x), _core.contiguous(mask)
        y = _core.new_like(x, np.PyArray_TYPE(x))
    cdef int64_t n = np.PyArray_SIZE(mask)
    cdef int64_t inner = np.PyArray_SIZE(x) // n if n else 1
    cdef void *py = np.PyArray_DATA(y)
    cdef void *px = np.PyArray_DATA(x)
    cdef uint8_t *pm = <uint8_t *>np.PyArray_DATA(mask)
    with nogil:
        _core.active[kind].dropout(py, px, pm, n, inner, scale, kept, dropped)
    _core.check_interrupt()
    return y


cdef double scale_of(double p, bint alpha, int kind) noexcept:
    """What a kept element is multiplied by, divided in the arrays' precision as PyTorch does."""
    if p == 1.0:
        return 0.0
    if alpha:
        return 1.0 / sqrt((ALPHA * ALPHA * p + 1.0) * (1.0 - p))
    return 1.0 / (1.0 - p) if kind else <float>1.0 / <float>(1.0 - p)


cpdef np.ndarray dropout_forward(np.ndarray x, np.ndarray mask, double p, bint alpha=False):
    """y = x / (1 - p) where mask, else 0.

    Parameters
    ----------
    x : ndarray, float32 or float64, any strides
    mask : ndarray of bool
        Of the shape of x, or of its first sizes: with two of them one decision holds for all of x[i, j].
    p : float
        Probability with which the mask is false.
    alpha : bool
        Dropped elements become SELU's limit at -inf instead of 0, and the result is scaled and shifted so that mean 0
        and variance 1 stay (Klambauer et al. 2017).

    Returns
    -------
    ndarray, new, like x, its axes in memory in the order of x's
    """
    cdef int kind = check(x, mask, p)
    if _core.use_reference:
        return reference.dropout_forward(x, mask, p, alpha)
    cdef double scale = scale_of(p, alpha, kind), shift = ALPHA * scale if alpha else 0.0
    return apply(x, mask, kind, scale, shift * p, shift * (p - 1.0))


cpdef np.ndarray dropout_backward(np.ndarray grad, np.ndarray mask, double p, bint alpha=False):
    """dx = grad scale where mask, else 0.

    grad : ndarray, float32 or float64; mask, p, alpha: of `dropout_forward`. Returns a new array like grad.
    """
    cdef int kind = check(grad, mask, p)
    if _core.use_reference:
        return reference.dropout_backward(grad, mask, p, alpha)
    return apply(grad, mask, kind, scale_of(p, alpha, kind), 0.0, 0.0)
