"""Largest elements and averages of windows over planes.

Planes are the last two axes of arrays (C, H, W) or (N, C, H, W). Memory with the channels last is read and written as
it is; other strides are copied first.
"""
cimport numpy as np
from cpython.number cimport PyIndex_Check
from libc.stdint cimport int64_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels._core cimport data, fnn_windows
from fastnn.kernels.elementwise cimport copy
from fastnn.reference import pool as reference

np.import_array()

# 2 ** 30 elements of an axis, a kernel or a padding, so that sums and products of a few fit 64 bits
cdef enum:
    MOST = 1 << 30


# ---- memory layouts ----

cdef bint channels_last(np.ndarray x) noexcept:
    """Whether memory order is (N, H, W, C), and not (N, C, H, W)."""
    cdef int ndim = np.PyArray_NDIM(x), d
    cdef np.npy_intp *shape = np.PyArray_DIMS(x)
    cdef np.npy_intp *strides = np.PyArray_STRIDES(x)
    cdef np.npy_intp expected = np.PyArray_ITEMSIZE(x)
    cdef int order[4]
    if ndim < 3 or not np.PyArray_ISALIGNED(x) or np.PyArray_ISCARRAY_RO(x) or not np.PyArray_ISNOTSWAPPED(x):
        return False
    order[0], order[1], order[2], order[3] = ndim - 3, ndim - 1, ndim - 2, 0
    for d in range(ndim):
        if shape[order[d]] != 1 and strides[order[d]] != expected:
            return False
        expected *= shape[order[d]]
    return True


cdef np.ndarray rotated(np.ndarray x, bint back):
    """The view (N, H, W, C) of (N, C, H, W), or back."""
    cdef int ndim = np.PyArray_NDIM(x)
    if ndim == 4:
        return (<object>x).transpose(0, 3, 1, 2) if back else (<object>x).transpose(0, 2, 3, 1)
    return (<object>x).transpose(2, 0, 1) if back else (<object>x).transpose(1, 2, 0)


cdef np.ndarray ordered(np.ndarray x, bint last):
    """x in C order, or (last) a view (N, H, W, C) of it in that order; a copy where x is neither."""
    if last:
        x = rotated(x, False)
    if np.PyArray_ISCARRAY_RO(x):
        return x
    return copy(x) if np.PyArray_ISBEHAVED_RO(x) and np.PyArray_TYPE(x) in (np.NPY_FLOAT, np.NPY_DOUBLE) \
        else _core.contiguous(x)


cdef np.ndarray new_planes(int ndim, const fnn_windows *g, int64_t h, int64_t w, np.npy_intp n, np.npy_intp c,
                           int typenum):
    """A new array (n, c, h, w), or (c, h, w), whose memory is ordered as g says."""
    cdef np.npy_intp shape[4]
    cdef int at = 0
    if ndim == 4:
        shape[0] = n
        at = 1
    if g.inner == 1:
        shape[at], shape[at + 1], shape[at + 2] = c, h, w
        return _core.new_array(ndim, shape, typenum)
    shape[at], shape[at + 1], shape[at + 2] = h, w, c
    return rotated(_core.new_array(ndim, shape, typenum), True)


# ---- windows ----

cdef int64_t whole(str name, object value) except? -1:
    """An int; C would cut the fraction off a float."""
    if not PyIndex_Check(value):
        raise TypeError(f"{name} must be an int or a tuple of ints, not {type(value).__name__}")
    return value


cdef int pair(str name, object value, int64_t *first, int64_t *second) except -1:
    """One int for both axes, or two."""
    if isinstance(value, (tuple, list)):
        if len(value) not in (1, 2):
            raise ShapeError(f"{name} must be a single int, or a tuple of two ints, got {value!r}")
        first[0] = whole(name, value[0])
        second[0] = whole(name, value[1]) if len(value) == 2 else first[0]
    else:
        first[0] = second[0] = whole(name, value)
    return 0


cdef int planes(str name, tuple shape, fnn_windows *g) except -1:
    """The axes of the input."""
    cdef Py_ssize_t ndim = len(shape)
    if ndim not in (3, 4):
        raise ShapeError(f"{name}: expected 3D or 4D (batch mode) input, got {shape}")
    g.h, g.w = shape[ndim - 2], shape[ndim - 1]
    if g.h == 0 or g.w == 0 or (shape[ndim - 3] == 0 and ndim == 4) or (ndim == 3 and shape[0] == 0):
        raise ShapeError(f"{name}: expected input with non-zero size for its dimensions other than the batch, got "
                         f"{shape}")
    if g.h > MOST or g.w > MOST:
        raise ShapeError(f"{name}: expected planes of at most 2^30 rows and columns, got {shape}")
    g.outer = shape[0] if ndim == 4 else 1
    g.inner = shape[ndim - 3]
    return 0


cdef int sizes(str name, fnn_windows *g, object kernel_size, object stride, object padding, object dilation) except -1:
    """Size, stride, padding and dilation of the windows."""
    pair(f"{name}: kernel_size", kernel_size, &g.kh, &g.kw)
    if stride is None or (isinstance(stride, (tuple, list)) and not stride):
        g.sh, g.sw = g.kh, g.kw
    else:
        pair(f"{name}: stride", stride, &g.sh, &g.sw)
    pair(f"{name}: padding", padding, &g.ph, &g.pw)
    pair(f"{name}: dilation", dilation, &g.dh, &g.dw)
    if g.kh <= 0 or g.kw <= 0:
        raise ShapeError(f"{name}: kernel size should be greater than zero, but got kH: {g.kh} kW: {g.kw}")
    if g.sh <= 0 or g.sw <= 0:
        raise ShapeError(f"{name}: stride should be greater than zero, but got dH: {g.sh} dW: {g.sw}")
    if g.dh <= 0 or g.dw <= 0:
        raise ShapeError(f"{name}: dilation should be greater than zero, but got dilationH: {g.dh} dilationW: {g.dw}")
    if g.ph < 0 or g.pw < 0:
        raise ShapeError(f"{name}: pad must be non-negative, but got pad: {g.ph if g.ph < 0 else g.pw}")
    if max(g.kh, g.kw, g.sh, g.sw, g.ph, g.pw) > MOST or max(g.dh, g.dw) > MOST:
        raise ShapeError(f"{name}: expected sizes of at most 2^30, got kernel_size {kernel_size}, stride {stride}, "
                         f"padding {padding}, dilation {dilation}")
    if g.ph > ((g.kh - 1) * g.dh + 1) // 2 or g.pw > ((g.kw - 1) * g.dw + 1) // 2:
        raise ShapeError(f"{name}: pad should be at most half of effective kernel size, but got padding ({g.ph}, "
                         f"{g.pw}), kernel_size ({g.kh}, {g.kw}) and dilation ({g.dh}, {g.dw})")
    return 0


cdef int64_t count(int64_t n, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bint ceil_mode):
    """How many windows there are along an axis."""
    cdef int64_t room = n + 2 * padding - dilation * (kernel - 1) - 1
    room += stride - 1 if ceil_mode else 0
    if room < 0:
        return 0
    cdef int64_t out = room // stride + 1
    if ceil_mode and (out - 1) * stride >= n + padding:
        out -= 1
    return out


cdef int outputs(str name, tuple shape, fnn_windows *g, bint ceil_mode) except -1:
    g.oh = count(g.h, g.kh, g.sh, g.ph, g.dh, ceil_mode)
    g.ow = count(g.w, g.kw, g.sw, g.pw, g.dw, ceil_mode)
    if g.oh < 1 or g.ow < 1:
        raise ShapeError(f"{name}: given input of size {shape}, the output's planes would be {g.oh}x{g.ow}: output "
                         f"size is too small")
    return 0


cdef bint arrange(np.ndarray x, fnn_windows *g) noexcept:
    """Sets outer and inner for the memory of x; whether its channels are last."""
    if g.inner > 1 and channels_last(x):
        return True
    g.outer *= g.inner
    g.inner = 1
    return False


# ---- the largest ----

cpdef tuple max_pool_forward(np.ndarray x, kernel_size, stride=None, padding=0, dilation=1, bint ceil_mode=False,
                             indices=None):
    """The largest element of each window.

    ``y[..., i, j] = max over a < kH, b < kW of x[..., i sH - pH + a dH, j sW - pW + b dW]``, -inf in the padding

    Parameters
    ----------
    x : array (C, H, W) or (N, C, H, W)
        float32 or float64, any strides; memory with channels last gives results with channels last.
    kernel_size, stride, padding, dilation : int or pair of ints
        Of the windows; stride None is the kernel's size. At most half of a kernel's extent may be padding.
    ceil_mode : bool
        Whether windows that reach over the end count. None starts in the padding behind the end.
    indices : None, "taps" or "flat"
        What to say of where the largest was: nothing; its number a * kW + b within the window (what
        ``max_pool_backward`` needs, uint8 or, for windows of more than 256 elements, int32); or its number h * W + w
        within the plane (int64). Of equal elements the first counts, of NaNs the last.

    Returns
    -------
    (y, index)
        index None without `indices`.

    Raises
    ------
    ShapeError
        Wrong numbers of axes, empty planes, sizes out of range, or no room for one window.
    DTypeError
        Other dtypes.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(x, "max_pool"), ndim = np.PyArray_NDIM(x), form = 0
    cdef tuple shape = (<object>x).shape
    planes("max_pool", shape, &g)
    sizes("max_pool", &g, kernel_size, stride, padding, dilation)
    outputs("max_pool", shape, &g, ceil_mode)
    if indices == "taps":
        form = 1 if g.kh * g.kw <= 256 else 4
    elif indices == "flat":
        form = 8
    elif indices is not None:
        raise ValueError(f"max_pool: expected indices None, 'taps' or 'flat', got {indices!r}")
    if g.kh * g.kw >= MOST:
        raise ShapeError(f"max_pool: expected windows of less than 2^30 elements, got {g.kh}x{g.kw}")
    if _core.use_reference:
        return reference.max_pool_forward(x, (g.kh, g.kw), (g.sh, g.sw), (g.ph, g.pw), (g.dh, g.dw), ceil_mode, indices)
    cdef bint last = arrange(x, &g)
    cdef np.npy_intp n = shape[0] if ndim == 4 else 1, c = shape[ndim - 3]
    cdef np.ndarray y = new_planes(ndim, &g, g.oh, g.ow, n, c, np.PyArray_TYPE(x)), index = None
    if form:
        index = new_planes(ndim, &g, g.oh, g.ow, n, c, np.NPY_UINT8 if form == 1 else np.NPY_INT32 if form == 4
                           else np.NPY_INT64)
    x = ordered(x, last)
    with nogil:
        _core.active[kind].max_pool_forward(data(y), data(index), form, data(x), &g)
    _core.check_interrupt()
    return y, index


cpdef np.ndarray max_pool_backward(np.ndarray grad, np.ndarray index, tuple shape, kernel_size=None, stride=None,
                                   padding=0, dilation=1):
    """dx: the gradients of all windows whose largest element an element was, added up.

    Parameters
    ----------
    grad : array (C, oH, oW) or (N, C, oH, oW)
        The gradient of y.
    index : array of that shape
        As ``max_pool_forward`` returned it with these sizes; with "flat" indices (int64) the sizes are not needed.
    shape : tuple
        The shape of x.

    Returns
    -------
    dx : array of that shape, its memory ordered as that of `index`

    Raises
    ------
    ShapeError
        `grad`, `index` and `shape` do not fit each other or the windows.
    DTypeError
        grad other than float32 or float64, index other than uint8, int32 or int64.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(grad, "max_pool"), ndim = np.PyArray_NDIM(grad), form
    planes("max_pool", shape, &g)
    if index is None or np.PyArray_TYPE(index) not in (np.NPY_UINT8, np.NPY_INT32, np.NPY_INT64):
        raise DTypeError(f"max_pool: expected an index of uint8, int32 or int64, got "
                         f"{None if index is None else (<object>index).dtype}")
    form = np.PyArray_ITEMSIZE(index)
    cdef tuple given = (<object>grad).shape
    if given != (<object>index).shape or given[:-2] != shape[:-2] or len(given) != len(shape):
        raise ShapeError(f"max_pool: expected grad, index and input of one shape but for the last two axes, got "
                         f"{given}, {(<object>index).shape} and {shape}")
    g.oh, g.ow = given[ndim - 2], given[ndim - 1]
    if form == 8:
        g.kh = g.kw = g.ph = g.pw = 0
        g.sh = g.sw = g.dh = g.dw = 1
    else:
        sizes("max_pool", &g, kernel_size, stride, padding, dilation)
        if (count(g.h, g.kh, g.sh, g.ph, g.dh, True) < g.oh or count(g.w, g.kw, g.sw, g.pw, g.dw, True) < g.ow
                or (form == 1) != (g.kh * g.kw <= 256)):
            raise ShapeError(f"max_pool: grad {given} and an index of {(<object>index).dtype} do not belong to windows "
                             f"of {g.kh}x{g.kw} over {shape}")
    if _core.use_reference:
        return reference.max_pool_backward(grad, index, shape, (g.kh, g.kw), (g.sh, g.sw), (g.ph, g.pw), (g.dh, g.dw))
    cdef bint last = arrange(index, &g)
    cdef np.npy_intp n = shape[0] if ndim == 4 else 1, c = shape[ndim - 3]
    cdef np.ndarray dx = new_planes(ndim, &g, g.h, g.w, n, c, np.PyArray_TYPE(grad))
    grad, index = ordered(grad, last), ordered(index, last)
    with nogil:
        _core.active[kind].max_pool_backward(data(dx), data(grad), data(index), form, &g)
    _core.check_interrupt()
    return dx


cdef int adaptive(str name, object output_size, fnn_windows *g) except -1:
    """Sizes of evenly spread windows; where they are alike, those of plain ones."""
    pair(f"{name}: output_size", output_size, &g.oh, &g.ow)
    if not 0 <= g.oh <= MOST or not 0 <= g.ow <= MOST:
        raise ShapeError(f"{name}: elements of output_size must be greater than or equal to 0, but got ({g.oh}, "
                         f"{g.ow})")
    g.kh = g.kw = g.ph = g.pw = 0
    g.sh = g.sw = g.dh = g.dw = 1
    if g.oh and g.ow and g.h % g.oh == 0 and g.w % g.ow == 0:
        g.kh = g.sh = g.h // g.oh
        g.kw = g.sw = g.w // g.ow
    return 0


cpdef tuple adaptive_max_pool_forward(np.ndarray x, output_size):
    """The largest element of each of `output_size` windows that are spread evenly, and its number within the plane.

    Window i of n elements in m outputs goes from floor(i n / m) to ceil((i + 1) n / m).

    Parameters
    ----------
    x : array (C, H, W) or (N, C, H, W)
    output_size : int or pair of ints

    Returns
    -------
    (y, index)
        Arrays (..., *output_size), index int64: its gradient is that of ``max_pool_backward``.

    Raises
    ------
    ShapeError
        Wrong number of axes, empty planes, sizes below 0.
    DTypeError
        Other dtypes.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(x, "adaptive_max_pool"), ndim = np.PyArray_NDIM(x)
    cdef tuple shape = (<object>x).shape
    planes("adaptive_max_pool", shape, &g)
    adaptive("adaptive_max_pool", output_size, &g)
    if _core.use_reference:
        return reference.adaptive_max_pool_forward(x, (g.oh, g.ow))
    cdef np.npy_intp n = shape[0] if ndim == 4 else 1, c = g.inner
    g.outer *= g.inner
    g.inner = 1
    cdef np.ndarray y = new_planes(ndim, &g, g.oh, g.ow, n, c, np.PyArray_TYPE(x))
    cdef np.ndarray index = new_planes(ndim, &g, g.oh, g.ow, n, c, np.NPY_INT64)
    x = ordered(x, False)
    with nogil:
        _core.active[kind].max_pool_forward(data(y), data(index), 8, data(x), &g)
    _core.check_interrupt()
    return y, index


# ---- averages ----

cdef double divisor_of(object divisor_override) except? -1:
    cdef double divisor
    if divisor_override is None:
        return 0
    divisor = divisor_override
    if divisor == 0:
        raise ShapeError("avg_pool: divisor must be not zero")
    return divisor


cdef np.ndarray averages(np.ndarray x, int kind, fnn_windows *g, bint include_pad, double divisor, bint back):
    """y of x, or with `back` dx of dy."""
    cdef int ndim = np.PyArray_NDIM(x)
    cdef bint last = arrange(x, g)
    cdef np.ndarray y = new_planes(ndim, g, g.h if back else g.oh, g.w if back else g.ow,
                                   np.PyArray_DIM(x, 0) if ndim == 4 else 1, np.PyArray_DIM(x, ndim - 3),
                                   np.PyArray_TYPE(x))
    x = ordered(x, last)
    with nogil:
        if back:
            _core.active[kind].avg_pool_backward(data(y), data(x), g, include_pad, divisor)
        else:
            _core.active[kind].avg_pool_forward(data(y), data(x), g, include_pad, divisor)
    _core.check_interrupt()
    return y


cpdef np.ndarray avg_pool_forward(np.ndarray x, kernel_size, stride=None, padding=0, bint ceil_mode=False,
                                  bint count_include_pad=True, divisor_override=None):
    """The average of each window.

    ``y[..., i, j] = sum over a < kH, b < kW of x[..., i sH - pH + a, j sW - pW + b] / divisor``, 0 in the padding

    Parameters
    ----------
    x, kernel_size, stride, padding, ceil_mode
        As for ``max_pool_forward``.
    count_include_pad : bool
        Whether the divisor counts the padding that a window covers (never what lies beyond it).
    divisor_override : number other than 0, or None
        The divisor instead.

    Raises
    ------
    ShapeError, DTypeError
        As ``max_pool_forward``.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(x, "avg_pool")
    cdef tuple shape = (<object>x).shape
    cdef double divisor = divisor_of(divisor_override)
    planes("avg_pool", shape, &g)
    sizes("avg_pool", &g, kernel_size, stride, padding, 1)
    outputs("avg_pool", shape, &g, ceil_mode)
    if _core.use_reference:
        return reference.avg_pool_forward(x, (g.kh, g.kw), (g.sh, g.sw), (g.ph, g.pw), ceil_mode, count_include_pad,
                                          divisor_override)
    return averages(x, kind, &g, count_include_pad, divisor, False)


cpdef np.ndarray avg_pool_backward(np.ndarray grad, tuple shape, kernel_size, stride=None, padding=0,
                                   bint count_include_pad=True, divisor_override=None):
    """dx: each window's gradient, divided, to all its elements; `shape` is that of x.

    Raises ShapeError if `grad` does not belong to windows of these sizes over that shape.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(grad, "avg_pool"), ndim = np.PyArray_NDIM(grad)
    cdef double divisor = divisor_of(divisor_override)
    cdef tuple given = (<object>grad).shape
    planes("avg_pool", shape, &g)
    sizes("avg_pool", &g, kernel_size, stride, padding, 1)
    if given[:-2] != shape[:-2] or len(given) != len(shape) or given[ndim - 2] > count(
            g.h, g.kh, g.sh, g.ph, 1, True) or given[ndim - 1] > count(g.w, g.kw, g.sw, g.pw, 1, True):
        raise ShapeError(f"avg_pool: expected grad of windows of {g.kh}x{g.kw} over {shape}, got {given}")
    g.oh, g.ow = given[ndim - 2], given[ndim - 1]
    if _core.use_reference:
        return reference.avg_pool_backward(grad, shape, (g.kh, g.kw), (g.sh, g.sw), (g.ph, g.pw), count_include_pad,
                                           divisor_override)
    return averages(grad, kind, &g, count_include_pad, divisor, True)


cpdef np.ndarray adaptive_avg_pool_forward(np.ndarray x, output_size):
    """The average of each of `output_size` windows that are spread evenly, as those of ``adaptive_max_pool_forward``.

    Parameters
    ----------
    x : array (C, H, W) or (N, C, H, W)
        As for ``max_pool_forward``.
    output_size : int or pair of ints

    Returns
    -------
    y : array (..., *output_size)

    Raises
    ------
    ShapeError, DTypeError
        As ``adaptive_max_pool_forward``.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(x, "adaptive_avg_pool")
    planes("adaptive_avg_pool", (<object>x).shape, &g)
    adaptive("adaptive_avg_pool", output_size, &g)
    if _core.use_reference:
        return reference.adaptive_avg_pool_forward(x, (g.oh, g.ow))
    return averages(x, kind, &g, False, 0, False)


cpdef np.ndarray adaptive_avg_pool_backward(np.ndarray grad, tuple shape):
    """dx: each window's gradient, divided, to all its elements; `shape` is that of x.

    Raises ShapeError if `grad` and `shape` differ in more than the last two axes.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(grad, "adaptive_avg_pool")
    cdef tuple given = (<object>grad).shape
    planes("adaptive_avg_pool", shape, &g)
    if given[:-2] != shape[:-2] or len(given) != len(shape):
        raise ShapeError(f"adaptive_avg_pool: expected grad of windows over {shape}, got {given}")
    adaptive("adaptive_avg_pool", given[-2:], &g)
    if _core.use_reference:
        return reference.adaptive_avg_pool_backward(grad, shape)
    return averages(grad, kind, &g, False, 0, True)
