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
    """1 where ``y_true == y_pred``, else 0.

    Parameters
    ----------
    y_true, y_pred : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.metrics.Accuracy()([1, 2], [1, 3])
    tensor(0.5000)
    """
    y_true, y_pred = same_rank(*_arrays(y_true, y_pred))
    return _matches(y_true.astype(y_pred.dtype, copy=False) == y_pred)


def categorical_accuracy(y_true, y_pred):
    """1 where the largest entries of `y_true` and `y_pred` are at the same position, else 0.

    Parameters
    ----------
    y_true : tensor (..., classes)
        One-hot.
    y_pred : tensor (..., classes)

    Returns
    -------
    Tensor
        1 or 0 for each sample.

    Examples
    --------
    >>> keras.metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.25, 0.75], [0.25, 0.75]])
    tensor([1., 0.])
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    return _matches(y_true.argmax(-1) == y_pred.argmax(-1))


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where `y_true` is the position of the largest entry of `y_pred`, else 0.

    Parameters
    ----------
    y_true : tensor (...) or (..., 1)
        Class numbers.
    y_pred : tensor (..., classes)

    Returns
    -------
    Tensor
        1 or 0 for each sample.

    Examples
    --------
    >>> keras.metrics.sparse_categorical_accuracy([1, 0], [[0.25, 0.75], [0.25, 0.75]])
    tensor([1., 0.])
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    found = y_true == y_pred.argmax(-1)
    return _matches(found[..., 0] if found.ndim > 1 and found.shape[-1] == 1 else found)


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where ``y_pred > threshold`` equals `y_true`, else 0.

    Parameters
    ----------
    y_true, y_pred : tensor
        Labels 0 and 1, and probabilities of 1.
    threshold : float

    Returns
    -------
    Tensor
        1 or 0 for each value.

    Examples
    --------
    >>> keras.metrics.binary_accuracy([0, 1], [0.25, 0.4])
    tensor([1., 0.])
    """
    y_true, y_pred = same_rank(*_arrays(y_true, y_pred))
    return _matches(y_true == (y_pred > threshold))


def _in_top(y_true, y_pred, k):
    """Whether the entry at `y_true` is among the `k` largest of the last axis; ties count for all of them."""
    rows, target = y_pred.reshape(-1, y_pred.shape[-1]), y_true.reshape(-1).astype(np.int64)
    k = min(k, rows.shape[1])
    least = np.partition(rows, -k, axis=1)[:, -k]
    return _matches((rows[np.arange(len(rows)), target] >= least).reshape(y_true.shape))


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the target's class is among the `k` largest predictions, else 0.

    Parameters
    ----------
    y_true : tensor (..., classes)
        One-hot.
    y_pred : tensor (..., classes)
    k : int

    Returns
    -------
    Tensor
        1 or 0 for each sample.

    Examples
    --------
    >>> keras.metrics.top_k_categorical_accuracy([[0, 0, 1], [1, 0, 0]], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]], k=2)
    tensor([1., 0.])
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    return _in_top(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where the target's class is among the `k` largest predictions, else 0.

    Parameters
    ----------
    y_true : tensor (...) or (..., 1)
        Class numbers.
    y_pred : tensor (..., classes)
    k : int
    from_sorted_ids : bool
        Whether `y_pred` holds class numbers, the best first.

    Returns
    -------
    Tensor
        1 or 0 for each sample.

    Examples
    --------
    >>> keras.metrics.sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]], k=2)
    tensor([1., 0.])
    """
    y_true, y_pred = _arrays(y_true, y_pred)
    if not from_sorted_ids:
        return _in_top(y_true, y_pred, k)
    rows = y_pred.reshape(-1, y_pred.shape[-1])[:, :k]
    return _matches((y_true.reshape(-1, 1) == rows).any(1).reshape(y_true.shape))


class Accuracy(FunctionMetric):
    """How often predictions equal the targets.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.Accuracy()
    >>> metric([1, 2, 3, 4], [1, 2, 3, 0])
    tensor(0.7500)
    """

    _direction = "up"

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)


class CategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is at the target's class; targets are one-hot.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.CategoricalAccuracy()
    >>> metric([[0, 1], [1, 0]], [[0.25, 0.75], [0.25, 0.75]])
    tensor(0.5000)
    """

    _direction = "up"

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is at the target's class; targets are class numbers.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.SparseCategoricalAccuracy()
    >>> metric([1, 0], [[0.25, 0.75], [0.25, 0.75]])
    tensor(0.5000)
    """

    _direction = "up"

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class BinaryAccuracy(FunctionMetric):
    """How often ``y_pred > threshold`` equals the target, 0 or 1.

    Parameters
    ----------
    threshold : float
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.BinaryAccuracy()
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4])
    tensor(0.7500)
    """

    _direction, _saved = "up", ("threshold",)

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class TopKCategoricalAccuracy(FunctionMetric):
    """How often the target's class is among the `k` largest predictions; targets are one-hot.

    Parameters
    ----------
    k : int
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.TopKCategoricalAccuracy(k=2)
    >>> metric([[0, 0, 1], [1, 0, 0]], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    tensor(0.5000)
    """

    _direction, _saved = "up", ("k",)

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often the target's class is among the `k` largest predictions; targets are class numbers.

    Parameters
    ----------
    k : int
    from_sorted_ids : bool
        Whether predictions are class numbers, the best first.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.SparseTopKCategoricalAccuracy(k=2)
    >>> metric([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    tensor(0.5000)
    """

    _direction, _saved = "up", ("k",)

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.from_sorted_ids = from_sorted_ids

    def get_config(self):
        return {**super().get_config(), **({"from_sorted_ids": True} if self.from_sorted_ids else {})}
