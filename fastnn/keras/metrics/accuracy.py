"""How often predictions are right."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras.metrics.base import MeanMetricWrapper
from fastnn.keras.variables import array_of, convert


def _matches(found):
    return from_array(np.asarray(found).astype(np.float32))


def categorical_accuracy(y_true, y_pred):
    """1 where the largest entries of `y_true` and `y_pred` are at the same position of the last axis, else 0."""
    y_true, y_pred = array_of(convert(y_true)), array_of(convert(y_pred))
    return _matches(y_true.argmax(-1) == y_pred.argmax(-1))


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where `y_true` is the position of the largest entry of `y_pred`, else 0."""
    y_true, y_pred = array_of(convert(y_true)), array_of(convert(y_pred))
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    return _matches(y_true == y_pred.argmax(-1))


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """The share of entries of the last axis where ``y_pred > threshold`` is `y_true`."""
    y_true, y_pred = array_of(convert(y_true)), array_of(convert(y_pred))
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = y_true[..., None]
    elif y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    return _matches(y_true == (y_pred > threshold))


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the target's, which is one-hot."""

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the target, a number."""

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class BinaryAccuracy(MeanMetricWrapper):
    """How often ``y_pred > threshold`` is the target."""

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "threshold": self.threshold}
