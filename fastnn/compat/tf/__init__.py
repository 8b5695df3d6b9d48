"""``tensorflow`` where it is not installed and Keras itself runs on fastnn: `keras`, and what Keras asks about it."""
import importlib
import types

from fastnn.random import manual_seed


class TensorShape:
    """Of no object here."""


class DType(TensorShape):
    """Of no object here."""


class TypeSpec(TensorShape):
    """Of no object here."""


random = types.SimpleNamespace(set_seed=manual_seed)
data = types.SimpleNamespace(Dataset=TensorShape)


def __getattr__(name):
    if name == "keras":
        return importlib.import_module("keras")
    raise AttributeError(f"module 'tensorflow' has no attribute {name!r}: TensorFlow is not installed, and `python -m "
                         f"fastnn --as torch` gives tf.keras alone")
