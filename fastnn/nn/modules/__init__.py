"""All modules, one file per family: a class of these files that is a Module is one of `torch.nn`."""
import importlib

from fastnn.nn.modules.module import Module

FAMILIES = ("activation attention batchnorm channelshuffle container conv distance dropout flatten fold linear loss "
            "loss_composed normalization padding parameter_containers piecewise pixelshuffle pooling rnn sparse "
            "transformer upsampling").split()
_BASES = ("Activation", "NonDynamicallyQuantizableLinear")  # of those files, but no names of torch.nn


def _modules(file):
    """The modules that a file defines, by name."""
    return {name: value for name, value in vars(file).items()
            if isinstance(value, type) and issubclass(value, Module) and value.__module__ == file.__name__
            and not name.startswith("_") and name not in _BASES}


for _file in [importlib.import_module(f"{__name__}.{name}") for name in FAMILIES]:
    globals().update(_modules(_file))
__all__ = [name for name in sorted(globals()) if isinstance(globals()[name], type)]
