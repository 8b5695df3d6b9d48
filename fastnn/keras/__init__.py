"""The Keras door: Keras programs run by ``from fastnn.keras import ...``, or as they are by ``python -m fastnn``."""
from fastnn.keras import (activations, backend, config, constraints, datasets, dtype_policies, initializers, layers,
                          losses, metrics, mixed_precision, models, ops, optimizers, preprocessing,
                          random, regularizers, saving, tree, utils)
from fastnn.keras.dtype_policies import DTypePolicy, FloatDTypePolicy
from fastnn.keras.initializers import Initializer
from fastnn.keras.layers import Input, InputSpec, Layer
from fastnn.keras.losses import Loss
from fastnn.keras.metrics import Metric
from fastnn.keras.models import Functional, Model, Sequential
from fastnn.keras.naming import name_scope
from fastnn.keras.optimizers import Optimizer
from fastnn.keras.regularizers import Regularizer
from fastnn.keras.symbolic import KerasTensor, Operation
from fastnn.keras.variables import Variable
from fastnn.keras import callbacks  # isort: skip

__version__ = "3.15.1"

_LATE = ("applications",)  # imported when they are asked for


def __getattr__(name):
    if name in _LATE:
        import importlib
        return importlib.import_module(f"fastnn.keras.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LATE])


def version():
    """The release of Keras that the door follows."""
    return __version__
