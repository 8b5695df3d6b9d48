"""Helpers under the names of ``torch.utils``."""
from fastnn.utils import data, hooks
from fastnn.utils.swapping import swap_tensors

__all__ = ["data", "hooks", "swap_tensors"]


def __getattr__(name):
    if name in ("_pytree", "benchmark", "checkpoint", "flop_counter", "tensorboard"):  # few programs need them
        import importlib
        return importlib.import_module(f"fastnn.utils.{name}")
    raise AttributeError(f"module 'fastnn.utils' has no attribute {name!r}")
