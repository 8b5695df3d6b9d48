"""Image operations as functions, under the names of ``torchvision.transforms.functional``.

An image is a Tensor (..., C, H, W), a NumPy array (H, W) or (H, W, C), or a PIL image. Pillow is needed for PIL images
alone. What becomes of a Tensor is recorded for backward.
"""
import enum
import math
import sys

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.nn.functional import interpolate
from fastnn.ops import rearrange
from fastnn.ops.indexing import index_select, where
from fastnn.ops.padding import pad as pad_tensor
from fastnn.ops.shape import cat
from fastnn.utils.data.dataset import shortcut

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
    return shortcut(transform, "takes_arrays", "__call__", "forward") is True


def batch_of(transform):
    """The method of one of our transforms that does for a batch what it does for every image; None if there is none,
    or if a subclass or a hook has its own words about an image."""
    from fastnn.vision.transforms.transforms import Transform
    if not isinstance(transform, Transform) or getattr(transform, "_hooks", None) is not None:
        return None
    return shortcut(transform, "batch", "__call__", "forward")


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
            return image.to(dtype)
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

def _channels(values, shape, dtype, name):
    values = np.asarray(values, dtype).reshape(-1)
    if len(values) not in (1, shape[-3]):
        raise ShapeError(f"normalize: {name} of {len(values)} values does not fit {shape[-3]} channels")
    return values.reshape(-1, 1, 1)


def mean_and_std(mean, std, shape, dtype):
    """Both as arrays that broadcast to images of this shape and dtype."""
    mean, std = _channels(mean, shape, dtype, "mean"), _channels(std, shape, dtype, "std")
    if (std == 0).any():
        raise ValueError(f"std evaluated to zero after conversion to {dtype}, leading to division by zero.")
    return mean, std


def normalize(tensor, mean, std, inplace=False):
    """(tensor - mean) / std per channel of a float Tensor (..., C, H, W)."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.dtype.is_floating_point:
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if len(tensor.shape) < 3:
        raise ShapeError("Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = "
                         f"{tensor.shape}")
    mean, std = map(from_array, mean_and_std(mean, std, tensor.shape, tensor.dtype.numpy))
    return (tensor.sub_(mean) if inplace else tensor - mean).div_(std)


def rgb_to_grayscale(image, num_output_channels=1):
    """Grey values 0.2989 R + 0.587 G + 0.114 B of a Tensor (..., 3, H, W) or PIL image, in 1 or 3 channels."""
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    _check_image(image, "rgb_to_grayscale")
    if is_pil(image):
        grey = image.convert("L")
        return grey if num_output_channels == 1 else pillow("rgb_to_grayscale").merge("RGB", [grey] * 3)
    if len(image.shape) < 3 or image.shape[-3] not in (1, 3):
        raise ShapeError("Input image tensor permitted channel values are 1 or 3, but found "
                         f"{get_dimensions(image)[0]}")
    if image.shape[-3] == 3:
        red, green, blue = image.unbind(-3)
        grey = (0.2989 * red + 0.587 * green + 0.114 * blue).to(image.dtype).unsqueeze(-3)
    else:
        grey = image.clone()
    return grey if num_output_channels == 1 else cat([grey] * 3, -3)


to_grayscale = rgb_to_grayscale


# ---- geometry ----

def hflip(image):
    """Mirror left and right."""
    _check_image(image, "hflip")
    if is_pil(image):
        return image.transpose(pillow("hflip").Transpose.FLIP_LEFT_RIGHT)
    return rearrange.flip(image, [-1])


def vflip(image):
    """Mirror top and bottom."""
    _check_image(image, "vflip")
    if is_pil(image):
        return image.transpose(pillow("vflip").Transpose.FLIP_TOP_BOTTOM)
    return rearrange.flip(image, [-2])


def crop(image, top, left, height, width):
    """The rectangle at (top, left); what lies outside of the image is 0."""
    _check_image(image, "crop")
    if is_pil(image):
        return image.crop((left, top, left + width, top + height))
    h, w = image.shape[-2:]
    right, bottom = left + width, top + height
    inner = image[..., max(top, 0):max(bottom, 0), max(left, 0):max(right, 0)]
    sides = [max(min(right, 0) - left, 0), max(right - max(w, left), 0),
             max(min(bottom, 0) - top, 0), max(bottom - max(h, top), 0)]
    return pad_tensor(inner, sides) if any(sides) else inner


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
    fill = fill[0] if isinstance(fill, (tuple, list)) and len(fill) == 1 else 0 if fill is None else fill
    if is_pil(image):
        array = np.array(image)
        places, inside = zip(*(_sources(size, *ends, padding_mode)
                               for size, ends in zip(array.shape, ((top, bottom), (left, right)))))
        out = array[np.ix_(*places)]
        out[~np.logical_and.outer(*inside)] = fill
        return pillow("pad").fromarray(out)
    if padding_mode == "constant" and not isinstance(fill, (tuple, list)):
        return pad_tensor(image, [left, right, top, bottom], value=fill)
    rows, inside_rows = _sources(image.shape[-2], top, bottom, padding_mode)
    columns, inside_columns = _sources(image.shape[-1], left, right, padding_mode)
    out = index_select(index_select(image, -2, from_array(rows)), -1, from_array(columns))
    if padding_mode != "constant":
        return out
    return where(from_array(np.logical_and.outer(inside_rows, inside_columns)), out, _background(fill, image))


def _sources(size, before, after, mode):
    """Which rows of `size` a padded image's rows are, and which of them are rows of the image; for "constant" the
    others are some row of it."""
    cut = np.arange(size)[max(-before, 0):size - max(-after, 0)]
    widths = max(before, 0), max(after, 0)
    inside = np.pad(np.ones(len(cut), bool), widths)
    return np.pad(cut, widths, "edge" if mode == "constant" else mode), inside


def _background(fill, image):
    """A colour, a number or a number for each channel, as a Tensor that broadcasts to images like `image`."""
    return from_array(np.asarray(0 if fill is None else fill).astype(image.dtype.numpy).reshape(-1, 1, 1))


def _mode(interpolation):
    if isinstance(interpolation, int):
        return {0: InterpolationMode.NEAREST, 2: InterpolationMode.BILINEAR, 3: InterpolationMode.BICUBIC,
                4: InterpolationMode.BOX, 5: InterpolationMode.HAMMING, 1: InterpolationMode.LANCZOS}[interpolation]
    return InterpolationMode(interpolation)


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
    if mode.value not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        raise ValueError(f"resize: interpolation {mode.value!r} exists for PIL images alone")
    smooth = mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)
    planes = _as_float(image).reshape(math.prod(image.shape[:-2]), 1, h, w)
    out = interpolate(planes, (height, width), mode=mode.value, align_corners=False if smooth else None,
                      antialias=bool(antialias) and smooth)
    return _as_dtype(out.reshape(*image.shape[:-2], height, width), image.dtype)


def _as_float(image):
    """A Tensor to compute with."""
    return image if image.dtype.is_floating_point else image.to(dtypes.float32)


def _as_dtype(image, dtype):
    """Rounded to a dtype's numbers."""
    if dtype.is_floating_point:
        return image.to(dtype)
    info = np.iinfo(dtype.numpy)
    return image.round().clamp(info.min, info.max).to(dtype)


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
    h, w = image.shape[-2:]
    work = _as_float(image)
    real = work.dtype.numpy.type
    radians = math.radians(angle)
    cosine, sine = math.cos(radians), math.sin(radians)
    cx, cy = (0.0, 0.0) if center is None else (center[0] - w / 2, center[1] - h / 2)
    # Of pixels counted from the middle of the result, in fractions of half the image, and in its dtype, as torchvision.
    matrix = np.array([[cosine, -sine, cx - cosine * cx + sine * cy], [sine, cosine, cy - sine * cx - cosine * cy]])
    width, height = _turned_size(matrix, w, h) if expand else (w, h)
    scaled = matrix.astype(real) / np.array([[w / 2], [h / 2]], real)
    x = (np.arange(width) - width / 2 + 0.5).astype(real)
    y = (np.arange(height) - height / 2 + 0.5).astype(real)[:, None]
    sx, sy = (((x * a + y * b + c + 1) * real(size) - 1) / 2 for (a, b, c), size in zip(scaled, (w, h)))
    if mode is InterpolationMode.NEAREST:
        row, column = np.rint(sy), np.rint(sx)
        return where(from_array(_inside(row, column, h, w)), _pixels(image, row, column), _background(fill, image))
    row, column = np.floor(sy), np.floor(sx)
    out, mask = 0, np.zeros(row.shape, real)
    for step_y, share_y in ((0, row + 1 - sy), (1, sy - row)):
        for step_x, share_x in ((0, column + 1 - sx), (1, sx - column)):
            share = share_y * share_x * _inside(row + step_y, column + step_x, h, w)
            mask += share
            out = out + _pixels(work, row + step_y, column + step_x) * from_array(share)
    if fill is not None:  # weighed once more, as in torchvision
        out = out * from_array(mask) + from_array(1 - mask) * _background(fill, work)
    return _as_dtype(out, image.dtype)


def _turned_size(matrix, w, h):
    """(width, height) of what holds the whole image."""
    corners = np.array([[-w, -h], [-w, h], [w, h], [w, -h]], np.float32) / 2
    places = corners @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32) + np.float32([w / 2, h / 2])
    low, high = np.trunc(places.min(0) / 1e-4) * 1e-4, np.trunc(places.max(0) / 1e-4) * 1e-4
    return (np.ceil(high) - np.floor(low)).astype(int).tolist()


def _inside(row, column, h, w):
    return (row >= 0) & (row < h) & (column >= 0) & (column < w)


def _pixels(image, row, column):
    """The pixels at given places, or where those lie outside some other pixels."""
    h, w = image.shape[-2:]
    place = np.clip(row, 0, h - 1) * w + np.clip(column, 0, w - 1)
    found = index_select(image.flatten(-2), -1, from_array(place.astype(np.int64).ravel()))
    return found.unflatten(-1, row.shape)
