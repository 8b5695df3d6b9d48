"""How often predictions are right."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.losses.base import same_rank
from fastnn.keras.metrics.base import FunctionMetric
from fastnn.keras.variables import array_of, convert


def _matches(found):
    return from_array(np.asarray(found).astype(config.floatx()))


def _arrays(y_true, y_pred):
    return array_of(convert(y_true)), array_of(convert(y_pred))


def accuracy(y_true, y_pred):
    """1 where ``y_true == y_pred``, else 0."""
    y_true, y_pred = same_rank(*_arrays(y_true, y_pred))
    return _matches(y_true.astype(y_pred.dtype, copy=False) == y_pred)


def categorical_accuracy(y_true, y_pred):
    """1 where the largest entries of `y_true` and `y_pred` are at the same position of the last axis, else 0."""
    y_true, y_pred = _arrays(y_true, y_pred)
    return _matches(y_true.argmax(-1) == y_pred.argmax(-1))


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where `y_true` is the position of the largest entry of `y_pred`, else 0."""
    y_true, y_pred = _arrays(y_true, y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    found = y_true == y_pred.argmax(-1)
    return _matches(found[..., 0] if found.ndim > 1 and found.shape[-1] == 1 else found)


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where ``y_pred > threshold`` is `y_true`, else 0."""
    y_true, y_pred = same_rank(*_arrays(y_true, y_pred))
    return _matches(y_true == (y_pred > threshold))


def _in_top(y_true, y_pred, k):
    """Whether the entry at `y_true` is among the `k` largest of the last axis; ties count for all of them."""
    rows, target = y_pred.reshape(-1, y_pred.shape[-1]), y_true.reshape(-1).astype(np.int64)
    k = min(k, rows.shape[1])
    least = np.partition(rows, -k, axis=1)[:, -k]
    return _matches((rows[np.arange(len(rows)), target] >= least).reshape(y_true.shape))


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the largest entry of `y_true` is at the position of one of the `k` largest of `y_pred`, else 0."""
    y_true, y_pred = _arrays(y_true, y_pred)
    return _in_top(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where `y_true` is the position of one of the `k` largest entries of `y_pred`, else 0.

    With `from_sorted_ids`, `y_pred` holds positions, the best first.
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    if not from_sorted_ids:
        return _in_top(y_true, y_pred, k)
    rows = y_pred.reshape(-1, y_pred.shape[-1])[:, :k]
    return _matches((y_true.reshape(-1, 1) == rows).any(1).reshape(y_true.shape))


class Accuracy(FunctionMetric):
    """How often predictions equal the targets."""

    _direction = "up"

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)


class CategoricalAccuracy(FunctionMetric):
    """How often the most probable class is the target's, which is one-hot."""

    _direction = "up"

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(FunctionMetric):
    """How often the most probable class is the target, a number."""

    _direction = "up"

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class BinaryAccuracy(FunctionMetric):
    """How often ``y_pred > threshold`` is the target."""

    _direction, _saved = "up", ("threshold",)

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class TopKCategoricalAccuracy(FunctionMetric):
    """How often the target, which is one-hot, is among the `k` most probable classes."""

    _direction, _saved = "up", ("k",)

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often the target, a number, is among the `k` most probable classes."""

    _direction, _saved = "up", ("k",)

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.from_sorted_ids = from_sorted_ids

    def get_config(self):
        return {**super().get_config(), **({"from_sorted_ids": True} if self.from_sorted_ids else {})}
