"""Which of PyTorch's modules are compared: `torch_modules.txt` is the scope, one class of torch.nn a line."""
from pathlib import Path

from fastnn import nn

SCOPE = tuple(Path(__file__).with_name("torch_modules.txt").read_text().split())

# Modules beyond the scope that fastnn has and PyTorch has samples for.
EXTRA = tuple("""
CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad3d ConvTranspose1d Hardshrink
MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss ReflectionPad1d ReflectionPad3d ReplicationPad1d
ReplicationPad2d ReplicationPad3d Softmax2d Softshrink ZeroPad1d ZeroPad3d
BatchNorm3d InstanceNorm3d LocalResponseNorm
""".split())


def class_of(name):
    """fastnn's class of a name; None if there is none."""
    return getattr(nn, name, None)


def compared():
    """All names; the tests fail for one that fastnn lacks."""
    return [*SCOPE, *EXTRA]
