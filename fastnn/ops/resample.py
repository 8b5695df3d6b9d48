"""Other sizes of rows, planes and volumes: adaptive averages, interpolation, windows as columns, pixel shuffles.

Interpolation goes axis by axis. For each axis a table says of which inputs an output is the weighted sum.
"""
import functools
import math
import warnings

import numpy as np

from fastnn import kernels
from fastnn._tensor import from_array, record
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors, room
from fastnn.ops.pool import _with_default

# ---- tables: places (taps, outputs) int64 and weights of that shape ----


def _frozen(*arrays):
    for array in arrays:
        if array is not None:
            array.flags.writeable = False
    return arrays


@functools.lru_cache(maxsize=64)
def _even_windows(n, m, dtype):
    """Averages over windows from floor(i n / m) to ceil((i + 1) n / m)."""
    i = np.arange(m)
    start, end = i * n // m, -(-(i + 1) * n // m)
    tap = np.arange((end - start).max())[:, None]
    inside = start + tap < end
    return _frozen(np.where(inside, start + tap, start), np.where(inside, 1 / (end - start), 0).astype(dtype))


def _scale(n, m, factor, real):
    return real(1.0 / factor) if factor is not None and factor > 0 else real(n) / real(m)


@functools.lru_cache(maxsize=64)
def _nearest(n, m, factor, exact):
    """PyTorch computes these places in float32, and so do we."""
    i = np.arange(m)
    if n == m or m == 2 * n and not exact:
        return _frozen(i[None] // (m // n), None)
    real = np.float32
    scale = _scale(n, m, factor, real)
    place = np.floor((i.astype(real) + real(0.5 if exact else 0)) * scale).astype(np.int64)
    return _frozen(np.minimum(place, n - 1)[None], None)


def _source(n, m, factor, align_corners, real):
    """Where outputs lie among the inputs."""
    i = np.arange(m).astype(real)
    if align_corners:
        return i * (real(n - 1) / real(m - 1) if m > 1 else real(0))
    return (i + real(0.5)) * _scale(n, m, factor, real) - real(0.5)


@functools.lru_cache(maxsize=64)
def _linear(n, m, factor, align_corners, dtype):
    real = np.dtype(dtype).type
    if n == m:
        return _frozen(np.arange(m)[None], None)
    at = np.maximum(_source(n, m, factor, align_corners, real), real(0))
    low = np.minimum(at.astype(np.int64), n - 1)
    part = np.clip(at - low.astype(real), 0, 1).astype(real)
    return _frozen(np.stack([low, np.minimum(low + 1, n - 1)]), np.stack([1 - part, part]))


def _near(x, a):
    """The cubic convolution kernel for |x| <= 1."""
    return ((a + 2) * x - (a + 3)) * x * x + 1


def _far(x, a):
    """The cubic convolution kernel for 1 <= |x| <= 2."""
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a


@functools.lru_cache(maxsize=64)
def _cubic(n, m, factor, align_corners, dtype):
    """Keys 1981 with a = -0.75."""
    real = np.dtype(dtype).type
    a, at = real(-0.75), _source(n, m, factor, align_corners, real)
    low = np.minimum(np.floor(at).astype(np.int64), n - 1)
    t = np.clip(at - low.astype(real), 0, 1).astype(real)
    weight = np.stack([_far(t + 1, a), _near(t, a), _near(1 - t, a), _far(2 - t, a)]).astype(real)
    return _frozen(np.clip(np.stack([low - 1, low, low + 1, low + 2]), 0, n - 1), weight)


@functools.lru_cache(maxsize=64)
def _antialiased(n, m, factor, align_corners, cubic, dtype):
    """The kernel is stretched over as many inputs as an output stands for, and its weights sum to 1."""
    scale = ((n - 1) / (m - 1) if m > 1 else 0.0) if align_corners else _scale(n, m, factor, float)
    reach = 2 if cubic else 1
    support, inverse = (reach * scale, 1 / scale) if scale >= 1 else (float(reach), 1.0)
    center = scale * (np.arange(m) + 0.5)
    start = np.maximum((center - support + 0.5).astype(np.int64), 0)
    end = np.minimum((center + support + 0.5).astype(np.int64), n)
    tap = np.arange(max((end - start).max(), 1))[:, None]
    x = np.abs((tap + start - center + 0.5) * inverse)
    if cubic:
        weight = np.where(x < 1, _near(x, -0.5), np.where(x < 2, _far(x, -0.5), 0))
    else:
        weight = np.maximum(1 - x, 0)
    weight = np.where(start + tap < end, weight, 0)
    total = weight.sum(0)
    return _frozen(np.clip(start + tap, 0, n - 1), (weight / np.where(total == 0, 1, total)).astype(dtype))


# ---- axis by axis ----

def _tables_backward(grad, tables, shape):
    for axis in range(len(shape) - len(tables), len(shape)):
        index, weight = tables[axis - len(shape)]
        grad = kernels.resample_backward(grad, index, shape[axis], weight, axis)
    return grad


def _resample(name, input, tables):
    """The last axes, each by its table."""
    x = input.detach().numpy()
    y = x
    for axis in range(-1, -1 - len(tables), -1):
        index, weight = tables[axis]
        if x.dtype.kind == "f":
            y = kernels.resample_forward(y, index, weight, axis)
        elif weight is None:
            y = y.take(index[0], axis)
        else:  # bytes: weights as 16-bit integers, rounded after each axis, as in PyTorch
            unit = 2.0 ** next(p for p in range(23) if p == 22 or 0.5 + weight.max() * 2 ** (p + 1) >= 2**15)
            whole = np.trunc(weight * unit + np.copysign(0.5, weight))
            y = np.floor(kernels.resample_forward(y.astype(weight.dtype), index, whole, axis) / unit + 0.5)
            y = np.clip(y, 0, 255).astype(x.dtype)
    return record(y, _tables_backward, name, (input,), (tables, x.shape))


# ---- adaptive averages ----

def _adaptive_avg(name, input, output_size, count):
    need_tensors(name, input)
    if count == 1 and isinstance(output_size, (tuple, list)) and len(output_size) != 1:
        raise ShapeError(f"{name}: 'output_size' should contain one int, got {output_size!r}")
    shape = tuple(input.shape)
    size = _with_default(name, output_size, shape, count)
    if min(size) < 0:
        raise ShapeError(f"{name}: elements of output_size must be greater than or equal to 0, but got {size}")
    if len(shape) not in (count + 1, count + 2):
        raise ShapeError(f"{name}: Expected {count + 1}D or {count + 2}D tensor, but got {list(shape)}")
    own = shape[-count:]
    if 0 in own or count == 3 and size != (1, 1, 1) and 0 in shape[1:]:  # averages of no channels, as PyTorch's
        raise ShapeError(f"{name}: Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                         f"{list(shape)}")
    x = input.detach().numpy()
    node = "MeanBackward1" if set(size) == {1} else f"AdaptiveAvgPool{count}DBackward0"
    if 0 in size or x.size == 0:
        return record(np.zeros(shape[:-count] + size, x.dtype), lambda grad: np.zeros(shape, grad.dtype), node,
                      (input,))
    if x.dtype.kind != "f":
        raise RuntimeError(f'"{name}" not implemented for {input.dtype}')
    if count == 1:
        planes = x[..., None, :]
        y = kernels.adaptive_avg_pool_forward(planes, (1, *size))[..., 0, :]
        return record(y, _adaptive_row_backward, node, (input,), (planes.shape,))
    if count == 2:
        return record(kernels.adaptive_avg_pool_forward(x, size), kernels.adaptive_avg_pool_backward, node, (input,),
                      (shape,))
    return _resample(node, input, tuple(_even_windows(n, m, x.dtype) for n, m in zip(own, size)))


def _adaptive_row_backward(grad, shape):
    return kernels.adaptive_avg_pool_backward(grad[..., None, :], shape)[..., 0, :]


def adaptive_avg_pool1d(input, output_size):
    """Averages of `output_size` windows that cover a row evenly: window i of m from floor(i L / m) to
    ceil((i + 1) L / m).

    Shape: input (C, L) or (N, C, L), result (..., output_size).
    """
    return _adaptive_avg("adaptive_avg_pool1d", input, output_size, 1)


def adaptive_avg_pool2d(input, output_size):
    """Averages of windows that cover a plane evenly; None in `output_size` keeps the input's.

    Shape: input (C, H, W) or (N, C, H, W), result (..., *output_size).
    """
    return _adaptive_avg("adaptive_avg_pool2d", input, output_size, 2)


def adaptive_avg_pool3d(input, output_size):
    """Averages of windows that cover a volume evenly; None in `output_size` keeps the input's.

    Shape: input (C, D, H, W) or (N, C, D, H, W), result (..., *output_size).
    """
    return _adaptive_avg("adaptive_avg_pool3d", input, output_size, 3)


# ---- interpolation ----

_DIMS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
_NODES = {"nearest": "UpsampleNearest{}DBackward0", "nearest-exact": "UpsampleNearestExact{}DBackward0",
          "linear": "UpsampleLinear{}DBackward0", "bilinear": "UpsampleBilinear{}DBackward0",
          "trilinear": "UpsampleTrilinear{}DBackward0", "bicubic": "UpsampleBicubic{}DBackward0"}


def _sizes(input, size, scale_factor, recompute):
    """Output sizes, and factors or Nones."""
    own, dims = tuple(input.shape[2:]), input.ndim - 2
    if size is not None and scale_factor is not None:
        raise ValueError("interpolate: only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor is not meaningful with an explicit size.")
        size = tuple(size) if isinstance(size, (tuple, list)) else (size,) * dims
        if len(size) != dims:
            raise ValueError(f"interpolate: Input and output must have the same number of spatial dimensions, but got "
                             f"input with spatial dimensions of {list(own)} and output size of {size}.")
        if not all(hasattr(n, "__index__") for n in size):
            raise TypeError(f"interpolate: expected size to be one of int or a tuple of ints, got {size}")
        return tuple(int(n) for n in size), (None,) * dims
    if scale_factor is None:
        raise ValueError("interpolate: either size or scale_factor should be defined")
    factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * dims
    if len(factors) != dims:
        raise ValueError(f"interpolate: Input and scale_factor must have the same number of spatial dimensions, but "
                         f"got input with spatial dimensions of {list(own)} and scale_factor of shape {scale_factor}.")
    size = tuple(math.floor(n * float(f)) for n, f in zip(own, factors))
    return size, (None,) * dims if recompute else tuple(float(f) for f in factors)


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
                antialias=False):
    """Rows, planes or volumes of other sizes.

    Parameters
    ----------
    input : Tensor (N, C, L), (N, C, H, W) or (N, C, D, H, W)
    size : int or tuple of ints
        The output's, or
    scale_factor : float or tuple of floats
        what the input's are multiplied by (and rounded down).
    mode : str
        "nearest" (output i is input floor(i n / m)), "nearest-exact" (floor((i + 1/2) n / m)), "area" (adaptive
        averages), "linear" (3-D input), "bilinear", "bicubic" (4-D; Keys 1981, a = -0.75), "trilinear" (5-D).
    align_corners : bool or None
        Whether the first and last elements keep their places (linear and cubic modes alone); else elements are areas.
    recompute_scale_factor : bool or None
        Whether places follow from the rounded sizes instead of `scale_factor`.
    antialias : bool
        Whether a smaller output averages all inputs that it stands for ("bilinear" and "bicubic").

    Raises
    ------
    ValueError, NotImplementedError, ShapeError
        Contradictory options; modes that do not fit the input's dimensions; empty sizes.
    """
    need_tensors("interpolate", input)
    if mode in ("nearest", "nearest-exact", "area"):
        if align_corners is not None:
            raise ValueError("interpolate: align_corners option can only be set with the interpolating modes: linear | "
                             "bilinear | bicubic | trilinear")
        if input.ndim not in (3, 4, 5):
            raise NotImplementedError(f"interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got "
                                      f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | "
                                      f"trilinear | area | nearest-exact (got {mode})")
    elif mode not in _DIMS:
        raise NotImplementedError(f"interpolate: mode {mode!r} is not implemented; there are nearest, nearest-exact, "
                                  f"area, linear, bilinear, bicubic and trilinear")
    size, factors = _sizes(input, size, scale_factor, recompute_scale_factor or mode == "area" and size is None)
    room("interpolate", (*input.shape[:2], *(max(n, 0) for n in size)), input.itemsize)
    if antialias and not (mode in ("bilinear", "bicubic") and input.ndim == 4):
        raise ValueError("interpolate: Anti-alias option is restricted to bilinear and bicubic modes and requires a "
                         "4-D tensor as input")
    if input.ndim != _DIMS.get(mode, input.ndim):
        raise NotImplementedError(f"interpolate: Got {input.ndim}D input, but {mode} mode needs {_DIMS[mode]}D input")
    dims, own = input.ndim - 2, tuple(input.shape[2:])
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[dims - 1](input, size)
    if 0 in input.shape[1:] or min(size) <= 0:
        raise ShapeError(f"interpolate: Input and output sizes should be greater than 0, but got input "
                         f"{list(input.shape)} and output {list(size)}")
    corners, dtype = bool(align_corners), input.detach().numpy().dtype
    if mode.startswith("nearest"):
        if dtype.kind != "f" and dtype != np.uint8:
            raise RuntimeError(f'"interpolate" not implemented for {input.dtype}')
        tables = tuple(_nearest(n, m, f, mode == "nearest-exact") for n, m, f in zip(own, size, factors))
    elif dtype.kind != "f" and not (dtype == np.uint8 and mode in ("bilinear", "bicubic")):
        raise RuntimeError(f'"interpolate" with mode {mode!r} not implemented for {input.dtype}')
    elif antialias:
        dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
        tables = tuple(_antialiased(n, m, f, corners, mode == "bicubic", dtype) for n, m, f in zip(own, size, factors))
    else:
        table = _cubic if mode == "bicubic" else _linear
        dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
        tables = tuple(table(n, m, f, corners, dtype) for n, m, f in zip(own, size, factors))
    return _resample(_NODES[mode].format(dims), input, tables)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """``interpolate`` under its old name."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """``interpolate`` with mode "nearest"."""
    warnings.warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """``interpolate`` with mode "bilinear" and aligned corners."""
    warnings.warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# ---- windows as columns ----


def _unfold_backward(grad, shape, sizes):
    return kernels.unfold_backward(grad, shape[-2:], *sizes)


def _fold_backward(grad, sizes):
    return kernels.unfold_forward(grad, *sizes)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The elements of each window as a column (im2col).

    Shape: input (C, H, W) or (N, C, H, W), result (..., C kH kW, windows).
    """
    need_tensors("unfold", input)
    x, sizes = input.detach().numpy(), (kernel_size, dilation, padding, stride)
    if x.dtype.kind != "f":  # exact below 2^53
        return from_array(kernels.unfold_forward(x.astype(np.float64), *sizes).astype(x.dtype))
    return record(kernels.unfold_forward(x, *sizes), _unfold_backward, "Im2ColBackward0", (input,), (x.shape, sizes))


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns of windows back to planes of `output_size`, added up where they overlap (col2im).

    Shape: input (C kH kW, windows) or (N, C kH kW, windows), result (..., C, *output_size).
    """
    need_tensors("fold", input)
    sizes = kernel_size, dilation, padding, stride
    y = kernels.unfold_backward(input.detach().numpy(), output_size, *sizes)
    return record(y, _fold_backward, "Col2ImBackward0", (input,), (sizes,))


def pixel_shuffle(input, upscale_factor):
    """Channels to pixels (Shi et al. 2016): (*, C r^2, H, W) becomes (*, C, H r, W r)."""
    need_tensors("pixel_shuffle", input)
    r = upscale_factor
    if input.ndim < 3:
        raise ShapeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} "
                         f"dimension(s)")
    if r <= 0:
        raise ShapeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise ShapeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                         f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}")
    if r == 1:
        return input.clone()
    n = len(lead)
    parts = input.reshape(*lead, c // (r * r), r, r, h, w)
    return parts.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2).reshape(*lead, c // (r * r), h * r, w * r)


def pixel_unshuffle(input, downscale_factor):
    """Pixels to channels: (*, C, H r, W r) becomes (*, C r^2, H, W)."""
    need_tensors("pixel_unshuffle", input)
    r = downscale_factor
    if input.ndim < 3:
        raise ShapeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
                         f"{input.ndim} dimension(s)")
    if r <= 0:
        raise ShapeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise ShapeError(f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
                         f"{h}x{w} is not divisible by {r}")
    if r == 1:
        return input.clone()
    n = len(lead)
    parts = input.reshape(*lead, c, h // r, r, w // r, r)
    return parts.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3).reshape(*lead, c * r * r, h // r, w // r)
