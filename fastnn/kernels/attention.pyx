"""Scaled dot-product attention (Vaswani et al. 2017): softmax(scale q k^T + mask) v, forward and backward."""
cimport numpy as np
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint8_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core, reduce
from fastnn.reference import attention as reference

np.import_array()

cdef enum:
    MASK_NONE, MASK_KEEP, MASK_DROP, MASK_ADD


cdef bint rows_ready(np.ndarray x) noexcept:
    """Whether the kernel can read rows of x as they lie: aligned, last axis contiguous."""
    cdef int i, last = np.PyArray_NDIM(x) - 1
    cdef np.npy_intp item = np.PyArray_ITEMSIZE(x)
    if not np.PyArray_ISBEHAVED_RO(x) or np.PyArray_DIM(x, last) > 1 and np.PyArray_STRIDE(x, last) != item:
        return False
    for i in range(last):
        if np.PyArray_STRIDE(x, i) & (item - 1):
            return False
    return True


cdef np.ndarray in_rows(np.ndarray x):
    """x, or a copy whose last axis is contiguous."""
    return x if rows_ready(x) else _core.contiguous(x)


cdef void put_strides(int64_t *strides, np.ndarray x) noexcept:
    cdef int i
    for i in range(3):
        strides[i] = np.PyArray_STRIDE(x, i) // np.PyArray_ITEMSIZE(x)


cdef int check(str name, np.ndarray q, np.ndarray k, np.ndarray v, double p, int64_t *shape) except -1:
    """The kind of q, k, v, which must fit each other; shape becomes (b, h, hk, l, s, e, ev)."""
    cdef int kind = _core.same_real_kind(q, k, name)
    _core.same_real_kind(q, v, name)
    if np.PyArray_NDIM(q) != 4 or np.PyArray_NDIM(k) != 4 or np.PyArray_NDIM(v) != 4:
        raise ShapeError(f"{name}: expected q, k, v (batch, heads, time, width), got {(<object>q).shape}, "
                         f"{(<object>k).shape}, {(<object>v).shape}")
    cdef np.npy_intp *dims = np.PyArray_DIMS(q)
    shape[0], shape[1], shape[3], shape[5] = dims[0], dims[1], dims[2], dims[3]
    dims = np.PyArray_DIMS(k)
    shape[2], shape[4] = dims[1], dims[2]
    cdef bint fits = dims[0] == shape[0] and dims[3] == shape[5]
    dims = np.PyArray_DIMS(v)
    shape[6] = dims[3]
    if not fits or dims[0] != shape[0] or dims[1] != shape[2] or dims[2] != shape[4] or (
            shape[1] != shape[2] and (shape[2] == 0 or shape[1] % shape[2])):
        raise ShapeError(f"{name}: expected q (b, h, l, e), k (b, hk, s, e), v (b, hk, s, ev) with h a multiple of hk, "
                         f"got {(<object>q).shape}, {(<object>k).shape}, {(<object>v).shape}")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")
    return kind


cdef np.ndarray check_mask(str name, np.ndarray q, np.ndarray mask, int64_t *shape, int64_t *strides):
    """The mask, or a copy that the kernel can read; its strides as an array (b, h, l, s), 0 where it is broadcast."""
    cdef int i, j, ndim
    cdef bint fits, even = True
    for i in range(4):
        strides[i] = 0
    if mask is None:
        return None
    if np.PyArray_TYPE(mask) != np.NPY_BOOL and np.PyArray_TYPE(mask) != np.PyArray_TYPE(q):
        raise DTypeError(f"{name}: expected a mask of bool or {q.dtype}, got {mask.dtype}")
    ndim = np.PyArray_NDIM(mask)
    fits = ndim <= 4
    for j in range(ndim if fits else 0):
        i = j + 4 - ndim
        if np.PyArray_DIM(mask, j) != 1:
            fits = fits and np.PyArray_DIM(mask, j) == shape[i if i < 2 else i + 1]
        even = even and np.PyArray_STRIDE(mask, j) & (np.PyArray_ITEMSIZE(mask) - 1) == 0
    if not fits:
        raise ShapeError(f"{name}: expected a mask that broadcasts to {(shape[0], shape[1], shape[3], shape[4])}, got "
                         f"{(<object>mask).shape}")
    if not even or not np.PyArray_ISBEHAVED_RO(mask):
        mask = (<object>mask).astype(mask.dtype.newbyteorder("="), order="C")
    for j in range(ndim):
        if np.PyArray_DIM(mask, j) != 1:
            strides[j + 4 - ndim] = np.PyArray_STRIDE(mask, j) // np.PyArray_ITEMSIZE(mask)
    return mask


cdef int mask_kind(np.ndarray mask, bint drop) noexcept:
    if mask is None:
        return MASK_NONE
    if np.PyArray_TYPE(mask) != np.NPY_BOOL:
        return MASK_ADD
    return MASK_DROP if drop else MASK_KEEP


cdef np.ndarray new_heads(int64_t b, int64_t h, int64_t t, int64_t e, int typenum):
    """A new array (b, h, t, e) whose memory is (b, t, h, e): heads side by side, as the next layer reads them."""
    cdef np.npy_intp shape[4]
    shape[0], shape[1], shape[2], shape[3] = b, t, h, e
    return np.PyArray_SwapAxes(_core.new_array(4, shape, typenum), 1, 2)


cdef np.ndarray new_weights(const int64_t *shape, bint mean, int typenum):
    """A new array for weights (b, h, l, s), or for their mean over heads (b, l, s)."""
    cdef np.npy_intp[4] dims = [shape[0], shape[1], shape[3], shape[4]]
    if mean:
        dims[1], dims[2] = shape[3], shape[4]
    return _core.new_array(3 if mean else 4, dims, typenum)


cdef double scale_of(scale, const int64_t *shape) except? -1:
    return scale if scale is not None else 1 / sqrt(<double>shape[5]) if shape[5] else 1.0


cdef int check_target(str name, str what, np.ndarray target, np.ndarray q, int64_t b, int64_t h, int64_t t,
                      int64_t e) except -1:
    """`target` will be written."""
    _core.same_real_kind(q, target, name)
    if (<object>target).shape != (b, h, t, e):
        raise ShapeError(f"{name}: expected {what} {(b, h, t, e)}, got {(<object>target).shape}")
    if not rows_ready(target) or not np.PyArray_ISWRITEABLE(target):
        raise ValueError(f"{name}: expected {what} writeable and with a contiguous last axis")
    return 0


cdef np.ndarray check_keep(str name, np.ndarray keep, double p, int64_t *shape):
    """What dropout keeps, as contiguous bytes."""
    if keep is None and p > 0 or keep is not None and (
            np.PyArray_TYPE(keep) != np.NPY_BOOL
            or (<object>keep).shape != (shape[0], shape[1], shape[3], shape[4])):
        raise ShapeError(f"{name}: expected with p = {p} a bool array keep of shape "
                         f"{(shape[0], shape[1], shape[3], shape[4])}, got "
                         f"{None if keep is None else (keep.dtype, (<object>keep).shape)}")
    return None if keep is None else _core.contiguous(keep)


cpdef tuple attention_forward(np.ndarray q, np.ndarray k, np.ndarray v, np.ndarray mask=None, bint causal=False,
                              scale=None, double p=0.0, np.ndarray keep=None, bint drop=False, weights=None,
                              np.ndarray out=None):
    """``out = w v`` with ``w = dropout(softmax(scale q k^T + mask))``, for each head.

    Parameters
    ----------
    q : array (b, h, l, e)
        Queries, float32 or float64; any strides, without a copy if the last axis is contiguous.
    k, v : arrays (b, hk, s, e) and (b, hk, s, ev)
        Keys and values of the same dtype. hk divides h: head i of q meets head ``i // (h // hk)``.
    mask : array that broadcasts to (b, h, l, s), optional
        bool: True where a query may look (with `drop`: may not); else of q's dtype: added to the scores.
    causal : bool
        Query i sees keys 0..i only.
    scale : float, optional
        Default 1 / sqrt(e).
    p : float
        Probability with which weights were dropped: kept ones are divided by 1 - p.
    keep : array (b, h, l, s) of bool, optional
        Which weights stay; needed if p > 0.
    weights : None, "heads" or "mean"
        Whether to return w, or its mean over heads.
    out : array (b, h, l, ev), optional
        Where to write the result, any strides but a contiguous last axis.

    Returns
    -------
    (out, lse, weights) : arrays (b, h, l, ev), (b, h, l), (b, h, l, s) or (b, l, s) or None
        lse is the logarithm of the sum of exponentials of each row of scores, for `attention_backward`. A query that
        sees no key gives 0 and lse = inf; where weights are returned, NaN, as softmax gives.

    Raises
    ------
    ShapeError, DTypeError
        Shapes or dtypes do not fit.
    """
    cdef int status
    cdef int64_t shape[7]
    cdef int64_t strides[16]
    cdef int kind = check("attention", q, k, v, p, shape)
    cdef bint mean = False
    if weights is not None:
        if weights not in ("heads", "mean"):
            raise ValueError(f"attention: expected weights None, 'heads' or 'mean', got {weights!r}")
        mean = weights == "mean"
    if out is not None:
        check_target("attention", "out", out, q, shape[0], shape[1], shape[3], shape[6])
    cdef np.ndarray full_mask = check_mask("attention", q, mask, shape, strides + 12)
    keep = check_keep("attention", keep, p, shape)
    if _core.use_reference:
        return reference.attention_forward(q, k, v, mask, causal, scale, p, keep, drop, weights, out)
    cdef double factor = scale_of(scale, shape)
    cdef int typenum = np.PyArray_TYPE(q), how = mask_kind(full_mask, drop)
    q, k, v = in_rows(q), in_rows(k), in_rows(v)
    if out is None:
        out = new_heads(shape[0], shape[1], shape[3], shape[6], typenum)
    cdef np.ndarray lse = _core.new_array(3, np.PyArray_DIMS(q), typenum)
    cdef np.ndarray w = None if weights is None else new_weights(shape, mean, typenum)
    put_strides(strides, q)
    put_strides(strides + 3, k)
    put_strides(strides + 6, v)
    put_strides(strides + 9, out)
    cdef void *pq = np.PyArray_DATA(q)
    cdef void *pk = np.PyArray_DATA(k)
    cdef void *pv = np.PyArray_DATA(v)
    cdef void *po = np.PyArray_DATA(out)
    cdef void *pl = np.PyArray_DATA(lse)
    cdef void *pm = _core.data(full_mask)
    cdef void *pw = _core.data(w)
    cdef uint8_t *kept = <uint8_t *>_core.data(keep)
    with nogil:
        status = _core.active[kind].attention_forward(po, pl, pw, pq, pk, pv, pm, how, shape, strides, causal, mean,
                                                      factor, p, kept)
    _core.check_status(status, "attention")
    return out, lse, w


cdef int check_results(np.ndarray grad, np.ndarray q, np.ndarray out, np.ndarray lse, const int64_t *shape) except -1:
    """What the forward call returned, and the gradient with respect to it."""
    cdef np.ndarray array
    for array, what in ((grad, "grad"), (out, "out")):
        _core.same_real_kind(q, array, "attention_backward")
        if (<object>array).shape != (shape[0], shape[1], shape[3], shape[6]):
            raise ShapeError(f"attention_backward: expected {what} {(shape[0], shape[1], shape[3], shape[6])}, got "
                             f"{(<object>array).shape}")
    _core.same_real_kind(q, lse, "attention_backward")
    if (<object>lse).shape != (shape[0], shape[1], shape[3]):
        raise ShapeError(f"attention_backward: expected lse {(shape[0], shape[1], shape[3])}, got "
                         f"{(<object>lse).shape}")
    return 0


cpdef tuple attention_backward(np.ndarray grad, np.ndarray q, np.ndarray k, np.ndarray v, np.ndarray out,
                               np.ndarray lse, np.ndarray mask=None, bint causal=False, scale=None, double p=0.0,
                               np.ndarray keep=None, bint drop=False, tuple need=(True, True, True, False),
                               tuple into=None):
    """Gradients of `attention_forward`: with ``dx = w (grad v^T - sum(grad out))``,
    ``dq = scale dx k``, ``dk = scale dx^T q``, ``dv = w^T grad`` and ``dmask = dx``, summed to the mask's shape.

    Parameters
    ----------
    grad : array (b, h, l, ev)
        The gradient with respect to out.
    q, k, v, out, lse, mask, causal, scale, p, keep, drop
        What the forward call got and returned.
    need : four bools
        Which of dq, dk, dv, dmask to compute.
    into : (dq, dk, dv), optional
        Arrays to write, any strides but contiguous last axes: the parts of one buffer, say.

    Returns
    -------
    (dq, dk, dv, dmask) : arrays like q, k, v, mask, each None if not needed
    """
    cdef int status
    cdef int64_t shape[7]
    cdef int64_t strides[28]
    cdef int i, kind = check("attention_backward", q, k, v, p, shape)
    cdef np.ndarray full_mask = check_mask("attention_backward", q, mask, shape, strides + 12)
    keep = check_keep("attention_backward", keep, p, shape)
    check_results(grad, q, out, lse, shape)
    if need[3] and (mask is None or np.PyArray_TYPE(mask) == np.NPY_BOOL):
        raise ValueError("attention_backward: only a mask that is added has a gradient")
    if into is not None:
        check_target("attention_backward", "dq", into[0], q, shape[0], shape[1], shape[3], shape[5])
        check_target("attention_backward", "dk", into[1], q, shape[0], shape[2], shape[4], shape[5])
        check_target("attention_backward", "dv", into[2], q, shape[0], shape[2], shape[4], shape[6])
    if _core.use_reference:
        return reference.attention_backward(grad, q, k, v, out, lse, mask, causal, scale, p, keep, drop, need, into)
    cdef double factor = scale_of(scale, shape)
    cdef int typenum = np.PyArray_TYPE(q), how = mask_kind(full_mask, drop)
    grad, q, k, v, out, lse = in_rows(grad), in_rows(q), in_rows(k), in_rows(v), in_rows(out), _core.contiguous(lse)
    cdef np.ndarray dq = None, dk = None, dv = None, dmask = None
    cdef void *pointers[4]
    pointers[0] = pointers[1] = pointers[2] = pointers[3] = NULL
    if into is not None:
        dq, dk, dv = into[0] if need[0] else None, into[1] if need[1] else None, into[2] if need[2] else None
    else:
        if need[0]:
            dq = new_heads(shape[0], shape[1], shape[3], shape[5], typenum)
        if need[1]:
            dk = new_heads(shape[0], shape[2], shape[4], shape[5], typenum)
        if need[2]:
            dv = new_heads(shape[0], shape[2], shape[4], shape[6], typenum)
    if need[3]:
        dmask = new_weights(shape, False, typenum)
        pointers[3] = np.PyArray_DATA(dmask)
    put_strides(strides, q)
    put_strides(strides + 3, k)
    put_strides(strides + 6, v)
    put_strides(strides + 9, out)
    put_strides(strides + 16, grad)
    for i, array in enumerate((dq, dk, dv)):
        if array is not None:
            put_strides(strides + 19 + 3 * i, array)
            pointers[i] = np.PyArray_DATA(<np.ndarray>array)
    cdef void *pg = np.PyArray_DATA(grad)
    cdef void *po = np.PyArray_DATA(out)
    cdef void *pl = np.PyArray_DATA(lse)
    cdef void *pq = np.PyArray_DATA(q)
    cdef void *pk = np.PyArray_DATA(k)
    cdef void *pv = np.PyArray_DATA(v)
    cdef void *pm = _core.data(full_mask)
    cdef uint8_t *kept = <uint8_t *>_core.data(keep)
    with nogil:
        status = _core.active[kind].attention_backward(pointers[0], pointers[1], pointers[2], pointers[3], pg, po, pl,
                                                       pq, pk, pv, pm, how, shape, strides, causal, factor, p, kept)
    _core.check_status(status, "attention_backward")
    return dq, dk, dv, None if dmask is None else reduce.sum_to(dmask, (<object>mask).shape)
