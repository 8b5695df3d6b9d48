"""Random transforms, which augment the data that a model is trained with."""
import math
import numbers
import random as python_random
from collections.abc import Sequence

import numpy as np

from fastnn import random
from fastnn.vision.transforms import functional as F
from fastnn.vision.transforms.base import ModuleTransform, Transform
from fastnn.vision.transforms.functional import InterpolationMode
from fastnn.vision.transforms.geometry import interpolation_mode, pair


def uniform(low=0.0, high=1.0):
    """One float32 number, as ``torch.empty(1).uniform_(low, high)``."""
    return float(random.default_generator.uniform(np.empty(1, np.float32), low, high)[0])


def draw(low, high):
    """One integer from low to high - 1, as ``torch.randint(low, high, (1,))``."""
    return int(random.default_generator.randint(low, high, 1)[0])


def angles(value, name, sizes=(2,)):
    """A list of numbers; a number d stands for (-d, d)."""
    if isinstance(value, numbers.Number):
        if value < 0 or not math.isfinite(value):
            raise ValueError(f"If {name} is a single number, it must be positive.")
        value = -value, value
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")
    if len(value) not in sizes:
        raise ValueError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")
    return [float(d) for d in value]


class RandomApply(ModuleTransform):
    """A list of transforms, all applied with a probability, else none.

    Same as torchvision.transforms.RandomApply.

    Parameters
    ----------
    transforms : sequence of callables
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomApply([transforms.Lambda(lambda image: image + 1)], p=1.0)(fastnn.zeros(1, 1, 2))
    tensor([[[1., 1.]]])
    """

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
    """One of a list of transforms, drawn from the random stream of Python as in torchvision.

    Same as torchvision.transforms.RandomChoice.

    Parameters
    ----------
    transforms : sequence of callables
    p : sequence of float, optional
        Their probabilities; default equal.

    Raises
    ------
    TypeError
        `p` is no sequence.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transform = transforms.RandomChoice([transforms.CenterCrop(1), transforms.CenterCrop(2)], p=[0, 1])
    >>> transform(fastnn.ones(1, 4, 4)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, transforms, p=None):
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.transforms, self.p = transforms, p

    def __call__(self, *args):
        return python_random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self):
        lines = [f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"]
        return "\n".join(lines) + f"(p={self.p})"


class RandomOrder(Transform):
    """A list of transforms in an order that is drawn from the random stream of Python, as in torchvision.

    Same as torchvision.transforms.RandomOrder.

    Parameters
    ----------
    transforms : sequence of callables

    Raises
    ------
    TypeError
        It is no sequence.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transform = transforms.RandomOrder([transforms.CenterCrop(2), transforms.RandomVerticalFlip()])
    >>> transform(fastnn.ones(1, 4, 4)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, transforms):
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __call__(self, image):
        order = list(range(len(self.transforms)))
        python_random.shuffle(order)
        for i in order:
            image = self.transforms[i](image)
        return image

    def __repr__(self):
        return "\n".join([f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"])


class _RandomFlip(ModuleTransform):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, image):
        return self.flip(image) if uniform() < self.p else image

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_RandomFlip):
    """Left and right exchanged, with a probability.

    Same as torchvision.transforms.RandomHorizontalFlip.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomHorizontalFlip(p=1.0)(fastnn.tensor([[[1, 2, 3]]]))
    tensor([[[3, 2, 1]]])
    """

    flip = staticmethod(F.hflip)


class RandomVerticalFlip(_RandomFlip):
    """Top and bottom exchanged, with a probability.

    Same as torchvision.transforms.RandomVerticalFlip.

    Parameters
    ----------
    p : float
        The probability; default 0.5.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomVerticalFlip(p=1.0)(fastnn.tensor([[[1], [2]]])).flatten()
    tensor([2, 1])
    """

    flip = staticmethod(F.vflip)


class RandomCrop(ModuleTransform):
    """A rectangle at a random position.

    Same as torchvision.transforms.RandomCrop.

    Parameters
    ----------
    size : int or (height, width)
    padding : int or sequence, optional
        Borders put around the image first; see `functional.pad`.
    pad_if_needed : bool
        Whether smaller images are enlarged.
    fill, padding_mode
        As in `functional.pad`.

    Raises
    ------
    ValueError
        The image is smaller than `size`.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomCrop(28, padding=2)(fastnn.zeros(1, 28, 28)).shape
    torch.Size([1, 28, 28])
    """

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = pair(size, "RandomCrop")
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = padding, pad_if_needed, fill, padding_mode

    @staticmethod
    def get_params(img, output_size):
        """(top, left, height, width) of a random rectangle.

        Parameters
        ----------
        img : Tensor or PIL image
        output_size : (height, width)
        """
        height, width = output_size
        _, h, w = F.get_dimensions(img)
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image size {(h, w)}")
        if (h, w) == (height, width):
            return 0, 0, h, w
        return draw(0, h - height + 1), draw(0, w - width + 1), height, width

    def forward(self, image):
        if self.padding is not None:
            image = F.pad(image, self.padding, self.fill, self.padding_mode)
        height, width = self.size
        _, h, w = F.get_dimensions(image)
        if self.pad_if_needed and w < width:
            image = F.pad(image, [width - w, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and h < height:
            image = F.pad(image, [0, height - h], self.fill, self.padding_mode)
        top, left, height, width = self.get_params(image, self.size)
        whole = (height, width) == tuple(F.get_dimensions(image)[1:])
        return image if whole else F.crop(image, top, left, height, width)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class RandomRotation(ModuleTransform):
    """Rotation by a random angle.

    Same as torchvision.transforms.RandomRotation.

    Parameters
    ----------
    degrees : number or (lowest, highest)
        A number d stands for (-d, d).
    interpolation, expand, center, fill
        As in `functional.rotate`.

    Raises
    ------
    ValueError
        `degrees` is negative, or a sequence of another length than 2.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandomRotation((90, 90))(fastnn.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 4],
             [1, 3]]])
    """

    def __init__(self, degrees, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=0):
        super().__init__()
        self.degrees = angles(degrees, "degrees")
        self.interpolation, self.expand = interpolation_mode(interpolation), expand
        self.center, self.fill = center, fill

    @staticmethod
    def get_params(degrees):
        """A random angle.

        Parameters
        ----------
        degrees : (lowest, highest)
        """
        return uniform(*degrees)

    def forward(self, image):
        return F.rotate(image, self.get_params(self.degrees), self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self):
        text = (f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
                f"expand={self.expand}")
        if self.center is not None:
            text += f", center={self.center}"
        return f"{text}{'' if self.fill is None else f', fill={self.fill}'})"
