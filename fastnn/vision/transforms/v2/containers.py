"""Transforms made of others."""
from collections.abc import Sequence

import numpy as np

from fastnn import random
from fastnn._tensor import from_array
from fastnn.nn import ModuleList
from fastnn.ops.sampling import multinomial
from fastnn.vision.transforms import augmentation
from fastnn.vision.transforms.augmentation import uniform
from fastnn.vision.transforms.images import takes_arrays
from fastnn.vision.transforms.v2.base import Transform


def _checked(transforms, kinds=Sequence, text="callables"):
    if not isinstance(transforms, kinds):
        raise TypeError(f"Argument transforms should be a sequence of {text}")
    if not len(transforms):
        raise ValueError("Pass at least one transform")
    return transforms


class _Several(Transform):
    def _in_turn(self, transforms, inputs):
        several = len(inputs) > 1
        for transform in transforms:
            outputs = transform(*inputs)
            inputs = outputs if several else (outputs,)
        return outputs


class _Listed(_Several):
    def extra_repr(self):
        return "\n".join(f"    {transform}" for transform in self.transforms)


class Compose(_Listed):
    """One transform after the other.

    Same as torchvision.transforms.v2.Compose.

    Parameters
    ----------
    transforms : sequence of callables

    Raises
    ------
    TypeError, ValueError
        It is no sequence, or empty.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> transform = v2.Compose([v2.ToImage(), v2.ToDtype(fastnn.float32, scale=True), v2.Normalize([0.5], [0.5])])
    >>> transform(np.array([[0, 255]], np.uint8), 7)
    (Image([[[-1.,  1.]]], ), 7)
    """

    def __init__(self, transforms):
        super().__init__()
        self.transforms = _checked(transforms)

    @property
    def takes_arrays(self):
        return takes_arrays(self.transforms[0])

    def forward(self, *inputs):
        return self._in_turn(self.transforms, inputs)


class RandomApply(_Listed):
    """A list of transforms, all applied with a probability, else none.

    Same as torchvision.transforms.v2.RandomApply.

    Parameters
    ----------
    transforms : sequence of callables, or ModuleList
    p : float
        The probability; default 0.5.

    Raises
    ------
    TypeError, ValueError
        It is no sequence, or empty; `p` is no probability.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomApply([v2.CenterCrop(1)], p=1.0)(fastnn.ones(1, 4, 4)).shape
    torch.Size([1, 1, 1])
    """

    _v1 = augmentation.RandomApply

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms = _checked(transforms, (Sequence, ModuleList), "callables or a `nn.ModuleList`")
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        self.p = p

    def forward(self, *inputs):
        if uniform() >= self.p:
            return inputs if len(inputs) > 1 else inputs[0]
        return self._in_turn(self.transforms, inputs)


class RandomChoice(Transform):
    """One of a list of transforms.

    Same as torchvision.transforms.v2.RandomChoice.

    Parameters
    ----------
    transforms : sequence of callables
    p : sequence of float, optional
        Their probabilities, up to a factor; default equal.

    Raises
    ------
    TypeError, ValueError
        It is no sequence, empty, or of another length than `p`.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomChoice([v2.CenterCrop(1), v2.CenterCrop(2)], p=[0, 1])(fastnn.ones(1, 4, 4)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, transforms, p=None):
        _checked(transforms)
        p = [1] * len(transforms) if p is None else p
        if len(p) != len(transforms):
            raise ValueError(f"Length of p doesn't match the number of transforms: {len(p)} != {len(transforms)}")
        super().__init__()
        self.transforms, self.p = transforms, [share / sum(p) for share in p]

    def forward(self, *inputs):
        return self.transforms[int(multinomial(from_array(np.array(self.p, np.float32)), 1))](*inputs)


class RandomOrder(_Several):
    """A list of transforms in random order.

    Same as torchvision.transforms.v2.RandomOrder.

    Parameters
    ----------
    transforms : sequence of callables

    Raises
    ------
    TypeError, ValueError
        It is no sequence, or empty.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandomOrder([v2.CenterCrop(2), v2.RandomVerticalFlip()])(fastnn.ones(1, 4, 4)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, transforms):
        super().__init__()
        self.transforms = _checked(transforms)

    def forward(self, *inputs):
        order = random.default_generator.randperm(len(self.transforms))
        return self._in_turn([self.transforms[i] for i in order], inputs)
