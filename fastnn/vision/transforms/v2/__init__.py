"""Transforms of samples (images, their masks, boxes and labels), under the names of ``torchvision.transforms.v2``."""
from fastnn.vision.transforms.automatic import AutoAugmentPolicy
from fastnn.vision.transforms.functional import InterpolationMode
from fastnn.vision.transforms.v2 import functional
from fastnn.vision.transforms.v2.augment import (
    AugMix, AutoAugment, CutMix, MixUp, RandAugment, RandomErasing, TrivialAugmentWide)
from fastnn.vision.transforms.v2.base import (
    Transform, check_type, get_bounding_boxes, has_all, has_any, query_chw, query_size)
from fastnn.vision.transforms.v2.colour import (
    RGB, ColorJitter, Grayscale, RandomAdjustSharpness, RandomAutocontrast, RandomChannelPermutation, RandomEqualize,
    RandomGrayscale, RandomInvert, RandomPhotometricDistort, RandomPosterize, RandomSolarize)
from fastnn.vision.transforms.v2.containers import Compose, RandomApply, RandomChoice, RandomOrder
from fastnn.vision.transforms.v2.conversions import (
    ClampBoundingBoxes, ConvertBoundingBoxFormat, ConvertImageDtype, GaussianBlur, GaussianNoise, Identity, Lambda,
    LinearTransformation, Normalize, PILToTensor, SanitizeBoundingBoxes, SetClampingMode, ToDtype, ToImage, ToPILImage,
    ToPureTensor, ToTensor, UniformTemporalSubsample)
from fastnn.vision.transforms.v2.geometry import (
    CenterCrop, FiveCrop, Pad, RandomCrop, RandomHorizontalFlip, RandomIoUCrop, RandomResize, RandomResizedCrop,
    RandomShortestSize, RandomVerticalFlip, RandomZoomOut, Resize, ScaleJitter, TenCrop)
from fastnn.vision.transforms.v2.warps import ElasticTransform, RandomAffine, RandomPerspective, RandomRotation

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "CenterCrop", "ClampBoundingBoxes", "ColorJitter", "Compose",
           "ConvertBoundingBoxFormat", "ConvertImageDtype", "CutMix", "ElasticTransform", "FiveCrop", "GaussianBlur",
           "GaussianNoise", "Grayscale", "Identity", "InterpolationMode", "Lambda", "LinearTransformation", "MixUp",
           "Normalize", "PILToTensor", "Pad", "RGB", "RandAugment", "RandomAdjustSharpness", "RandomAffine",
           "RandomApply", "RandomAutocontrast", "RandomChannelPermutation", "RandomChoice", "RandomCrop",
           "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert",
           "RandomIoUCrop", "RandomOrder", "RandomPerspective", "RandomPhotometricDistort", "RandomPosterize",
           "RandomResize", "RandomResizedCrop", "RandomRotation", "RandomShortestSize", "RandomSolarize",
           "RandomVerticalFlip", "RandomZoomOut", "Resize", "SanitizeBoundingBoxes", "ScaleJitter", "SetClampingMode",
           "TenCrop", "ToDtype", "ToImage", "ToPILImage", "ToPureTensor", "ToTensor", "Transform",
           "TrivialAugmentWide", "UniformTemporalSubsample", "check_type", "functional", "get_bounding_boxes",
           "has_all", "has_any", "query_chw", "query_size"]
