"""Operations on images (height, width, channels), alone or in batches, as ``keras.ops.image``."""
import numpy as np

import fastnn
from fastnn.keras import config
from fastnn.keras.layers import conv as _conv
from fastnn.keras.layers import images as _images
from fastnn.keras.ops.common import tensor
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of
from fastnn.nn import functional as F


def _batch(images, data_format, floating=False):
    """(a batch of images, channels first; a function that brings results into the given form)"""
    x = tensor(images)
    if x.ndim not in (3, 4):
        raise ValueError(f"Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). Received "
                         f"input with shape: images.shape={tuple(x.shape)}")
    if floating and not x.is_floating_point():
        raise ValueError(f"Invalid images dtype: expected float dtype. Received: images.dtype={config.dtype_of(x)}")
    last, alone = config.standardize_data_format(data_format) == "channels_last", x.ndim == 3
    x = x.unsqueeze(0) if alone else x

    def back(y):
        y = _conv.to_channels_last(y) if last else y
        return y[0] if alone else y
    return (_conv.to_channels_first(x) if last else x), back


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


@operation
def resize(images, size, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=False,
           pad_to_aspect_ratio=False, fill_mode="constant", fill_value=0.0, data_format=None):
    """Images of another (height, width); see the layer `Resizing`."""
    if len(size) != 2:
        raise ValueError(f"Argument `size` must be a tuple of two elements (height, width). Received: size={size}")
    _batch(images, data_format)
    layer = _images.Resizing(*map(int, size), interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode,
                             fill_value, antialias, data_format, name="resize")
    return layer.call(tensor(images))


@operation
def rgb_to_grayscale(images, data_format=None):
    """``0.2989 r + 0.587 g + 0.114 b``, with one channel."""
    x, back = _batch(images, data_format)
    if x.shape[1] not in (1, 3):
        raise ValueError(f"Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Received input with shape: "
                         f"images.shape={tuple(np.shape(images))}")
    if x.shape[1] == 1:
        return back(x.clone())
    r, g, b = x.unbind(1)
    return back((0.2989 * r + 0.587 * g + 0.114 * b).to(x.dtype).unsqueeze(1))


@operation
def rgb_to_hsv(images, data_format=None):
    """Hue, saturation and value, all in 0..1, of red, green and blue in 0..1."""
    x, back = _batch(images, data_format, floating=True)
    x = fastnn.where(x.abs() < fastnn.finfo(x.dtype).eps, 0.0, x)
    r, g, b = x.unbind(1)
    value, least = x.amax(1), x.amin(1)
    reach = value - least
    colour = reach > 0
    sixth = 1 / (6 * fastnn.where(colour, reach, 1.0))
    hue = fastnn.where(value == g, sixth * (b - r) + 2 / 6, sixth * (r - g) + 4 / 6)
    hue = fastnn.where(value == r, sixth * (g - b), hue)
    hue = fastnn.where(colour, hue, 0.0) + (hue < 0).to(x.dtype)
    saturation = fastnn.where(value > 0, reach / fastnn.where(value > 0, value, 1.0), 0.0)
    return back(fastnn.stack([hue, saturation, value], 1))


@operation
def hsv_to_rgb(images, data_format=None):
    """The inverse of `rgb_to_hsv`."""
    x, back = _batch(images, data_format, floating=True)
    hue, saturation, value = x.unbind(1)
    place = fastnn.remainder(hue, 1.0) * 6
    weights = ((place - 3).abs() - 1).clamp(0, 1), (2 - (place - 2).abs()).clamp(0, 1), (
        2 - (place - 4).abs()).clamp(0, 1)
    return back(fastnn.stack([value * (1 - saturation + saturation * weight) for weight in weights], 1))


@operation
def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Windows of images: (batch, rows, columns, height * width * channels of a window).

    Parameters
    ----------
    images : (batch, height, width, channels), or one image
    size : int or (height, width)
    strides : int or pair, optional
        By default `size`: windows that do not overlap.
    dilation_rate : int or pair
    padding : "valid" or "same"
    """
    if not isinstance(size, int) and len(size) == 3:
        raise NotImplementedError("extract_patches: patches of volumes (three sizes) are not implemented")
    if not isinstance(size, int) and len(size) != 2:
        raise TypeError(f"Invalid `size` argument. Expected an int or a tuple of length 2. Received: size={size}")
    x, back = _batch(images, data_format)
    kind, size = x.dtype, _pair(size)
    x = x if x.is_floating_point() else x.float()
    strides, dilation = _pair(strides or size), _pair(dilation_rate)
    x, own = _conv.padded(x, size, strides, padding, dilation)
    x = F.pad(x, [own[1], own[1], own[0], own[0]]) if any(own) else x
    rows, columns = (_conv.output_length(n, k, s, "valid", d) for n, k, s, d in zip(x.shape[2:], size, strides,
                                                                                    dilation))
    if rows <= 0 or columns <= 0:
        raise ValueError(f"extract_patches: images {tuple(x.shape[2:])} are smaller than patches {size}")
    found = F.unfold(x, size, dilation, 0, strides)  # (batch, channels * window, positions)
    batch, channels = x.shape[:2]
    found = found.reshape(batch, channels, size[0] * size[1], rows, columns).permute(0, 2, 1, 3, 4)
    return back(found.reshape(batch, channels * size[0] * size[1], rows, columns).to(kind))


def _sides(operation, height, width, vertical, horizontal, sign):
    """(top, bottom, left, right) of what is cropped (sign -1) or padded (1), each given or inferred."""
    found = []
    for size, (before, after, target), names in ((height, vertical, ("top", "bottom", "height")),
                                                 (width, horizontal, ("left", "right", "width"))):
        given = [value is not None for value in (before, after, target)]
        if sum(given) != 2:
            raise ValueError(f"{operation}: expected exactly two of {names[0]}, {names[1]} and target_{names[2]}, got "
                             f"{before}, {after} and {target}")
        if before is None:
            before = sign * (target - size) - after
        elif after is None:
            after = sign * (target - size) - before
        if before < 0 or after < 0 or size + sign * (before + after) < 0:
            raise ValueError(f"{operation}: must be >= 0. Received: {names[0]}={before}, {names[1]}={after}, "
                             f"target_{names[2]}={size + sign * (before + after)}")
        found += [before, after]
    return found


@operation
def crop_images(images, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None,
                target_height=None, target_width=None, data_format=None):
    """A part of images; of what is cropped above, below and the height that is left two are given, and so across."""
    x, back = _batch(images, data_format)
    height, width = x.shape[2:]
    top, bottom, left, right = _sides("crop_images", height, width, (top_cropping, bottom_cropping, target_height),
                                      (left_cropping, right_cropping, target_width), -1)
    return back(x[:, :, top:height - bottom, left:width - right])


@operation
def pad_images(images, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None,
               target_height=None, target_width=None, data_format=None):
    """Images with zeros around; of what is added above, below and the height two are given, and so across."""
    x, back = _batch(images, data_format)
    top, bottom, left, right = _sides("pad_images", *x.shape[2:], (top_padding, bottom_padding, target_height),
                                      (left_padding, right_padding, target_width), 1)
    return back(F.pad(x, [left, right, top, bottom]))


@operation
def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0,
                     data_format=None):
    """Images whose pixel (x, y) is that of the inputs at ``(a0 x + a1 y + a2, b0 x + b1 y + b2)``.

    Parameters
    ----------
    images : (batch, height, width, channels), or one image
    transform : (batch, 8) or (8,)
        a0, a1, a2, b0, b1, b2 and two zeros for each image.
    interpolation : "bilinear" or "nearest"
    fill_mode : "constant", "nearest", "wrap", "mirror" or "reflect"
    """
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"Invalid value for argument `interpolation`. Expected of one {{'nearest', 'bilinear'}}. "
                         f"Received: interpolation={interpolation}")
    if fill_mode not in _images.FILL_MODES:
        raise ValueError(f"Invalid value for argument `fill_mode`. Expected of one {set(_images.FILL_MODES)}. "
                         f"Received: fill_mode={fill_mode}")
    matrices = array_of(tensor(transform))
    if matrices.ndim not in (1, 2) or matrices.shape[-1] != 8:
        raise ValueError(f"Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of transforms) "
                         f"of 8 numbers. Received input with shape: transform.shape={matrices.shape}")
    if matrices.size and np.any(matrices[..., 6:]):
        raise NotImplementedError("affine_transform: projective transforms (numbers 7 and 8 not 0) are not implemented")
    x, back = _batch(images, data_format)
    matrices = np.broadcast_to(np.atleast_2d(matrices), (len(x), 8))
    return back(_images.affine(x, matrices[:, :6], interpolation, fill_mode, fill_value, channels_last=False))


@operation
def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Each pixel the mean of its neighbours, weighted by ``exp(-(dx / sigma)^2 / 2)``; 0 is outside."""
    x, back = _batch(images, data_format, floating=True)
    weights = []
    for size, width in zip(_pair(kernel_size), sigma):
        place = np.arange(size) - (size - 1) / 2
        row = np.exp(-0.5 * (place / width) ** 2)
        weights.append(row / row.sum())
    kernel = np.outer(weights[0], weights[1]).astype(array_of(x).dtype)
    channels = x.shape[1]
    kernel = fastnn.from_numpy(np.broadcast_to(kernel, (channels, 1, *kernel.shape)).copy())
    return back(F.conv2d(x, kernel, padding=tuple(size // 2 for size in _pair(kernel_size)), groups=channels))
