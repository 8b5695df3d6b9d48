"""An axis at other places (interpolation), and windows of planes as columns."""
cimport numpy as np
from libc.stdint cimport int64_t

from fastnn.errors import DTypeError, ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels._core cimport data, fnn_windows
from fastnn.kernels.pool cimport count, ordered, pair
from fastnn.kernels.reduce cimport normalize_axis
from fastnn.reference import resample as reference

np.import_array()

cdef enum:
    MOST = 1 << 30


cdef int tables(str op, np.ndarray x, np.ndarray index, np.ndarray weight, np.npy_intp size) except -1:
    """Checks places and weights."""
    cdef const int64_t *p
    cdef np.npy_intp i
    if index is None or np.PyArray_TYPE(index) != np.NPY_INT64:
        raise DTypeError(f"{op}: expected an index of int64, got {None if index is None else (<object>index).dtype}")
    if np.PyArray_NDIM(index) != 2 or np.PyArray_DIM(index, 0) == 0 or not np.PyArray_ISCARRAY_RO(index):
        raise ShapeError(f"{op}: expected a contiguous index (taps, outputs), taps > 0, got {(<object>index).shape}")
    p = <const int64_t *>np.PyArray_DATA(index)
    for i in range(np.PyArray_SIZE(index)):
        if p[i] < 0 or p[i] >= size:
            raise IndexError(f"{op}: expected places of 0 to {size - 1}, got {p[i]}")
    if weight is None:
        if np.PyArray_DIM(index, 0) != 1:
            raise ShapeError(f"{op}: expected weights for {np.PyArray_DIM(index, 0)} taps")
        return 0
    _core.same_real_kind(x, weight, op)
    if not np.PyArray_SAMESHAPE(index, weight):
        raise ShapeError(f"{op}: expected weights {(<object>index).shape}, got {(<object>weight).shape}")
    return 0


cdef np.ndarray moved(np.ndarray x, int axis, np.npy_intp size, int64_t *outer, int64_t *inner):
    """A new array of x's shape but for `axis`; x is (outer, n, inner)."""
    cdef np.npy_intp shape[64]
    cdef int d
    outer[0] = inner[0] = 1
    for d in range(np.PyArray_NDIM(x)):
        shape[d] = np.PyArray_DIM(x, d)
        if d < axis:
            outer[0] *= shape[d]
        elif d > axis:
            inner[0] *= shape[d]
    shape[axis] = size
    return _core.new_array(np.PyArray_NDIM(x), shape, np.PyArray_TYPE(x))


cdef np.ndarray resampled(np.ndarray x, int kind, np.ndarray index, np.npy_intp size, np.ndarray weight, int axis,
                          bint back):
    """y of x, or with `back` dx of dy; of `size` elements along the axis."""
    cdef int64_t outer, inner, taps = np.PyArray_DIM(index, 0), m = np.PyArray_DIM(index, 1)
    x = ordered(x, False)
    if weight is not None:
        weight = ordered(weight, False)
    cdef np.ndarray y = moved(x, axis, size if back else m, &outer, &inner)
    with nogil:
        if back:
            _core.active[kind].resample_backward(data(y), data(x), <int64_t *>data(index), data(weight), taps, outer,
                                                 size, m, inner)
        else:
            _core.active[kind].resample_forward(data(y), data(x), <int64_t *>data(index), data(weight), taps, outer,
                                                size, m, inner)
    _core.check_interrupt()
    return y


cpdef np.ndarray resample_forward(np.ndarray x, np.ndarray index, np.ndarray weight=None, int axis=-1):
    """``y[..., i, ...] = sum over t of weight[t, i] * x[..., index[t, i], ...]`` along one axis.

    Parameters
    ----------
    x : array, float32 or float64, at least 1-D, any strides
    index : array (taps, m), int64, contiguous
    weight : array (taps, m) of x's dtype, or None
        None stands for ones; then taps is 1.
    axis : int

    Returns
    -------
    y : array of x's shape, m along `axis`

    Raises
    ------
    IndexError
        A place or the axis is out of range.
    ShapeError, DTypeError
        Shapes or dtypes that do not fit.
    """
    cdef int kind = _core.real_kind(x, "resample")
    cdef np.npy_intp n
    if np.PyArray_NDIM(x) == 0:
        raise ShapeError("resample: expected an array of at least one axis")
    axis = normalize_axis("resample", axis, np.PyArray_NDIM(x))
    n = np.PyArray_DIM(x, axis)
    tables("resample", x, index, weight, n)
    if _core.use_reference:
        return reference.resample_forward(x, index, weight, axis)
    return resampled(x, kind, index, n, weight, axis, False)


cpdef np.ndarray resample_backward(np.ndarray grad, np.ndarray index, np.npy_intp size, np.ndarray weight=None,
                                   int axis=-1):
    """``dx[..., index[t, i], ...] += weight[t, i] * grad[..., i, ...]``; dx has `size` elements along `axis`.

    Raises as ``resample_forward``.
    """
    cdef int kind = _core.real_kind(grad, "resample")
    cdef np.npy_intp m
    if np.PyArray_NDIM(grad) == 0 or size < 0:
        raise ShapeError("resample: expected a gradient of at least one axis, and a size of at least 0")
    axis = normalize_axis("resample", axis, np.PyArray_NDIM(grad))
    tables("resample", grad, index, weight, size)
    m = np.PyArray_DIM(index, 1)
    if np.PyArray_DIM(grad, axis) != m:
        raise ShapeError(f"resample: expected a gradient of {m} elements along axis {axis}, got {(<object>grad).shape}")
    if _core.use_reference:
        return reference.resample_backward(grad, index, size, weight, axis)
    return resampled(grad, kind, index, size, weight, axis, True)


# ---- windows as columns ----

cdef int blocks(str op, fnn_windows *g, object kernel_size, object dilation, object padding, object stride) except -1:
    """Sizes of the windows over planes of g.h x g.w."""
    pair(f"{op}: kernel_size", kernel_size, &g.kh, &g.kw)
    pair(f"{op}: dilation", dilation, &g.dh, &g.dw)
    pair(f"{op}: padding", padding, &g.ph, &g.pw)
    pair(f"{op}: stride", stride, &g.sh, &g.sw)
    if min(g.kh, g.kw) <= 0:
        raise ShapeError(f"{op}: kernel size should be greater than zero, but got {kernel_size}")
    if min(g.dh, g.dw) <= 0:
        raise ShapeError(f"{op}: dilation should be greater than zero, but got {dilation}")
    if min(g.ph, g.pw) < 0:
        raise ShapeError(f"{op}: padding should be non-negative, but got {padding}")
    if min(g.sh, g.sw) <= 0:
        raise ShapeError(f"{op}: stride should be greater than zero, but got {stride}")
    if max(g.kh, g.kw, g.sh, g.sw, g.ph, g.pw) > MOST or max(g.dh, g.dw, g.h, g.w) > MOST:
        raise ShapeError(f"{op}: expected sizes of at most 2^30")
    g.oh = count(g.h, g.kh, g.sh, g.ph, g.dh, False)
    g.ow = count(g.w, g.kw, g.sw, g.pw, g.dw, False)
    if g.oh < 1 or g.ow < 1:
        raise ShapeError(f"{op}: for planes of ({g.h}, {g.w}), kernel_size ({g.kh}, {g.kw}), dilation ({g.dh}, "
                         f"{g.dw}), padding ({g.ph}, {g.pw}) and stride ({g.sh}, {g.sw}) the array of sliding blocks "
                         f"would be ({g.oh}, {g.ow}), which is too small (non-positive)")
    return 0


cpdef np.ndarray unfold_forward(np.ndarray x, kernel_size, dilation=1, padding=0, stride=1):
    """Windows as columns: ``y[n, (c kH + a) kW + b, i oW + j] = x[n, c, i sH - pH + a dH, j sW - pW + b dW]``.

    Parameters
    ----------
    x : array (C, H, W) or (N, C, H, W)
        float32 or float64; 0 in the padding.
    kernel_size, dilation, padding, stride : int or pair of ints

    Returns
    -------
    y : array (C kH kW, oH oW) or (N, C kH kW, oH oW)

    Raises
    ------
    ShapeError
        Wrong number of axes, sizes out of range, or no room for one window.
    DTypeError
        Other dtypes.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(x, "unfold"), ndim = np.PyArray_NDIM(x)
    cdef np.npy_intp shape[3]
    cdef tuple own = (<object>x).shape
    if ndim not in (3, 4) or 0 in own[-3:]:
        raise ShapeError(f"unfold: expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
                         f"dimensions for input, but got: {own}")
    g.outer, g.h, g.w, g.inner = own[ndim - 3], own[ndim - 2], own[ndim - 1], 1
    blocks("unfold", &g, kernel_size, dilation, padding, stride)
    if _core.use_reference:
        return reference.unfold_forward(x, (g.kh, g.kw), (g.dh, g.dw), (g.ph, g.pw), (g.sh, g.sw))
    shape[0] = own[0]
    shape[ndim - 3] = g.outer * g.kh * g.kw
    shape[ndim - 2] = g.oh * g.ow
    if ndim == 4:
        g.outer *= own[0]
    cdef np.ndarray y = _core.new_array(ndim - 1, shape, np.PyArray_TYPE(x))
    x = ordered(x, False)
    with nogil:
        _core.active[kind].unfold_forward(data(y), data(x), &g)
    _core.check_interrupt()
    return y


cpdef np.ndarray unfold_backward(np.ndarray grad, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns back to planes, where they overlap added up: the gradient of ``unfold_forward``, and ``fold``.

    Parameters
    ----------
    grad : array (C kH kW, oH oW) or (N, C kH kW, oH oW)
    output_size : int or pair of ints
        H and W.

    Returns
    -------
    x : array (C, H, W) or (N, C, H, W)

    Raises
    ------
    ShapeError
        Shapes that do not fit the windows.
    DTypeError
        Other dtypes.
    """
    cdef fnn_windows g
    cdef int kind = _core.real_kind(grad, "fold"), ndim = np.PyArray_NDIM(grad)
    cdef np.npy_intp shape[4]
    cdef tuple own = (<object>grad).shape
    if ndim not in (2, 3) or 0 in own[-2:]:
        raise ShapeError(f"fold: expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
                         f"non-zero dimensions for input, but got: {own}")
    pair("fold: output_size", output_size, &g.h, &g.w)
    if g.h <= 0 or g.w <= 0:
        raise ShapeError(f"fold: expected an output_size greater than zero, got {output_size}")
    g.inner = 1
    blocks("fold", &g, kernel_size, dilation, padding, stride)
    if own[ndim - 2] % (g.kh * g.kw):
        raise ShapeError(f"fold: Expected size of input's first non-batch dimension to be divisible by the product of "
                         f"kernel_size, but got input {own} and kernel_size=({g.kh}, {g.kw})")
    if own[ndim - 1] != g.oh * g.ow:
        raise ShapeError(f"fold: Given output_size=({g.h}, {g.w}), kernel_size=({g.kh}, {g.kw}), dilation=({g.dh}, "
                         f"{g.dw}), padding=({g.ph}, {g.pw}), stride=({g.sh}, {g.sw}), expected size of input's last "
                         f"dimension to match the calculated number of sliding blocks {g.oh} * {g.ow}, but got {own}")
    if _core.use_reference:
        return reference.unfold_backward(grad, (g.h, g.w), (g.kh, g.kw), (g.dh, g.dw), (g.ph, g.pw), (g.sh, g.sw))
    shape[0] = own[0]
    shape[ndim - 2] = g.outer = own[ndim - 2] // (g.kh * g.kw)
    shape[ndim - 1] = g.h
    shape[ndim] = g.w
    if ndim == 3:
        g.outer *= own[0]
    cdef np.ndarray x = _core.new_array(ndim + 1, shape, np.PyArray_TYPE(grad))
    grad = ordered(grad, False)
    with nogil:
        _core.active[kind].unfold_backward(data(x), data(grad), &g)
    _core.check_interrupt()
    return x


# ---- positions that a grid names ----

cdef dict MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
cdef dict PADDINGS = {"zeros": 0, "border": 1, "reflection": 2}


cdef int grid_arguments(np.ndarray x, np.ndarray grid, str mode, str padding, int64_t *sizes) except -1:
    """Checks them; sizes: n, c, d, h, w, points, axes."""
    cdef int kind = _core.real_kind(x, "grid_sample"), ndim = np.PyArray_NDIM(x), d
    if mode not in MODES or padding not in PADDINGS:
        raise ValueError(f"grid_sample: expected a mode of {list(MODES)} and a padding_mode of {list(PADDINGS)}, got "
                         f"{mode!r} and {padding!r}")
    if grid is None:
        raise DTypeError("grid_sample: expected a grid, got None")
    own, theirs = (<object>x).shape, (<object>grid).shape
    if np.PyArray_TYPE(grid) != np.PyArray_TYPE(x):
        raise DTypeError(f"grid_sample: expected input and grid of one dtype, got {x.dtype} and {grid.dtype}")
    if ndim not in (4, 5) or np.PyArray_NDIM(grid) != ndim:
        raise ShapeError(f"grid_sample: expected 4D or 5D input and grid with same number of dimensions, but got input "
                         f"with sizes {list(own)} and grid with sizes {list(theirs)}")
    if own[0] != theirs[0]:
        raise ShapeError(f"grid_sample: expected grid and input to have same batch size, but got input with sizes "
                         f"{list(own)} and grid with sizes {list(theirs)}")
    if theirs[ndim - 1] != ndim - 2:
        raise ShapeError(f"grid_sample: expected grid to have size {ndim - 2} in last dimension, but got grid with "
                         f"sizes {list(theirs)}")
    if 0 in own[2:]:
        raise ShapeError(f"grid_sample: expected input to have non-empty spatial dimensions, but input has sizes "
                         f"{list(own)} with dimension {2 + own[2:].index(0)} being empty")
    if mode == "bicubic" and ndim == 5:
        raise ShapeError("grid_sample: bicubic interpolation only supports 4D input")
    sizes[0], sizes[1], sizes[2] = own[0], own[1], own[2] if ndim == 5 else 1
    sizes[3], sizes[4], sizes[5], sizes[6] = own[ndim - 2], own[ndim - 1], 1, ndim - 2
    for d in range(1, ndim - 1):
        sizes[5] *= theirs[d]
    return kind


cpdef np.ndarray grid_sample_forward(np.ndarray x, np.ndarray grid, str mode="bilinear", str padding_mode="zeros",
                                     bint align_corners=False):
    """x at the positions of a grid: ``y[n, c, ...] = x[n, c, v, u]``, (u, v) from grid[n, ...], interpolated.

    Parameters
    ----------
    x : array (N, C, H, W) or (N, C, D, H, W), float32 or float64
    grid : array (N, oH, oW, 2) or (N, oD, oH, oW, 3), of x's dtype
        Along W, H (and D), -1 and 1 are the ends; NaN counts as -1.
    mode : {"bilinear", "nearest", "bicubic"}
        bilinear: trilinear of 5-D arrays; bicubic: 4-D alone, Keys 1981 with a = -3/4.
    padding_mode : {"zeros", "border", "reflection"}
        What is beyond the ends: 0, the outermost element, or what a mirror at the ends shows.
    align_corners : bool
        Whether the ends are the centres of the outermost elements, not their edges.

    Returns
    -------
    y : array (N, C, oH, oW) or (N, C, oD, oH, oW)

    Raises
    ------
    ValueError
        Another mode or padding mode.
    ShapeError, DTypeError
        Shapes or dtypes that do not fit; empty planes.
    """
    cdef int64_t sizes[7]
    cdef np.npy_intp shape[5]
    cdef int kind = grid_arguments(x, grid, mode, padding_mode, sizes), ndim = np.PyArray_NDIM(x), d
    cdef int number = MODES[mode], padding = PADDINGS[padding_mode]
    if _core.use_reference:
        return reference.grid_sample_forward(x, grid, mode, padding_mode, align_corners)
    shape[0], shape[1] = sizes[0], sizes[1]
    for d in range(2, ndim):
        shape[d] = np.PyArray_DIM(grid, d - 1)
    cdef np.ndarray y = _core.new_array(ndim, shape, np.PyArray_TYPE(x))
    x, grid = ordered(x, False), ordered(grid, False)
    with nogil:
        _core.active[kind].grid_sample_forward(data(y), data(x), data(grid), sizes, number, padding, align_corners)
    _core.check_interrupt()
    return y


cpdef tuple grid_sample_backward(np.ndarray grad, np.ndarray x, np.ndarray grid, str mode="bilinear",
                                 str padding_mode="zeros", bint align_corners=False, bint need_input=True,
                                 bint need_grid=True):
    """Gradients of `grid_sample_forward` by x and the grid.

    Returns
    -------
    (dx, dgrid) : arrays like x and grid, or None where not needed
    """
    cdef int64_t sizes[7]
    cdef int kind = grid_arguments(x, grid, mode, padding_mode, sizes)
    cdef int number = MODES[mode], padding = PADDINGS[padding_mode]
    _core.same_real_kind(x, grad, "grid_sample")
    expected = (<object>x).shape[:2] + (<object>grid).shape[1:-1]
    if (<object>grad).shape != expected:
        raise ShapeError(f"grid_sample: expected a gradient of {expected}, got {(<object>grad).shape}")
    if _core.use_reference:
        return reference.grid_sample_backward(grad, x, grid, mode, padding_mode, align_corners, need_input, need_grid)
    x, grid, grad = ordered(x, False), ordered(grid, False), ordered(grad, False)
    cdef np.ndarray dx = _core.new_like(x, np.PyArray_TYPE(x)) if need_input else None
    cdef np.ndarray dgrid = _core.new_like(grid, np.PyArray_TYPE(x)) if need_grid else None
    with nogil:
        _core.active[kind].grid_sample_backward(data(dx), data(dgrid), data(grad), data(x), data(grid), sizes, number,
                                                padding, align_corners)
    _core.check_interrupt()
    return dx, dgrid
