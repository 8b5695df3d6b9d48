"""Losses of predicted numbers, and hinges."""
import math

from fastnn.keras import config
from fastnn.keras.losses.base import FunctionLoss, as_pair, same_rank
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of
from fastnn.nn import functional as F
from fastnn.ops.indexing import where


def _pair(y_true, y_pred):
    return same_rank(*as_pair(y_true, y_pred))


@operation
def mean_squared_error(y_true, y_pred):
    """``mean((y_true - y_pred)**2)`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    if y_true.shape == y_pred.shape:
        return F.mse_loss(y_pred, y_true, reduction="none").mean(-1)
    return (y_true - y_pred).square().mean(-1)


@operation
def mean_absolute_error(y_true, y_pred):
    """``mean(|y_true - y_pred|)`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return (y_true - y_pred).abs().mean(-1)


@operation
def mean_absolute_percentage_error(y_true, y_pred):
    """``100 * mean(|y_true - y_pred| / |y_true|)`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return 100.0 * ((y_true - y_pred) / y_true.abs().clamp(min=config.epsilon())).abs().mean(-1)


@operation
def mean_squared_logarithmic_error(y_true, y_pred):
    """``mean((log(y_true + 1) - log(y_pred + 1))**2)`` over the last axis; values below 0 count as 0."""
    y_true, y_pred = _pair(y_true, y_pred)
    first, second = ((y.clamp(min=config.epsilon()) + 1.0).log() for y in (y_pred, y_true))
    return (first - second).square().mean(-1)


@operation
def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine of the angle between `y_true` and `y_pred` along `axis`: -1 for the same direction."""
    y_true, y_pred = (F.normalize(y, dim=axis, eps=config.epsilon()) for y in _pair(y_true, y_pred))
    return -(y_true * y_pred).sum(axis)


@operation
def huber(y_true, y_pred, delta=1.0):
    """Half of the squared error up to `delta`, from there on ``delta * (|error| - delta / 2)``: the mean of it over the
    last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    if y_true.shape == y_pred.shape:
        return F.huber_loss(y_pred, y_true, reduction="none", delta=float(delta)).mean(-1)
    size = (y_pred - y_true).abs()
    return where(size <= delta, 0.5 * size.square(), delta * size - 0.5 * delta * delta).mean(-1)


@operation
def log_cosh(y_true, y_pred):
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    error = y_pred - y_true
    return (error + F.softplus(error * -2.0) - math.log(2.0)).mean(-1)


@operation
def poisson(y_true, y_pred):
    """``mean(y_pred - y_true * log(y_pred))`` over the last axis."""
    y_true, y_pred = as_pair(y_true, y_pred)
    return (y_pred - y_true * (y_pred + config.epsilon()).log()).mean(-1)


def _signs(y_true):
    """Labels 0 and 1 as -1 and 1."""
    array = array_of(y_true)
    return 2.0 * y_true - 1.0 if bool(((array == 0) | (array == 1)).all()) else y_true


@operation
def hinge(y_true, y_pred):
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis; labels are -1 and 1, or 0 and 1."""
    y_true, y_pred = as_pair(y_true, y_pred)
    return F.relu(1.0 - _signs(y_true) * y_pred).mean(-1)


@operation
def squared_hinge(y_true, y_pred):
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis; labels are -1 and 1, or 0 and 1."""
    y_true, y_pred = as_pair(y_true, y_pred)
    return F.relu(1.0 - _signs(y_true) * y_pred).square().mean(-1)


@operation
def categorical_hinge(y_true, y_pred):
    """``max(max((1 - y_true) * y_pred) - sum(y_true * y_pred) + 1, 0)`` over the last axis; labels are 0 and 1."""
    y_true, y_pred = as_pair(y_true, y_pred)
    positive = (y_true * y_pred).sum(-1)
    negative = ((1.0 - y_true) * y_pred).amax(-1)
    return F.relu(negative - positive + 1.0)


class MeanSquaredError(FunctionLoss):
    """`mean_squared_error` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(FunctionLoss):
    """`mean_absolute_error` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """`mean_absolute_percentage_error` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """`mean_squared_logarithmic_error` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(FunctionLoss):
    """`cosine_similarity` as a class."""

    _saved = ("axis",)

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(FunctionLoss):
    """`huber` as a class."""

    _saved = ("delta",)

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(FunctionLoss):
    """`log_cosh` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(log_cosh, reduction, name, dtype)


class Poisson(FunctionLoss):
    """`poisson` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(poisson, reduction, name, dtype)


class Hinge(FunctionLoss):
    """`hinge` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """`squared_hinge` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """`categorical_hinge` as a class."""

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, reduction, name, dtype)
