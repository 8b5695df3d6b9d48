"""Base classes of transforms.

``takes_arrays`` says that the transform takes a uint8 array as it lies in a data set. ``batch(array)``, where there is
one, does in one step for (N, H, W) or (N, H, W, C), later (N, C, H, W), what the transform does for every image, bit
for bit; it may change its argument, and returns None if it cannot.
"""
from fastnn.nn import Module


class Transform:
    """Base class: no options in the representation."""

    takes_arrays = False

    def __repr__(self):
        return f"{type(self).__name__}()"


class ModuleTransform(Transform, Module):
    """What is a module in torchvision too: it can be put into an `nn.Sequential`, and subclasses define ``forward``."""
