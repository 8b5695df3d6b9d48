"""Image operations as functions, under the names of ``torchvision.transforms.functional``.

An image is a Tensor (..., C, H, W), a NumPy array (H, W) or (H, W, C), or a PIL image. Pillow is needed for PIL images
alone. What becomes of a Tensor is recorded for backward.
"""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.vision.transforms.colour import (
    adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation, autocontrast, convert_image_dtype,
    equalize, invert, posterize, rgb_to_grayscale, solarize, to_grayscale)
from fastnn.vision.transforms.filters import adjust_sharpness, gaussian_blur
from fastnn.vision.transforms.geometry import (
    center_crop, crop, five_crop, hflip, pad, resize, resized_crop, ten_crop, vflip)
from fastnn.vision.transforms.images import (
    InterpolationMode, array_of, get_dimensions, get_image_num_channels, get_image_size, is_pil, pillow)
from fastnn.vision.transforms.warping import affine, elastic_transform, perspective, rotate

__all__ = ["InterpolationMode", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue",
           "adjust_saturation", "adjust_sharpness", "affine", "autocontrast", "center_crop", "convert_image_dtype",
           "crop", "elastic_transform", "equalize", "erase", "five_crop", "gaussian_blur", "get_dimensions",
           "get_image_num_channels", "get_image_size", "hflip", "invert", "normalize", "pad", "perspective",
           "pil_to_tensor", "posterize", "resize", "resized_crop", "rgb_to_grayscale", "rotate", "solarize",
           "ten_crop", "to_grayscale", "to_pil_image", "to_tensor", "vflip"]


# ---- conversions ----

def scale_bytes(array):
    """uint8 to float32 in [0, 1]: a new array."""
    out = array.astype(np.float32)
    out /= np.float32(255)
    return out


def to_tensor(pic):
    """A PIL image or array (H, W) or (H, W, C) as a Tensor (C, H, W); uint8 becomes float32 in [0, 1].

    Same as torchvision.transforms.functional.to_tensor.

    Parameters
    ----------
    pic : PIL image or ndarray

    Raises
    ------
    TypeError
        Neither an image nor an array.
    ValueError
        An array of other than 2 or 3 dimensions.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.to_tensor(np.array([[0, 51, 255]], np.uint8))
    tensor([[[0.0000, 0.2000, 1.0000]]])
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
    """A PIL image as a Tensor (C, H, W) of its own dtype.

    Same as torchvision.transforms.functional.pil_to_tensor.

    Parameters
    ----------
    pic : PIL image

    Raises
    ------
    TypeError
        It is no PIL image.

    Examples
    --------
    >>> from PIL import Image  # doctest: +SKIP
    >>> from fastnn.vision.transforms import functional
    >>> functional.pil_to_tensor(Image.new("L", (2, 1), 7))  # doctest: +SKIP
    tensor([[[7, 7]]], dtype=torch.uint8)
    """
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    array = np.array(pic) if pic.mode != "1" else np.array(pic, np.uint8)
    return from_array(np.array(array[None] if array.ndim == 2 else array.transpose(2, 0, 1), order="C"))


def to_pil_image(pic, mode=None):
    """A Tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a PIL image; floats are scaled by 255.

    Same as torchvision.transforms.functional.to_pil_image; needs Pillow.

    Parameters
    ----------
    pic : Tensor or ndarray
    mode : str, optional
        Pillow's mode of the image; default by the number of channels.

    Raises
    ------
    TypeError
        `pic` is neither.
    ValueError
        There are other than 2 or 3 dimensions, or more than 4 channels.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.to_pil_image(fastnn.zeros(3, 4, 6)).size  # doctest: +SKIP
    (6, 4)
    """
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
    """(tensor - mean) / std for each channel of a floating-point Tensor (..., C, H, W).

    Same as torchvision.transforms.functional.normalize.

    Parameters
    ----------
    tensor : Tensor
    mean, std : sequence of float
        One for each channel, or one for all.
    inplace : bool
        Whether the result is written into the image's memory; default False.

    Raises
    ------
    TypeError
        No Tensor, or not of a floating-point dtype.
    ValueError
        A number of std is 0, or shapes do not fit.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.normalize(fastnn.tensor([[[2.0, 10.0]]]), [2.0], [4.0])
    tensor([[[0., 2.]]])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.dtype.is_floating_point:
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if len(tensor.shape) < 3:
        raise ShapeError("Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = "
                         f"{tensor.shape}")
    mean, std = map(from_array, mean_and_std(mean, std, tensor.shape, tensor.dtype.numpy))
    return (tensor.sub_(mean) if inplace else tensor - mean).div_(std)


def erase(img, i, j, h, w, v, inplace=False):
    """A rectangle of a Tensor overwritten.

    Same as torchvision.transforms.functional.erase.

    Parameters
    ----------
    img : Tensor
        (..., C, H, W)
    i, j, h, w : int
        The rectangle: top, left, height, width.
    v : Tensor or number
        What is written.
    inplace : bool
        Whether it is written into the image's memory; default False.

    Raises
    ------
    TypeError
        The image is no Tensor.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.erase(fastnn.ones(1, 2, 3), 0, 1, 2, 2, 0.0)
    tensor([[[1., 0., 0.],
             [1., 0., 0.]]])
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    img = img if inplace else img.clone()
    img[..., i:i + h, j:j + w] = v
    return img
