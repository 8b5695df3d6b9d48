"""Optimizers, as ``keras.optimizers``."""
from fastnn.keras import lazy
from fastnn.keras.optimizers import legacy, schedules
from fastnn.keras.optimizers.adam import Adam, Adamax, AdamW, Lamb, Lion, Nadam, ScheduleFreeAdamW
from fastnn.keras.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from fastnn.keras.optimizers.base import Optimizer
from fastnn.keras.optimizers.loss_scale import LossScaleOptimizer
from fastnn.keras.optimizers.matrix import Adafactor, Muon
from fastnn.keras.optimizers.sgd import SGD
from fastnn.keras.saving.objects import Family as _Family

_family = _Family("optimizer", __name__, lambda: {name.lower(): thing for name, thing in globals().items()
                                                  if isinstance(thing, type) and issubclass(thing, Optimizer)})
serialize, deserialize = _family.serialize, _family.deserialize


def get(identifier):
    """An optimizer of a name, a record, a class or an object.

    Parameters
    ----------
    identifier : str, dict, class, Optimizer or None

    Returns
    -------
    Optimizer or None

    Raises
    ------
    ValueError
        There is no such optimizer.

    Examples
    --------
    >>> type(keras.optimizers.get("adam")).__name__
    'Adam'
    """
    if isinstance(identifier, Optimizer) or identifier is None:
        return identifier
    if isinstance(identifier, str):
        found = _family.find(identifier) or _family.find(identifier.lower())
        if found is None:
            raise ValueError(f"Could not interpret optimizer identifier: {identifier}")
        return found()
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}")


def __getattr__(name):
    if name in ("MultiOptimizer", "OptimizerMap"):
        return lazy.missing(f"keras.optimizers.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
