"""Images as files, as Pillow's objects and as arrays."""
import io
import os
import pathlib
import warnings

import numpy as np

from fastnn.keras import config
from fastnn.keras.layers.images import resize
from fastnn.keras.variables import array_of, convert

INTERPOLATIONS = "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"


def pillow(name):
    """Pillow's module `Image`.

    Raises
    ------
    ImportError
        It is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(f"Could not import PIL.Image. The use of `{name}` requires PIL: pip install Pillow") from None
    return Image


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An image of Pillow's of an array (height, width, channels).

    Parameters
    ----------
    x : array
        1, 3 or 4 channels.
    data_format : "channels_last" or "channels_first", optional
    scale : bool
        Bring the values to 0 .. 255 first.
    dtype : str, optional

    Raises
    ------
    ValueError
        Another rank or number of channels.
    """
    data_format = config.standardize_data_format(data_format)
    image = pillow("array_to_img")
    x = np.asarray(x, dtype=config.floatx() if dtype is None else dtype)
    if x.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}")
    if data_format == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - x.min()
        most = x.max()
        x = x / (most if most else 1) * 255
    channels = x.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {channels}")
    if channels == 1:
        x = x[:, :, 0]
        return image.fromarray(x.astype("int32" if x.max() > 255 else "uint8"))
    return image.fromarray(x.astype("uint8"))


def img_to_array(img, data_format=None, dtype=None):
    """An array (height, width, channels), or with channels first, of an image of Pillow's.

    Raises
    ------
    ValueError
        It has neither two nor three dimensions.
    """
    data_format = config.standardize_data_format(data_format)
    x = np.asarray(img, dtype=config.floatx() if dtype is None else dtype)
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}")
    if x.ndim == 2:
        x = x[:, :, None]
    return x.transpose(2, 0, 1) if data_format == "channels_first" else x


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Write an array as an image file; the format is that of the file's name, or `file_format`."""
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = pathlib.Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    img = array_to_img(x, data_format=data_format, scale=scale)
    if img.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format=file_format or None, **kwargs)


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """An image file as an image of Pillow's.

    Parameters
    ----------
    path : str, path or io.BytesIO
    color_mode : "rgb", "rgba" or "grayscale"
    target_size : pair of int, optional
        (height, width) that it is resized to.
    interpolation : str
        "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
    keep_aspect_ratio : bool
        Cut the middle out instead of changing proportions.

    Raises
    ------
    TypeError
        `path` is none.
    ValueError
        An unknown `color_mode` or `interpolation`.
    """
    image = pillow("load_img")
    if not isinstance(path, (io.BytesIO, os.PathLike, bytes, str)):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    img = image.open(path)
    img.load()
    if color_mode not in ("grayscale", "rgba", "rgb"):
        raise ValueError('color_mode must be "grayscale", "rgb", or "rgba"')
    if color_mode == "grayscale":
        img = img if img.mode in ("L", "I;16", "I") else img.convert("L")
    elif img.mode != color_mode.upper():
        img = img.convert(color_mode.upper())
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"Invalid interpolation method {interpolation} specified. Supported methods are "
                         f"{', '.join(INTERPOLATIONS)}")
    (height, width), box = target_size, None
    if keep_aspect_ratio:
        wide, tall = img.size
        crop_height, crop_width = min(tall, wide * height // width), min(wide, tall * width // height)
        top, left = (tall - crop_height) // 2, (wide - crop_width) // 2
        box = (left, top, left + crop_width, top + crop_height)
    return img.resize((width, height), getattr(image.Resampling, interpolation.upper()), box=box)


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last", **kwargs):
    """Images resized with their proportions kept: the largest part in the middle that has the shape of `size`.

    Parameters
    ----------
    x : array or tensor
        (height, width, channels), or a batch of them.
    size : pair of int
    interpolation : "bilinear", "nearest" or "bicubic"

    Raises
    ------
    ValueError
        Another rank, or `size` that is no pair.
    """
    kwargs.pop("backend_module", None)
    if kwargs:
        raise TypeError(f"smart_resize() got unexpected keyword arguments: {list(kwargs)}")
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    images = convert(x)
    if images.ndim not in (3, 4):
        raise ValueError(f"Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, "
                         f"width, channels)`, but got input with incorrect rank, of shape {tuple(images.shape)}.")
    last = data_format == "channels_last"
    at = images.ndim - (3 if last else 2)
    height, width = images.shape[at:at + 2]
    h = max(min(height, int(float(width * size[0]) / size[1])), 1)
    w = max(min(width, int(float(height * size[1]) / size[0])), 1)
    images = images.narrow(at, int(float(height - h) / 2), h).narrow(at + 1, int(float(width - w) / 2), w)
    batch = images if images.ndim == 4 else images.unsqueeze(0)
    made = resize(batch, size, interpolation, channels_last=last)
    made = made if images.ndim == 4 else made[0]
    return array_of(made) if isinstance(x, np.ndarray) else made
