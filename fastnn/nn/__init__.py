"""Layers, losses and containers under torch.nn's names."""
from fastnn.nn import functional, init, parallel, utils
from fastnn.nn.modules import *  # noqa: F403 (the list is modules.__all__)
from fastnn.nn.modules import __all__ as _modules
from fastnn.nn.parallel import DataParallel
from fastnn.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [  # noqa: PLE0604 (the rest are strings too)
    "Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter", "functional", "init",
    "parallel", "utils", *_modules]
