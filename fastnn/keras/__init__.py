"""The Keras door: Keras programs run by ``from fastnn.keras import ...``, or as they are by ``python -m fastnn``."""
from fastnn.keras import (activations, backend, config, constraints, dtype_policies, initializers, layers, losses,
                          metrics, mixed_precision, models, ops, optimizers, random, regularizers, saving, tree, utils)
from fastnn.keras.dtype_policies import DTypePolicy, FloatDTypePolicy
from fastnn.keras.initializers import Initializer
from fastnn.keras.lazy import lazy as _late_names
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

__getattr__, __dir__ = _late_names(__name__, {
    "quantizers": "Quantizer", "scopes": "Function RematScope StatelessScope SymbolicScope device remat",
}, "applications datasets distribution legacy preprocessing quantizers wrappers")


def version():
    """Release of Keras that the door follows.

    Returns
    -------
    str

    Examples
    --------
    >>> keras.version() == keras.__version__
    True
    """
    return __version__
