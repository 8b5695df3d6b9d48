"""Transforms of images, under the names of ``torchvision.transforms``."""
from fastnn.vision.transforms import functional
from fastnn.vision.transforms.functional import InterpolationMode
from fastnn.vision.transforms.transforms import (
    CenterCrop, Compose, ConvertImageDtype, Grayscale, Lambda, Normalize, Pad, PILToTensor, RandomApply, RandomChoice,
    RandomCrop, RandomHorizontalFlip, RandomRotation, RandomVerticalFlip, Resize, ToPILImage, ToTensor)

__all__ = ["CenterCrop", "Compose", "ConvertImageDtype", "Grayscale", "InterpolationMode", "Lambda", "Normalize", "Pad",
           "PILToTensor", "RandomApply", "RandomChoice", "RandomCrop", "RandomHorizontalFlip", "RandomRotation",
           "RandomVerticalFlip", "Resize", "ToPILImage", "ToTensor", "functional"]
