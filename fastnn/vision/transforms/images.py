"""Kinds of images: Tensors (..., C, H, W), NumPy arrays (H, W) or (H, W, C), and PIL images."""
import enum
import sys

import numpy as np

from fastnn._tensor import Tensor
from fastnn.errors import ShapeError
from fastnn.utils.data.dataset import shortcut
from fastnn.vision.transforms.base import Transform


class InterpolationMode(enum.Enum):
    """How `resize` and `rotate` find colours between pixels.

    Same as torchvision.transforms.InterpolationMode.

    Parameters
    ----------
    value : {"nearest", "nearest-exact", "bilinear", "bicubic", "box", "hamming", "lanczos"}

    Examples
    --------
    >>> from fastnn.vision.transforms import InterpolationMode
    >>> InterpolationMode("bilinear") is InterpolationMode.BILINEAR
    True
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


def pillow(why):
    """Pillow's Image module; or an ImportError that names what needs it."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(f"{why} needs Pillow (pip install Pillow); without it, begin the transform with "
                          "transforms.ToTensor(), which takes arrays") from None
    return Image


def is_pil(image):
    """Whether it is a PIL image (without importing Pillow: there is no such image before somebody did)."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def image_from_array(array):
    """The PIL image of a uint8 array (H, W) or (H, W, 3)."""
    return pillow("a data set that gives PIL images").fromarray(array)


def takes_arrays(transform):
    """Whether a transform takes uint8 arrays as they lie in a data set."""
    return shortcut(transform, "takes_arrays", "__call__", "forward") is True


def batch_of(transform):
    """The method of a transform that does for a batch what it does for each image, or None.

    None too where a subclass or a hook changes what is done to an image.
    """
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


def check_image(image, op):
    if not isinstance(image, Tensor) and not is_pil(image):
        raise TypeError(f"{op}: img should be PIL Image or Tensor. Got {_name(image)}")
    if isinstance(image, Tensor) and len(image.shape) < 2:
        raise ShapeError(f"{op}: expected a Tensor (..., H, W), got {tuple(image.shape)}")


def get_dimensions(image):
    """[channels, height, width] of an image.

    Same as torchvision.transforms.functional.get_dimensions.

    Parameters
    ----------
    image : Tensor, ndarray or PIL image

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.get_dimensions(fastnn.zeros(3, 4, 6))
    [3, 4, 6]
    """
    if isinstance(image, Tensor):
        return [image.shape[-3] if len(image.shape) > 2 else 1, image.shape[-2], image.shape[-1]]
    if isinstance(image, np.ndarray):
        return [image.shape[2] if image.ndim == 3 else 1, image.shape[0], image.shape[1]]
    return [len(image.getbands()), image.height, image.width]


def get_image_num_channels(image):
    """Number of channels of an image.

    Same as torchvision.transforms.functional.get_image_num_channels.

    Parameters
    ----------
    image : Tensor, ndarray or PIL image

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.get_image_num_channels(fastnn.zeros(3, 4, 6))
    3
    """
    return get_dimensions(image)[0]


def get_image_size(image):
    """[width, height] of an image.

    Same as torchvision.transforms.functional.get_image_size.

    Parameters
    ----------
    image : Tensor, ndarray or PIL image

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.get_image_size(fastnn.zeros(3, 4, 6))
    [6, 4]
    """
    return get_dimensions(image)[:0:-1]
