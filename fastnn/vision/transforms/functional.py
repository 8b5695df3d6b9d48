"""Image operations as functions, under the names of ``torchvision.transforms.functional``.

An image is a Tensor (..., C, H, W), a NumPy array (H, W) or (H, W, C), or a PIL image. Pillow is needed for PIL images
alone.
"""
import enum
import math
import sys

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError

__all__ = ["InterpolationMode", "center_crop", "convert_image_dtype", "crop", "get_dimensions", "get_image_size",
           "hflip", "normalize", "pad", "pil_to_tensor", "resize", "rgb_to_grayscale", "rotate", "to_grayscale",
           "to_pil_image", "to_tensor", "vflip"]


class InterpolationMode(enum.Enum):
    """How `resize` and `rotate` find colours between pixels."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# ---- kinds of images ----

def pillow(why):
    """Pillow's Image module; ImportError that says what needs it."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(f"{why} needs Pillow (pip install Pillow); without it, begin the transform with "
                          "transforms.ToTensor(), which takes arrays") from None
    return Image


def is_pil(image):
    """Is it a PIL image? (Without importing Pillow: there is no such image before somebody did.)"""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def image_from_array(array):
    """The PIL image of a uint8 array (H, W) or (H, W, 3)."""
    return pillow("a data set that gives PIL images").fromarray(array)


def takes_arrays(transform):
    """Does the transform take uint8 arrays as they lie in a data set?"""
    return getattr(transform, "takes_arrays", False) is True


def array_of(image):
    """An array (H, W) or (H, W, C) of a PIL image."""
    if image.mode == "1":
        return 255 * np.array(image, np.uint8)
    if image.mode in ("I;16", "I;16L", "I;16B"):
        return np.array(image).astype(np.int32)
    return np.array(image)


def _name(image):
    return type(image).__name__


def _check_image(image, op):
    if not isinstance(image, Tensor) and not is_pil(image):
        raise TypeError(f"{op}: img should be PIL Image or Tensor. Got {_name(image)}")
    if isinstance(image, Tensor) and len(image.shape) < 2:
        raise ShapeError(f"{op}: expected a Tensor (..., H, W), got {tuple(image.shape)}")


def get_dimensions(image):
    """[channels, height, width]."""
    if isinstance(image, Tensor):
        return [image.shape[-3] if len(image.shape) > 2 else 1, image.shape[-2], image.shape[-1]]
    if isinstance(image, np.ndarray):
        return [image.shape[2] if image.ndim == 3 else 1, image.shape[0], image.shape[1]]
    return [len(image.getbands()), image.height, image.width]


def get_image_size(image):
    """[width, height]."""
    return get_dimensions(image)[:0:-1]


# ---- conversions ----

def scale_bytes(array):
    """uint8 to float32 in [0, 1]: a new array."""
    out = array.astype(np.float32)
    out /= np.float32(255)
    return out


def to_tensor(pic):
    """A PIL image or array (H, W) or (H, W, C) as a Tensor (C, H, W); uint8 becomes float32 in [0, 1].

    Raises
    ------
    TypeError
        Neither an image nor an array.
    ValueError
        An array of other than 2 or 3 dimensions.
    """
    if is_pil(pic):
        pic = array_of(pic)
    elif not isinstance(pic, np.ndarray):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if pic.ndim not in (2, 3):
        raise ShapeError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
    array = pic[None] if pic.ndim == 2 else pic.transpose(2, 0, 1)
    if array.dtype == np.uint8:
        return from_array(scale_bytes(np.ascontiguousarray(array)))
    return from_array(np.array(array, dtypes.from_numpy(array.dtype).numpy, order="C"))


def pil_to_tensor(pic):
    """A PIL image as a Tensor (C, H, W) of its own dtype."""
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    array = np.array(pic) if pic.mode != "1" else np.array(pic, np.uint8)
    return from_array(np.array(array[None] if array.ndim == 2 else array.transpose(2, 0, 1), order="C"))


def to_pil_image(pic, mode=None):
    """A Tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a PIL image; floats are scaled by 255."""
    image_module = pillow("to_pil_image")
    if isinstance(pic, Tensor):
        if len(pic.shape) not in (2, 3):
            raise ShapeError(f"pic should be 2/3 dimensional. Got {len(pic.shape)} dimensions.")
        array = pic.detach().numpy()
        array = array if array.ndim == 2 else array.transpose(1, 2, 0)
        if array.dtype.kind == "f" and mode != "F":
            array = (array * 255).astype(np.uint8)
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ShapeError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        array = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    channels = 1 if array.ndim == 2 else array.shape[2]
    if channels > 4:
        raise ShapeError(f"pic should not have > 4 channels. Got {channels} channels.")
    array = np.ascontiguousarray(array[:, :, 0] if array.ndim == 3 and channels == 1 else array)
    image = image_module.fromarray(array)
    return image.convert(mode) if mode is not None and mode != image.mode else image


def convert_image_dtype(image, dtype=None):
    """A Tensor image in another dtype, its values scaled to that dtype's range."""
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    source = image.detach().numpy()
    target = dtypes.to_numpy(dtype)
    if source.dtype == target:
        return image
    if source.dtype.kind == "f":
        if target.kind == "f":
            return from_array(source.astype(target))
        if (source.dtype, target) in ((np.float32, np.int32), (np.float32, np.int64), (np.float64, np.int64)):
            raise RuntimeError(f"The cast from {image.dtype} to {dtype} cannot be performed safely")
        return from_array((source * (np.iinfo(target).max + 1.0 - 1e-3)).astype(target))
    highest = np.iinfo(source.dtype).max
    if target.kind == "f":
        return from_array(source.astype(target) / target.type(highest))
    goal = np.iinfo(target).max
    if highest > goal:
        return from_array((source // ((highest + 1) // (goal + 1))).astype(target))
    return from_array(source.astype(target) * target.type((goal + 1) // (highest + 1)))


# ---- values ----

def _channels(values, array, axis, name):
    values = np.asarray(values, array.dtype).reshape(-1)
    if len(values) not in (1, array.shape[axis]):
        raise ShapeError(f"normalize: {name} of {len(values)} values does not fit {array.shape[axis]} channels")
    return values.reshape(-1, 1, 1)


def normalize_array(array, mean, std, inplace=False):
    """(array - mean) / std per channel of an array (..., C, H, W)."""
    mean, std = _channels(mean, array, -3, "mean"), _channels(std, array, -3, "std")
    if (std == 0).any():
        raise ValueError(f"std evaluated to zero after conversion to {array.dtype}, leading to division by zero.")
    out = np.subtract(array, mean, out=array if inplace else None)
    out /= std
    return out


def normalize(tensor, mean, std, inplace=False):
    """(tensor - mean) / std per channel of a float Tensor (..., C, H, W)."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.dtype.is_floating_point:
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if len(tensor.shape) < 3:
        raise ShapeError("Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = "
                         f"{tensor.shape}")
    result = normalize_array(tensor.detach().numpy(), mean, std, inplace)
    return tensor if inplace else from_array(result)


def rgb_to_grayscale(image, num_output_channels=1):
    """Grey values 0.2989 R + 0.587 G + 0.114 B of a Tensor (..., 3, H, W) or PIL image, in 1 or 3 channels."""
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    _check_image(image, "rgb_to_grayscale")
    if is_pil(image):
        grey = image.convert("L")
        return grey if num_output_channels == 1 else pillow("rgb_to_grayscale").merge("RGB", [grey] * 3)
    array = image.detach().numpy()
    if array.ndim < 3 or array.shape[-3] not in (1, 3):
        raise ShapeError("Input image tensor permitted channel values are 1 or 3, but found "
                         f"{get_dimensions(image)[0]}")
    if array.shape[-3] == 3:
        red, green, blue = (array[..., i, :, :].astype(np.result_type(array, np.float32)) for i in range(3))
        array = (0.2989 * red + 0.587 * green + 0.114 * blue).astype(array.dtype)[..., None, :, :]
    return from_array(np.repeat(array, num_output_channels, -3))


to_grayscale = rgb_to_grayscale


# ---- geometry ----

def hflip(image):
    """Mirror left and right."""
    _check_image(image, "hflip")
    if is_pil(image):
        return image.transpose(pillow("hflip").Transpose.FLIP_LEFT_RIGHT)
    return from_array(np.ascontiguousarray(image.detach().numpy()[..., ::-1]))


def vflip(image):
    """Mirror top and bottom."""
    _check_image(image, "vflip")
    if is_pil(image):
        return image.transpose(pillow("vflip").Transpose.FLIP_TOP_BOTTOM)
    return from_array(np.ascontiguousarray(image.detach().numpy()[..., ::-1, :]))


def crop(image, top, left, height, width):
    """The rectangle at (top, left); what lies outside of the image is 0."""
    _check_image(image, "crop")
    if is_pil(image):
        return image.crop((left, top, left + width, top + height))
    array = image.detach().numpy()
    h, w = array.shape[-2:]
    out = np.zeros((*array.shape[:-2], height, width), array.dtype)
    y0, y1, x0, x1 = max(top, 0), min(top + height, h), max(left, 0), min(left + width, w)
    if y0 < y1 and x0 < x1:
        out[..., y0 - top:y1 - top, x0 - left:x1 - left] = array[..., y0:y1, x0:x1]
    return from_array(out)


def pair(size, op="size"):
    """(height, width) of a number or of one or two numbers."""
    if isinstance(size, (int, float)):
        return int(size), int(size)
    if len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(f"{op}: please provide only two dimensions (h, w) for size, got {size}")
    return tuple(size)


def center_crop(image, output_size):
    """The middle, padded with 0 if the image is smaller."""
    height, width = pair(output_size)
    _, h, w = get_dimensions(image)
    if width > w or height > h:
        left, top = max((width - w) // 2, 0), max((height - h) // 2, 0)
        image = pad(image, [left, top, max((width - w + 1) // 2, 0), max((height - h + 1) // 2, 0)])
        _, h, w = get_dimensions(image)
        if (width, height) == (w, h):
            return image
    return crop(image, int(round((h - height) / 2.0)), int(round((w - width) / 2.0)), height, width)


PADDINGS = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def pad(image, padding, fill=0, padding_mode="constant"):
    """Borders around the image.

    Parameters
    ----------
    image : Tensor or PIL image
    padding : int or sequence
        For all sides; (left and right, top and bottom); or (left, top, right, bottom).
    fill : number
    padding_mode : {"constant", "edge", "reflect", "symmetric"}
    """
    _check_image(image, "pad")
    if padding_mode not in PADDINGS:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(sides)} element tuple")
    left, top, right, bottom = sides * (4 // len(sides))
    array = np.array(image) if is_pil(image) else image.detach().numpy()
    axes = (0, 1) if is_pil(image) else (array.ndim - 2, array.ndim - 1)
    if min(left, top, right, bottom) < 0:
        cut = [slice(None)] * array.ndim
        for axis, before, after in ((axes[0], top, bottom), (axes[1], left, right)):
            cut[axis] = slice(max(-before, 0), array.shape[axis] - max(-after, 0))
        array = array[tuple(cut)]
        left, top, right, bottom = (max(side, 0) for side in (left, top, right, bottom))
    widths = [(0, 0)] * array.ndim
    widths[axes[0]], widths[axes[1]] = (top, bottom), (left, right)
    if padding_mode == "constant" and isinstance(fill, (tuple, list)) and len(fill) > 1:
        shape = [size + before + after for size, (before, after) in zip(array.shape, widths)]
        out = np.empty(shape, array.dtype)
        out[...] = np.asarray(fill) if is_pil(image) else np.asarray(fill).reshape(-1, 1, 1)
        inner = tuple(slice(before, before + size) for size, (before, _) in zip(array.shape, widths))
        out[inner] = array
    else:
        fill = fill[0] if isinstance(fill, (tuple, list)) else fill
        options = {"constant_values": fill} if padding_mode == "constant" else {}
        out = np.pad(array, widths, PADDINGS[padding_mode], **options)
    return pillow("pad").fromarray(out) if is_pil(image) else from_array(np.ascontiguousarray(out))


def _mode(interpolation):
    if isinstance(interpolation, int):
        return {0: InterpolationMode.NEAREST, 2: InterpolationMode.BILINEAR, 3: InterpolationMode.BICUBIC,
                4: InterpolationMode.BOX, 5: InterpolationMode.HAMMING, 1: InterpolationMode.LANCZOS}[interpolation]
    return InterpolationMode(interpolation)


def _filter(mode):
    """(support, weight function) of a filter for resampling."""
    if mode is InterpolationMode.BILINEAR:
        return 1.0, lambda x: np.maximum(0.0, 1.0 - np.abs(x))
    if mode is InterpolationMode.BICUBIC:
        def cubic(x, a):
            x = np.abs(x)
            far = np.where(x < 2, ((x - 5) * x + 8) * x * a - 4 * a, 0.0)
            return np.where(x < 1, ((a + 2) * x - (a + 3)) * x * x + 1, far)
        return 2.0, cubic
    raise ValueError(f"resize: interpolation {mode.value!r} exists for PIL images alone")


def _weights(n, m, mode, antialias):
    """Matrix (m, n) that resamples n values to m."""
    scale = n / m
    centers = (np.arange(m) + 0.5) * scale
    if mode in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        source = np.arange(m) * scale if mode is InterpolationMode.NEAREST else centers
        return np.eye(n)[np.minimum(source.astype(np.int64), n - 1)]
    support, weight = _filter(mode)
    stretch = max(scale, 1.0) if antialias else 1.0
    if mode is InterpolationMode.BICUBIC:
        a = -0.5 if antialias else -0.75

        def shape(x):
            return weight(x, a)
    else:
        shape = weight
    if antialias:
        low = np.maximum((centers - support * stretch + 0.5).astype(np.int64), 0)
        high = np.minimum((centers + support * stretch + 0.5).astype(np.int64), n)
        positions = np.arange(n)
        matrix = shape((positions + 0.5 - centers[:, None]) / stretch)
        matrix *= (positions >= low[:, None]) & (positions < high[:, None])
        return matrix / matrix.sum(1, keepdims=True)
    matrix = np.zeros((m, n))
    first = np.floor(centers - 0.5).astype(np.int64)
    if mode is InterpolationMode.BILINEAR:
        centers = np.maximum(centers, 0.5)
        first = np.floor(centers - 0.5).astype(np.int64)
    for offset in range(1 - int(support), int(support) + 1):
        position = first + offset
        np.add.at(matrix, (np.arange(m), np.clip(position, 0, n - 1)), shape(position + 0.5 - centers))
    return matrix


def resize(image, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    """The image in another size.

    Parameters
    ----------
    image : Tensor or PIL image
    size : int or (height, width)
        A number alone: of the shorter side, in proportion.
    interpolation : InterpolationMode
    max_size : int, optional
        Of the longer side, if `size` is a number.
    antialias : bool
        For Tensors; PIL images always are.
    """
    _check_image(image, "resize")
    mode = _mode(interpolation)
    _, h, w = get_dimensions(image)
    if isinstance(size, int) or len(size) == 1:
        shorter = size if isinstance(size, int) else size[0]
        if max_size is not None and max_size <= shorter:
            raise ValueError(f"max_size = {max_size} must be strictly greater than the requested size for the smaller "
                             f"edge size = {size}")
        longer = int(shorter * max(h, w) / min(h, w))
        if max_size is not None and longer > max_size:
            shorter, longer = int(max_size * shorter / longer), max_size
        height, width = (shorter, longer) if h <= w else (longer, shorter)
    else:
        if max_size is not None:
            raise ValueError("max_size should only be passed if size specifies the length of the smaller edge")
        height, width = pair(size)
    if min(height, width) <= 0:
        raise ValueError(f"resize: expected a positive size, got {size}")
    if (height, width) == (h, w):
        return image
    if is_pil(image):
        name = "NEAREST" if mode is InterpolationMode.NEAREST_EXACT else mode.name
        return image.resize((width, height), getattr(pillow("resize").Resampling, name))
    array = image.detach().numpy()
    work = array.astype(np.result_type(array, np.float32))
    antialias = bool(antialias) and mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)
    rows, columns = (_weights(n, m, mode, antialias).astype(work.dtype) for n, m in ((h, height), (w, width)))
    out = np.matmul(np.matmul(rows, work), columns.T)
    if array.dtype.kind in "iu":
        info = np.iinfo(array.dtype)
        out = np.clip(np.rint(out), info.min, info.max)
    return from_array(np.ascontiguousarray(out.astype(array.dtype, copy=False)))


def rotate(image, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    """Turn the image counter-clockwise by `angle` degrees.

    Parameters
    ----------
    image : Tensor or PIL image
    angle : float
    interpolation : InterpolationMode
        NEAREST or BILINEAR (for PIL images BICUBIC as well).
    expand : bool
        Enlarge the result to hold the whole image (with `center` None).
    center : (x, y), optional
        Default: the middle.
    fill : number or sequence of a number per channel, optional
        What lies outside; default 0.
    """
    _check_image(image, "rotate")
    mode = _mode(interpolation)
    if is_pil(image):
        fill = tuple(fill) if isinstance(fill, (list, tuple)) and len(image.getbands()) > 1 else fill
        fill = fill[0] if isinstance(fill, (list, tuple)) and len(image.getbands()) == 1 else fill
        return image.rotate(angle, getattr(pillow("rotate").Resampling, mode.name), expand, center, fillcolor=fill)
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ValueError(f"rotate: expected interpolation nearest or bilinear for a Tensor, got {mode.value}")
    array = image.detach().numpy()
    h, w = array.shape[-2:]
    radians = math.radians(angle)
    cosine, sine = round(math.cos(radians), 15), round(math.sin(radians), 15)
    height, width = h, w
    if expand:
        width = math.ceil(abs(w * cosine) + abs(h * sine) - 1e-9)
        height = math.ceil(abs(w * sine) + abs(h * cosine) - 1e-9)
    cx, cy = (w / 2, h / 2) if center is None else center
    ox, oy = (width / 2, height / 2) if center is None else center
    y, x = np.mgrid[:height, :width] + 0.5
    sx = cosine * (x - ox) - sine * (y - oy) + cx - 0.5
    sy = sine * (x - ox) + cosine * (y - oy) + cy - 0.5
    background = np.zeros(array.shape[:-2] + (height, width), np.float64)
    if fill is not None:
        background += np.asarray(fill, np.float64).reshape(-1, 1, 1)

    def pixels(row, column):
        inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
        values = array[..., np.clip(row, 0, h - 1), np.clip(column, 0, w - 1)]
        return np.where(inside, values, background)

    if mode is InterpolationMode.NEAREST:
        out = pixels(np.rint(sy).astype(np.int64), np.rint(sx).astype(np.int64))
    else:
        row, column = np.floor(sy).astype(np.int64), np.floor(sx).astype(np.int64)
        dy, dx = sy - row, sx - column
        out = ((1 - dy) * ((1 - dx) * pixels(row, column) + dx * pixels(row, column + 1))
               + dy * ((1 - dx) * pixels(row + 1, column) + dx * pixels(row + 1, column + 1)))
        if array.dtype.kind in "iu":
            out = np.rint(out)
    return from_array(out.astype(array.dtype))
