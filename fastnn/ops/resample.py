"""Interpolation: rows, planes and volumes of other sizes, or at positions that a grid names.

Other sizes go axis by axis: for each a table says of which inputs an output is the weighted sum.
"""
import functools
import math
import warnings

import numpy as np

from fastnn import kernels as K
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.errors import ShapeError
from fastnn.ops import linear
from fastnn.ops._common import need_tensors, room
from fastnn.ops.adaptive_pool import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from fastnn.ops.declare import operation
from fastnn.ops.resample_tables import frozen, resampled
from fastnn.reference.resample import grid_places, grid_weights


def _scale(n, m, factor, real):
    return real(1.0 / factor) if factor is not None and factor > 0 else real(n) / real(m)


@functools.lru_cache(maxsize=64)
def _nearest(n, m, factor, exact):
    """PyTorch computes these positions in float32, and so do we."""
    i = np.arange(m)
    if n == m or m == 2 * n and not exact:
        return frozen(i[None] // (m // n), None)
    real = np.float32
    scale = _scale(n, m, factor, real)
    position = np.floor((i.astype(real) + real(0.5 if exact else 0)) * scale).astype(np.int64)
    return frozen(np.minimum(position, n - 1)[None], None)


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
        Whether the first and last elements keep their positions (linear and cubic modes); else elements are areas.
    recompute_scale_factor : bool or None
        Whether positions follow from the rounded sizes instead of `scale_factor`.
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
    scale_factor : float or tuple of floats, optional

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
    scale_factor : float or tuple of floats, optional

    Examples
    --------
    >>> F.upsample_bilinear(fastnn.tensor([[[[1.0, 3.0]]]]), size=(1, 3))
    tensor([[[[1., 2., 3.]]]])
    """
    warnings.warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# ---- positions that a grid names ----

def _grid_backward(grad, x, grid, mode, padding_mode, align_corners, wanted):
    return K.grid_sample_backward(grad, x, grid, mode, padding_mode, align_corners, *wanted)


_GRID_NAMES = "x grid mode padding_mode align_corners wanted"
GRID_SAMPLE = {4: Op("GridSampler2DBackward0", _grid_backward, _GRID_NAMES),
               5: Op("GridSampler3DBackward0", _grid_backward, _GRID_NAMES)}


def _grid_composed(input, grid, mode, padding_mode, align_corners):
    """`grid_sample` of other operations: gathered elements times products of the axes' weights."""
    sizes = tuple(input.shape[:1:-1])  # along x, y, z
    planes, points = input.flatten(2), grid.flatten(1, -2)
    axes = []
    for a, size in enumerate(sizes):
        at = points.select(-1, a)
        positions, behind, sign = grid_places(at.detach().numpy(), size, mode, padding_mode, align_corners)
        moved = (at - at.detach()) * from_array(sign) + from_array(behind)  # that distance, as it depends on the grid
        axes.append(list(zip(positions, grid_weights(moved, mode))))
    total = 0.0
    for which in np.ndindex(*[len(axis) for axis in axes]):
        place, outside, weight = 0, False, 1.0
        for a in reversed(range(len(sizes))):
            own, share = axes[a][which[a]]
            place, outside, weight = place * sizes[a] + own, outside | (own < 0), share * weight
        index = from_array(np.where(outside, 0, place)[:, None]).expand(*planes.shape[:2], -1)
        seen = from_array(np.asarray(~outside, planes.detach().numpy().dtype)[:, None])
        total = total + planes.gather(2, index) * (weight.unsqueeze(1) * seen)
    return total.reshape(*input.shape[:2], *grid.shape[1:-1])


def _grid_second(step, g):
    return step.through(g, (step.x, step.grid), lambda input, grid: _grid_composed(
        input, grid, step.mode, step.padding_mode, step.align_corners))


for _op in GRID_SAMPLE.values():
    _op.second(_grid_second)


def _aligned(align_corners):
    """False, with PyTorch's warning, where programs do not say."""
    if align_corners is None:
        warnings.warn("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
                      "Please specify align_corners=True if the old behavior is desired. See the documentation of "
                      "grid_sample for details.", stacklevel=3)
    return bool(align_corners)


@operation("nn")
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """Planes or volumes at the positions that a grid names, interpolated: spatial transformers' sampler.

    ``y[n, c, i, j] = input[n, c, v, u]`` with ``(u, v) = ((grid[n, i, j] + 1) (W, H) - 1) / 2``, or with aligned
    corners ``(grid[n, i, j] + 1) (W - 1, H - 1) / 2``. Jaderberg, Simonyan, Zisserman, Kavukcuoglu 2015.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (N, C, D, H, W)
    grid : Tensor (N, oH, oW, 2) or (N, oD, oH, oW, 3)
        Positions along W, H (and D), where -1 and 1 are the ends. NaN counts as -1, and infinite positions as far out.
    mode : {"bilinear", "nearest", "bicubic"}
        "bilinear" of volumes is trilinear; "bicubic" (Keys 1981, a = -0.75) takes planes alone; "nearest" has no
        gradient by the grid.
    padding_mode : {"zeros", "border", "reflection"}
        What is beyond the ends: 0, the outermost elements, or what mirrors at the ends show.
    align_corners : bool, optional
        Whether the ends are the centres of the outermost elements; else, and by default, their outer edges.

    Returns
    -------
    Tensor (N, C, oH, oW) or (N, C, oD, oH, oW)

    Raises
    ------
    ValueError
        Another mode or padding mode.
    RuntimeError
        Shapes or dtypes that do not fit.
    NotImplementedError
        Tensors that are not float32 or float64.

    Examples
    --------
    >>> x = fastnn.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> F.grid_sample(x, fastnn.tensor([[[[-1.0, -1.0], [0.0, 0.0], [1.0, 0.0]]]]), align_corners=True)
    tensor([[[[1.0000, 2.5000, 3.0000]]]])
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but "
                         f"got: '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
                         f"'reflection', but got: '{padding_mode}'")
    align_corners = _aligned(align_corners)
    need_tensors("grid_sample", input, grid)
    x, at = input.detach().numpy(), grid.detach().numpy()
    if x.dtype == at.dtype and x.dtype.name not in ("float32", "float64"):
        raise NotImplementedError(f"grid_sample: not implemented for {input.dtype}")
    y = K.grid_sample_forward(x, at, mode, padding_mode, align_corners)
    return record(y, GRID_SAMPLE[x.ndim], (input, grid),
                  (x, at, mode, padding_mode, align_corners, (input.requires_grad, grid.requires_grad)), (input, grid))


@operation("nn")
def affine_grid(theta, size, align_corners=None):
    """The grid for `grid_sample` that an affine transform gives: ``grid[n, i, j] = theta[n] (x_j, y_i, 1)``.

    x_j and y_i are from -1 to 1: the outputs' centres between edges at -1 and 1, or with aligned corners the outermost
    ones at -1 and 1 (0 where there is one alone). Jaderberg et al. 2015.

    Parameters
    ----------
    theta : Tensor (N, 2, 3) or (N, 3, 4)
    size : sequence of ints
        The output's, (N, C, H, W) or (N, C, D, H, W).
    align_corners : bool, optional
        As in `grid_sample`.

    Returns
    -------
    Tensor (N, H, W, 2) or (N, D, H, W, 3)

    Raises
    ------
    ValueError
        theta of another shape or of integers; sizes that are not positive.
    NotImplementedError
        Sizes of other lengths.

    Examples
    --------
    >>> F.affine_grid(fastnn.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    need_tensors("affine_grid", theta)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    dims = len(size) - 2
    if dims not in (2, 3):
        raise NotImplementedError(f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {list(size)}.")
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (dims, dims + 1):
        raise ValueError(f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size "
                         f"{list(size)}. Got {theta.shape}.")
    if not all(hasattr(n, "__index__") for n in size):
        raise TypeError(f"affine_grid(): argument 'size' must be tuple of ints, got {list(size)}")
    size = [int(n) for n in size]
    align_corners = _aligned(align_corners)
    if align_corners and min(size[2:]) == 1:
        warnings.warn("Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
                      "align_corners=True. This is not an intended use case of affine_grid. See the documentation of "
                      "affine_grid for details.", stacklevel=2)
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if size[0] != theta.shape[0]:
        raise ShapeError(f"affine_grid: expected theta of {size[0]} samples, as in size {size}, got "
                         f"{tuple(theta.shape)}")
    room("affine_grid", (size[0], *size[2:], dims), theta.itemsize)
    ends = [np.zeros(1) if n == 1 else np.linspace(-1, 1, n) * (1 if align_corners else (n - 1) / n) for n in size[2:]]
    positions = np.stack([*np.meshgrid(*ends, indexing="ij")[::-1], np.ones(size[2:])], -1).reshape(-1, dims + 1)
    base = from_array(positions.astype(theta.detach().numpy().dtype))
    return linear.matmul(base, theta.transpose(1, 2)).reshape(size[0], *size[2:], dims)
