"""Operations on images (height, width, channels), alone or in batches, as ``keras.ops.image``."""
import numpy as np

import fastnn
from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.layers import images as _images
from fastnn.keras.ops import nn as _nn
from fastnn.keras.ops.common import floating, pair
from fastnn.keras.ops.image_sampling import (_batch, _bell, affine_transform, elastic_transform,  # noqa: F401
                                             homographies, map_coordinates, perspective_transform,
                                             scale_and_translate)
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of
from fastnn.nn import functional as F
from fastnn.ops.indexing import where as _where


@operation
def rgb_to_grayscale(images, data_format=None):
    """``0.2989 * R + 0.587 * G + 0.114 * B``, as one channel.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them; three channels or one.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Another number of channels.

    Examples
    --------
    >>> keras.ops.image.rgb_to_grayscale(np.array([[[0.0, 1.0, 0.0]]]))
    tensor([[[0.5870]]], dtype=torch.float64)
    """
    x, alone, last = _batch(images, data_format)
    axis = 3 if last else 1
    if x.shape[axis] not in (1, 3):
        raise ValueError(f"Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Received input with shape: "
                         f"images.shape={tuple(x.shape)}")
    if x.shape[axis] == 3:
        r, g, b = x.unbind(axis)
        x = (0.2989 * r + 0.587 * g + 0.114 * b).to(x.dtype).unsqueeze(axis)
    return x[0] if alone else x


def _planes(images, data_format):
    x, alone, last = _batch(images, data_format)
    if not x.is_floating_point():
        raise ValueError(f"Invalid images dtype: expected float dtype. Received: images.dtype={config.dtype_of(x)}")
    return x.unbind(3 if last else 1), alone, 3 if last else 1


def _joined(planes, alone, axis):
    made = fastnn.stack(list(planes), axis)
    return made[0] if alone else made


@operation
def rgb_to_hsv(images, data_format=None):
    """Hue, saturation and value of red, green and blue, all within 0 .. 1.

    Parameters
    ----------
    images : tensor
        Floating; (height, width, 3), or a batch of them.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Images of whole numbers.

    Examples
    --------
    >>> keras.ops.image.rgb_to_hsv(np.array([[[0.0, 1.0, 0.0]]])).round(decimals=4)
    tensor([[[0.3333, 1.0000, 1.0000]]], dtype=torch.float64)
    """
    planes, alone, axis = _planes(images, data_format)
    tiny = float(np.finfo(config.dtype_of(planes[0])).eps)
    r, g, b = (_where(x.abs() < tiny, x * 0, x) for x in planes)
    value = r.maximum(g).maximum(b)
    spread = value - r.minimum(g).minimum(b)
    one = value * 0 + 1
    saturation = _where(value > 0, spread / _where(value > 0, value, one), one * 0)
    norm = 1.0 / (6.0 * _where(spread > 0, spread, one))
    hue = _where(value == g, norm * (b - r) + 2.0 / 6.0, norm * (r - g) + 4.0 / 6.0)
    hue = _where(spread > 0, _where(value == r, norm * (g - b), hue), one * 0)
    return _joined((hue + (hue < 0).to(hue.dtype), saturation, value), alone, axis)


@operation
def hsv_to_rgb(images, data_format=None):
    """Red, green and blue of hue, saturation and value; the inverse of `rgb_to_hsv`.

    Parameters
    ----------
    images : tensor
        Floating; (height, width, 3), or a batch of them.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Images of whole numbers.

    Examples
    --------
    >>> keras.ops.image.hsv_to_rgb(np.array([[[0.5, 1.0, 1.0]]])).round(decimals=4)
    tensor([[[0., 1., 1.]]], dtype=torch.float64)
    """
    (hue, saturation, value), alone, axis = _planes(images, data_format)
    sector = hue.remainder(1.0) * 6.0
    shares = (sector - 3.0).abs() - 1.0, 2.0 - (sector - 2.0).abs(), 2.0 - (sector - 4.0).abs()
    return _joined([value * (1.0 - saturation + saturation * share.clamp(0.0, 1.0)) for share in shares], alone, axis)


@operation
def resize(images, size, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=False,
           pad_to_aspect_ratio=False, fill_mode="constant", fill_value=0.0, data_format=None):
    """Images of another height and width; see `keras.layers.Resizing`.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    size : pair of int
        (height, width)
    interpolation, antialias, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, fill_value
        As in `keras.layers.Resizing`.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Options that do not fit.

    Examples
    --------
    >>> keras.ops.image.resize(np.arange(16.0).reshape(4, 4, 1), (2, 2)).squeeze(-1)
    tensor([[ 2.5000,  4.5000],
            [10.5000, 12.5000]], dtype=torch.float64)
    """
    x, alone, last = _batch(images, data_format)
    if len(size) != 2:
        raise ValueError(f"Argument `size` must be a tuple of two elements (height, width). Received: size={size}")
    made = _images.Resizing(*size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, fill_value,
                            antialias, "channels_last" if last else "channels_first").call(x)
    return made[0] if alone else made


def _each_channel(x, kernel, padding=0):
    """Channels-first images, each channel convolved with one kernel."""
    channels, weight = x.shape[1], from_array(np.ascontiguousarray(kernel.astype(array_of(x).dtype))[None, None])
    return F.conv2d(x, weight.repeat(channels, 1, 1, 1), None, 1, padding, 1, channels)


@operation
def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images convolved with a normal density; outside there are zeros.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    kernel_size : pair of int
        (height, width)
    sigma : pair of float
        Standard deviations.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.image.gaussian_blur(np.ones((5, 5, 1)))[2, 2].round(decimals=4)
    tensor([1.], dtype=torch.float64)
    """
    x, alone, last = _batch(images, data_format)
    (height, width), (down, across) = ((int(n) for n in kernel_size), (float(s) for s in sigma))
    kernel = np.outer(_bell(width, across, np.float64), _bell(height, down, np.float64)).reshape(height, width)
    y = _each_channel(x.permute(0, 3, 1, 2) if last else x, kernel, height // 2)
    y = y.permute(0, 2, 3, 1) if last else y
    return y[0] if alone else y


def _patches(x, size, strides, dilation_rate, padding, data_format, rank):
    size = (size,) * rank if isinstance(size, int) else tuple(size)
    alone = x.ndim == rank + 1
    x = x.unsqueeze(0) if alone else x
    last = config.standardize_data_format(data_format) == "channels_last"
    count = int(np.prod(size)) * x.shape[-1 if last else 1]
    kernel = from_array(np.eye(count, dtype=array_of(x).dtype).reshape(*size, -1, count))
    made = _nn.conv(x, kernel, strides or size, padding, data_format, dilation_rate)
    return made[0] if alone else made


@operation
def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Windows of images, each as the channels of one pixel; of volumes for three sizes.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    size : int, or pair or triple of int
    strides : int or tuple of int, optional
        `size` without it.
    dilation_rate : int or tuple of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor (..., rows, columns, elements of a window)

    Raises
    ------
    TypeError, ValueError
        Another `size`.

    Examples
    --------
    >>> keras.ops.image.extract_patches(np.ones((1, 4, 6, 3)), 2).shape
    torch.Size([1, 2, 3, 12])
    """
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(f"Invalid `size` argument. Expected an int or a tuple. Received: size={size} of type "
                        f"{type(size).__name__}")
    if not isinstance(size, int) and len(size) not in (2, 3):
        raise ValueError(f"Invalid `size` argument. Expected a tuple of length 2 or 3. Received: size={size} with "
                         f"length {len(size)}")
    rank = 2 if isinstance(size, int) else len(size)
    return _patches(floating(images), size, strides, dilation_rate, padding, data_format, rank)


@operation
def extract_patches_3d(volumes, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Windows of volumes, each as the channels of one position.

    Parameters
    ----------
    volumes : tensor
        (depth, height, width, channels), or a batch of them.
    size : int or triple of int
    strides, dilation_rate, padding, data_format
        As in `extract_patches`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.image.extract_patches_3d(np.ones((1, 4, 4, 6, 1)), 2).shape
    torch.Size([1, 2, 2, 3, 8])
    """
    return _patches(floating(volumes), size, strides, dilation_rate, padding, data_format, 3)


def _completed(size, before, after, target, sign, names):
    """(before, after) of what is padded (sign 1) or cropped (-1) along an axis, two of three given."""
    if sum(each is None for each in (before, after, target)) != 1:
        raise ValueError(f"Must specify exactly two of {', '.join(names)}. Received: "
                         + ", ".join(f"{name}={value}" for name, value in zip(names, (before, after, target))))
    for name, value in zip(names, (before, after, target)):
        if value is not None and value < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={value}")
    change = None if target is None else sign * (target - size)
    before, after = change - after if before is None else before, change - before if after is None else after
    for name, value in zip(names, (before, after)):
        if value < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={value}")
    return before, after


def _edges(images, sides, targets, data_format, sign, word):
    x, alone, last = _batch(images, data_format)
    first = 1 if last else 2
    top, left, bottom, right = sides
    found = []
    for axis, before, after, target, names in (
            (first, top, bottom, targets[0], ("top_" + word, "bottom_" + word, "target_height")),
            (first + 1, left, right, targets[1], ("left_" + word, "right_" + word, "target_width"))):
        found.append((axis, *_completed(x.shape[axis], before, after, target, sign, names)))
    return x, alone, last, found


@operation
def pad_images(images, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None,
               target_height=None, target_width=None, data_format=None):
    """Zeros around images; of each direction two of three numbers are given.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    top_padding, bottom_padding, left_padding, right_padding : int, optional
    target_height, target_width : int, optional
        Size of the result.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Not two of three, or a negative number.

    Examples
    --------
    >>> keras.ops.image.pad_images(np.ones((2, 2, 1)), 1, 0, target_height=4, target_width=3).shape
    torch.Size([4, 3, 1])
    """
    x, alone, last, ((_, top, bottom), (_, left, right)) = _edges(
        images, (top_padding, left_padding, bottom_padding, right_padding), (target_height, target_width), data_format,
        1, "padding")
    made = F.pad(x, [0, 0] * last + [left, right, top, bottom])
    return made[0] if alone else made


@operation
def crop_images(images, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None,
                target_height=None, target_width=None, data_format=None):
    """Images without their borders; of each direction two of three numbers are given.

    Parameters
    ----------
    images : tensor
        (height, width, channels), or a batch of them.
    top_cropping, bottom_cropping, left_cropping, right_cropping : int, optional
    target_height, target_width : int, optional
        Size of the result.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Not two of three, or more than there is.

    Examples
    --------
    >>> keras.ops.image.crop_images(np.ones((4, 4, 1)), 1, 0, target_height=2, target_width=3).shape
    torch.Size([2, 3, 1])
    """
    x, alone, _, found = _edges(
        images, (top_cropping, left_cropping, bottom_cropping, right_cropping), (target_height, target_width),
        data_format, -1, "cropping")
    for axis, before, after in found:
        if before + after > x.shape[axis]:
            raise ValueError(f"crop_images: {before} and {after} are more than the image's {x.shape[axis]} pixels")
        x = x.narrow(axis, before, x.shape[axis] - before - after)
    return x[0] if alone else x


@operation
def sobel_edges(images, data_format=None):
    """Differences down and to the right, by Sobel's operator, along a new last axis.

    Parameters
    ----------
    images : tensor
        A batch (batch, height, width, channels).
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor (batch, height, width, channels, 2)

    Examples
    --------
    >>> keras.ops.image.sobel_edges(np.ones((1, 4, 4, 3))).shape
    torch.Size([1, 4, 4, 3, 2])
    """
    x, _, last = _batch(images, data_format)
    x = floating(x.permute(0, 3, 1, 2) if last else x)
    across = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    made = fastnn.stack([_each_channel(x, kernel, 1) for kernel in (across.T, across)], -1)
    return made.permute(0, 2, 3, 1, 4) if last else made


@operation
def ssim(image1, image2, max_val=1.0, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, data_format=None):
    """Structural similarity of images (Wang et al., 2004): 1 for equal ones.

    Parameters
    ----------
    image1, image2 : tensor
        (height, width, channels), or batches of them.
    max_val : float
        Difference of the largest and the smallest possible value.
    filter_size : int
        Size of the window.
    filter_sigma : float
        Standard deviation of its normal density.
    k1, k2 : float
        Constants of the formula.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor () or (batch,)

    Examples
    --------
    >>> x = np.ones((16, 16, 1))
    >>> keras.ops.image.ssim(x, x)
    tensor(1., dtype=torch.float64)
    """
    (a, alone, last), (b, *_) = _batch(image1, data_format), _batch(image2, data_format)
    dtype = a.dtype
    a, b = (x.permute(0, 3, 1, 2) if last else x for x in pair(floating(a), floating(b)))
    bell = _bell(filter_size, filter_sigma, np.float64)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2

    def mean(x):
        return _each_channel(x, np.outer(bell, bell))
    ma, mb = mean(a), mean(b)
    above = (2.0 * ma * mb + c1) * (2.0 * (mean(a * b) - ma * mb) + c2)
    below = (ma * ma + mb * mb + c1) * (mean(a * a) - ma * ma + mean(b * b) - mb * mb + c2)
    found = (above / below).mean((1, 2, 3)).to(dtype)
    return found[0] if alone else found
