"""Intersections over unions, and F scores."""
import warnings

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.metrics.base import Metric, scalar
from fastnn.keras.variables import array_of, convert


class IoU(Metric):
    """Mean over classes of ``true positives / (true positives + false positives + false negatives)`` (Jaccard index).

    Parameters
    ----------
    num_classes : int
    target_class_ids : list of int
        Classes of the mean.
    ignore_class : int, optional
        Targets of this class do not count.
    sparse_y_true, sparse_y_pred : bool
        Whether they are class numbers; else the largest entry along `axis` is the class.
    axis : int
    name, dtype : str, optional

    Raises
    ------
    ValueError
        A class is not below `num_classes`.

    Examples
    --------
    >>> metric = keras.metrics.IoU(num_classes=2, target_class_ids=[1])
    >>> metric([0, 0, 1, 1], [0, 1, 1, 1]).round(decimals=4)
    tensor(0.6667)
    """

    _direction = "up"

    def __init__(self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_true=True,
                 sparse_y_pred=True, axis=-1):
        super().__init__(name=name, dtype=dtype or "int")
        self.num_classes, self.ignore_class, self.axis = num_classes, ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable((num_classes, num_classes), "zeros", self.dtype,
                                          name="total_confusion_matrix")
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"Target class id {max(target_class_ids)} is out of range, which is [0, {num_classes}).")
        self.target_class_ids = list(target_class_ids)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._count(array_of(convert(y_true)), array_of(convert(y_pred)), sample_weight)

    def _count(self, y_true, y_pred, sample_weight):
        kind, n = self.total_cm.array_.dtype, self.num_classes
        if not self.sparse_y_true:
            y_true = y_true.argmax(self.axis)
        if not self.sparse_y_pred:
            y_pred = y_pred.argmax(self.axis)
        y_true, y_pred = y_true.reshape(-1).astype(np.int64), y_pred.reshape(-1).astype(np.int64)
        weight = np.asarray(1 if sample_weight is None else array_of(convert(sample_weight)))
        if weight.dtype.kind == "f" and kind.kind == "i" and hasattr(sample_weight, "dtype"):
            warnings.warn("You are passing weight as `float`, but dtype is `int`. This may result in an incorrect "
                          "weight due to type casting Consider using integer weights.", stacklevel=4)
        weight = np.broadcast_to(weight.reshape(-1) if weight.ndim > 1 else weight, y_true.shape).astype(kind)
        kept = (y_true >= 0) & (y_true < n) & (y_pred >= 0) & (y_pred < n)
        if self.ignore_class is not None:
            kept &= y_true != self.ignore_class
        pairs = y_true[kept] * n + y_pred[kept]
        self.total_cm.array_ += np.bincount(pairs, weight[kept], n * n).reshape(n, n).astype(kind)

    def result(self):
        matrix = self.total_cm.array_
        both = np.diag(matrix)[self.target_class_ids].astype(np.float32)
        either = (matrix.sum(0) + matrix.sum(1) - np.diag(matrix))[self.target_class_ids].astype(np.float32)
        valid = either > 1e-9
        return scalar((both / (either + config.epsilon()))[valid].sum() / (valid.sum() + config.epsilon()))

    def get_config(self):
        names = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _config_of(self, *names):
        return {**Metric.get_config(self), **{name: getattr(self, name) for name in names}}


class BinaryIoU(IoU):
    """`IoU` of two classes, with ``y_pred >= threshold`` as predictions.

    Parameters
    ----------
    target_class_ids : list of int
    threshold : float
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.BinaryIoU([1])
    >>> metric([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9]).round(decimals=4)
    tensor(0.6667)
    """

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._count(array_of(convert(y_true)), array_of(convert(y_pred)) >= self.threshold, sample_weight)

    def get_config(self):
        return self._config_of("target_class_ids", "threshold")


class MeanIoU(IoU):
    """`IoU` over all classes.

    Parameters
    ----------
    num_classes : int
    ignore_class : int, optional
        Targets of this class do not count.
    sparse_y_true, sparse_y_pred : bool
        Whether they are class numbers; else the largest entry along `axis` is the class.
    axis : int
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.MeanIoU(num_classes=2)
    >>> metric([0, 0, 1, 1], [0, 1, 1, 1]).round(decimals=4)
    tensor(0.5833)
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True,
                 axis=-1):
        super().__init__(num_classes, list(range(num_classes)), name, dtype, ignore_class, sparse_y_true, sparse_y_pred,
                         axis)

    def get_config(self):
        return self._config_of("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


class OneHotIoU(IoU):
    """`IoU` with one-hot targets, and probabilities as predictions.

    Parameters
    ----------
    num_classes, target_class_ids, ignore_class, sparse_y_pred, axis
        As in `IoU`.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.OneHotIoU(num_classes=2, target_class_ids=[1])
    >>> metric([[1, 0], [0, 1]], [[0.3, 0.7], [0.1, 0.9]]).round(decimals=4)
    tensor(0.5000)
    """

    def __init__(self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False,
                 axis=-1):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._config_of("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` with one-hot targets, and probabilities as predictions.

    Parameters
    ----------
    num_classes, ignore_class, sparse_y_pred, axis
        As in `IoU`.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.OneHotMeanIoU(num_classes=2)
    >>> metric([[1, 0], [0, 1]], [[0.3, 0.7], [0.1, 0.9]]).round(decimals=4)
    tensor(0.2500)
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._config_of("num_classes", "ignore_class", "sparse_y_pred", "axis")


class FBetaScore(Metric):
    """``(1 + beta**2) * precision * recall / (beta**2 * precision + recall)``

    Parameters
    ----------
    average : {"micro", "macro", "weighted", None}
        Over all decisions, over classes, over classes by how often they occur, or a score for each class.
    beta : float
        How much more recall counts than precision.
    threshold : float, optional
        What a prediction must exceed; without it the largest one is taken.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        Another `average`, a `beta` that is no positive float, or tensors that are not (samples, classes).

    Examples
    --------
    >>> metric = keras.metrics.FBetaScore(beta=2.0)
    >>> metric(np.array([[1, 0], [0, 1], [0, 1]]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])).round(decimals=4)
    tensor([0.8333, 0.5556])
    """

    _direction = "up"

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"Invalid `average` argument value. Expected one of: {{None, 'micro', 'macro', "
                             f"'weighted'}}. Received: average={average}")
        if not isinstance(beta, float) or beta <= 0.0:
            raise ValueError(f"Invalid `beta` argument value. It should be a Python float > 0. Received: beta={beta} "
                             f"of type '{type(beta)}'")
        if threshold is not None and (not isinstance(threshold, float) or threshold > 1.0 or threshold <= 0.0):
            raise ValueError(f"Invalid `threshold` argument value. It should be a Python float with 0 < threshold "
                             f"<= 1. Received: threshold={threshold} of type '{type(threshold)}'")
        self.average, self.beta, self.threshold = average, beta, threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, true_shape, pred_shape):
        if len(pred_shape) != 2 or len(true_shape) != 2:
            raise ValueError(f"FBetaScore expects 2D inputs with shape (batch_size, output_dim). Received input "
                             f"shapes: y_pred.shape={pred_shape} and y_true.shape={true_shape}.")
        shape = () if self.average == "micro" else (pred_shape[-1],)
        self.true_positives, self.false_positives, self.false_negatives, self.intermediate_weights = (
            self.add_variable(shape, "zeros", self.dtype, name=name)
            for name in ("true_positives", "false_positives", "false_negatives", "intermediate_weights"))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = (array_of(convert(y, self.dtype)) for y in (y_true, y_pred))
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            found = (y_pred >= y_pred.max(-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)
        else:
            found = y_pred > self.threshold
        found = found.astype(y_true.dtype)
        weight = 1 if sample_weight is None else array_of(convert(sample_weight, self.dtype))[:, None]
        for variable, values in ((self.true_positives, found * y_true), (self.false_positives, found * (1 - y_true)),
                                 (self.false_negatives, (1 - found) * y_true), (self.intermediate_weights, y_true)):
            variable.array_ += (values * weight).sum(self.axis)

    def result(self):
        right, epsilon = self.true_positives.array_, config.epsilon()
        precision = right / (right + self.false_positives.array_ + epsilon)
        recall = right / (right + self.false_negatives.array_ + epsilon)
        score = precision * recall / (self.beta ** 2 * precision + recall + epsilon) * (1 + self.beta ** 2)
        if self.average == "weighted":
            weights = self.intermediate_weights.array_
            score = (score * (weights / (weights.sum() + epsilon))).sum()
        elif self.average is not None:
            score = score.mean()
        return from_array(np.asarray(score, self.true_positives.array_.dtype))

    def get_config(self):
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall: `FBetaScore` with ``beta=1``.

    Parameters
    ----------
    average : {"micro", "macro", "weighted", None}
        Over all decisions, over classes, over classes by how often they occur, or a score for each class.
    threshold : float, optional
        What a prediction must exceed; without it the largest one is taken.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.F1Score(average="macro")
    >>> metric(np.array([[1, 0], [0, 1], [0, 1]]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])).round(decimals=4)
    tensor(0.6667)
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self):
        made = super().get_config()
        del made["beta"]
        return made
