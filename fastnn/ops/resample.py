"""Interpolation: rows, planes and volumes of other sizes.

It goes axis by axis. For each axis a table says of which inputs an output is the weighted sum.
"""
import functools
import math
import warnings

import numpy as np

from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors, room
from fastnn.ops.adaptive_pool import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from fastnn.ops.declare import operation
from fastnn.ops.resample_tables import frozen, resampled


def _scale(n, m, factor, real):
    return real(1.0 / factor) if factor is not None and factor > 0 else real(n) / real(m)


@functools.lru_cache(maxsize=64)
def _nearest(n, m, factor, exact):
    """PyTorch computes these places in float32, and so do we."""
    i = np.arange(m)
    if n == m or m == 2 * n and not exact:
        return frozen(i[None] // (m // n), None)
    real = np.float32
    scale = _scale(n, m, factor, real)
    place = np.floor((i.astype(real) + real(0.5 if exact else 0)) * scale).astype(np.int64)
    return frozen(np.minimum(place, n - 1)[None], None)


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
        return frozen(np.arange(m)[None], None)
    at = np.maximum(_source(n, m, factor, align_corners, real), real(0))
    low = np.minimum(at.astype(np.int64), n - 1)
    part = np.clip(at - low.astype(real), 0, 1).astype(real)
    return frozen(np.stack([low, np.minimum(low + 1, n - 1)]), np.stack([1 - part, part]))


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
    return frozen(np.clip(np.stack([low - 1, low, low + 1, low + 2]), 0, n - 1), weight)


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
    return frozen(np.clip(start + tap, 0, n - 1), (weight / np.where(total == 0, 1, total)).astype(dtype))


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


@operation("nn")
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

    Examples
    --------
    >>> F.interpolate(fastnn.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
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
    return resampled(_NODES[mode].format(dims), input, tables)


@operation("nn")
def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """``interpolate`` under its old name.

    Parameters
    ----------
    input : Tensor
    size : int or tuple of ints, optional
    scale_factor : float or tuple of floats, optional
    mode : str, default "nearest"
    align_corners : bool, optional

    Examples
    --------
    >>> F.upsample(fastnn.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


@operation("nn")
def upsample_nearest(input, size=None, scale_factor=None):
    """``interpolate`` with mode "nearest".

    Parameters
    ----------
    input : Tensor
    size : int or tuple of ints, optional
    scale_factor : int or tuple of ints, optional

    Examples
    --------
    >>> F.upsample_nearest(fastnn.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    warnings.warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="nearest")


@operation("nn")
def upsample_bilinear(input, size=None, scale_factor=None):
    """``interpolate`` with mode "bilinear" and aligned corners.

    Parameters
    ----------
    input : Tensor
    size : int or tuple of ints, optional
    scale_factor : int or tuple of ints, optional

    Examples
    --------
    >>> F.upsample_bilinear(fastnn.tensor([[[[1.0, 3.0]]]]), size=(1, 3))
    tensor([[[[1., 2., 3.]]]])
    """
    warnings.warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
