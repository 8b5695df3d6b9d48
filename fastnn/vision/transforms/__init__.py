"""Transforms of images, under the names of ``torchvision.transforms``; `v2` loads when asked for."""
from fastnn.errors import no_attribute as _no_attribute
from fastnn.vision.transforms import functional
from fastnn.vision.transforms.augmentation import (
    RandomApply, RandomChoice, RandomCrop, RandomHorizontalFlip, RandomOrder, RandomRotation, RandomVerticalFlip)
from fastnn.vision.transforms.automatic import (
    AugMix, AutoAugment, AutoAugmentPolicy, RandAugment, TrivialAugmentWide)
from fastnn.vision.transforms.distortion import (
    ElasticTransform, RandomAffine, RandomErasing, RandomPerspective, RandomResizedCrop)
from fastnn.vision.transforms.functional import InterpolationMode
from fastnn.vision.transforms.jitter import (
    ColorJitter, GaussianBlur, RandomAdjustSharpness, RandomAutocontrast, RandomEqualize, RandomGrayscale, RandomInvert,
    RandomPosterize, RandomSolarize)
from fastnn.vision.transforms.transforms import (
    CenterCrop, Compose, ConvertImageDtype, FiveCrop, Grayscale, Lambda, LinearTransformation, Normalize, Pad,
    PILToTensor, Resize, TenCrop, ToPILImage, ToTensor)

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype",
           "ElasticTransform", "FiveCrop", "GaussianBlur", "Grayscale", "InterpolationMode", "Lambda",
           "LinearTransformation", "Normalize", "PILToTensor", "Pad", "RandAugment", "RandomAdjustSharpness",
           "RandomAffine", "RandomApply", "RandomAutocontrast", "RandomChoice", "RandomCrop", "RandomEqualize",
           "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomOrder",
           "RandomPerspective", "RandomPosterize", "RandomResizedCrop", "RandomRotation", "RandomSolarize",
           "RandomVerticalFlip", "Resize", "TenCrop", "ToPILImage", "ToTensor", "TrivialAugmentWide", "functional",
           "v2"]


def __getattr__(name):
    if name == "v2":
        import importlib
        return importlib.import_module("fastnn.vision.transforms.v2")
    raise _no_attribute(__name__, name)
