"""Batch, group, layer and RMS normalisation, forward and backward in one C call each."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels._core cimport data
from fastnn.reference import normalization as reference

np.import_array()

cdef enum:
    BLOCKS = 32  # FNN_NORM_BLOCKS


cdef np.ndarray vector(str op, np.ndarray x, np.ndarray array, int64_t n, str what):
    """A contiguous array (n,) of x's dtype; None stays."""
    if array is None:
        return None
    _core.check_vector(op, what, x, array, n)
    return _core.contiguous(array)


cdef int check_given(str op, np.ndarray mean, np.ndarray rstd) except -1:
    """Backward needs what forward returned; Cython lets None pass for any array."""
    if mean is None or rstd is None:
        raise DTypeError(f"{op}: expected arrays mean and rstd, got None")
    return 0


cdef np.ndarray new_vector(np.ndarray x, np.npy_intp n):
    return _core.new_array(1, &n, np.PyArray_TYPE(x))


# ---- group normalisation ----

cdef int split_groups(np.ndarray x, int groups, int64_t *sizes) except -1:
    """sizes: n, channels of a group, elements of a channel."""
    cdef int i, ndim = np.PyArray_NDIM(x)
    if ndim < 2:
        raise ShapeError(f"group_norm: expected input (n, c, *), got {(<object>x).shape}")
    if groups <= 0:
        raise ValueError(f"group_norm: expected groups > 0, got {groups}")
    if np.PyArray_DIM(x, 1) % groups:
        raise ShapeError(f"group_norm: expected a number of channels divisible by {groups}, got "
                         f"{(<object>x).shape}")
    sizes[0], sizes[1], sizes[2] = np.PyArray_DIM(x, 0), np.PyArray_DIM(x, 1) // groups, 1
    for i in range(2, ndim):
        sizes[2] *= np.PyArray_DIM(x, i)
    return 0


cpdef tuple group_norm_forward(np.ndarray x, int groups, np.ndarray weight=None, np.ndarray bias=None,
                               double eps=1e-5):
    """``y = (x - mean) * rstd * weight + bias``, mean and ``rstd = 1 / sqrt(variance + eps)`` of each group.

    Wu & He, Group Normalization (2018). With as many groups as channels: instance normalisation.

    Parameters
    ----------
    x : array (n, c, *)
        float32 or float64; all arrays have one dtype.
    groups : int
        Divides c.
    weight, bias : array (c,), optional

    Returns
    -------
    y : array like x
    mean, rstd : array (n, groups)
        What backward needs.

    Raises
    ------
    ShapeError
        Shapes do not fit.
    """
    cdef int64_t sizes[3]
    cdef np.npy_intp shape[2]
    cdef int kind = _core.real_kind(x, "group_norm")
    split_groups(x, groups, sizes)
    weight = vector("group_norm", x, weight, sizes[1] * groups, "weight")
    bias = vector("group_norm", x, bias, sizes[1] * groups, "bias")
    if _core.use_reference:
        return reference.group_norm_forward(x, groups, weight, bias, eps)
    x = _core.contiguous(x)
    shape[0], shape[1] = sizes[0], groups
    cdef np.ndarray y = _core.new_like(x, np.PyArray_TYPE(x))
    cdef np.ndarray mean = _core.new_array(2, shape, np.PyArray_TYPE(x))
    cdef np.ndarray rstd = _core.new_array(2, shape, np.PyArray_TYPE(x))
    with nogil:
        _core.active[kind].group_norm_forward(data(y), data(mean), data(rstd), data(x), data(weight), data(bias),
                                              sizes[0], groups, sizes[1], sizes[2], eps, 0)
    _core.check_interrupt()
    return y, mean, rstd


cdef tuple rows_backward(int kind, np.ndarray grad, np.ndarray x, np.ndarray mean, np.ndarray rstd,
                         np.ndarray weight, int64_t n, int64_t groups, int64_t c, int64_t s, bint rms,
                         bint need_dx, bint need_dw, bint need_db):
    grad, x, mean, rstd = _core.contiguous(grad), _core.contiguous(x), _core.contiguous(mean), _core.contiguous(rstd)
    cdef np.ndarray dx = _core.new_like(x, np.PyArray_TYPE(x)) if need_dx else None
    cdef np.ndarray dw = new_vector(x, groups * c) if need_dw else None
    cdef np.ndarray db = new_vector(x, groups * c) if need_db else None
    cdef np.ndarray scratch = new_vector(x, 2 * groups * c * (BLOCKS if s == 1 else n))
    with nogil:
        _core.active[kind].group_norm_backward(data(dx), data(dw), data(db), data(scratch), data(grad), data(x),
                                               data(mean), data(rstd), data(weight), n, groups, c, s, rms)
    _core.check_interrupt()
    return dx, dw, db


cpdef tuple group_norm_backward(np.ndarray grad, np.ndarray x, np.ndarray mean, np.ndarray rstd, int groups,
                                np.ndarray weight=None, bint need_dx=True, bint need_dw=True, bint need_db=True):
    """Gradients of `group_norm_forward`: (dx, dw, db), None where not needed.

    grad : array like x; mean, rstd : what forward returned; dw, db : arrays (c,).
    """
    cdef int64_t sizes[3]
    cdef int kind = _core.real_kind(x, "group_norm_backward")
    split_groups(x, groups, sizes)
    _core.check_alike("group_norm_backward", "grad", x, grad)
    check_given("group_norm_backward", mean, rstd)
    vector("group_norm_backward", x, mean.ravel(), sizes[0] * groups, "mean")
    vector("group_norm_backward", x, rstd.ravel(), sizes[0] * groups, "rstd")
    weight = vector("group_norm_backward", x, weight, sizes[1] * groups, "weight")
    if _core.use_reference:
        return reference.group_norm_backward(grad, x, mean, rstd, groups, weight, need_dx, need_dw, need_db)
    return rows_backward(kind, grad, x, mean, rstd, weight, sizes[0], groups, sizes[1], sizes[2], False, need_dx,
                         need_dw, need_db)


# ---- layer and RMS normalisation ----

cdef int split_rows(str op, np.ndarray x, int ndim, int64_t *rows, int64_t *n) except -1:
    cdef int i
    if ndim < 1 or ndim > np.PyArray_NDIM(x):
        raise ShapeError(f"{op}: expected 1 to {x.ndim} normalised dimensions for input {(<object>x).shape}, got "
                         f"{ndim}")
    rows[0] = n[0] = 1
    for i in range(np.PyArray_NDIM(x)):
        if i < np.PyArray_NDIM(x) - ndim:
            rows[0] *= np.PyArray_DIM(x, i)
        else:
            n[0] *= np.PyArray_DIM(x, i)
    return 0


cdef np.ndarray like_row(str op, np.ndarray x, int ndim, np.ndarray array, str what):
    """A contiguous array with the shape of x's last `ndim` dimensions; None stays."""
    if array is None:
        return None
    _core.check_shape(op, what, x, array, ndim, np.PyArray_DIMS(x) + np.PyArray_NDIM(x) - ndim)
    return _core.contiguous(array)


cpdef tuple layer_norm_forward(np.ndarray x, int ndim, np.ndarray weight=None, np.ndarray bias=None,
                               double eps=1e-5, bint rms=False):
    """``y = (x - mean) * rstd * weight + bias``, mean and ``rstd = 1 / sqrt(variance + eps)`` over the last axes.

    Ba, Kiros & Hinton, Layer Normalization (2016). With `rms` the mean is taken as 0: Zhang & Sennrich, Root Mean
    Square Layer Normalization (2019).

    Parameters
    ----------
    x : array (*, row)
        float32 or float64; all arrays have one dtype.
    ndim : int
        How many of the last axes make a row.
    weight, bias : array (row), optional

    Returns
    -------
    y : array like x
    mean, rstd : array (*)
        What backward needs.

    Raises
    ------
    ShapeError
        Shapes do not fit.
    """
    cdef int64_t rows, n
    cdef str op = "rms_norm" if rms else "layer_norm"
    cdef int kind = _core.real_kind(x, op)
    split_rows(op, x, ndim, &rows, &n)
    weight, bias = like_row(op, x, ndim, weight, "weight"), like_row(op, x, ndim, bias, "bias")
    if _core.use_reference:
        return reference.layer_norm_forward(x, ndim, weight, bias, eps, rms)
    x = _core.contiguous(x)
    cdef np.ndarray y = _core.new_like(x, np.PyArray_TYPE(x))
    cdef np.ndarray mean = _core.new_array(np.PyArray_NDIM(x) - ndim, np.PyArray_DIMS(x), np.PyArray_TYPE(x))
    cdef np.ndarray rstd = _core.new_array(np.PyArray_NDIM(x) - ndim, np.PyArray_DIMS(x), np.PyArray_TYPE(x))
    with nogil:
        _core.active[kind].group_norm_forward(data(y), data(mean), data(rstd), data(x), data(weight), data(bias), rows,
                                              1, n, 1, eps, rms)
    _core.check_interrupt()
    return y, mean, rstd


cpdef tuple layer_norm_backward(np.ndarray grad, np.ndarray x, np.ndarray mean, np.ndarray rstd, int ndim,
                                np.ndarray weight=None, bint need_dx=True, bint need_dw=True, bint need_db=True,
                                bint rms=False):
    """Gradients of `layer_norm_forward`: (dx, dw, db), None where not needed.

    grad : array like x; mean, rstd : what forward returned; dw, db : arrays of a row's shape.
    """
    cdef int64_t rows, n
    cdef str op = "rms_norm_backward" if rms else "layer_norm_backward"
    cdef int kind = _core.real_kind(x, op)
    split_rows(op, x, ndim, &rows, &n)
    _core.check_alike(op, "grad", x, grad)
    check_given(op, mean, rstd)
    if np.PyArray_SIZE(mean) != rows or np.PyArray_SIZE(rstd) != rows:
        raise ShapeError(f"{op}: expected mean and rstd of size {rows}, got {(<object>mean).shape} and "
                         f"{(<object>rstd).shape}")
    _core.same_real_kind(x, mean, op)
    _core.same_real_kind(x, rstd, op)
    weight = like_row(op, x, ndim, weight, "weight")
    if _core.use_reference:
        return reference.layer_norm_backward(grad, x, mean, rstd, ndim, weight, need_dx, need_dw, need_db, rms)
    dx, dw, db = rows_backward(kind, grad, x, mean, rstd, weight, rows, 1, n, 1, rms, need_dx, need_dw, need_db)
    if ndim > 1:
        shape = (<object>x).shape[np.PyArray_NDIM(x) - ndim:]
        dw = dw.reshape(shape) if dw is not None else None
        db = db.reshape(shape) if db is not None else None
    return dx, dw, db


# ---- batch normalisation ----

cdef int split_batch(str op, np.ndarray x, int64_t *n, int64_t *c, int64_t *s) except -1:
    cdef int i
    if np.PyArray_NDIM(x) < 2:
        raise ShapeError(f"{op}: expected input (n, c, *), got {(<object>x).shape}")
    n[0], c[0], s[0] = np.PyArray_DIM(x, 0), np.PyArray_DIM(x, 1), 1
    for i in range(2, np.PyArray_NDIM(x)):
        s[0] *= np.PyArray_DIM(x, i)
    return 0


cdef bint channels_last(np.ndarray x):
    return np.PyArray_NDIM(x) > 2 and not np.PyArray_ISCARRAY_RO(x) and \
        np.PyArray_ISCARRAY_RO(last(x))


cdef np.ndarray last(np.ndarray x):
    """A view with the channels last."""
    return (<object>x).transpose((0, *range(2, np.PyArray_NDIM(x)), 1))


cdef np.ndarray first(np.ndarray x):
    """The view back."""
    return (<object>x).transpose((0, np.PyArray_NDIM(x) - 1, *range(1, np.PyArray_NDIM(x) - 1)))


cdef int check_running(np.ndarray array, str what) except -1:
    if array is not None and not np.PyArray_ISCARRAY(array):
        raise ValueError(f"batch_norm: expected {what} C-contiguous and writeable")
    return 0


cpdef tuple batch_norm_forward(np.ndarray x, np.ndarray weight=None, np.ndarray bias=None,
                               np.ndarray running_mean=None, np.ndarray running_var=None, bint training=True,
                               double momentum=0.1, double eps=1e-5):
    """``y = (x - mean) * rstd * weight + bias`` with mean and ``rstd = 1 / sqrt(variance + eps)`` of each channel.

    Ioffe & Szegedy, Batch Normalization (2015). With `training` mean and variance are those of the batch, and
    ``running = (1 - momentum) * running + momentum * batch's`` (variance with n - 1) is written to the running
    statistics, if given. Else the running statistics are used. An empty batch leaves them as they are.

    Parameters
    ----------
    x : array (n, c, *)
        float32 or float64; all arrays have one dtype. Memory with the channels last is taken as it is, and y is
        then laid out alike.
    weight, bias, running_mean, running_var : array (c,), optional
        The running ones are changed in place with `training` and needed without.

    Returns
    -------
    y : array like x
    mean, rstd : array (c,)
        What backward needs.

    Raises
    ------
    ShapeError
        Shapes do not fit.
    ValueError
        No running statistics without `training`.
    """
    cdef int64_t n = 0, c = 0, s = 0
    cdef int kind = _core.real_kind(x, "batch_norm")
    split_batch("batch_norm", x, &n, &c, &s)
    weight, bias = vector("batch_norm", x, weight, c, "weight"), vector("batch_norm", x, bias, c, "bias")
    if training:
        check_running(running_mean, "running_mean")
        check_running(running_var, "running_var")
    elif running_mean is None or running_var is None:
        raise ValueError("batch_norm: expected running_mean and running_var without training, got None")
    running_mean = vector("batch_norm", x, running_mean, c, "running_mean")
    running_var = vector("batch_norm", x, running_var, c, "running_var")
    if _core.use_reference:
        return reference.batch_norm_forward(x, weight, bias, running_mean, running_var, training, momentum, eps)
    cdef bint turned = channels_last(x)
    if turned:
        x, n, s = last(x), n * s, 1
    else:
        x = _core.contiguous(x)
    cdef np.ndarray y = _core.new_like(x, np.PyArray_TYPE(x)), mean = new_vector(x, c), rstd = new_vector(x, c)
    cdef np.ndarray scratch = new_vector(x, 3 * BLOCKS * c) if training else None
    if training and n * s == 0:
        mean[...] = 0
        rstd[...] = 0
    with nogil:
        _core.active[kind].batch_norm_forward(data(y), data(mean), data(rstd), data(running_mean), data(running_var),
                                              data(scratch), data(x), data(weight), data(bias), n, c, s, training,
                                              momentum, eps)
    _core.check_interrupt()
    return first(y) if turned else y, mean, rstd


cpdef tuple batch_norm_backward(np.ndarray grad, np.ndarray x, np.ndarray mean, np.ndarray rstd,
                                np.ndarray weight=None, bint training=True, bint need_dx=True, bint need_dw=True,
                                bint need_db=True):
    """Gradients of `batch_norm_forward`: (dx, dw, db), None where not needed.

    grad : array like x; mean, rstd : what forward returned; dw, db : arrays (c,).
    """
    cdef int64_t n = 0, c = 0, s = 0
    cdef str op = "batch_norm_backward"
    cdef int kind = _core.real_kind(x, op)
    split_batch(op, x, &n, &c, &s)
    _core.check_alike(op, "grad", x, grad)
    check_given(op, mean, rstd)
    weight, mean, rstd = vector(op, x, weight, c, "weight"), vector(op, x, mean, c, "mean"), \
        vector(op, x, rstd, c, "rstd")
    if _core.use_reference:
        return reference.batch_norm_backward(grad, x, mean, rstd, weight, training, need_dx, need_dw, need_db)
    cdef bint turned = channels_last(x)
    if turned:
        x, grad, n, s = last(x), _core.contiguous(last(grad)), n * s, 1
    else:
        x, grad = _core.contiguous(x), _core.contiguous(grad)
    cdef np.ndarray dx = _core.new_like(x, np.PyArray_TYPE(x)) if need_dx else None
    cdef np.ndarray dw = new_vector(x, c) if need_dw else None
    cdef np.ndarray db = new_vector(x, c) if need_db else None
    cdef np.ndarray scratch = new_vector(x, 3 * BLOCKS * c)
    with nogil:
        _core.active[kind].batch_norm_backward(data(dx), data(dw), data(db), data(scratch), data(grad), data(x),
                                               data(mean), data(rstd), data(weight), n, c, s, training)
    _core.check_interrupt()
    return first(dx) if turned and need_dx else dx, dw, db


# ---- variance ----

cpdef tuple variance(np.ndarray x, tuple axes, double correction=1, bint keepdims=False):
    """Mean squared distance from the mean over some axes, and that mean.

    Parameters
    ----------
    x : array, float32 or float64
        Any strides.
    axes : tuple of int
        Counted from the front, each once.
    correction : float
        The sum of squares is divided by n - correction, or by 0 where that is negative.

    Returns
    -------
    variance, mean : array
        The shape of x without `axes`, or with them as 1. NaN where nothing is summed up.
    """
    cdef int d, ndim = np.PyArray_NDIM(x), kind = _core.real_kind(x, "variance")
    cdef int64_t n = 1, c = 1, s = 1, count
    cdef list order = [], shape = []
    if _core.use_reference:
        return reference.variance(x, axes, correction, keepdims)
    for d in range(ndim):
        if d not in axes:
            c *= np.PyArray_DIM(x, d)
            order.append(d)
        if keepdims or d not in axes:
            shape.append(1 if d in axes else np.PyArray_DIM(x, d))
    # (n, c, s): what is kept lies between axes that are summed up; other orders are copied to (c, s)
    for d in range(ndim):
        if d in axes and (not order or d < order[0]):
            n *= np.PyArray_DIM(x, d)
        elif d in axes:
            s *= np.PyArray_DIM(x, d)
    if order and order[-1] - order[0] >= len(order):
        s, n = n * s, 1
        x = (<object>x).transpose(order + [d for d in range(ndim) if d in axes])
    x = _core.contiguous(x)
    count = n * s
    cdef np.ndarray found = new_vector(x, c), mean = new_vector(x, c), scratch = new_vector(x, 3 * BLOCKS * c)
    if count == 0:
        (<object>found).fill(float("nan"))
        (<object>mean).fill(float("nan"))
    cdef double divisor = max(count - correction, 0)
    with nogil:
        _core.active[kind].variance(data(found), data(mean), data(scratch), data(x), n, c, s, divisor)
    _core.check_interrupt()
    return (<object>found).reshape(shape), (<object>mean).reshape(shape)
