"""Operations that move pixels: flips, crops, borders, other sizes."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import from_array
from fastnn.nn.functional import interpolate
from fastnn.ops import rearrange
from fastnn.ops.indexing import index_select, where
from fastnn.ops.padding import pad as pad_tensor
from fastnn.vision.transforms.images import InterpolationMode, check_image, get_dimensions, is_pil, pillow


def hflip(image):
    """Left and right exchanged.

    Same as torchvision.transforms.functional.hflip.

    Parameters
    ----------
    image : Tensor or PIL image

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.hflip(fastnn.tensor([[[1, 2, 3]]]))
    tensor([[[3, 2, 1]]])
    """
    check_image(image, "hflip")
    if is_pil(image):
        return image.transpose(pillow("hflip").Transpose.FLIP_LEFT_RIGHT)
    return rearrange.flip(image, [-1])


def vflip(image):
    """Top and bottom exchanged.

    Same as torchvision.transforms.functional.vflip.

    Parameters
    ----------
    image : Tensor or PIL image

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.vflip(fastnn.tensor([[[1], [2]]])).flatten()
    tensor([2, 1])
    """
    check_image(image, "vflip")
    if is_pil(image):
        return image.transpose(pillow("vflip").Transpose.FLIP_TOP_BOTTOM)
    return rearrange.flip(image, [-2])


def crop(image, top, left, height, width):
    """The rectangle whose top left corner is (top, left); what lies outside of the image is 0.

    Same as torchvision.transforms.functional.crop.

    Parameters
    ----------
    image : Tensor or PIL image
    top, left, height, width : int

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.crop(fastnn.arange(9).reshape(1, 3, 3), 1, 1, 2, 3)
    tensor([[[4, 5, 0],
             [7, 8, 0]]])
    """
    check_image(image, "crop")
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
    """The middle of the image, padded with 0 if the image is smaller.

    Same as torchvision.transforms.functional.center_crop.

    Parameters
    ----------
    image : Tensor or PIL image
    output_size : int or (height, width)

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.center_crop(fastnn.arange(9).reshape(1, 3, 3), 1)
    tensor([[[4]]])
    """
    height, width = pair(output_size)
    _, h, w = get_dimensions(image)
    if width > w or height > h:
        left, top = max((width - w) // 2, 0), max((height - h) // 2, 0)
        image = pad(image, [left, top, max((width - w + 1) // 2, 0), max((height - h + 1) // 2, 0)])
        _, h, w = get_dimensions(image)
        if (width, height) == (w, h):
            return image
    return crop(image, int(round((h - height) / 2.0)), int(round((w - width) / 2.0)), height, width)


def five_crop(image, size):
    """The four corners of the image (top left, top right, bottom left, bottom right) and its middle.

    Same as torchvision.transforms.functional.five_crop.

    Parameters
    ----------
    image : Tensor or PIL image
    size : int or (height, width)

    Raises
    ------
    ValueError
        The image is smaller than `size`.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> [int(part) for part in functional.five_crop(fastnn.arange(9).reshape(1, 3, 3), 1)]
    [0, 2, 6, 8, 4]
    """
    height, width = pair(size, "five_crop")
    _, h, w = get_dimensions(image)
    if width > w or height > h:
        raise ValueError(f"Requested crop size {(height, width)} is bigger than input size {(h, w)}")
    corners = [crop(image, top, left, height, width) for top in (0, h - height) for left in (0, w - width)]
    return (*corners, center_crop(image, (height, width)))


def ten_crop(image, size, vertical_flip=False):
    """`five_crop` of the image and of its mirror image.

    Same as torchvision.transforms.functional.ten_crop.

    Parameters
    ----------
    image : Tensor or PIL image
    size : int or (height, width)
    vertical_flip : bool
        Whether top and bottom are exchanged instead of left and right; default False.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> [int(part) for part in functional.ten_crop(fastnn.arange(9).reshape(1, 3, 3), 1)]
    [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """
    return five_crop(image, size) + five_crop(vflip(image) if vertical_flip else hflip(image), size)


PADDINGS = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def pad(image, padding, fill=0, padding_mode="constant"):
    """Borders around the image.

    Same as torchvision.transforms.functional.pad.

    Parameters
    ----------
    image : Tensor or PIL image
    padding : int or sequence
        For all sides; (left and right, top and bottom); or (left, top, right, bottom).
    fill : number
        Of constant borders; default 0.
    padding_mode : {"constant", "edge", "reflect", "symmetric"}
        Filled with `fill`, the border pixels, or the mirror image without or with the border pixels.

    Raises
    ------
    ValueError
        The mode is unknown, or `padding` has another length.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.pad(fastnn.tensor([[[1, 2, 3]]]), (2, 0), padding_mode="reflect")
    tensor([[[3, 2, 1, 2, 3, 2, 1]]])
    """
    check_image(image, "pad")
    if padding_mode not in PADDINGS:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(sides)} element tuple")
    left, top, right, bottom = sides * (4 // len(sides))
    fill = fill[0] if isinstance(fill, (tuple, list)) and len(fill) == 1 else 0 if fill is None else fill
    if is_pil(image):
        array = np.array(image)
        index, inside = zip(*(_sources(size, *ends, padding_mode)
                               for size, ends in zip(array.shape, ((top, bottom), (left, right)))))
        out = array[np.ix_(*index)]
        out[~np.logical_and.outer(*inside)] = fill
        return pillow("pad").fromarray(out)
    if padding_mode == "constant" and not isinstance(fill, (tuple, list)):
        return pad_tensor(image, [left, right, top, bottom], value=fill)
    rows, inside_rows = _sources(image.shape[-2], top, bottom, padding_mode)
    columns, inside_columns = _sources(image.shape[-1], left, right, padding_mode)
    out = index_select(index_select(image, -2, from_array(rows)), -1, from_array(columns))
    if padding_mode != "constant":
        return out
    return where(from_array(np.logical_and.outer(inside_rows, inside_columns)), out, background(fill, image))


def _sources(size, before, after, mode):
    """Which rows of `size` a padded image's rows are, and which of them are rows of the image; for "constant" the
    others are some row of it."""
    cut = np.arange(size)[max(-before, 0):size - max(-after, 0)]
    widths = max(before, 0), max(after, 0)
    inside = np.pad(np.ones(len(cut), bool), widths)
    return np.pad(cut, widths, "edge" if mode == "constant" else mode), inside


def background(fill, image):
    """A colour, a number or a number for each channel, as a Tensor that broadcasts to images like `image`."""
    return from_array(np.asarray(0 if fill is None else fill).astype(image.dtype.numpy).reshape(-1, 1, 1))


def interpolation_mode(interpolation):
    """The InterpolationMode of a mode, its name or Pillow's number of it."""
    if isinstance(interpolation, int):
        return {0: InterpolationMode.NEAREST, 2: InterpolationMode.BILINEAR, 3: InterpolationMode.BICUBIC,
                4: InterpolationMode.BOX, 5: InterpolationMode.HAMMING, 1: InterpolationMode.LANCZOS}[interpolation]
    return InterpolationMode(interpolation)


def resize(image, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    """The image in another size.

    Same as torchvision.transforms.functional.resize.

    Parameters
    ----------
    image : Tensor or PIL image
    size : int or (height, width)
        A number alone is the shorter side, in proportion.
    interpolation : InterpolationMode
        Default BILINEAR.
    max_size : int, optional
        Limit of the longer side, if `size` is a number.
    antialias : bool
        For Tensors; PIL images always are.

    Raises
    ------
    ValueError
        The size is not positive, or an option does not fit it or the kind of image.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.resize(fastnn.tensor([[[0.0, 2.0, 4.0, 6.0]]]), (1, 2))
    tensor([[[1.4286, 4.5714]]])
    """
    check_image(image, "resize")
    mode = interpolation_mode(interpolation)
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
    planes = as_float(image).reshape(math.prod(image.shape[:-2]), 1, h, w)
    out = interpolate(planes, (height, width), mode=mode.value, align_corners=False if smooth else None,
                      antialias=bool(antialias) and smooth)
    return as_dtype(out.reshape(*image.shape[:-2], height, width), image.dtype)


def resized_crop(image, top, left, height, width, size, interpolation=InterpolationMode.BILINEAR, antialias=True):
    """A rectangle of the image in another size: `crop`, then `resize`.

    Same as torchvision.transforms.functional.resized_crop.

    Parameters
    ----------
    image : Tensor or PIL image
    top, left, height, width : int
        As in `crop`.
    size, interpolation, antialias
        As in `resize`.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.resized_crop(fastnn.zeros(3, 8, 8), 1, 1, 4, 4, [2, 2]).shape
    torch.Size([3, 2, 2])
    """
    return resize(crop(image, top, left, height, width), size, interpolation, antialias=antialias)


def as_float(image):
    """A Tensor to compute with."""
    return image if image.dtype.is_floating_point else image.to(dtypes.float32)


def as_dtype(image, dtype):
    """Rounded to a dtype's numbers."""
    if dtype.is_floating_point:
        return image.to(dtype)
    info = np.iinfo(dtype.numpy)
    return image.round().clamp(info.min, info.max).to(dtype)
