"""Transforms as objects.

``takes_arrays`` says that the transform takes a uint8 array as it lies in a data set. ``batch(array)``, where there is
one, does in one step for (N, H, W) or (N, H, W, C), later (N, C, H, W), what the transform does for every image, bit
for bit; it may change its argument, and returns None if it cannot.
"""
import math
import numbers
import random as python_random
from collections.abc import Sequence

import numpy as np

from fastnn import random
from fastnn.nn import Module
from fastnn.vision._pixels import look_up
from fastnn.vision.transforms import functional as F
from fastnn.vision.transforms.functional import InterpolationMode

__all__ = ["CenterCrop", "Compose", "ConvertImageDtype", "Grayscale", "Lambda", "Normalize", "Pad", "PILToTensor",
           "RandomApply", "RandomChoice", "RandomCrop", "RandomHorizontalFlip", "RandomRotation", "RandomVerticalFlip",
           "Resize", "ToPILImage", "ToTensor"]


def uniform(low=0.0, high=1.0):
    """One float32 number, as ``torch.empty(1).uniform_(low, high)``."""
    return float(random.default_generator.uniform(np.empty(1, np.float32), low, high)[0])


class Transform:
    """Base class: no options in the representation."""

    takes_arrays = False

    def __repr__(self):
        return f"{type(self).__name__}()"


class ModuleTransform(Transform, Module):
    """What is a module in torchvision too: it can be put into an `nn.Sequential`, and subclasses define ``forward``."""


class Compose(Transform):
    """One transform after the other.

    Parameters
    ----------
    transforms : list of callables
    """

    _known = None  # the last table and what it was made from

    def __init__(self, transforms):
        self.transforms = transforms

    @property
    def takes_arrays(self):
        return bool(self.transforms) and F.takes_arrays(self.transforms[0])

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image

    def batch(self, array):
        """All transforms of a whole batch; None if one of them works on single images only."""
        if not self.transforms or any(F.batch_of(transform) is None for transform in self.transforms):
            return None
        if array.dtype == np.uint8 and array.ndim in (3, 4) and array.flags.c_contiguous:
            table = self._table(1 if array.ndim == 3 else array.shape[3])
            if table is not None:
                return look_up(array, table)
        return self._apply(array)

    def _apply(self, array):
        for transform in self.transforms:
            array = transform.batch(array)
            if array is None:
                return None
        return array

    def _table(self, channels):
        """What becomes of the 256 bytes in each channel, (channels, 256), if that is all there is to say."""
        if type(self.transforms[0]) is not ToTensor or any(type(t) is not Normalize for t in self.transforms[1:]):
            return None
        try:
            key = channels, *((*t.mean, None, *t.std) for t in self.transforms[1:])
        except TypeError:  # a number instead of a sequence
            return None
        if self._known is None or self._known[0] != key:
            every = np.arange(256, dtype=np.uint8)[None, None, :, None].repeat(channels, 3)
            self._known = key, np.ascontiguousarray(self._apply(every).reshape(channels, 256))
        return self._known[1]

    def __repr__(self):
        return "\n".join([f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"])


class ToTensor(Transform):
    """A PIL image or uint8 array (H, W, C) as a float32 Tensor (C, H, W) in [0, 1]; other dtypes stay as they are."""

    takes_arrays = True

    def __call__(self, pic):
        return F.to_tensor(pic)

    def batch(self, array):
        if array.dtype != np.uint8 or array.ndim not in (3, 4):
            return None
        return F.scale_bytes(array[:, None] if array.ndim == 3 else np.ascontiguousarray(array.transpose(0, 3, 1, 2)))


class Normalize(ModuleTransform):
    """(x - mean) / std per channel of a float Tensor (..., C, H, W).

    Parameters
    ----------
    mean, std : sequence of float
        One per channel.
    inplace : bool
    """

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor):
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def batch(self, array):
        if array.ndim != 4 or array.dtype.kind != "f":
            return None
        mean, std = F.mean_and_std(self.mean, self.std, array.shape, array.dtype)
        array -= mean
        array /= std
        return array

    def __repr__(self):
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class PILToTensor(Transform):
    """A PIL image as a Tensor (C, H, W) of its own dtype."""

    def __call__(self, pic):
        return F.pil_to_tensor(pic)


class ConvertImageDtype(ModuleTransform):
    """A Tensor image in another dtype, scaled to its range."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, image):
        return F.convert_image_dtype(image, self.dtype)


class ToPILImage(Transform):
    """A Tensor (C, H, W) or array (H, W, C) as a PIL image."""

    takes_arrays = True

    def __init__(self, mode=None):
        self.mode = mode

    def __call__(self, pic):
        return F.to_pil_image(pic, self.mode)

    def __repr__(self):
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class Lambda(Transform):
    """A function as a transform."""

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, image):
        return self.lambd(image)


class Grayscale(ModuleTransform):
    """Grey values in 1 or 3 channels."""

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, image):
        return F.rgb_to_grayscale(image, self.num_output_channels)

    def __repr__(self):
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class Resize(ModuleTransform):
    """Another size; see `functional.resize`."""

    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
        super().__init__()
        if not isinstance(size, (int, list, tuple)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, (list, tuple)) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size, self.interpolation, self.max_size, self.antialias = size, F._mode(interpolation), max_size, antialias

    def forward(self, image):
        return F.resize(image, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self):
        return (f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
                f"max_size={self.max_size}, antialias={self.antialias})")


class CenterCrop(ModuleTransform):
    """The middle of the image."""

    def __init__(self, size):
        super().__init__()
        self.size = F.pair(size, "CenterCrop")

    def forward(self, image):
        return F.center_crop(image, self.size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class Pad(ModuleTransform):
    """Borders; see `functional.pad`."""

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        if padding_mode not in F.PADDINGS:
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, image):
        return F.pad(image, self.padding, self.fill, self.padding_mode)

    def __repr__(self):
        return f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomApply(ModuleTransform):
    """A list of transforms, with probability `p`, else nothing."""

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms, self.p = transforms, p

    def forward(self, image):
        if self.p >= uniform():
            for transform in self.transforms:
                image = transform(image)
        return image

    def __repr__(self):
        return "\n".join([f"{type(self).__name__}(", f"    p={self.p}", *(f"    {t}" for t in self.transforms), ")"])


class RandomChoice(Transform):
    """One of a list of transforms, drawn from Python's random stream as torchvision does."""

    def __init__(self, transforms, p=None):
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.transforms, self.p = transforms, p

    def __call__(self, *args):
        return python_random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self):
        lines = [f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"]
        return "\n".join(lines) + f"(p={self.p})"


class _RandomFlip(ModuleTransform):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, image):
        return self.flip(image) if uniform() < self.p else image

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_RandomFlip):
    """Mirror left and right with probability `p`."""

    flip = staticmethod(F.hflip)


class RandomVerticalFlip(_RandomFlip):
    """Mirror top and bottom with probability `p`."""

    flip = staticmethod(F.vflip)


class RandomCrop(ModuleTransform):
    """A rectangle at a random place.

    Parameters
    ----------
    size : int or (height, width)
    padding : int or sequence, optional
        Borders put around the image first; see `functional.pad`.
    pad_if_needed : bool
        Enlarge smaller images.
    fill, padding_mode
        As of `functional.pad`.
    """

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = F.pair(size, "RandomCrop")
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = padding, pad_if_needed, fill, padding_mode

    def forward(self, image):
        if self.padding is not None:
            image = F.pad(image, self.padding, self.fill, self.padding_mode)
        height, width = self.size
        _, h, w = F.get_dimensions(image)
        if self.pad_if_needed and w < width:
            image = F.pad(image, [width - w, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and h < height:
            image = F.pad(image, [0, height - h], self.fill, self.padding_mode)
        _, h, w = F.get_dimensions(image)
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image size {(h, w)}")
        if (h, w) == (height, width):
            return image
        top = int(random.default_generator.randint(0, h - height + 1, 1)[0])
        left = int(random.default_generator.randint(0, w - width + 1, 1)[0])
        return F.crop(image, top, left, height, width)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class RandomRotation(ModuleTransform):
    """A turn by a random angle.

    Parameters
    ----------
    degrees : number or (lowest, highest)
        A number d stands for (-d, d).
    interpolation, expand, center, fill
        As of `functional.rotate`.
    """

    def __init__(self, degrees, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=0):
        super().__init__()
        if isinstance(degrees, numbers.Number):
            if degrees < 0 or not math.isfinite(degrees):
                raise ValueError("If degrees is a single number, it must be positive.")
            degrees = (-degrees, degrees)
        elif len(degrees) != 2:
            raise ValueError("degrees should be a sequence of length 2.")
        self.degrees = [float(d) for d in degrees]
        self.interpolation, self.expand, self.center, self.fill = F._mode(interpolation), expand, center, fill

    def forward(self, image):
        return F.rotate(image, uniform(*self.degrees), self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self):
        text = (f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
                f"expand={self.expand}")
        if self.center is not None:
            text += f", center={self.center}"
        return f"{text}{'' if self.fill is None else f', fill={self.fill}'})"
