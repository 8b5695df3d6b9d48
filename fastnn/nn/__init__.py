"""Layers, losses and containers under torch.nn's names."""
from fastnn.nn import functional, init, utils
from fastnn.nn.modules import *  # noqa: F403 (the list is modules.__all__)
from fastnn.nn.modules import __all__ as _modules
from fastnn.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter",  # noqa: PLE0604 (all are strings)
           "functional", "init", "utils", *_modules]
