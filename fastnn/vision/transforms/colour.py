"""Operations on the colours of pixels: brightness, contrast, hue and others."""
import functools

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import ShapeError
from fastnn.ops.indexing import where
from fastnn.ops.joining import cat, stack
from fastnn.vision.transforms.images import check_image, get_dimensions, is_pil, pillow

__all__ = ["adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "autocontrast",
           "convert_image_dtype", "equalize", "invert", "posterize", "rgb_to_grayscale", "solarize", "to_grayscale"]


def _enhance(op):
    pillow(op)
    from PIL import ImageEnhance
    return ImageEnhance


def _image_ops(op):
    pillow(op)
    from PIL import ImageOps
    return ImageOps


def highest(dtype):
    """The number that stands for full light."""
    return 1.0 if dtype.is_floating_point else np.iinfo(dtype.numpy).max


def check_colours(image, op, depth=None):
    """An image of 1 or 3 channels; a Tensor has three axes or `depth`."""
    check_image(image, op)
    if isinstance(image, Tensor):
        if len(image.shape) < 3 or depth and len(image.shape) > depth:
            raise TypeError(f"{op}: input image tensor should have {'3 or 4' if depth else 'at least 3'} dimensions, "
                            f"but found {len(image.shape)}")
        if image.shape[-3] not in (1, 3):
            raise TypeError(f"{op}: input image tensor permitted channel values are 1 or 3, but found "
                            f"{image.shape[-3]}")


def check_factor(name, factor):
    if not factor >= 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def blend(image, other, ratio):
    """ratio * image + (1 - ratio) * other, in the image's range and dtype."""
    return (ratio * image + (1.0 - ratio) * other).clamp(0, highest(image.dtype)).to(image.dtype)


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


def adjust_brightness(image, brightness_factor):
    """The colours times a factor.

    Same as torchvision.transforms.functional.adjust_brightness.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.
    brightness_factor : float
        0 gives black, 1 the image itself.

    Raises
    ------
    ValueError
        The factor is negative.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.adjust_brightness(fastnn.tensor([[[0.2, 0.6]]]), 2.0)
    tensor([[[0.4000, 1.0000]]])
    """
    check_factor("brightness_factor", brightness_factor)
    check_colours(image, "adjust_brightness")
    if is_pil(image):
        return _enhance("adjust_brightness").Brightness(image).enhance(brightness_factor)
    return blend(image, 0, float(brightness_factor))


def adjust_contrast(image, contrast_factor):
    """The distance of the colours from the mean grey value times a factor.

    Same as torchvision.transforms.functional.adjust_contrast.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.
    contrast_factor : float
        0 gives grey, 1 the image itself.

    Raises
    ------
    ValueError
        The factor is negative.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.adjust_contrast(fastnn.tensor([[[0.25, 0.75]]]), 0.5)
    tensor([[[0.3750, 0.6250]]])
    """
    check_factor("contrast_factor", contrast_factor)
    check_colours(image, "adjust_contrast")
    if is_pil(image):
        return _enhance("adjust_contrast").Contrast(image).enhance(contrast_factor)
    grey = rgb_to_grayscale(image) if image.shape[-3] == 3 else image
    grey = grey if grey.dtype.is_floating_point else grey.to(dtypes.float32)
    return blend(image, grey.mean((-3, -2, -1), keepdim=True), float(contrast_factor))


def adjust_saturation(image, saturation_factor):
    """The distance of the colours from their own grey values times a factor.

    Same as torchvision.transforms.functional.adjust_saturation.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.
    saturation_factor : float
        0 gives a grey image, 1 the image itself.

    Raises
    ------
    ValueError
        The factor is negative.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.adjust_saturation(fastnn.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1), 0.0).flatten()
    tensor([0.2989, 0.2989, 0.2989])
    """
    check_factor("saturation_factor", saturation_factor)
    check_colours(image, "adjust_saturation")
    if is_pil(image):
        return _enhance("adjust_saturation").Color(image).enhance(saturation_factor)
    return image if image.shape[-3] == 1 else blend(image, rgb_to_grayscale(image), float(saturation_factor))


def adjust_hue(image, hue_factor):
    """The hue moved around the circle of colours.

    Same as torchvision.transforms.functional.adjust_hue.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.
    hue_factor : float
        From -0.5 to 0.5, which are half a circle; 0 gives the image itself.

    Raises
    ------
    ValueError
        The factor is outside of the range.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.adjust_hue(fastnn.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1), 0.5).flatten()
    tensor([0., 1., 1.])
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    check_colours(image, "adjust_hue")
    if is_pil(image):
        if image.mode in ("L", "1", "I", "F"):
            return image
        hue, saturation, value = image.convert("HSV").split()
        hue = pillow("adjust_hue").fromarray(np.array(hue) + np.array(int(hue_factor * 255)).astype(np.uint8))
        return pillow("adjust_hue").merge("HSV", (hue, saturation, value)).convert(image.mode)
    if image.shape[-3] == 1:
        return image
    hue, saturation, value = _hsv(convert_image_dtype(image, dtypes.float32))
    return convert_image_dtype(_rgb((hue + hue_factor) % 1.0, saturation, value), image.dtype)


def _hsv(image):
    """Hue, saturation and value, each (..., H, W) from 0 to 1 (Smith 1978)."""
    red, green, blue = image.unbind(-3)
    high, low = image.amax(-3), image.amin(-3)
    grey = high == low
    span = high - low
    divisor = where(grey, 1.0, span)
    r, g, b = ((high - channel) / divisor for channel in (red, green, blue))
    is_red, is_green = high == red, high == green
    hue = where(is_red, b - g, where(is_green, 2.0 + r - b, 4.0 + g - r))
    return (hue / 6.0 + 1.0).fmod(1.0), span / where(grey, 1.0, high), high


def _rgb(hue, saturation, value):
    sector = (hue * 6.0).floor()
    part = hue * 6.0 - sector
    sector = sector.to(dtypes.int32) % 6
    p, q, t = ((value * (1.0 - share)).clamp(0.0, 1.0)
               for share in (saturation, saturation * part, saturation * (1.0 - part)))
    channels = ((value, q, p, p, t, value), (t, value, value, q, p, p), (p, p, t, value, value, q))
    chosen = [sector == i for i in range(6)]
    return stack([functools.reduce(lambda rest, pair: where(*pair, rest), zip(chosen[:5], options), options[5])
                  for options in channels], -3)


def adjust_gamma(image, gamma, gain=1):
    """gain * image ** gamma, of colours from 0 to 1.

    Same as torchvision.transforms.functional.adjust_gamma.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.
    gamma : float
        Above 1 shadows become darker, below 1 lighter.
    gain : float
        Default 1.

    Raises
    ------
    ValueError
        gamma is negative.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.adjust_gamma(fastnn.tensor([[[0.5, 1.0]]]), 2)
    tensor([[[0.2500, 1.0000]]])
    """
    if not gamma >= 0:
        raise ValueError("Gamma should be a non-negative real number")
    check_colours(image, "adjust_gamma")
    if is_pil(image):
        table = [int(255.999 * gain * (i / 255.0) ** gamma) for i in range(256)]
        return image.convert("RGB").point(table * 3).convert(image.mode)
    light = image if image.dtype.is_floating_point else convert_image_dtype(image, dtypes.float32)
    return convert_image_dtype((gain * light ** gamma).clamp(0, 1), image.dtype)


def invert(image):
    """Light and dark exchanged.

    Same as torchvision.transforms.functional.invert.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.invert(fastnn.tensor([[[0.25, 1.0]]]))
    tensor([[[0.7500, 0.0000]]])
    """
    check_colours(image, "invert")
    return _image_ops("invert").invert(image) if is_pil(image) else highest(image.dtype) - image


def posterize(image, bits):
    """The highest bits of each colour alone.

    Same as torchvision.transforms.functional.posterize.

    Parameters
    ----------
    image : Tensor or PIL image
        uint8, of 1 or 3 channels.
    bits : int
        How many are kept, 0 to 8.

    Raises
    ------
    ValueError
        Another number of bits.
    TypeError
        The Tensor is not uint8.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.posterize(fastnn.tensor([[[100, 200]]], dtype=fastnn.uint8), 1)
    tensor([[[  0, 128]]], dtype=torch.uint8)
    """
    if not 0 <= bits <= 8:
        raise ValueError(f"posterize: the number of bits should be between 0 and 8, got {bits}")
    check_colours(image, "posterize")
    if is_pil(image):
        return _image_ops("posterize").posterize(image, bits)
    _check_bytes(image, "posterize")
    return image & (256 - 2 ** (8 - bits) & 255)


def _check_bytes(image, op):
    if image.dtype is not dtypes.uint8:
        raise TypeError(f"{op}: only uint8 image tensors are supported, but found {image.dtype}")


def solarize(image, threshold):
    """Light colours inverted.

    Same as torchvision.transforms.functional.solarize.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.
    threshold : float
        The darkest colour that is inverted.

    Raises
    ------
    TypeError
        The threshold is above full light.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.solarize(fastnn.tensor([[[0.25, 0.75]]]), 0.5)
    tensor([[[0.2500, 0.2500]]])
    """
    check_colours(image, "solarize")
    if is_pil(image):
        return _image_ops("solarize").solarize(image, threshold)
    if threshold > highest(image.dtype):
        raise TypeError("Threshold should be less than bound of img.")
    return where(image >= threshold, invert(image), image)


def autocontrast(image):
    """The colours of each channel stretched to the whole range.

    Same as torchvision.transforms.functional.autocontrast.

    Parameters
    ----------
    image : Tensor or PIL image
        Of 1 or 3 channels.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> functional.autocontrast(fastnn.tensor([[[0.25, 0.5, 0.75]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    check_colours(image, "autocontrast")
    if is_pil(image):
        return _image_ops("autocontrast").autocontrast(image)
    bound, dtype = highest(image.dtype), image.dtype if image.dtype.is_floating_point else dtypes.float32
    low, high = image.amin((-2, -1), keepdim=True).to(dtype), image.amax((-2, -1), keepdim=True).to(dtype)
    flat = high == low
    scale = where(flat, 1.0, bound / where(flat, 1.0, high - low))
    return ((image - where(flat, 0.0, low)) * scale).clamp(0, bound).to(image.dtype)


def equalize(image):
    """The colours of each channel spread so that all are as frequent as possible.

    Same as torchvision.transforms.functional.equalize.

    Parameters
    ----------
    image : Tensor or PIL image
        uint8, of 1 or 3 channels.

    Raises
    ------
    TypeError
        The Tensor is not uint8.

    Examples
    --------
    >>> from fastnn.vision.transforms import functional
    >>> image = fastnn.arange(100, 116, dtype=fastnn.uint8).repeat(64).reshape(1, 32, 32)
    >>> functional.equalize(image).unique()[:4]
    tensor([ 0, 21, 43, 64], dtype=torch.uint8)
    """
    check_colours(image, "equalize", depth=4)
    if is_pil(image):
        return _image_ops("equalize").equalize(image)
    _check_bytes(image, "equalize")
    planes = image.numpy().reshape(-1, image.shape[-2] * image.shape[-1])
    return from_array(np.stack([_equalized(plane) for plane in planes]).reshape(image.shape))


def _equalized(plane):
    counts = np.bincount(plane, minlength=256)
    step = (counts[counts > 0][:-1].sum()) // 255
    if step == 0:
        return plane
    table = (np.cumsum(counts) + step // 2) // step
    return np.concatenate([[0], table[:-1]]).clip(0, 255).astype(np.uint8)[plane]
