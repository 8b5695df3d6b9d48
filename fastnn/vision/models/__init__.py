"""Networks for images under torchvision's names: untrained, or with weights from a local file.

Layers and names in the ``state_dict`` are torchvision's, so that its files of weights can be loaded.

>>> from fastnn.vision import models
>>> model = models.resnet18(num_classes=10)
>>> sum(p.numel() for p in model.parameters())
11181642
"""
from fastnn.errors import no_attribute as _no_attribute
from fastnn.vision.models.densenet import DenseNet, densenet121, densenet161, densenet169, densenet201
from fastnn.vision.models.mobilenetv2 import MobileNetV2, mobilenet_v2
from fastnn.vision.models.resnet import (ResNet, resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d,
                                         wide_resnet50_2)
from fastnn.vision.models.squeezenet import SqueezeNet, squeezenet1_0, squeezenet1_1
from fastnn.vision.models.vgg import (VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn)

__all__ = ["DenseNet", "MobileNetV2", "ResNet", "SqueezeNet", "VGG", "densenet121", "densenet161", "densenet169",
           "densenet201", "mobilenet_v2", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
           "resnext50_32x4d", "squeezenet1_0", "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16",
           "vgg16_bn", "vgg19", "vgg19_bn", "wide_resnet50_2"]


def __getattr__(name):
    """``ResNet18_Weights`` and its like: names of weights that fastnn does not bring, which models refuse."""
    import enum
    if name.endswith("_Weights") and name.removesuffix("_Weights").lower() in {
            known.replace("_", "") if known.startswith("resn") else known for known in __all__}:
        made = enum.Enum(name, {"IMAGENET1K_V1": 1, "IMAGENET1K_V2": 2, "DEFAULT": 1}, module=__name__)
        globals()[name] = made
        return made
    raise _no_attribute(__name__, name)
