"""Convolution of images: forward, and with respect to the input (the transposed convolution) and the weight."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import ShapeError
from fastnn.kernels cimport _core, gemm, linear
from fastnn.kernels._core cimport data
from fastnn.reference import conv as reference

np.import_array()


cdef int pair(str op, str name, object value, int64_t least, int64_t *first, int64_t *second) except -1:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ShapeError(f"{op}: expected {name} (of rows, of columns), got {value!r}")
    first[0], second[0] = value
    if first[0] < least or second[0] < least or first[0] > 1 << 31 or second[0] > 1 << 31:
        raise ShapeError(f"{op}: expected {name} >= {least}, got {tuple(value)}")
    return 0


cdef int options(str op, _core.fnn_conv *s, object stride, object padding, object dilation, int64_t groups,
                 int64_t *bottom, int64_t *right) except -1:
    """Fills in what the options say."""
    pair(op, "stride", stride, 1, &s.sh, &s.sw)
    pair(op, "dilation", dilation, 1, &s.dh, &s.dw)
    if not isinstance(padding, (tuple, list)) or len(padding) not in (2, 4):
        raise ShapeError(f"{op}: expected padding (rows, columns) or (top, bottom, left, right), got {padding!r}")
    if len(padding) == 2:
        pair(op, "padding", padding, 0, &s.top, &s.left)
        bottom[0], right[0] = s.top, s.left
    else:
        pair(op, "padding", padding[:2], 0, &s.top, bottom)
        pair(op, "padding", padding[2:], 0, &s.left, right)
    if groups < 1:
        raise ShapeError(f"{op}: expected groups >= 1, got {groups}")
    s.groups = groups
    return 0


cdef int check4(str op, str name, np.ndarray x) except -1:
    if x is None or np.PyArray_NDIM(x) != 4:
        raise ShapeError(f"{op}: expected {name} with 4 dimensions, got {None if x is None else (<object>x).shape}")
    return 0


cdef int opening(str op, _core.fnn_conv *s, np.ndarray x, str first, np.ndarray y, str second, object stride,
                 object padding, object dilation, int64_t groups, int64_t *bottom, int64_t *right) except -1:
    """Checks two operands of four axes and fills in what the options say; their kind."""
    check4(op, first, x)
    check4(op, second, y)
    cdef int kind = _core.same_real_kind(x, y, op)
    options(op, s, stride, padding, dilation, groups, bottom, right)
    return kind


cdef int output_size(str op, _core.fnn_conv *s, int64_t bottom, int64_t right) except -1:
    """oh and ow from the input's size."""
    cdef int64_t h = s.h + s.top + bottom, w = s.w + s.left + right
    cdef int64_t reach_h = (s.kh - 1) * s.dh + 1, reach_w = (s.kw - 1) * s.dw + 1
    if s.kh < 1 or s.kw < 1:
        raise ShapeError(f"{op}: expected a kernel of size >= 1, got ({s.kh}, {s.kw})")
    if h < reach_h or w < reach_w:
        raise ShapeError(f"{op}: padded input size per channel: ({h} x {w}). Kernel size: ({reach_h} x {reach_w}). "
                         f"Kernel size can't be greater than actual input size")
    s.oh, s.ow = (h - reach_h) // s.sh + 1, (w - reach_w) // s.sw + 1
    return 0


cdef int output_fits(str op, _core.fnn_conv *s, np.ndarray grad) except -1:
    """A gradient may be smaller than the output: as if zeros followed."""
    if grad.shape[0] != s.n or grad.shape[2] > s.oh or grad.shape[3] > s.ow:
        raise ShapeError(f"{op}: expected grad {(s.n, s.o, s.oh, s.ow)}, got {(<object>grad).shape}")
    s.oh, s.ow = grad.shape[2], grad.shape[3]
    return 0


cdef np.ndarray with_strides(np.ndarray x, int64_t *strides):
    """x, or a copy whose strides are whole elements."""
    cdef int i
    x = gemm.strided(x)
    for i in range(4):
        strides[i] = np.PyArray_STRIDE(x, i) // np.PyArray_ITEMSIZE(x)
    return x


cdef void flatten(_core.fnn_conv *s, int64_t *first, int64_t *second=NULL) noexcept nogil:
    """A kernel of one element looks at positions one by one: images become single rows, if memory allows."""
    if s.kh != 1 or s.kw != 1 or s.sh != 1 or s.sw != 1 or s.oh != s.h or s.ow != s.w or s.top or s.left:
        return
    if first[2] != s.w * first[3] or (second != NULL and second[2] != s.w * second[3]):
        return
    s.w *= s.h
    s.ow = s.w
    s.h = s.oh = 1


cdef bint one_position(_core.fnn_conv *s) noexcept:
    """Whether the kernel covers whole images: then the convolution is a dense layer."""
    return s.groups == 1 and s.kh == s.h and s.kw == s.w and s.oh == 1 and s.ow == 1 and s.top == 0 \
        and s.left == 0 and (s.dh == 1 or s.kh == 1) and (s.dw == 1 or s.kw == 1)


cdef object rows(np.ndarray x):
    """An array (n, c, h, w) as a matrix (n, c * h * w)."""
    return (<object>x).reshape(x.shape[0], x.shape[1] * x.shape[2] * x.shape[3])


cpdef np.ndarray conv_forward(np.ndarray x, np.ndarray weight, np.ndarray bias=None, stride=(1, 1), padding=(0, 0),
                              dilation=(1, 1), long groups=1, bint relu=False):
    """``y[n, o, r, q] = bias[o] + sum over c, i, j of weight[o, c, i, j] *
    x[n, c, r * stride + i * dilation - padding, ...]``, zeros where x has no such element.

    Parameters
    ----------
    x : array (n, c, h, w)
        float32 or float64; all arrays have one dtype. Any strides: channels may be the last in memory.
    weight : array (o, c / groups, kh, kw)
    bias : array (o,), optional
    stride, dilation : (rows, columns)
    padding : (rows, columns) or (top, bottom, left, right)
    groups : int
        Channels are cut into so many groups; outputs of a group see its inputs alone.
    relu : bool
        Whether negative results become 0.

    Returns
    -------
    y : array (n, o, oh, ow)
        oh = (h + top + bottom - dilation * (kh - 1) - 1) // stride + 1.

    Raises
    ------
    ShapeError
        Shapes or options do not fit.
    DTypeError
        Other dtypes, or several.
    """
    cdef int status
    cdef _core.fnn_conv s
    cdef int64_t bottom, right
    cdef int64_t xs[4]
    cdef int kind = opening("conv", &s, x, "input", weight, "weight", stride, padding, dilation, groups, &bottom,
                            &right)
    s.n, s.c, s.h, s.w = x.shape[0], x.shape[1], x.shape[2], x.shape[3]
    s.o, s.kh, s.kw = weight.shape[0], weight.shape[2], weight.shape[3]
    if weight.shape[1] * groups != s.c:
        raise ShapeError(f"conv: given groups={groups}, weight of size {list((<object>weight).shape)}, expected input "
                         f"{list((<object>x).shape)} to have {weight.shape[1] * groups} channels, but got {s.c} "
                         f"channels instead")
    if s.o % groups:
        raise ShapeError(f"conv: expected output channels divisible by groups={groups}, got {s.o}")
    if bias is not None:
        _core.check_vector("conv", "bias", x, bias, s.o)
    output_size("conv", &s, bottom, right)
    if _core.use_reference:
        return reference.conv_forward(x, weight, bias, stride, padding, dilation, groups, relu)
    if one_position(&s) and not _core.conv_forced:
        return linear.linear_forward(rows(x), rows(weight), bias, "relu" if relu else None).reshape(s.n, s.o, 1, 1)
    x = with_strides(x, xs)
    weight = _core.contiguous(weight)
    if bias is not None:
        bias = _core.contiguous(bias)
    cdef np.npy_intp shape[4]
    shape[0], shape[1], shape[2], shape[3] = s.n, s.o, s.oh, s.ow
    cdef np.ndarray y = _core.new_array(4, shape, np.PyArray_TYPE(x))
    flatten(&s, xs)
    with nogil:
        status = _core.active[kind].conv_forward(data(y), data(x), data(weight), data(bias), &s, xs, relu)
    _core.check_status(status, "conv_forward")
    return y


cpdef np.ndarray conv_backward_input(np.ndarray grad, np.ndarray weight, size, np.ndarray bias=None, stride=(1, 1),
                                     padding=(0, 0), dilation=(1, 1), long groups=1, bint relu=False):
    """The gradient of `conv_forward` with respect to x, which is the transposed convolution of `grad`:
    ``dx[n, c, r * stride + i * dilation - padding, ...] = bias[c] + sum over o, i, j, r, q of
    weight[o, c, i, j] * grad[n, o, r, q]``

    Parameters
    ----------
    grad : array (n, o, oh, ow)
    weight : array (o, c / groups, kh, kw)
    size : (h, w)
        Of the images of dx; `conv_forward` must turn it into (oh, ow) or more, then missing rows and columns of
        `grad` count as 0.
    bias : array (c,), optional
    stride, padding, dilation, groups, relu
        As in `conv_forward`.

    Returns
    -------
    dx : array (n, c, h, w)

    Raises
    ------
    ShapeError, DTypeError
        As in `conv_forward`.
    """
    cdef int status
    cdef str op = "conv_backward_input"
    cdef _core.fnn_conv s
    cdef int64_t bottom, right
    cdef int64_t dys[4]
    cdef int kind = opening(op, &s, grad, "grad", weight, "weight", stride, padding, dilation, groups, &bottom, &right)
    pair(op, "size", size, 0, &s.h, &s.w)
    s.n, s.o, s.c = grad.shape[0], weight.shape[0], weight.shape[1] * groups
    s.kh, s.kw = weight.shape[2], weight.shape[3]
    if grad.shape[1] != s.o:
        raise ShapeError(f"{op}: given weight of size {list((<object>weight).shape)}, expected grad "
                         f"{list((<object>grad).shape)} to have {s.o} channels, but got {grad.shape[1]} channels "
                         f"instead")
    if s.o % groups:
        raise ShapeError(f"{op}: expected channels divisible by groups={groups}, got {s.o}")
    if bias is not None:
        _core.check_vector(op, "bias", grad, bias, s.c)
    output_size(op, &s, bottom, right)
    output_fits(op, &s, grad)
    if _core.use_reference:
        return reference.conv_backward_input(grad, weight, size, bias, stride, padding, dilation, groups, relu)
    if one_position(&s) and bias is None and not relu and not _core.conv_forced:
        return gemm.matmul(rows(grad), rows(weight)).reshape(s.n, s.c, s.h, s.w)
    grad = with_strides(grad, dys)
    weight = _core.contiguous(weight)
    if bias is not None:
        bias = _core.contiguous(bias)
    cdef np.npy_intp shape[4]
    shape[0], shape[1], shape[2], shape[3] = s.n, s.c, s.h, s.w
    cdef np.ndarray dx = _core.new_array(4, shape, np.PyArray_TYPE(grad))
    flatten(&s, dys)
    with nogil:
        status = _core.active[kind].conv_backward_input(data(dx), data(grad), data(weight), data(bias), &s, dys, relu)
    _core.check_status(status, "conv_backward_input")
    return dx


cpdef np.ndarray conv_backward_weight(np.ndarray grad, np.ndarray x, kernel, stride=(1, 1), padding=(0, 0),
                                      dilation=(1, 1), long groups=1):
    """The gradient of `conv_forward` with respect to the weight:
    ``dw[o, c, i, j] = sum over n, r, q of grad[n, o, r, q] * x[n, c, r * stride + i * dilation - padding, ...]``

    Parameters
    ----------
    grad : array (n, o, oh, ow)
    x : array (n, c, h, w)
    kernel : (kh, kw)
    stride, padding, dilation, groups
        As in `conv_forward`.

    Returns
    -------
    dw : array (o, c / groups, kh, kw)
        The same bits for any number of threads.

    Raises
    ------
    ShapeError, DTypeError
        As in `conv_forward`.
    """
    cdef int status
    cdef str op = "conv_backward_weight"
    cdef _core.fnn_conv s
    cdef int64_t bottom, right
    cdef int64_t dys[4]
    cdef int64_t xs[4]
    cdef int kind = opening(op, &s, grad, "grad", x, "input", stride, padding, dilation, groups, &bottom, &right)
    pair(op, "kernel", kernel, 1, &s.kh, &s.kw)
    s.n, s.c, s.h, s.w, s.o = x.shape[0], x.shape[1], x.shape[2], x.shape[3], grad.shape[1]
    if s.c % groups or s.o % groups:
        raise ShapeError(f"{op}: expected channels divisible by groups={groups}, got {s.c} and {s.o}")
    output_size(op, &s, bottom, right)
    output_fits(op, &s, grad)
    if _core.use_reference:
        return reference.conv_backward_weight(grad, x, kernel, stride, padding, dilation, groups)
    if one_position(&s) and not _core.conv_forced:
        return gemm.matmul(rows(grad).T, rows(x)).reshape(s.o, s.c, s.kh, s.kw)
    grad = with_strides(grad, dys)
    x = with_strides(x, xs)
    cdef np.npy_intp shape[4]
    shape[0], shape[1], shape[2], shape[3] = s.o, s.c // groups, s.kh, s.kw
    cdef np.ndarray dw = _core.new_array(4, shape, np.PyArray_TYPE(x))
    flatten(&s, dys, xs)
    with nogil:
        status = _core.active[kind].conv_backward_weight(data(dw), data(grad), data(x), &s, dys, xs)
    _core.check_status(status, "conv_backward_weight")
    return dw
