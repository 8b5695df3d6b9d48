"""Image data sets, transforms and helpers, under the names of torchvision."""
from fastnn.vision import datasets, transforms, utils

__all__ = ["datasets", "transforms", "utils"]
