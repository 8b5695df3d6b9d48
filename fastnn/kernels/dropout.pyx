"""Dropout: random elements or features set to 0 (Srivastava et al. 2014), or to SELU's limit (Klambauer et al. 2017).

The mask is a function of a key and an element's number, so that it does not depend on the number of threads.
"""
cimport numpy as np
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint8_t, uint64_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.reference import dropout as reference

np.import_array()

cdef double ALPHA = reference.ALPHA


cdef class Coefficients:
    """What a kept element is multiplied by, and what is added to kept and dropped ones."""
    cdef double scale, kept, dropped

    cdef int set(self, str name, double p, bint alpha) except -1:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")
        self.scale = self.kept = self.dropped = 0.0
        if p < 1.0 and not alpha:
            self.scale = 1.0 / (1.0 - p)
        elif p < 1.0:
            self.scale = 1.0 / sqrt((ALPHA * ALPHA * p + 1.0) * (1.0 - p))
            self.kept = ALPHA * self.scale * p
            self.dropped = ALPHA * self.scale * (p - 1.0)
        return 0


cpdef tuple dropout_forward(np.ndarray x, double p, uint64_t key, bint features=False, bint alpha=False):
    """y = x scale where mask, else 0; the mask is true with probability 1 - p.

    Parameters
    ----------
    x : ndarray, float32 or float64, any strides
    p : float
        Probability that an element is dropped; scale = 1 / (1 - p).
    key : int
        The random stream: `fastnn.random.Generator.philox_key` draws one. The same key gives the same mask.
    features : bool
        Whether one decision holds for all of x[i, j]; x then has at least two dimensions.
    alpha : bool
        Dropped elements become SELU's limit at -inf instead of 0, and the result is scaled and shifted so that mean 0
        and variance 1 stay (Klambauer et al. 2017).

    Returns
    -------
    y : ndarray, new, like x
    mask : ndarray of bool, shape of x, or x.shape[:2] with `features`
    """
    cdef int kind = _core.real_kind(x, "dropout")
    cdef Coefficients c = Coefficients.__new__(Coefficients)
    c.set("dropout", p, alpha)
    cdef int ndim = np.PyArray_NDIM(x)
    if features and ndim < 2:
        raise ShapeError(f"dropout: Feature dropout requires at least 2 dimensions in the input, got {ndim}")
    if _core.use_reference:
        return reference.dropout_forward(x, p, key, features, alpha)
    x = _core.contiguous(x)
    cdef np.ndarray y = _core.new_like(x, np.PyArray_TYPE(x))
    cdef np.ndarray mask = _core.new_array(2 if features else ndim, np.PyArray_DIMS(x), np.NPY_BOOL)
    cdef int64_t n = np.PyArray_SIZE(mask)
    cdef int64_t inner = np.PyArray_SIZE(x) // n if n else 1
    cdef uint64_t threshold = <uint64_t>((1.0 - p) * 4294967296.0 + 0.5)
    cdef void *py = np.PyArray_DATA(y)
    cdef void *px = np.PyArray_DATA(x)
    cdef uint8_t *pm = <uint8_t *>np.PyArray_DATA(mask)
    with nogil:
        _core.active.dropout_forward[kind](py, pm, px, n, inner, key, threshold, c.scale, c.kept, c.dropped)
    _core.check_interrupt()
    return y, mask


cpdef np.ndarray dropout_backward(np.ndarray grad, np.ndarray mask, double p, bint alpha=False):
    """dx = grad scale where mask, else 0.

    grad : ndarray, float32 or float64; mask, p, alpha: of `dropout_forward`. Returns a new array like grad.
    """
    cdef int kind = _core.real_kind(grad, "dropout")
    cdef Coefficients c = Coefficients.__new__(Coefficients)
    c.set("dropout", p, alpha)
    if mask is None or np.PyArray_TYPE(mask) != np.NPY_BOOL:
        raise DTypeError("dropout: expected a bool array as mask")
    cdef int i, ndim = np.PyArray_NDIM(grad), outer = np.PyArray_NDIM(mask)
    cdef bint fits = outer == ndim or outer == 2 and ndim > 2
    for i in range(outer if fits else 0):
        fits = fits and np.PyArray_DIM(mask, i) == np.PyArray_DIM(grad, i)
    if not fits:
        raise ShapeError(f"dropout: expected a mask of shape {(<object>grad).shape} or its first two sizes, got "
                         f"{(<object>mask).shape}")
    if _core.use_reference:
        return reference.dropout_backward(grad, mask, p, alpha)
    grad, mask = _core.contiguous(grad), _core.contiguous(mask)
    cdef np.ndarray dx = _core.new_like(grad, np.PyArray_TYPE(grad))
    cdef int64_t n = np.PyArray_SIZE(mask)
    cdef int64_t inner = np.PyArray_SIZE(grad) // n if n else 1
    cdef void *pdx = np.PyArray_DATA(dx)
    cdef void *pdy = np.PyArray_DATA(grad)
    cdef uint8_t *pm = <uint8_t *>np.PyArray_DATA(mask)
    with nogil:
        _core.active.dropout_backward[kind](pdx, pdy, pm, n, inner, c.scale)
    _core.check_interrupt()
    return dx
