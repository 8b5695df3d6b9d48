"""Image operations as functions, under the names of ``torchvision.transforms.functional``.

An image is a Tensor (..., C, H, W), a NumPy array (H, W) or (H, W, C), or a PIL image. Pillow is needed for PIL images
alone. What becomes of a Tensor is recorded for backward.
"""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops.joining import cat
from fastnn.vision.transforms.geometry import center_crop, crop, hflip, pad, resize, rotate, vflip
from fastnn.vision.transforms.images import (
    InterpolationMode, array_of, check_image, get_dimensions, get_image_size, is_pil, pillow)

__all__ = ["InterpolationMode", "center_crop", "convert_image_dtype", "crop", "get_dimensions", "get_image_size",
           "hflip", "normalize", "pad", "pil_to_tensor", "resize", "rgb_to_grayscale", "rotate", "to_grayscale",
           "to_pil_image", "to_tensor", "vflip"]


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


def convert_image_dtype(image, dtype=None):
    """A Tensor image in another dtype, its numbers scaled to the range of that dtype.

    Same as torchvision.transforms.functional.convert_image_dtype.

    Parameters
    ----------
    image : Tensor
    dtype : dtype, optional
        Default float32.

    Raises
    ------
    RuntimeError
        float32 to int32 or int64, or float64 to int64: not exact.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.convert_image_dtype(fastnn.tensor([[0, 51, 255]], dtype=fastnn.uint8))
    tensor([[0.0000, 0.2000, 1.0000]])
    """
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


def rgb_to_grayscale(image, num_output_channels=1):
    """Grey values 0.2989 R + 0.587 G + 0.114 B of a Tensor (..., 3, H, W) or PIL image, in 1 or 3 channels.

    Same as torchvision.transforms.functional.rgb_to_grayscale.

    Parameters
    ----------
    image : Tensor or PIL image
    num_output_channels : {1, 3}

    Raises
    ------
    ValueError
        The Tensor has other than 1 or 3 channels, or the number asked for is another.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.rgb_to_grayscale(fastnn.tensor([100.0, 100.0, 0.0]).reshape(3, 1, 1))
    tensor([[[88.5900]]])
    """
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    check_image(image, "rgb_to_grayscale")
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
