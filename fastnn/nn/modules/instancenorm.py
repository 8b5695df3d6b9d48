"""Where PyTorch's modules have instance normalization."""
from fastnn.nn.modules.batchnorm import (  # noqa: F401
    InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d,
    _InstanceNorm)
