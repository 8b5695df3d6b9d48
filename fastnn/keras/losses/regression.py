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
    """``mean((y_true - y_pred)**2)`` over the last axis.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions; a last axis of size 1 may be missing in one.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    tensor([2.])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if y_true.shape == y_pred.shape:
        return F.mse_loss(y_pred, y_true, reduction="none").mean(-1)
    return (y_true - y_pred).square().mean(-1)


@operation
def mean_absolute_error(y_true, y_pred):
    """``mean(abs(y_true - y_pred))`` over the last axis.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions; a last axis of size 1 may be missing in one.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.mean_absolute_error([[1.0, 2.0]], [[1.0, 4.0]])
    tensor([1.])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return (y_true - y_pred).abs().mean(-1)


@operation
def mean_absolute_percentage_error(y_true, y_pred):
    """``100 * mean(abs((y_true - y_pred) / y_true))`` over the last axis; targets of 0 count as 1e-7.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions; a last axis of size 1 may be missing in one.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.mean_absolute_percentage_error([[1.0, 2.0]], [[1.0, 4.0]])
    tensor([50.])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return 100.0 * ((y_true - y_pred) / y_true.abs().clamp(min=config.epsilon())).abs().mean(-1)


@operation
def mean_squared_logarithmic_error(y_true, y_pred):
    """``mean((log(y_true + 1) - log(y_pred + 1))**2)`` over the last axis; negative values count as 0.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions; a last axis of size 1 may be missing in one.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[0.0, 3.0]]).round(decimals=4)
    tensor([0.2402])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    first, second = ((y.clamp(min=config.epsilon()) + 1.0).log() for y in (y_pred, y_true))
    return (first - second).square().mean(-1)


@operation
def cosine_similarity(y_true, y_pred, axis=-1):
    """``-sum(y_true * y_pred) / (norm(y_true) * norm(y_pred))`` along `axis`: -1 for equal directions.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions; a last axis of size 1 may be missing in one.
    axis : int

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.cosine_similarity([[3.0, 4.0]], [[4.0, 3.0]]).round(decimals=2)
    tensor([-0.9600])
    """
    y_true, y_pred = (F.normalize(y, dim=axis, eps=config.epsilon()) for y in _pair(y_true, y_pred))
    return -(y_true * y_pred).sum(axis)


@operation
def huber(y_true, y_pred, delta=1.0):
    """Mean over the last axis of ``error**2 / 2`` up to `delta`, ``delta * (abs(error) - delta / 2)`` beyond (Huber,
    1964).

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions; a last axis of size 1 may be missing in one.
    delta : float

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.huber([[1.0, 2.0]], [[1.0, 4.0]])
    tensor([0.7500])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if y_true.shape == y_pred.shape:
        return F.huber_loss(y_pred, y_true, reduction="none", delta=float(delta)).mean(-1)
    size = (y_pred - y_true).abs()
    return where(size <= delta, 0.5 * size.square(), delta * size - 0.5 * delta * delta).mean(-1)


@operation
def log_cosh(y_true, y_pred):
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions; a last axis of size 1 may be missing in one.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.log_cosh([[1.0, 2.0]], [[1.0, 4.0]]).round(decimals=4)
    tensor([0.6625])
    """
    y_true, y_pred = _pair(y_true, y_pred)
    error = y_pred - y_true
    return (error + F.softplus(error * -2.0) - math.log(2.0)).mean(-1)


@operation
def poisson(y_true, y_pred):
    """``mean(y_pred - y_true * log(y_pred))`` over the last axis.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.poisson([[1.0, 2.0]], [[1.0, 1.0]]).round(decimals=4)
    tensor([1.])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return (y_pred - y_true * (y_pred + config.epsilon()).log()).mean(-1)


def _signs(y_true):
    """Labels 0 and 1 as -1 and 1."""
    array = array_of(y_true)
    return 2.0 * y_true - 1.0 if bool(((array == 0) | (array == 1)).all()) else y_true


@operation
def hinge(y_true, y_pred):
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis; labels are -1 and 1, or 0 and 1.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.hinge([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor([1.])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return F.relu(1.0 - _signs(y_true) * y_pred).mean(-1)


@operation
def squared_hinge(y_true, y_pred):
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis; labels are -1 and 1, or 0 and 1.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.squared_hinge([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor([1.2500])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return F.relu(1.0 - _signs(y_true) * y_pred).square().mean(-1)


@operation
def categorical_hinge(y_true, y_pred):
    """``max(max((1 - y_true) * y_pred) - sum(y_true * y_pred) + 1, 0)`` over the last axis; labels are 0 and 1.

    Parameters
    ----------
    y_true, y_pred : tensor (..., n)
        Targets and predictions.

    Returns
    -------
    Tensor (...)
        One value for each row.

    Examples
    --------
    >>> keras.losses.categorical_hinge([[0.0, 1.0]], [[0.75, 0.25]])
    tensor([1.5000])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    positive = (y_true * y_pred).sum(-1)
    negative = ((1.0 - y_true) * y_pred).amax(-1)
    return F.relu(negative - positive + 1.0)


class MeanSquaredError(FunctionLoss):
    """The loss `mean_squared_error`, reduced over the samples: ``mean((y_true - y_pred)**2)`` over the last axis.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.MeanSquaredError()
    >>> loss([[1.0, 2.0]], [[1.0, 4.0]])
    tensor(2.)
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(FunctionLoss):
    """The loss `mean_absolute_error`, reduced over the samples: ``mean(abs(y_true - y_pred))`` over the last axis.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.MeanAbsoluteError()
    >>> loss([[1.0, 2.0]], [[1.0, 4.0]])
    tensor(1.)
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """The loss `mean_absolute_percentage_error`, reduced over the samples: ``100 * mean(abs((y_true - y_pred) /
    y_true))`` over the last axis; targets of 0 count as 1e-7.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.MeanAbsolutePercentageError()
    >>> loss([[1.0, 2.0]], [[1.0, 4.0]])
    tensor(50.)
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """The loss `mean_squared_logarithmic_error`, reduced over the samples: ``mean((log(y_true + 1) - log(y_pred +
    1))**2)`` over the last axis; negative values count as 0.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.MeanSquaredLogarithmicError()
    >>> loss([[0.0, 1.0]], [[0.0, 3.0]]).round(decimals=4)
    tensor(0.2402)
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(FunctionLoss):
    """The loss `cosine_similarity`, reduced over the samples: ``-sum(y_true * y_pred) / (norm(y_true) * norm(y_pred))``
    along `axis`: -1 for equal directions.

    Parameters
    ----------
    axis : int
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.CosineSimilarity()
    >>> loss([[3.0, 4.0]], [[4.0, 3.0]]).round(decimals=2)
    tensor(-0.9600)
    """

    _saved = ("axis",)

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(FunctionLoss):
    """The loss `huber`, reduced over the samples: mean over the last axis of ``error**2 / 2`` up to `delta`, ``delta *
    (abs(error) - delta / 2)`` beyond (Huber, 1964).

    Parameters
    ----------
    delta : float
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.Huber()
    >>> loss([[1.0, 2.0]], [[1.0, 4.0]])
    tensor(0.7500)
    """

    _saved = ("delta",)

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(FunctionLoss):
    """The loss `log_cosh`, reduced over the samples: ``mean(log(cosh(y_pred - y_true)))`` over the last axis.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.LogCosh()
    >>> loss([[1.0, 2.0]], [[1.0, 4.0]]).round(decimals=4)
    tensor(0.6625)
    """

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(log_cosh, reduction, name, dtype)


class Poisson(FunctionLoss):
    """The loss `poisson`, reduced over the samples: ``mean(y_pred - y_true * log(y_pred))`` over the last axis.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.Poisson()
    >>> loss([[1.0, 2.0]], [[1.0, 1.0]]).round(decimals=4)
    tensor(1.)
    """

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(poisson, reduction, name, dtype)


class Hinge(FunctionLoss):
    """The loss `hinge`, reduced over the samples: ``mean(max(1 - y_true * y_pred, 0))`` over the last axis; labels are
    -1 and 1, or 0 and 1.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.Hinge()
    >>> loss([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor(1.)
    """

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """The loss `squared_hinge`, reduced over the samples: ``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis;
    labels are -1 and 1, or 0 and 1.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.SquaredHinge()
    >>> loss([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor(1.2500)
    """

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """The loss `categorical_hinge`, reduced over the samples: ``max(max((1 - y_true) * y_pred) - sum(y_true * y_pred) +
    1, 0)`` over the last axis; labels are 0 and 1.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.CategoricalHinge()
    >>> loss([[0.0, 1.0]], [[0.75, 0.25]])
    tensor(1.5000)
    """

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, reduction, name, dtype)
