"""Random transforms that move or hide parts of images."""
import math
import numbers
import warnings
from collections.abc import Sequence

import numpy as np

from fastnn import random
from fastnn._tensor import from_array
from fastnn.ops.joining import cat
from fastnn.vision.transforms import functional as F
from fastnn.vision.transforms.augmentation import angles, draw, uniform
from fastnn.vision.transforms.base import ModuleTransform
from fastnn.vision.transforms.functional import InterpolationMode
from fastnn.vision.transforms.geometry import interpolation_mode, pair

__all__ = ["ElasticTransform", "RandomAffine", "RandomErasing", "RandomPerspective", "RandomResizedCrop"]


def _check_ranges(scale, ratio):
    for name, value in (("Scale", scale), ("Ratio", ratio)):
        if not isinstance(value, Sequence):
            raise TypeError(f"{name} should be a sequence")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=3)


def _rectangles(height, width, scale, ratio):
    """Ten pairs: square roots of (area x ratio, area / ratio) of random rectangles, rounded."""
    low, high = np.log(np.asarray(ratio, np.float32)).tolist()
    for _ in range(10):
        area = height * width * uniform(*scale)
        share = float(np.exp(np.float32(uniform(low, high))))
        yield round(math.sqrt(area * share)), round(math.sqrt(area / share))


def rectangle(height, width, scale, ratio):
    """(top, left, height, width) of a random part of an image; its middle if ten do not fit."""
    for w, h in _rectangles(height, width, scale, ratio):
        if 0 < w <= width and 0 < h <= height:
            return draw(0, height - h + 1), draw(0, width - w + 1), h, w
    w, h = width, height
    if width / height < min(ratio):
        h = round(width / min(ratio))
    elif width / height > max(ratio):
        w = round(height * max(ratio))
    return (height - h) // 2, (width - w) // 2, h, w


def hidden(channels, height, width, scale, ratio, value):
    """(top, left, height, width, what to write) of a random part of an image; None if ten do not fit."""
    for h, w in _rectangles(height, width, scale, ratio):
        if h < height and w < width:
            if value is None:
                values = random.default_generator.normal(np.empty((channels, h, w), np.float32))
            else:
                values = np.asarray(value, np.float32)[:, None, None]
            return draw(0, height - h + 1), draw(0, width - w + 1), h, w, from_array(values)
    return None


def is_sequence(name, value, sizes=(2,)):
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")
    if len(value) not in sizes:
        raise ValueError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")


def _check_fill(fill):
    if fill is not None and not isinstance(fill, (Sequence, numbers.Number)):
        raise TypeError("Fill should be either a sequence or a number.")
    return 0 if fill is None else fill


class RandomResizedCrop(ModuleTransform):
    """A rectangle of random size, shape and position, in a given size (Szegedy et al. 2015).

    Same as torchvision.transforms.RandomResizedCrop.

    Parameters
    ----------
    size : int or (height, width)
        Of the result.
    scale : (lowest, highest)
        Share of the image's area; default (0.08, 1).
    ratio : (lowest, highest)
        Width by height; default (3/4, 4/3).
    interpolation : InterpolationMode
        Default BILINEAR.
    antialias : bool
        For Tensors; PIL images always are.

    Raises
    ------
    TypeError
        `scale` or `ratio` is no sequence.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomResizedCrop(4)(fastnn.zeros(3, 8, 10)).shape
    torch.Size([3, 4, 4])
    """

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3.0 / 4.0, 4.0 / 3.0),
                 interpolation=InterpolationMode.BILINEAR, antialias=True):
        super().__init__()
        self.size = pair(size, "RandomResizedCrop")
        _check_ranges(scale, ratio)
        self.interpolation, self.antialias = interpolation_mode(interpolation), antialias
        self.scale, self.ratio = scale, ratio

    @staticmethod
    def get_params(img, scale, ratio):
        """(top, left, height, width) of a random rectangle.

        Parameters
        ----------
        img : Tensor or PIL image
        scale, ratio : (lowest, highest)
        """
        _, height, width = F.get_dimensions(img)
        return rectangle(height, width, scale, ratio)

    def forward(self, img):
        part = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *part, self.size, self.interpolation, antialias=self.antialias)

    def __repr__(self):
        return (f"{type(self).__name__}(size={self.size}, scale={tuple(round(s, 4) for s in self.scale)}, "
                f"ratio={tuple(round(r, 4) for r in self.ratio)}, interpolation={self.interpolation.value}, "
                f"antialias={self.antialias})")


class RandomErasing(ModuleTransform):
    """A random rectangle of a Tensor overwritten, with a probability (Zhong et al. 2017).

    Same as torchvision.transforms.RandomErasing.

    Parameters
    ----------
    p : float
        The probability; default 0.5.
    scale : (lowest, highest)
        Share of the image's area; default (0.02, 0.33).
    ratio : (lowest, highest)
        Height by width; default (0.3, 3.3).
    value : number, sequence of a number for each channel, or "random"
        What is written; "random" writes normal numbers. Default 0.
    inplace : bool
        Whether it is written into the image's memory; default False.

    Raises
    ------
    TypeError
        `value`, `scale` or `ratio` is of another kind.
    ValueError
        A number is outside of its range, or `value` fits no image of this number of channels.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> image = transforms.RandomErasing(p=1.0)(fastnn.ones(1, 8, 8))
    >>> bool(image.sum() < 64)
    True
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False):
        super().__init__()
        if not isinstance(value, (numbers.Number, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        _check_ranges(scale, ratio)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if not 0 <= p <= 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    @staticmethod
    def get_params(img, scale, ratio, value=None):
        """(top, left, height, width, what to write) of a random rectangle.

        Parameters
        ----------
        img : Tensor
        scale, ratio : (lowest, highest)
        value : list of float, optional
            Default normal random numbers.
        """
        channels, height, width = img.shape[-3:]
        part = hidden(channels, height, width, scale, ratio, value)
        return (0, 0, height, width, img) if part is None else part

    def forward(self, img):
        if uniform() >= self.p:
            return img
        value = self.value
        value = None if isinstance(value, str) else [float(value)] if isinstance(value, numbers.Number) else list(value)
        if value is not None and len(value) not in (1, img.shape[-3]):
            raise ValueError(f"If value is a sequence, it should have either a single value or {img.shape[-3]} "
                             "(number of input channels)")
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)

    def __repr__(self):
        return (f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, "
                f"inplace={self.inplace})")


class RandomAffine(ModuleTransform):
    """Random rotation, shift, scale and shear.

    Same as torchvision.transforms.RandomAffine.

    Parameters
    ----------
    degrees : number or (lowest, highest)
        Angles; a number d stands for (-d, d).
    translate : (x, y), optional
        Largest shifts, as shares of width and height.
    scale : (lowest, highest), optional
    shear : number, (lowest, highest) along x or these of x and y, optional
        In degrees.
    interpolation, fill, center
        As in `functional.affine`.

    Raises
    ------
    TypeError, ValueError
        An argument is of another kind, length or range.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomAffine(0, scale=(1, 1))(fastnn.ones(1, 1, 2))
    tensor([[[1., 1.]]])
    """

    def __init__(self, degrees, translate=None, scale=None, shear=None, interpolation=InterpolationMode.NEAREST,
                 fill=0, center=None):
        super().__init__()
        self.degrees = angles(degrees, "degrees")
        if translate is not None:
            is_sequence("translate", translate)
            if not all(0.0 <= share <= 1.0 for share in translate):
                raise ValueError("translation values should be between 0 and 1")
        if scale is not None:
            is_sequence("scale", scale)
            if not all(factor > 0 for factor in scale):
                raise ValueError("scale values should be positive")
        if center is not None:
            is_sequence("center", center)
        self.translate, self.scale, self.center = translate, scale, center
        self.shear = None if shear is None else angles(shear, "shear", (2, 4))
        self.interpolation, self.fill = interpolation_mode(interpolation), _check_fill(fill)

    @staticmethod
    def get_params(degrees, translate, scale_ranges, shears, img_size):
        """(angle, (shift along x, along y), scale, (shear along x, along y)).

        Parameters
        ----------
        degrees, scale_ranges : (lowest, highest)
        translate : (x, y) or None
        shears : list of 2 or 4 numbers or None
        img_size : (width, height)
        """
        angle = uniform(*degrees)
        shift = (0, 0)
        if translate is not None:
            shift = tuple(round(uniform(-share * size, share * size)) for share, size in zip(translate, img_size))
        scale = 1.0 if scale_ranges is None else uniform(*scale_ranges)
        shear_x = 0.0 if shears is None else uniform(*shears[:2])
        shear_y = uniform(*shears[2:]) if shears is not None and len(shears) == 4 else 0.0
        return angle, shift, scale, (shear_x, shear_y)

    def forward(self, img):
        _, height, width = F.get_dimensions(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])
        return F.affine(img, *drawn, self.interpolation, self.fill, self.center)

    def __repr__(self):
        parts = [f"degrees={self.degrees}"]
        parts += [f"{name}={getattr(self, name)}" for name in ("translate", "scale", "shear")
                  if getattr(self, name) is not None]
        if self.interpolation is not InterpolationMode.NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        parts += [f"fill={self.fill}"] if self.fill != 0 else []
        parts += [f"center={self.center}"] if self.center is not None else []
        return f"{type(self).__name__}({', '.join(parts)})"


class RandomPerspective(ModuleTransform):
    """The image as it looks from a random point, with a probability.

    Same as torchvision.transforms.RandomPerspective.

    Parameters
    ----------
    distortion_scale : float
        How far corners move, 0 to 1 (half of the image); default 0.5.
    p : float
        The probability; default 0.5.
    interpolation, fill
        As in `functional.perspective`.

    Raises
    ------
    TypeError
        `fill` is neither a number nor a sequence.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomPerspective(p=1.0)(fastnn.zeros(3, 6, 8)).shape
    torch.Size([3, 6, 8])
    """

    def __init__(self, distortion_scale=0.5, p=0.5, interpolation=InterpolationMode.BILINEAR, fill=0):
        super().__init__()
        self.p, self.distortion_scale = p, distortion_scale
        self.interpolation, self.fill = interpolation_mode(interpolation), _check_fill(fill)

    @staticmethod
    def get_params(width, height, distortion_scale):
        """The corners of the image, and random points in their neighbourhood, both clockwise from the top left.

        Parameters
        ----------
        width, height : int
        distortion_scale : float
        """
        right, bottom = width - 1, height - 1
        reach_x, reach_y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))
        corners = [[0, 0], [right, 0], [right, bottom], [0, bottom]]
        moved = [[draw(right - reach_x, width) if x else draw(0, reach_x + 1),
                  draw(bottom - reach_y, height) if y else draw(0, reach_y + 1)]
                 for x, y in ((False, False), (True, False), (True, True), (False, True))]
        return corners, moved

    def forward(self, img):
        if uniform() >= self.p:
            return img
        _, height, width = F.get_dimensions(img)
        return F.perspective(img, *self.get_params(width, height, self.distortion_scale), self.interpolation, self.fill)

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class ElasticTransform(ModuleTransform):
    """Each pixel moved by smooth random distances (Simard et al. 2003).

    Same as torchvision.transforms.ElasticTransform.

    Parameters
    ----------
    alpha : float or (x, y)
        Size of the distances; default 50.
    sigma : float or (x, y)
        Their smoothness; default 5.
    interpolation, fill
        As in `functional.elastic_transform`.

    Raises
    ------
    TypeError
        `alpha`, `sigma` or `fill` is of another kind.
    ValueError
        A sequence has another length than 2.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.ElasticTransform(sigma=1.0)(fastnn.zeros(3, 12, 16)).shape
    torch.Size([3, 12, 16])
    """

    def __init__(self, alpha=50.0, sigma=5.0, interpolation=InterpolationMode.BILINEAR, fill=0):
        super().__init__()
        self.alpha, self.sigma = _two_floats("alpha", alpha), _two_floats("sigma", sigma)
        self.interpolation = interpolation_mode(interpolation)
        if not isinstance(fill, (int, float, list, tuple)):
            raise TypeError(f"fill should be int or float or a list or tuple of them. Got {type(fill)}")
        self.fill = [float(value) for value in (fill if isinstance(fill, (list, tuple)) else [fill])]

    @staticmethod
    def get_params(alpha, sigma, size):
        """Random distances, float32 (1, height, width, 2).

        Parameters
        ----------
        alpha, sigma : (x, y)
        size : (height, width)
        """
        parts = []
        for strength, smoothness, extent in zip(alpha, sigma, reversed(size)):
            part = from_array(random.default_generator.uniform(np.empty((1, 1, *size), np.float32))) * 2 - 1
            if smoothness > 0:
                window = int(8 * smoothness + 1) | 1
                part = F.gaussian_blur(part, [window, window], sigma)
            parts.append(part * strength / extent)
        return cat(parts, 1).permute(0, 2, 3, 1)

    def forward(self, tensor):
        _, height, width = F.get_dimensions(tensor)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, displacement, self.interpolation, self.fill)

    def __repr__(self):
        return (f"{type(self).__name__}(alpha={self.alpha}, sigma={self.sigma}, interpolation={self.interpolation}, "
                f"fill={self.fill})")


def _two_floats(name, value):
    if isinstance(value, float):
        return [value, value]
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be float or a sequence of floats. Got {type(value)}")
    if len(value) != 2:
        raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(value)}")
    for number in value:
        if not isinstance(number, float):
            raise TypeError(f"{name} should be a sequence of floats. Got {type(number)}")
    return list(value)
