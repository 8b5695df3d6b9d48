"""``tf.image``: images (height, width, channels), alone or in batches, by way of `keras.ops.image`."""
import numpy as np

import fastnn
from fastnn.keras import config, ops, random
from fastnn.keras.ops import image as _image
from fastnn.keras.variables import convert


class ResizeMethod:
    """Names of interpolation methods."""

    AREA, BICUBIC, BILINEAR, GAUSSIAN = "area", "bicubic", "bilinear", "gaussian"
    LANCZOS3, LANCZOS5, MITCHELLCUBIC, NEAREST_NEIGHBOR = "lanczos3", "lanczos5", "mitchellcubic", "nearest"


def resize(images, size, method=ResizeMethod.BILINEAR, preserve_aspect_ratio=False, antialias=False, name=None):
    """Images of another (height, width); floating, but for the method "nearest"."""
    x = convert(images)
    if method not in ("bilinear", "bicubic", "nearest"):
        raise NotImplementedError(f"tf.image.resize: method={method!r} is not implemented")
    height, width = (int(n) for n in size)
    if preserve_aspect_ratio:
        scale = min(height / x.shape[-3], width / x.shape[-2])
        height, width = round(scale * x.shape[-3]), round(scale * x.shape[-2])
    x = x if method == "nearest" or x.is_floating_point() else x.float()
    return _image.resize(x, (height, width), method, antialias, data_format="channels_last")


def convert_image_dtype(image, dtype, saturate=False, name=None):
    """Another type: floating numbers stand for 0..1, whole ones for 0..their largest."""
    x, wanted = convert(image), config.torch_dtype(dtype)
    if x.dtype is wanted:
        return x
    if x.is_floating_point() and wanted.is_floating_point:
        return x.to(wanted)
    if wanted.is_floating_point:
        return x.to(wanted) / fastnn.iinfo(x.dtype).max
    limits = fastnn.iinfo(wanted)
    if not x.is_floating_point():
        x = x.double() / (fastnn.iinfo(x.dtype).max + 1) * (limits.max + 1)
    else:
        x = x * (limits.max + 0.5)
    return (x.clamp(limits.min, limits.max) if saturate else x).to(wanted)


def rgb_to_grayscale(images, name=None):
    """One channel; whole numbers stay so."""
    return _image.rgb_to_grayscale(images, data_format="channels_last")


def grayscale_to_rgb(images, name=None):
    """The channel three times."""
    return ops.repeat(convert(images), 3, -1)


def rgb_to_hsv(images, name=None):
    """Hue, saturation and value."""
    return _image.rgb_to_hsv(images, data_format="channels_last")


def hsv_to_rgb(images, name=None):
    """Red, green and blue."""
    return _image.hsv_to_rgb(images, data_format="channels_last")


# ---- parts ----

def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """The part of this size at this place."""
    return _image.crop_images(image, top_cropping=int(offset_height), left_cropping=int(offset_width),
                              target_height=int(target_height), target_width=int(target_width),
                              data_format="channels_last")


def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """The image at this place within zeros."""
    return _image.pad_images(image, top_padding=int(offset_height), left_padding=int(offset_width),
                             target_height=int(target_height), target_width=int(target_width),
                             data_format="channels_last")


def resize_with_crop_or_pad(image, target_height, target_width):
    """The middle, or the image in the middle of zeros."""
    x = convert(image)
    height, width = x.shape[-3:-1]
    x = crop_to_bounding_box(x, max(height - target_height, 0) // 2, max(width - target_width, 0) // 2,
                             min(height, target_height), min(width, target_width))
    return pad_to_bounding_box(x, max(target_height - height, 0) // 2, max(target_width - width, 0) // 2,
                               target_height, target_width)


def central_crop(image, central_fraction):
    """The middle of each axis."""
    x = convert(image)
    if not 0 < central_fraction <= 1:
        raise ValueError(f"central_fraction must be within (0, 1], got {central_fraction}")
    top, left = (int((n - n * central_fraction) / 2) for n in x.shape[-3:-1])
    return x[..., top:x.shape[-3] - top, left:x.shape[-2] - left, :]


def extract_patches(images, sizes, strides, rates, padding, name=None):
    """Windows of images; the arguments have a number for each of the four axes."""
    return _image.extract_patches(images, tuple(sizes[1:3]), tuple(strides[1:3]), tuple(rates[1:3]), padding.lower(),
                                  "channels_last")


# ---- colours ----

def _kept(change):
    """Whole numbers are changed as numbers in 0..1 and rounded back."""
    def changed(image, *args, **kwargs):
        x = convert(image)
        if x.is_floating_point():
            return change(x, *args, **kwargs)
        return convert_image_dtype(change(convert_image_dtype(x, "float32"), *args, **kwargs), x.dtype, saturate=True)
    changed.__name__, changed.__doc__ = change.__name__, change.__doc__
    return changed


@_kept
def adjust_brightness(image, delta):
    """Add a number."""
    return image + delta


@_kept
def adjust_contrast(images, contrast_factor):
    """Each channel's distance from its mean, times a factor."""
    mean = images.mean((-3, -2), keepdim=True)
    return (images - mean) * contrast_factor + mean


@_kept
def adjust_saturation(image, saturation_factor, name=None):
    """The saturation times a factor."""
    hue, saturation, value = rgb_to_hsv(image).unbind(-1)
    return hsv_to_rgb(fastnn.stack([hue, (saturation * saturation_factor).clamp(0, 1), value], -1))


@_kept
def adjust_hue(image, delta, name=None):
    """Turn the hue by a part of the circle."""
    hue, saturation, value = rgb_to_hsv(image).unbind(-1)
    return hsv_to_rgb(fastnn.stack([fastnn.remainder(hue + delta, 1.0), saturation, value], -1))


@_kept
def adjust_gamma(image, gamma=1, gain=1):
    """``gain * image ** gamma``"""
    return gain * image**gamma


def per_image_standardization(image):
    """Mean 0 and variance 1 in each image."""
    x = convert(image)
    x = x if x.is_floating_point() else x.float()
    mean = x.mean((-3, -2, -1), keepdim=True)
    deviation = x.var((-3, -2, -1), unbiased=False, keepdim=True).sqrt()
    return (x - mean) / deviation.clamp(min=1 / np.sqrt(np.prod(x.shape[-3:])))


def flip_left_right(image):
    """Mirrored."""
    return ops.flip(convert(image), -2)


def flip_up_down(image):
    """Upside down."""
    return ops.flip(convert(image), -3)


def transpose(image, name=None):
    """Rows become columns."""
    return ops.swapaxes(convert(image), -3, -2)


def rot90(image, k=1, name=None):
    """Turned by quarters, against the clock."""
    x = convert(image)
    return fastnn.rot90(x, k, (x.ndim - 3, x.ndim - 2))


# ---- at random ----

def _number(lower, upper, seed):
    if lower > upper:
        raise ValueError(f"expected lower <= upper, got {lower} and {upper}")
    return float(random.uniform((), lower, upper, seed=seed))


def _random_flip(name, flip):
    def flipped(image, seed=None):
        x = convert(image)
        if x.ndim == 3:
            return flip(x) if _number(0, 1, seed) < 0.5 else x
        chosen = random.uniform((len(x), 1, 1, 1), seed=seed) < 0.5
        return fastnn.where(chosen, flip(x), x)
    flipped.__name__, flipped.__doc__ = name, f"`{flip.__name__}` of an image, or of each of a batch, or not."
    return flipped


random_flip_left_right = _random_flip("random_flip_left_right", flip_left_right)
random_flip_up_down = _random_flip("random_flip_up_down", flip_up_down)


def random_brightness(image, max_delta, seed=None):
    """`adjust_brightness` by a number in ``[-max_delta, max_delta)``."""
    return adjust_brightness(image, _number(-max_delta, max_delta, seed))


def random_contrast(image, lower, upper, seed=None):
    """`adjust_contrast` by a factor in ``[lower, upper)``."""
    return adjust_contrast(image, _number(lower, upper, seed))


def random_saturation(image, lower, upper, seed=None):
    """`adjust_saturation` by a factor in ``[lower, upper)``."""
    return adjust_saturation(image, _number(lower, upper, seed))


def random_hue(image, max_delta, seed=None):
    """`adjust_hue` by a part in ``[-max_delta, max_delta)``."""
    return adjust_hue(image, _number(-max_delta, max_delta, seed))


def random_crop(value, size, seed=None, name=None):
    """A part of this size, at a place drawn at random."""
    x, size = convert(value), [int(n) for n in size]
    if len(size) != x.ndim or any(part > whole for part, whole in zip(size, x.shape)):
        raise ValueError(f"Need value.shape >= size, got {tuple(x.shape)} and {tuple(size)}")
    starts = [int(_number(0, whole - part + 1, seed)) for part, whole in zip(size, x.shape)]
    return x[tuple(slice(start, start + part) for start, part in zip(starts, size))]


# ---- comparison ----

def psnr(a, b, max_val, name=None):
    """``20 log10(max_val) - 10 log10(mean((a - b)^2))`` of each image."""
    a, b = (convert_image_dtype(x, "float32") for x in (a, b))
    top = max_val / 255 if np.asarray(max_val).dtype.kind == "i" and max_val == 255 else max_val
    error = (a - b).square().mean((-3, -2, -1))
    return 20 * np.log10(float(top)) - 10 * error.log10()
