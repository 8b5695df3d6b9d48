"""All modules, one file per family: a class of these files that is a Module is one of `torch.nn`."""
import importlib

from fastnn.nn.modules.module import Module

FAMILIES = ("activation adaptive attention batchnorm channelshuffle container conv distance dropout flatten fold "
            "fractional linear loss margin_loss normalization padding parameter_containers piecewise pixelshuffle "
            "pooling rnn sparse transformer upsampling volumes").split()
_BASES = ("Activation", "NonDynamicallyQuantizableLinear")  # of those files, but no names of torch.nn


def _modules(file):
    """The modules that a file defines, by name."""
    return {name: value for name, value in vars(file).items()
            if isinstance(value, type) and issubclass(value, Module) and value.__module__ == file.__name__
            and not name.startswith("_") and name not in _BASES}


for _file in [importlib.import_module(f"{__name__}.{name}") for name in FAMILIES]:
    globals().update(_modules(_file))
# Where PyTorch's files have those that another file has here.
_ELSEWHERE = {"activation": "MultiheadAttention", "container": "ParameterDict ParameterList",
              "conv": "ConvTranspose3d LazyConv3d LazyConvTranspose3d",
              "pooling": "AdaptiveMaxPool3d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool3d"}
for _file, _names in _ELSEWHERE.items():
    vars(importlib.import_module(f"{__name__}.{_file}")).update({name: globals()[name] for name in _names.split()})
vars(importlib.import_module(f"{__name__}.linear"))["NonDynamicallyQuantizableLinear"] = (
    importlib.import_module(f"{__name__}.attention").NonDynamicallyQuantizableLinear)
__all__ = [name for name in sorted(globals()) if isinstance(globals()[name], type)]
