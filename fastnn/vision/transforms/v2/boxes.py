"""What becomes of boxes (N, 4) when their image is moved: (numbers, size of the image) for each operation."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import from_array
from fastnn.ops.joining import cat
from fastnn.vision.transforms import warping
from fastnn.vision.transforms.geometry import pair
from fastnn.vision.tv_tensors import BoundingBoxFormat

XYXY = BoundingBoxFormat.XYXY


def convert(boxes, old, new):
    """The numbers of boxes in another format; halves of integers are cut off as in torchvision."""
    if old is new:
        return boxes.clone()
    whole = not boxes.dtype.is_floating_point
    first, second = boxes[..., :2], boxes[..., 2:]
    if old is BoundingBoxFormat.XYWH:
        corners = cat([first, first + second], -1)
    elif old is BoundingBoxFormat.CXCYWH:
        first, second = (first.float(), second.float()) if whole else (first, second)
        low = first - second / 2
        corners = cat([low, low + second], -1).to(boxes.dtype)
    else:
        corners = boxes
    if new is XYXY:
        return corners
    low, high = corners[..., :2], corners[..., 2:]
    size = high - low
    if new is BoundingBoxFormat.XYWH:
        return cat([low, size], -1)
    if old is BoundingBoxFormat.XYWH:
        return cat([low + size.div(2, rounding_mode="floor" if whole else None), size], -1)
    return cat([(low * 2 + size).div(2, rounding_mode="floor" if whole else None), size], -1)


def clamp(boxes, format, canvas_size, clamping_mode):
    """Boxes cut to their image."""
    if clamping_mode is None:
        return boxes.clone()
    height, width = canvas_size
    corners = convert(boxes if boxes.dtype.is_floating_point else boxes.float(), format, XYXY)
    corners = cat([corners[..., 0::2].clamp(0, width), corners[..., 1::2].clamp(0, height)], -1)[..., [0, 2, 1, 3]]
    return convert(corners, XYXY, format).to(boxes.dtype)


def _mirrored(boxes, like, axis):
    corners = convert(boxes, like.format, XYXY)
    size = like.canvas_size[1 - axis]
    low, high = size - corners[..., axis + 2:axis + 3], size - corners[..., axis:axis + 1]
    other = corners[..., 1 - axis::2]
    parts = [low, other[..., :1], high, other[..., 1:]]
    return cat(parts if axis == 0 else [parts[1], parts[0], parts[3], parts[2]], -1)


def _flip(boxes, like, axis):
    size = like.canvas_size[1 - axis]
    if like.format is BoundingBoxFormat.CXCYWH:  # exact for integers too
        out = boxes.clone()
        out[..., axis] = size - boxes[..., axis]
        return out, like.canvas_size
    return convert(_mirrored(boxes, like, axis), XYXY, like.format), like.canvas_size


def hflip(boxes, like):
    return _flip(boxes, like, 0)


def vflip(boxes, like):
    return _flip(boxes, like, 1)


def resize(boxes, like, size, max_size=None, **_):
    h, w = like.canvas_size
    height, width = resized(h, w, size, max_size)
    ratios = from_array(np.array([width / w, height / h] * 2, np.float32))
    return boxes.mul(ratios).to(boxes.dtype), (height, width)


def resized(h, w, size, max_size=None):
    """(height, width) of an image (h, w) after `resize`."""
    if size is None:
        return (max_size, int(max_size * w / h)) if h >= w else (int(max_size * h / w), max_size)
    if isinstance(size, int) or len(size) == 1:
        shorter = size if isinstance(size, int) else size[0]
        longer = int(shorter * max(h, w) / min(h, w))
        if max_size is not None and longer > max_size:
            shorter, longer = int(max_size * shorter / longer), max_size
        return (shorter, longer) if h <= w else (longer, shorter)
    return tuple(size)


def _shift(boxes, like, left, top):
    by = np.array([left, top] * 2 if like.format is XYXY else [left, top, 0, 0], boxes.dtype.numpy)
    return boxes + from_array(by)


def crop(boxes, like, top, left, height, width):
    return clamp(_shift(boxes, like, -left, -top), like.format, (height, width), like.clamping_mode), (height, width)


def center_crop(boxes, like, output_size):
    (h, w), (height, width) = like.canvas_size, pair(output_size)
    return crop(boxes, like, int(round((h - height) / 2.0)), int(round((w - width) / 2.0)), height, width)


def pad(boxes, like, padding, fill=None, padding_mode="constant"):
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with bounding boxes")
    sides = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = sides * (4 // len(sides))
    size = like.canvas_size[0] + top + bottom, like.canvas_size[1] + left + right
    return clamp(_shift(boxes, like, left, top), like.format, size, like.clamping_mode), size


def _warp(boxes, like, move, size, early=False):
    """Boxes around the corners after `move` of points (N, 4, 2); `early` rounds before they are in their format."""
    if boxes.numel() == 0:
        return boxes, size
    numbers = boxes if early or boxes.dtype.is_floating_point else boxes.float()
    corners = convert(numbers, like.format, XYXY).reshape(-1, 4)
    points = move(corners[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2))
    around = cat([points.amin(1), points.amax(1)], -1)
    around = around.to(boxes.dtype) if early else around
    around = convert(clamp(around, XYXY, size, like.clamping_mode), XYXY, like.format)
    return around.reshape(boxes.shape).to(boxes.dtype), size


def affine(boxes, like, angle, translate, scale, shear, center=None, expand=False, **_):
    h, w = like.canvas_size
    shear = [shear, 0.0] if isinstance(shear, (int, float)) else list(shear) * (2 if len(shear) == 1 else 1)
    center = [w * 0.5, h * 0.5] if center is None else center
    inverse = warping.inverse_matrix(center, angle, translate, scale, shear)
    matrix = np.linalg.inv(np.vstack([inverse, [0, 0, 1]]))[:2]
    real = boxes.dtype.numpy if boxes.dtype.is_floating_point else np.float32
    linear, shift = from_array(matrix[:, :2].T.astype(real)), matrix[:, 2].astype(real)
    size = h, w
    if expand:
        edges = np.array([[0, 0], [0, h], [w, h], [w, 0]], real) @ matrix[:, :2].T.astype(real) + shift
        shift = shift - edges.min(0)
        size = tuple(reversed(warping.turned_size(inverse, w, h)))
    return _warp(boxes, like, lambda points: points @ linear + from_array(shift), size)


def rotate(boxes, like, angle, interpolation=None, expand=False, center=None, fill=None):
    return affine(boxes, like, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)


def perspective(boxes, like, startpoints, endpoints, interpolation=None, fill=None, coefficients=None):
    if coefficients is None:
        coefficients = warping.perspective_coefficients(startpoints, endpoints)
    matrix = np.append(np.asarray(coefficients, np.float64), 1.0).reshape(3, 3)
    if matrix[0, 0] * matrix[1, 1] == matrix[0, 1] * matrix[1, 0]:
        raise RuntimeError(f"Provided perspective_coeffs {list(coefficients)} can not be inverted to transform "
                           "bounding boxes.")
    inverse = np.linalg.inv(matrix)
    inverse /= inverse[2, 2]
    real = boxes.dtype.numpy if boxes.dtype.is_floating_point else np.float32
    linear, shift = from_array(inverse[:, :2].T.astype(real)), from_array(inverse[:, 2].astype(real))

    def move(points):
        out = points @ linear + shift
        return out[..., :2] / out[..., 2:]
    return _warp(boxes, like, move, like.canvas_size)


def elastic(boxes, like, displacement, interpolation=None, fill=None):
    """By the displacement at the corners, backwards: torchvision's approximation."""
    h, w = like.canvas_size
    if tuple(displacement.shape) != (1, h, w, 2):
        raise ValueError(f"Argument displacement shape should be {(1, h, w, 2)}, but given {tuple(displacement.shape)}")
    offsets = displacement.detach().numpy()[0]

    def move(points):
        spot = np.ceil(points.detach().numpy()).astype(np.int64)
        x, y = np.clip(spot[..., 0], 0, w - 1), np.clip(spot[..., 1], 0, h - 1)
        half = np.array([w, h], np.float32) * np.float32(0.5)
        moved = np.stack([x, y], -1).astype(np.float32) - offsets[y, x] * half
        return from_array(moved)
    return _warp(boxes, like, move, like.canvas_size, True)


def resized_crop(boxes, like, top, left, height, width, size, **_):
    numbers, canvas = crop(boxes, like, top, left, height, width)
    return resize(numbers, type(like)._with(numbers, like.format, canvas, like.clamping_mode), size)


def valid(boxes, format, canvas_size, min_size=1.0, min_area=1.0):
    """Which boxes lie in their image and are not too small, (N,) of bool."""
    corners = convert(boxes, format, XYXY)
    h, w = canvas_size
    size = corners[:, 2:] - corners[:, :2]
    fits = (size >= min_size).all(-1) & (corners >= 0).all(-1) & (size[:, 0] * size[:, 1] >= min_area)
    limits = from_array(np.array([w, h, w, h], np.float32))
    return fits & (corners.to(dtypes.float32) <= limits).all(-1)
