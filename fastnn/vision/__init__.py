"""Image data sets, transforms and helpers, under the names of torchvision; `io`, `models`, `ops` and
`tv_tensors` load when asked for."""
from fastnn.errors import no_attribute as _no_attribute
from fastnn.vision import datasets, transforms, utils

__all__ = ["datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils"]


def __getattr__(name):
    if name in ("io", "models", "ops", "tv_tensors"):
        import importlib
        return importlib.import_module(f"fastnn.vision.{name}")
    raise _no_attribute(__name__, name)
