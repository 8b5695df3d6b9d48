"""Random transforms of colours and sharpness."""
import numbers
from collections.abc import Sequence

from fastnn import random
from fastnn.vision.transforms import functional as F
from fastnn.vision.transforms.augmentation import uniform
from fastnn.vision.transforms.base import ModuleTransform
from fastnn.vision.transforms.geometry import pair

__all__ = ["ColorJitter", "GaussianBlur", "RandomAdjustSharpness", "RandomAutocontrast", "RandomEqualize",
           "RandomGrayscale", "RandomInvert", "RandomPosterize", "RandomSolarize"]


class ColorJitter(ModuleTransform):
    """Brightness, contrast, saturation and hue changed by random factors, in random order.

    Same as torchvision.transforms.ColorJitter.

    Parameters
    ----------
    brightness, contrast, saturation : float or (lowest, highest)
        Of the factors; a number d stands for (max(0, 1 - d), 1 + d). Default 0: unchanged.
    hue : float or (lowest, highest)
        From -0.5 to 0.5; a number d stands for (-d, d). Default 0.

    Raises
    ------
    TypeError
        An argument is neither a number nor two.
    ValueError
        It is negative or beyond its range.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.ColorJitter(brightness=(2, 2))(fastnn.full((1, 1, 2), 0.25))
    tensor([[[0.5000, 0.5000]]])
    """

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        self.brightness = self._range("brightness", brightness)
        self.contrast = self._range("contrast", contrast)
        self.saturation = self._range("saturation", saturation)
        self.hue = self._range("hue", hue, 0, (-0.5, 0.5))

    @staticmethod
    def _range(name, value, center=1, bound=(0, float("inf"))):
        if isinstance(value, numbers.Number):
            if value < 0:
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            low, high = center - float(value), center + float(value)
            low = max(low, 0.0) if center else low
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            low, high = map(float, value)
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
        if not bound[0] <= low <= high <= bound[1]:
            raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
        return None if low == high == center else (low, high)

    @staticmethod
    def get_params(brightness, contrast, saturation, hue):
        """The order of the four changes as a Tensor, and a factor of each; None for a range None.

        Parameters
        ----------
        brightness, contrast, saturation, hue : (lowest, highest) or None
        """
        order = random.default_generator.randperm(4)
        return order, *(None if ends is None else uniform(*ends) for ends in (brightness, contrast, saturation, hue))

    def forward(self, img):
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue
        for i in order:
            if factors[i] is not None:
                img = changes[i](img, factors[i])
        return img

    def __repr__(self):
        return (f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
                f"saturation={self.saturation}, hue={self.hue})")


class GaussianBlur(ModuleTransform):
    """Blur of random strength.

    Same as torchvision.transforms.GaussianBlur.

    Parameters
    ----------
    kernel_size : int or (x, y)
        Numbers of neighbours, odd.
    sigma : float or (lowest, highest)
        Of the Gaussian weights; default (0.1, 2).

    Raises
    ------
    ValueError
        A size is even, or sigma is not positive or no range.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.GaussianBlur(3)(fastnn.ones(1, 4, 4)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        self.kernel_size = pair(kernel_size, "GaussianBlur")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, numbers.Number):
            if sigma <= 0:
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)
        elif not isinstance(sigma, Sequence) or len(sigma) != 2:
            raise ValueError("sigma should be a single number or a list/tuple with length 2.")
        elif not 0.0 < sigma[0] <= sigma[1]:
            raise ValueError("sigma values should be positive and of the form (min, max).")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min, sigma_max):
        """A random sigma.

        Parameters
        ----------
        sigma_min, sigma_max : float
        """
        return uniform(sigma_min, sigma_max)

    def forward(self, img):
        sigma = self.get_params(*self.sigma)
        return F.gaussian_blur(img, list(self.kernel_size), [sigma, sigma])

    def __repr__(self):
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class _Sometimes(ModuleTransform):
    """A function of the image, with a probability."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, img):
        return self.change(img) if uniform() < self.p else img

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class RandomGrayscale(_Sometimes):
    """A grey image with as many channels, with a probability.

    Same as torchvision.transforms.RandomGrayscale.

    Parameters
    ----------
    p : float
        The probability; default 0.1.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomGrayscale(p=1.0)(fastnn.eye(3).reshape(3, 1, 3))[:, 0, 0]
    tensor([0.2989, 0.2989, 0.2989])
    """

    def __init__(self, p=0.1):
        super().__init__(p)

    def change(self, img):
        return F.rgb_to_grayscale(img, F.get_dimensions(img)[0])


class RandomInvert(_Sometimes):
    """Light and dark exchanged, with a probability.

    Same as torchvision.transforms.RandomInvert.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomInvert(p=1.0)(fastnn.tensor([[[0.25, 1.0]]]))
    tensor([[[0.7500, 0.0000]]])
    """

    change = staticmethod(F.invert)


class RandomAutocontrast(_Sometimes):
    """The colours of each channel stretched to the whole range, with a probability.

    Same as torchvision.transforms.RandomAutocontrast.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomAutocontrast(p=1.0)(fastnn.tensor([[[0.25, 0.5, 0.75]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """

    change = staticmethod(F.autocontrast)


class RandomEqualize(_Sometimes):
    """The colours of each channel made as frequent as one another, with a probability.

    Same as torchvision.transforms.RandomEqualize.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomEqualize(p=0.0)(fastnn.zeros(1, 1, 2, dtype=fastnn.uint8))
    tensor([[[0, 0]]], dtype=torch.uint8)
    """

    change = staticmethod(F.equalize)


class RandomPosterize(_Sometimes):
    """The highest bits of each colour alone, with a probability.

    Same as torchvision.transforms.RandomPosterize.

    Parameters
    ----------
    bits : int
        How many are kept, 0 to 8.
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomPosterize(1, p=1.0)(fastnn.tensor([[[100, 200]]], dtype=fastnn.uint8))
    tensor([[[  0, 128]]], dtype=torch.uint8)
    """

    def __init__(self, bits, p=0.5):
        super().__init__(p)
        self.bits = bits

    def change(self, img):
        return F.posterize(img, self.bits)

    def __repr__(self):
        return f"{type(self).__name__}(bits={self.bits},p={self.p})"


class RandomSolarize(_Sometimes):
    """Light colours inverted, with a probability.

    Same as torchvision.transforms.RandomSolarize.

    Parameters
    ----------
    threshold : float
        The darkest colour that is inverted.
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomSolarize(0.5, p=1.0)(fastnn.tensor([[[0.25, 0.75]]]))
    tensor([[[0.2500, 0.2500]]])
    """

    def __init__(self, threshold, p=0.5):
        super().__init__(p)
        self.threshold = threshold

    def change(self, img):
        return F.solarize(img, self.threshold)

    def __repr__(self):
        return f"{type(self).__name__}(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(_Sometimes):
    """Another sharpness, with a probability.

    Same as torchvision.transforms.RandomAdjustSharpness.

    Parameters
    ----------
    sharpness_factor : float
        As in `functional.adjust_sharpness`.
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomAdjustSharpness(2.0, p=1.0)(fastnn.zeros(1, 4, 4)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(self, sharpness_factor, p=0.5):
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img):
        return F.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self):
        return f"{type(self).__name__}(sharpness_factor={self.sharpness_factor},p={self.p})"
