"""Transforms of colours: of images and videos; masks and boxes stay."""
from fastnn import random
from fastnn.vision.transforms import jitter, transforms
from fastnn.vision.transforms.augmentation import uniform
from fastnn.vision.transforms.v2 import functional as F
from fastnn.vision.transforms.v2.base import Sometimes, Transform, query_chw

CHANGES = (("brightness_factor", F.adjust_brightness), ("contrast_factor", F.adjust_contrast),
           ("saturation_factor", F.adjust_saturation), ("hue_factor", F.adjust_hue))


class Grayscale(Transform):
    """Images without colours.

    Same as torchvision.transforms.v2.Grayscale.

    Parameters
    ----------
    num_output_channels : {1, 3}

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.Grayscale()(fastnn.ones(3, 2, 2)).shape
    torch.Size([1, 2, 2])
    """

    _v1 = transforms.Grayscale

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def transform(self, inpt, params):
        return self._call_kernel(F.rgb_to_grayscale, inpt, self.num_output_channels)


class RGB(Transform):
    """Images of one channel as images of three.

    Same as torchvision.transforms.v2.RGB.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RGB()(fastnn.ones(1, 2, 2)).shape
    torch.Size([3, 2, 2])
    """

    def transform(self, inpt, params):
        return self._call_kernel(F.grayscale_to_rgb, inpt)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed by random factors, in random order.

    Same as torchvision.transforms.v2.ColorJitter.

    Parameters
    ----------
    brightness, contrast, saturation : float or (lowest, highest), optional
        Of the factors; a number d stands for (max(0, 1 - d), 1 + d). Default unchanged.
    hue : float or (lowest, highest), optional
        From -0.5 to 0.5; a number d stands for (-d, d). Default unchanged.

    Raises
    ------
    TypeError, ValueError
        An argument is of another kind, negative or beyond its range.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.ColorJitter(brightness=(2, 2))(fastnn.full((1, 1, 2), 0.25))
    tensor([[[0.5000, 0.5000]]])
    """

    _v1 = jitter.ColorJitter

    def __init__(self, brightness=None, contrast=None, saturation=None, hue=None):
        super().__init__()
        known = self._v1(brightness or 0, contrast or 0, saturation or 0, hue or 0)
        self.brightness, self.contrast, self.saturation, self.hue = (
            known.brightness, known.contrast, known.saturation, known.hue)

    def make_params(self, flat_inputs):
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        return {"fn_idx": order, **{name: factor for (name, _), factor in zip(CHANGES, factors)}}

    def transform(self, inpt, params):
        for i in params["fn_idx"]:
            name, change = CHANGES[i]
            if params[name] is not None:
                inpt = self._call_kernel(change, inpt, params[name])
        return inpt


class RandomChannelPermutation(Transform):
    """The channels of images in random order.

    Same as torchvision.transforms.v2.RandomChannelPermutation.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomChannelPermutation()(fastnn.ones(3, 2, 2)).shape
    torch.Size([3, 2, 2])
    """

    def make_params(self, flat_inputs):
        return {"permutation": random.default_generator.randperm(query_chw(flat_inputs)[0])}

    def transform(self, inpt, params):
        return self._call_kernel(F.permute_channels, inpt, params["permutation"])


class RandomPhotometricDistort(Transform):
    """Each of brightness, contrast, saturation, hue and order of channels changed with a probability (Liu et al. 2016).

    Same as torchvision.transforms.v2.RandomPhotometricDistort.

    Parameters
    ----------
    brightness, contrast, saturation, hue : (lowest, highest)
        Of the factors; default (0.875, 1.125), (0.5, 1.5), (0.5, 1.5) and (-0.05, 0.05).
    p : float
        The probability of each; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomPhotometricDistort(p=0.0)(fastnn.ones(3, 1, 1)).flatten()
    tensor([1., 1., 1.])
    """

    def __init__(self, brightness=(0.875, 1.125), contrast=(0.5, 1.5), saturation=(0.5, 1.5), hue=(-0.05, 0.05), p=0.5):
        super().__init__()
        self.brightness, self.contrast, self.hue, self.saturation, self.p = brightness, contrast, hue, saturation, p

    def make_params(self, flat_inputs):
        channels = query_chw(flat_inputs)[0]
        ranges = self.brightness, self.contrast, self.saturation, self.hue
        params = {name: uniform(*ends) if uniform() < self.p else None for (name, _), ends in zip(CHANGES, ranges)}
        params["contrast_before"] = uniform() < 0.5
        params["channel_permutation"] = (random.default_generator.randperm(channels) if uniform() < self.p else None)
        return params

    def transform(self, inpt, params):
        brightness, contrast, saturation, hue = CHANGES
        order = ((brightness, contrast, saturation, hue) if params["contrast_before"] else
                 (brightness, saturation, hue, contrast))
        for name, change in order:
            if params[name] is not None:
                inpt = self._call_kernel(change, inpt, params[name])
        if params["channel_permutation"] is not None:
            inpt = self._call_kernel(F.permute_channels, inpt, params["channel_permutation"])
        return inpt


class RandomGrayscale(Sometimes):
    """Images without colours, in as many channels, with a probability.

    Same as torchvision.transforms.v2.RandomGrayscale.

    Parameters
    ----------
    p : float
        The probability; default 0.1.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomGrayscale(p=1.0)(fastnn.eye(3).reshape(3, 1, 3))[:, 0, 0]
    tensor([0.2989, 0.2989, 0.2989])
    """

    _v1 = jitter.RandomGrayscale

    def __init__(self, p=0.1):
        super().__init__(p)

    def make_params(self, flat_inputs):
        return {"num_input_channels": query_chw(flat_inputs)[0]}

    def transform(self, inpt, params):
        return self._call_kernel(F.rgb_to_grayscale, inpt, params["num_input_channels"])


class RandomInvert(Sometimes):
    """Colours exchanged for the others, with a probability.

    Same as torchvision.transforms.v2.RandomInvert.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomInvert(p=1.0)(fastnn.tensor([[[0.25, 1.0]]]))
    tensor([[[0.7500, 0.0000]]])
    """

    _v1 = jitter.RandomInvert

    def transform(self, inpt, params):
        return self._call_kernel(F.invert, inpt)


class RandomAutocontrast(Sometimes):
    """Colours spread over the whole range, with a probability.

    Same as torchvision.transforms.v2.RandomAutocontrast.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomAutocontrast(p=1.0)(fastnn.tensor([[[0.25, 0.5, 0.75]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """

    _v1 = jitter.RandomAutocontrast

    def transform(self, inpt, params):
        return self._call_kernel(F.autocontrast, inpt)


class RandomEqualize(Sometimes):
    """Colours made equally frequent, with a probability.

    Same as torchvision.transforms.v2.RandomEqualize.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomEqualize(p=0.0)(fastnn.zeros(1, 1, 2, dtype=fastnn.uint8))
    tensor([[[0, 0]]], dtype=torch.uint8)
    """

    _v1 = jitter.RandomEqualize

    def transform(self, inpt, params):
        return self._call_kernel(F.equalize, inpt)


class RandomPosterize(Sometimes):
    """Only the first bits of each colour, with a probability.

    Same as torchvision.transforms.v2.RandomPosterize.

    Parameters
    ----------
    bits : int
        How many are kept, 0 to 8.
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomPosterize(1, p=1.0)(fastnn.tensor([[[100, 200]]], dtype=fastnn.uint8))
    tensor([[[  0, 128]]], dtype=torch.uint8)
    """

    _v1 = jitter.RandomPosterize

    def __init__(self, bits, p=0.5):
        super().__init__(p)
        self.bits = bits

    def transform(self, inpt, params):
        return self._call_kernel(F.posterize, inpt, self.bits)


class RandomSolarize(Sometimes):
    """Light colours inverted, with a probability.

    Same as torchvision.transforms.v2.RandomSolarize.

    Parameters
    ----------
    threshold : float
        The darkest colour that is inverted.
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomSolarize(0.5, p=1.0)(fastnn.tensor([[[0.25, 0.75]]]))
    tensor([[[0.2500, 0.2500]]])
    """

    _v1 = jitter.RandomSolarize

    def __init__(self, threshold, p=0.5):
        super().__init__(p)
        self.threshold = threshold

    def transform(self, inpt, params):
        return self._call_kernel(F.solarize, inpt, self.threshold)


class RandomAdjustSharpness(Sometimes):
    """Another sharpness, with a probability.

    Same as torchvision.transforms.v2.RandomAdjustSharpness.

    Parameters
    ----------
    sharpness_factor : float
        As in `functional.adjust_sharpness`.
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomAdjustSharpness(2.0, p=1.0)(fastnn.zeros(1, 4, 4)).shape
    torch.Size([1, 4, 4])
    """

    _v1 = jitter.RandomAdjustSharpness

    def __init__(self, sharpness_factor, p=0.5):
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def transform(self, inpt, params):
        return self._call_kernel(F.adjust_sharpness, inpt, self.sharpness_factor)
