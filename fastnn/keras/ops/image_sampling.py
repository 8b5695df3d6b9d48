"""Images sampled at other positions: affine, perspective and elastic maps."""
import itertools

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config, random
from fastnn.keras.layers import images as _images
from fastnn.keras.ops.common import floating, tensor
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of
from fastnn.nn import functional as F
from fastnn.ops.indexing import where as _where


def _batch(images, data_format):
    """(images as a batch, whether it was a single one, whether channels come last)"""
    x, last = tensor(images), config.standardize_data_format(data_format) == "channels_last"
    if x.ndim not in (3, 4):
        raise ValueError(f"Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). Received "
                         f"input with shape: images.shape={tuple(x.shape)}")
    return (x.unsqueeze(0), True, last) if x.ndim == 3 else (x, False, last)


def _checked(interpolation, fill_mode="constant"):
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"Invalid value for argument `interpolation`. Expected of one {{'nearest', 'bilinear'}}. "
                         f"Received: interpolation={interpolation}")
    if fill_mode not in _images.FILL_MODES:
        raise ValueError(f"Invalid value for argument `fill_mode`. Expected of one {set(_images.FILL_MODES)}. "
                         f"Received: fill_mode={fill_mode}")


@operation
def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0,
                     data_format=None):
    """Images sampled along an affine map: pixel (x, y) is that of the inputs at
    ``(a0 * x + a1 * y + a2, b0 * x + b1 * y + b2)``.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    transform : tensor (8,) or (batch, 8)
        a0, a1, a2, b0, b1, b2, 0, 0.
    interpolation : {"bilinear", "nearest"}
    fill_mode : {"constant", "nearest", "wrap", "mirror", "reflect"}
        What lies outside.
    fill_value : float
        For "constant".
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Another mode, or a transform of another rank.

    Examples
    --------
    >>> x = np.arange(4.0).reshape(2, 2, 1)
    >>> keras.ops.image.affine_transform(x, np.array([1.0, 0, 1, 0, 1, 0, 0, 0])).squeeze(-1)
    tensor([[1., 0.],
            [3., 0.]], dtype=torch.float64)
    """
    _checked(interpolation, fill_mode)
    x, alone, last = _batch(images, data_format)
    matrices = array_of(tensor(transform))
    if matrices.ndim not in (1, 2):
        raise ValueError(f"Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of transforms). "
                         f"Received input with shape: transform.shape={matrices.shape}")
    matrices = np.broadcast_to(matrices.reshape(-1, matrices.shape[-1])[:, :6], (len(x), 6))
    made = _images.affine(x, matrices, interpolation, fill_mode, fill_value, last)
    return made[0] if alone else made


@operation
def perspective_transform(images, start_points, end_points, interpolation="bilinear", fill_value=0, data_format=None):
    """Images moved so that four points come to others.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    start_points, end_points : tensor (4, 2) or (batch, 4, 2)
        (x, y) before and after.
    interpolation : {"bilinear", "nearest"}
    fill_value : float
        What lies outside.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Points of another shape.

    Examples
    --------
    >>> x, corners = np.ones((4, 4, 1)), np.array([[0.0, 0], [3, 0], [0, 3], [3, 3]])
    >>> bool((keras.ops.image.perspective_transform(x, corners, corners) == x).all())
    True
    """
    _checked(interpolation)
    x, alone, last = _batch(images, data_format)
    starts, ends = (array_of(tensor(points)).astype(np.float64) for points in (start_points, end_points))
    for name, points in (("start_points", starts), ("end_points", ends)):
        if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2):
            raise ValueError(f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch. "
                             f"Received shape: {points.shape}")
    if starts.shape != ends.shape:
        raise ValueError(f"start_points and end_points must have the same shape. Received "
                         f"start_points.shape={starts.shape}, end_points.shape={ends.shape}")
    maps = np.broadcast_to(homographies(starts.reshape(-1, 4, 2), ends.reshape(-1, 4, 2)), (len(x), 8))
    height, width = x.shape[1:3] if last else x.shape[2:4]
    rows, columns = np.arange(height)[None, :, None], np.arange(width)[None, None, :]
    a = [maps[:, i, None, None] for i in range(8)]
    below = a[6] * columns + a[7] * rows + 1.0
    coordinates = [((a[i] * columns + a[i + 1] * rows + a[i + 2]) / below).astype(np.float32) for i in (3, 0)]
    made = _images.sampled(x, coordinates, interpolation, "constant", fill_value, last)
    return made[0] if alone else made


def homographies(starts, ends):
    """Maps that take the ends to the starts, as eight coefficients of a perspective transform.

    Parameters
    ----------
    starts, ends : array (count, 4, 2)

    Returns
    -------
    array (count, 8)

    Examples
    --------
    >>> corners = np.array([[[0.0, 0], [1, 0], [0, 1], [1, 1]]])
    >>> (homographies(corners, corners).round(3) + 0.0).tolist()
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]
    """
    (x, y), (u, v) = np.moveaxis(ends, -1, 0), np.moveaxis(starts, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    matrix, target = np.concatenate([first, second], 1), np.concatenate([u, v], 1)
    return np.linalg.solve(matrix, target[..., None])[..., 0]


@operation
def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """Values of a tensor at positions between its elements.

    Parameters
    ----------
    inputs : tensor
    coordinates : tensor (rank, ...)
        ``coordinates[i]`` are positions along axis i.
    order : {0, 1}
        Nearest element, or linear interpolation.
    fill_mode : {"constant", "nearest", "wrap", "mirror", "reflect"}
        What lies outside.
    fill_value : float
        For "constant".

    Returns
    -------
    Tensor (...)

    Raises
    ------
    NotImplementedError
        `order` above 1.
    ValueError
        Coordinates of another shape.

    Examples
    --------
    >>> keras.ops.image.map_coordinates(np.array([0.0, 10.0, 20.0]), np.array([[0.5, 1.25]]), order=1)
    tensor([ 5.0000, 12.5000], dtype=torch.float64)
    """
    x, coordinates = tensor(inputs), array_of(tensor(coordinates))
    if len(coordinates) != x.ndim:
        raise ValueError(f"First dim of `coordinates` must be the same as the rank of `inputs`. Received inputs with "
                         f"shape: {tuple(x.shape)} and coordinate leading dim of {len(coordinates)}")
    if coordinates.ndim < 2:
        raise ValueError(f"Invalid coordinates rank: expected at least rank 2. Received input with shape: "
                         f"{coordinates.shape}")
    _checked("nearest", fill_mode)
    if order not in (0, 1):
        raise NotImplementedError("map_coordinates currently requires order<=1")
    nodes = []
    for coordinate in coordinates:
        low = np.floor(coordinate) if order else np.round(coordinate)
        at = low.astype(np.int64)
        nodes.append([(at, 1 - (coordinate - low)), (at + 1, coordinate - low)] if order else [(at, 1.0)])
    flat, total = x.reshape(-1), 0
    for corner in itertools.product(*nodes):
        index, weight, inside = 0, 1.0, True
        for (at, share), size in zip(corner, x.shape):
            index = index * size + _images._fixed(at, size, fill_mode)
            weight, inside = weight * share, inside & (at >= 0) & (at < size)
        found = flat.index_select(0, from_array(index.ravel())).reshape(index.shape)
        if fill_mode == "constant":
            found = _where(from_array(inside), found, (found * 0 + fill_value).to(found.dtype))
        total = total + (found * from_array(np.asarray(weight, coordinates.dtype)) if order else found)
    if not x.is_floating_point() and total.is_floating_point():
        total = total.round()
    return total.to(x.dtype)


def _bell(size, sigma, dtype):
    """The normal distribution at `size` positions, as weights."""
    found = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return (found / found.sum()).astype(dtype)


@operation
def elastic_transform(images, alpha=20.0, sigma=5.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
                      seed=None, data_format=None):
    """Images whose pixels are moved by smooth random fields (Simard et al., 2003).

    The fields are normal numbers of deviation `sigma`, blurred by `sigma`, times `alpha`.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    alpha, sigma : float
    interpolation, fill_mode, fill_value
        As in `affine_transform`.
    seed : int or SeedGenerator, optional
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.image.elastic_transform(np.ones((4, 4, 1)), seed=0).shape
    torch.Size([4, 4, 1])
    """
    _checked(interpolation, fill_mode)
    x, alone, last = _batch(images, data_format)
    height, width = x.shape[1:3] if last else x.shape[2:4]
    sigma, size = float(sigma), int(6 * float(sigma)) | 1
    noise = array_of(random.normal((2 * len(x), 1, height, width), 0.0, sigma, seed=seed))
    bell = _bell(size, sigma, np.float32)
    moves = F.conv2d(from_array(noise), from_array(bell[None, None, None]), None, 1, (0, size // 2))
    moves = array_of(F.conv2d(moves, from_array(bell[None, None, :, None]), None, 1, (size // 2, 0)))[:, 0]
    right, down = float(alpha) * moves[:len(x)], float(alpha) * moves[len(x):]
    coordinates = np.arange(height)[None, :, None] + down, np.arange(width)[None, None, :] + right
    made = _images.sampled(x, coordinates, interpolation, fill_mode, fill_value, last)
    return made[0] if alone else made


@operation
def scale_and_translate(images, output_shape, scale, translation, spatial_dims, method, antialias=True):
    """Tensor scaled and moved along axes: position i comes from ``(i + 0.5 - translation) / scale - 0.5``.

    Parameters
    ----------
    images : tensor
    output_shape : tuple
    scale, translation : tensor
        A number for each of `spatial_dims`.
    spatial_dims : sequence of int
        Axes.
    method : {"linear", "cubic", "lanczos3", "lanczos5"}
        "cubic" is Keys' (1981); "bilinear", "trilinear", "bicubic" and "tricubic" are accepted.
    antialias : bool
        Whether to smooth what is made smaller.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Another method.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> keras.ops.image.scale_and_translate(x, (2,), [0.5], [0.0], (0,), "linear", antialias=False)
    tensor([0.5000, 2.5000], dtype=torch.float64)
    """
    names = {**dict.fromkeys(("linear", "bilinear", "trilinear"), "linear"),
             **dict.fromkeys(("cubic", "bicubic", "tricubic"), "cubic"), "lanczos3": "lanczos3",
             "lanczos5": "lanczos5"}
    if method not in names:
        raise ValueError(f"Invalid value for argument `method`. Expected of one {set(names)}. Received: "
                         f"method={method}")
    x = tensor(images)
    y = floating(x)
    scales, moves = (array_of(tensor(each)).ravel().astype(np.float64) for each in (scale, translation))
    for i, axis in enumerate(spatial_dims):
        y = _images.weighted(y, axis % x.ndim, output_shape[axis], scales[i], moves[i], names[method], antialias)
    return y if x.is_floating_point() else y.round().clamp(float(x.min()), float(x.max())).to(x.dtype)
