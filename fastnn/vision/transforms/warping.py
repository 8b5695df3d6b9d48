"""Operations that bend an image: rotation, shear, perspective, elastic distortion.

Each finds for every pixel of the result the point of the image that it comes from, and the colour there.
"""
import math
import numbers

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops.indexing import index_select, where
from fastnn.vision.transforms.geometry import as_dtype, as_float, background, interpolation_mode
from fastnn.vision.transforms.images import (
    InterpolationMode, check_image, get_dimensions, image_from_array, is_pil, pillow)

__all__ = ["affine", "elastic_transform", "perspective", "rotate"]


def _mode(interpolation, op):
    mode = interpolation_mode(interpolation)
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ValueError(f"{op}: expected interpolation nearest or bilinear for a Tensor, got {mode.value}")
    return mode


def _resampling(interpolation, op):
    return getattr(pillow(op).Resampling, interpolation_mode(interpolation).name)


def _colour(fill, image, op):
    """What a PIL image is filled with: a number or one for each channel."""
    channels = len(image.getbands())
    values = list(fill) if isinstance(fill, (list, tuple)) else [0 if fill is None else fill]
    if len(values) not in (1, channels):
        raise ShapeError(f"{op}: the number of elements in 'fill' does not match the number of channels of the image "
                         f"({len(values)} != {channels})")
    if image.mode != "F":
        values = [int(value) for value in values]
    return tuple(values * channels if len(values) == 1 else values) if channels > 1 else values[0]


def rotate(image, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    """The image rotated counter-clockwise.

    Same as torchvision.transforms.functional.rotate.

    Parameters
    ----------
    image : Tensor or PIL image
    angle : float
        In degrees.
    interpolation : InterpolationMode
        NEAREST or BILINEAR (for PIL images BICUBIC as well).
    expand : bool
        Whether the result is enlarged to hold the whole image (with `center` None).
    center : (x, y), optional
        Default the middle.
    fill : number or sequence of a number for each channel, optional
        What lies outside; default 0.

    Raises
    ------
    ValueError
        Another interpolation for a Tensor.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.rotate(fastnn.tensor([[[1, 2], [3, 4]]]), 90)
    tensor([[[2, 4],
             [1, 3]]])
    """
    check_image(image, "rotate")
    if is_pil(image):
        fill = tuple(fill) if isinstance(fill, (list, tuple)) and len(image.getbands()) > 1 else fill
        fill = fill[0] if isinstance(fill, (list, tuple)) and len(image.getbands()) == 1 else fill
        return image.rotate(angle, _resampling(interpolation, "rotate"), expand, center, fillcolor=fill)
    mode = _mode(interpolation, "rotate")
    h, w = image.shape[-2:]
    cx, cy = (0.0, 0.0) if center is None else (center[0] - w / 2, center[1] - h / 2)
    matrix = inverse_matrix((cx, cy), -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    width, height = turned_size(matrix, w, h) if expand else (w, h)
    work = as_float(image)
    return _sample(image, work, *_linear(matrix, w, h, width, height, work.dtype.numpy.type), mode, fill)


def inverse_matrix(center, angle, translate, scale, shear):
    """(2, 3): from points of the result to those of the image, of a rotation with shear, scale and shift."""
    rotation, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a = math.cos(rotation - sy) / math.cos(sy)
    b = -a * math.tan(sx) - math.sin(rotation)
    c = math.sin(rotation - sy) / math.cos(sy)
    d = -c * math.tan(sx) + math.cos(rotation)
    inverse = np.array([[d, -b], [-c, a]]) / scale
    (cx, cy), (tx, ty) = center, translate
    shift = [row[0] * (-cx - tx) + row[1] * (-cy - ty) + c for row, c in zip(inverse, (cx, cy))]
    return np.column_stack([inverse, shift])


def _linear(matrix, w, h, width, height, real):
    """Points (x, y) of an image (h, w) for the pixels of a result (height, width)."""
    # Of pixels counted from the middle of the result, in fractions of half the image, and in its dtype, as torchvision.
    scaled = matrix.astype(real) / np.array([[w / 2], [h / 2]], real)
    x = (np.arange(width) - width / 2 + 0.5).astype(real)
    y = (np.arange(height) - height / 2 + 0.5).astype(real)[:, None]
    return [_pixel(x * a + y * b + c, size, real) for (a, b, c), size in zip(scaled, (w, h))]


def _pixel(fraction, size, real):
    """From -1 to 1 over an axis to numbers of its pixels."""
    return ((fraction + 1) * real(size) - 1) / 2


def _sample(image, work, sx, sy, mode, fill):
    """The colours at the points (sx, sy); `work` is the image as floating-point numbers."""
    h, w = image.shape[-2:]
    if mode is InterpolationMode.NEAREST:
        row, column = np.rint(sy), np.rint(sx)
        return where(from_array(_inside(row, column, h, w)), _pixels(image, row, column), background(fill, image))
    row, column = np.floor(sy), np.floor(sx)
    out, mask = 0, np.zeros(row.shape, work.dtype.numpy)
    for step_y, share_y in ((0, row + 1 - sy), (1, sy - row)):
        for step_x, share_x in ((0, column + 1 - sx), (1, sx - column)):
            share = share_y * share_x * _inside(row + step_y, column + step_x, h, w)
            mask += share
            out = out + _pixels(work, row + step_y, column + step_x) * from_array(share)
    if fill is not None:  # weighed once more, as in torchvision
        out = out * from_array(mask) + from_array(1 - mask) * background(fill, work)
    return as_dtype(out, image.dtype)


def turned_size(matrix, w, h):
    """(width, height) of the rectangle that holds the whole rotated image."""
    corners = np.array([[-w, -h], [-w, h], [w, h], [w, -h]], np.float32) / 2
    centre = np.float32([w / 2, h / 2])
    corners = corners @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32) + centre
    low, high = np.trunc(corners.min(0) / 1e-4) * 1e-4, np.trunc(corners.max(0) / 1e-4) * 1e-4
    return (np.ceil(high) - np.floor(low)).astype(int).tolist()


def _inside(row, column, h, w):
    return (row >= 0) & (row < h) & (column >= 0) & (column < w)


def _pixels(image, row, column):
    """The pixels at given positions; where those lie outside, some other pixels."""
    h, w = image.shape[-2:]
    place = np.clip(row, 0, h - 1) * w + np.clip(column, 0, w - 1)
    found = index_select(image.flatten(-2), -1, from_array(place.astype(np.int64).ravel()))
    return found.unflatten(-1, row.shape)


def affine(image, angle, translate, scale, shear, interpolation=InterpolationMode.NEAREST, fill=None, center=None):
    """The image rotated clockwise, sheared, scaled and moved.

    Same as torchvision.transforms.functional.affine.

    Parameters
    ----------
    image : Tensor or PIL image
    angle : float
        In degrees.
    translate : (x, y)
        In pixels.
    scale : float
        Above 0.
    shear : float or (x, y)
        In degrees.
    interpolation : InterpolationMode
        NEAREST or BILINEAR (for PIL images BICUBIC as well).
    fill : number or sequence of a number for each channel, optional
        What lies outside; default 0.
    center : (x, y), optional
        Of rotation, shear and scale; default the middle.

    Raises
    ------
    TypeError
        An argument is neither number nor sequence, as it should be.
    ValueError
        A sequence of another length, a scale that is not positive, another interpolation for a Tensor.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.affine(fastnn.tensor([[[1, 2], [3, 4]]]), 0, [1, 0], 1.0, 0.0)
    tensor([[[0, 1],
             [0, 3]]])
    """
    check_image(image, "affine")
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, (list, tuple)):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if not scale > 0:
        raise ValueError("Argument scale should be positive")
    if not isinstance(shear, (numbers.Number, list, tuple)):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    shear = [shear, 0.0] if isinstance(shear, numbers.Number) else list(shear) * (2 if len(shear) == 1 else 1)
    if len(shear) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    _, h, w = get_dimensions(image)
    if is_pil(image):
        matrix = inverse_matrix((w / 2, h / 2) if center is None else center, angle, translate, scale, shear)
        return image.transform(image.size, pillow("affine").Transform.AFFINE, matrix.ravel().tolist(),
                               _resampling(interpolation, "affine"), fillcolor=_colour(fill, image, "affine"))
    mode, work = _mode(interpolation, "affine"), as_float(image)
    middle = (0.0, 0.0) if center is None else (center[0] - w / 2, center[1] - h / 2)
    matrix = inverse_matrix(middle, angle, translate, scale, shear)
    return _sample(image, work, *_linear(matrix, w, h, w, h, work.dtype.numpy.type), mode, fill)


def perspective(image, startpoints, endpoints, interpolation=InterpolationMode.BILINEAR, fill=None):
    """The image as it looks from elsewhere: four points of it come to lie on four others.

    Same as torchvision.transforms.functional.perspective.

    Parameters
    ----------
    image : Tensor or PIL image
    startpoints, endpoints : four points (x, y)
        Of the image and of the result: top left, top right, bottom right, bottom left.
    interpolation : InterpolationMode
        NEAREST or BILINEAR (for PIL images BICUBIC as well).
    fill : number or sequence of a number for each channel, optional
        What lies outside; default 0.

    Raises
    ------
    ValueError
        There are others than four points, or another interpolation for a Tensor.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> corners = [[0, 0], [2, 0], [2, 2], [0, 2]]
    >>> moved = [[1, 0], [3, 0], [3, 2], [1, 2]]
    >>> functional.perspective(fastnn.ones(1, 2, 3), corners, moved)
    tensor([[[0., 1., 1.],
             [0., 1., 1.]]])
    """
    check_image(image, "perspective")
    return seen(image, perspective_coefficients(startpoints, endpoints), interpolation, fill)


def seen(image, coefficients, interpolation, fill):
    """`perspective` by its coefficients."""
    if is_pil(image):
        return image.transform(image.size, pillow("perspective").Transform.PERSPECTIVE, list(map(float, coefficients)),
                               _resampling(interpolation, "perspective"),
                               fillcolor=_colour(fill, image, "perspective"))
    mode, work = _mode(interpolation, "perspective"), as_float(image)
    h, w = image.shape[-2:]
    real = work.dtype.numpy.type
    a, b, c, d, e, f, g, k = np.asarray(coefficients).astype(real)
    x, y = (np.arange(w) + 0.5).astype(real), (np.arange(h) + 0.5).astype(real)[:, None]
    below = x * g + y * k + 1
    half_w, half_h = real(w / 2), real(h / 2)
    sx = _pixel((x * (a / half_w) + y * (b / half_w) + c / half_w) / below - 1, w, real)
    sy = _pixel((x * (d / half_h) + y * (e / half_h) + f / half_h) / below - 1, h, real)
    return _sample(image, work, sx, sy, mode, fill)


def perspective_coefficients(startpoints, endpoints):
    """float32 (8,): x -> (a x + b y + c) / (g x + h y + 1), y -> (d x + e y + f) / (g x + h y + 1)."""
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(f"Please provide exactly four corners, got {len(startpoints)} startpoints and "
                         f"{len(endpoints)} endpoints.")
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    points = np.array(startpoints, np.float64).reshape(8)
    return np.linalg.lstsq(np.array(rows, np.float64), points, rcond=None)[0].astype(np.float32)


def elastic_transform(image, displacement, interpolation=InterpolationMode.BILINEAR, fill=None):
    """Each pixel taken from another point.

    Same as torchvision.transforms.functional.elastic_transform, but that no gradient goes to the displacement.

    Parameters
    ----------
    image : Tensor or PIL image
    displacement : Tensor
        (1, height, width, 2): along x and y, in fractions of half the image.
    interpolation : InterpolationMode
        NEAREST or BILINEAR.
    fill : number or sequence of a number for each channel, optional
        What lies outside; default 0.

    Raises
    ------
    TypeError
        The displacement is no Tensor.
    ValueError
        It has another shape, or the interpolation is another.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> displacement = fastnn.zeros(1, 1, 3, 2)
    >>> displacement[..., 0] = 2 / 3  # a pixel to the right
    >>> functional.elastic_transform(fastnn.tensor([[[1, 2, 3]]]), displacement)
    tensor([[[2, 3, 0]]])
    """
    check_image(image, "elastic_transform")
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    _, h, w = get_dimensions(image)
    if tuple(displacement.shape) != (1, h, w, 2):
        raise ShapeError(f"Argument displacement shape should be {(1, h, w, 2)}, but given "
                         f"{tuple(displacement.shape)}")
    if is_pil(image):
        array = np.array(image)
        planes = from_array(np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1)))
        out = elastic_transform(planes, displacement, interpolation, fill).numpy()
        return image_from_array(np.ascontiguousarray(out[0] if array.ndim == 2 else out.transpose(1, 2, 0)))
    mode, real = _mode(interpolation, "elastic_transform"), np.float32
    offsets = displacement.detach().numpy()[0].astype(real)
    sx, sy = (_pixel(np.linspace((1 - size) / size, (size - 1) / size, size, dtype=real).reshape(shape)
                     + offsets[..., axis], size, real)
              for axis, (size, shape) in enumerate(((w, (1, w)), (h, (h, 1)))))
    return _sample(image, image.to(dtypes.float32), sx, sy, mode, fill)
