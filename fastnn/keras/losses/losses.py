"""The losses: functions, which give a number for each sample, and classes around them."""

from fastnn.keras import config
from fastnn.keras.losses.base import LossFunctionWrapper, same_rank
from fastnn.keras.variables import convert
from fastnn.nn import functional as F


def _pair(y_true, y_pred):
    y_pred = convert(y_pred)
    if not y_pred.is_floating_point():
        y_pred = y_pred.to(config.torch_dtype(None))
    y_true = convert(y_true)
    if y_true.dtype is not y_pred.dtype:
        y_true = y_true.to(y_pred.dtype)
    return same_rank(y_true, y_pred)


def mean_squared_error(y_true, y_pred):
    """``mean((y_true - y_pred)**2)`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return (y_true - y_pred).square().mean(-1)


def _same_shape(name, y_true, y_pred):
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(f"Arguments `target` and `output` must have the same shape. Received: target.shape="
                         f"{tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}")


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """``-sum(y_true * log(y_pred))`` over `axis`.

    Parameters
    ----------
    y_true, y_pred : tensors (..., classes)
        Probabilities; `y_pred` logits if `from_logits`. The logits behind a softmax layer are used where they are known.
    label_smoothing : float
        ``y_true * (1 - label_smoothing) + label_smoothing / classes`` in place of y_true.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if y_pred.ndim < 1:
        raise ValueError(f"Arguments `target` and `output` must be at least rank 1. Received: target.shape="
                         f"{tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}")
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(f"Arguments `target` and `output` must have the same shape. Received: target.shape="
                         f"{tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}")
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
    logits = y_pred if from_logits else getattr(y_pred, "_keras_logits", None)
    if logits is not None:
        if axis in (-1, y_pred.ndim - 1):
            if y_pred.ndim == 2:
                return F.cross_entropy(logits, y_true, reduction="none")
            flat = F.cross_entropy(logits.reshape(-1, y_pred.shape[-1]), y_true.reshape(-1, y_pred.shape[-1]),
                                   reduction="none")
            return flat.reshape(y_pred.shape[:-1])
        return -(y_true * F.log_softmax(logits, axis)).sum(axis)
    y_pred = y_pred / y_pred.sum(axis, keepdim=True)
    y_pred = y_pred.clamp(config.epsilon(), 1.0 - config.epsilon())
    return -(y_true * y_pred.log()).sum(axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """``-log(y_pred[y_true])``, the classes as whole numbers.

    Parameters
    ----------
    y_true : tensor (...) or (..., 1)
    y_pred : tensor (..., classes)
        Probabilities; logits if `from_logits`.
    ignore_class : int, optional
        Targets of this class have loss 0.
    """
    y_pred = convert(y_pred)
    y_true = convert(y_true)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true.squeeze(-1)
    if y_pred.ndim < 1 or tuple(y_true.shape) != tuple(y_pred.shape[:axis if axis == -1 else axis] if axis == -1 else
                                                        y_pred.shape[:axis] + y_pred.shape[axis + 1:]):
        raise ValueError(f"Argument `output` must have rank (ndim) `target.ndim - 1`, with the same leading shape. "
                         f"Received: target.shape={tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}")
    if axis not in (-1, y_pred.ndim - 1):
        y_pred = y_pred.movedim(axis, -1)
    target = y_true.long() if y_true.dtype.name != "int64" else y_true
    logits = y_pred if from_logits else getattr(y_pred, "_keras_logits", None)
    classes = y_pred.shape[-1]
    ignored = -100 if ignore_class is None else ignore_class
    if logits is None:
        p = y_pred / y_pred.sum(-1, keepdim=True)
        log_p = p.clamp(config.epsilon(), 1.0 - config.epsilon()).log()
        losses = F.nll_loss(log_p.reshape(-1, classes), target.reshape(-1), ignore_index=ignored, reduction="none")
    else:
        if not logits.is_floating_point():
            logits = logits.to(config.torch_dtype(None))
        losses = F.cross_entropy(logits.reshape(-1, classes), target.reshape(-1), ignore_index=ignored, reduction="none")
    losses = losses.reshape(y_true.shape)
    if ignore_class is not None:
        losses._keras_mask = y_true != ignore_class
    return losses


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """``-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred))`` over `axis`."""
    y_true, y_pred = _pair(y_true, y_pred)
    _same_shape("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    logits = y_pred if from_logits else getattr(y_pred, "_keras_logits", None)
    if logits is not None:
        losses = F.binary_cross_entropy_with_logits(logits, y_true, reduction="none")
    else:
        p = y_pred.clamp(config.epsilon(), 1.0 - config.epsilon())
        losses = -(y_true * p.log() + (1.0 - y_true) * (1.0 - p).log())
    return losses.mean(axis)


class MeanSquaredError(LossFunctionWrapper):
    """Mean of ``(y_true - y_pred)**2``."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, name=name, reduction=reduction, dtype=dtype)


class CategoricalCrossentropy(LossFunctionWrapper):
    """`categorical_crossentropy` as a class."""

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="categorical_crossentropy", dtype=None):
        super().__init__(categorical_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`sparse_categorical_crossentropy` as a class."""

    def __init__(self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1,
                 name="sparse_categorical_crossentropy", dtype=None):
        super().__init__(sparse_categorical_crossentropy, name=name, reduction=reduction, dtype=dtype,
                         from_logits=from_logits, ignore_class=ignore_class, axis=axis)

    def call(self, y_true, y_pred):
        return self.fn(y_true, y_pred, **self._fn_kwargs)


class BinaryCrossentropy(LossFunctionWrapper):
    """`binary_crossentropy` as a class."""

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="binary_crossentropy", dtype=None):
        super().__init__(binary_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)
