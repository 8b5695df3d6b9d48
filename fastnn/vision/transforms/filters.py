"""Operations on neighbouring pixels: blur and sharpness."""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.errors import ShapeError
from fastnn.nn.functional import conv2d, pad
from fastnn.vision.transforms.colour import blend, check_colours, check_factor
from fastnn.vision.transforms.geometry import as_dtype, as_float
from fastnn.vision.transforms.images import check_image, image_from_array, is_pil, pillow

__all__ = ["adjust_sharpness", "gaussian_blur"]


def _filtered(image, kernel, widths=None):
    """Each channel convolved with a kernel (rows, columns), after borders of mirrored pixels."""
    work = as_float(image)
    planes = work.reshape(math.prod(image.shape[:-2]), 1, *image.shape[-2:])
    if widths is not None:
        planes = pad(planes, widths, mode="reflect")
    out = conv2d(planes, from_array(kernel.astype(work.dtype.numpy)[None, None]))
    return as_dtype(out.reshape(*image.shape[:-2], *out.shape[-2:]), image.dtype)


def gaussian_blur(image, kernel_size, sigma=None):
    """Each pixel the mean of its neighbours, weighed by exp(-distance^2 / (2 sigma^2)).

    Same as torchvision.transforms.functional.gaussian_blur.

    Parameters
    ----------
    image : Tensor or PIL image
    kernel_size : int or (x, y)
        Numbers of neighbours, odd.
    sigma : float or (x, y), optional
        Default 0.15 kernel_size + 0.35.

    Raises
    ------
    TypeError
        An argument is neither number nor sequence.
    ValueError
        A size is even, a sigma is not positive, or a sequence has another length.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.gaussian_blur(fastnn.eye(3).unsqueeze(0), 3, 1.0)[0, 1]
    tensor([0.3715, 0.3544, 0.3715])
    """
    sizes = _both("kernel_size", kernel_size, int)
    sigmas = [size * 0.15 + 0.35 for size in sizes] if sigma is None else _both("sigma", sigma, (int, float))
    if any(size % 2 == 0 or size < 0 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {list(sizes)}")
    if not all(value > 0 for value in sigmas):
        raise ValueError(f"sigma should have positive values. Got {list(sigmas)}")
    check_image(image, "gaussian_blur")
    if is_pil(image):
        array = np.array(image)
        planes = from_array(np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1)))
        out = gaussian_blur(planes, sizes, sigmas).numpy()
        return image_from_array(np.ascontiguousarray(out[0] if array.ndim == 2 else out.transpose(1, 2, 0)))
    real = as_float(image).dtype.numpy
    across, down = (_bell(size, sigma, real) for size, sigma in zip(sizes, sigmas))
    return _filtered(image, np.outer(down, across), [sizes[0] // 2, sizes[0] // 2, sizes[1] // 2, sizes[1] // 2])


def _both(name, value, kinds):
    """Two numbers of one or two."""
    if isinstance(value, kinds):
        return [value, value]
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} should be a number or a sequence of numbers. Got {type(value)}")
    if len(value) == 1 and name == "sigma":
        return [value[0], value[0]]
    if len(value) != 2:
        raise ShapeError(f"If {name} is a sequence, its length should be 2. Got {len(value)}")
    return list(value)


def _bell(size, sigma, real):
    half = (size - 1) * 0.5
    weights = np.exp(-0.5 * (np.linspace(-half, half, size, dtype=real) / real.type(sigma)) ** 2)
    return weights / weights.sum()


def adjust_sharpness(image, sharpness_factor):
    """The distance of the colours from those of a smoothed image times a factor.

    Same as torchvision.transforms.functional.adjust_sharpness.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.
    sharpness_factor : float
        0 gives the smoothed image, 1 the image itself, 2 twice the sharpness.

    Raises
    ------
    ValueError
        The factor is negative.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.adjust_sharpness(fastnn.eye(3).unsqueeze(0), 0.0)[0, 1]
    tensor([0.0000, 0.5385, 0.0000])
    """
    check_factor("sharpness_factor", sharpness_factor)
    check_colours(image, "adjust_sharpness")
    if is_pil(image):
        pillow("adjust_sharpness")
        from PIL import ImageEnhance
        return ImageEnhance.Sharpness(image).enhance(sharpness_factor)
    if min(image.shape[-2:]) <= 2:
        return image
    smooth = image.clone()
    smooth[..., 1:-1, 1:-1] = _filtered(image, np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / np.float32(13))
    return blend(image, smooth, float(sharpness_factor))
