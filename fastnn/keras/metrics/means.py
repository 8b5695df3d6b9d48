"""Means of losses, of errors and of correlations."""
import warnings

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config, losses
from fastnn.keras.losses.base import as_pair, same_rank
from fastnn.keras.metrics.base import FunctionMetric, Mean, Metric, scalar
from fastnn.keras.variables import array_of, convert


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between `y_true` and `y_pred` along `axis`."""
    return -losses.cosine_similarity(y_true, y_pred, axis=axis)


def pearson_correlation(y_true, y_pred, axis=-1):
    """Correlation of `y_true` and `y_pred` along `axis` (Pearson, 1895): 1 on a rising line, -1 on a falling one.

    Parameters
    ----------
    y_true, y_pred : tensor
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.metrics.pearson_correlation([[1.0, 2.0, 3.0]], [[6.0, 4.0, 2.0]]).round(decimals=4)
    tensor([-1.])
    """
    y_true, y_pred = ((y - y.mean(axis, keepdim=True)) / y.std(axis, correction=0, keepdim=True)
                      for y in same_rank(*as_pair(y_true, y_pred)))
    return (y_true * y_pred).mean(axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """Agreement of `y_true` and `y_pred` along `axis` (Lin, 1989): 1 if they are equal.

    ``2 * cov / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))**2)``

    Parameters
    ----------
    y_true, y_pred : tensor
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.metrics.concordance_correlation([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]]).round(decimals=4)
    tensor([0.5714])
    """
    y_true, y_pred = same_rank(*as_pair(y_true, y_pred))
    mean_true, mean_pred = y_true.mean(axis, keepdim=True), y_pred.mean(axis, keepdim=True)
    norm = (y_true.var(axis, correction=0, keepdim=True) + y_pred.var(axis, correction=0, keepdim=True)
            + (mean_true - mean_pred).square())
    return (2 * (y_true - mean_pred) * (y_pred - mean_pred) / (norm + config.epsilon())).mean(axis)


class MeanSquaredError(FunctionMetric):
    """Mean of ``(y_true - y_pred)**2``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.MeanSquaredError()
    >>> metric([[1.0, 2.0]], [[1.0, 4.0]])
    tensor(2.)
    """

    _direction = "down"

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(FunctionMetric):
    """Mean of ``abs(y_true - y_pred)``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.MeanAbsoluteError()
    >>> metric([[1.0, 2.0]], [[1.0, 4.0]])
    tensor(1.)
    """

    _direction = "down"

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(FunctionMetric):
    """Mean of ``100 * abs((y_true - y_pred) / y_true)``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.MeanAbsolutePercentageError()
    >>> metric([[1.0, 2.0]], [[1.0, 4.0]])
    tensor(50.)
    """

    _direction = "down"

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(FunctionMetric):
    """Mean of ``(log(y_true + 1) - log(y_pred + 1))**2``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.MeanSquaredLogarithmicError()
    >>> metric([[0.0, 1.0]], [[0.0, 3.0]]).round(decimals=4)
    tensor(0.2402)
    """

    _direction = "down"

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class RootMeanSquaredError(Mean):
    """Square root of the mean of ``(y_true - y_pred)**2``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.RootMeanSquaredError()
    >>> metric([[1.0, 2.0]], [[4.0, 5.0]])
    tensor(3.)
    """

    _direction = "down"

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = same_rank(convert(y_true, self.dtype), convert(y_pred, self.dtype))
        self._take((y_pred - y_true).square(), sample_weight)

    def result(self):
        return super().result().sqrt()


class CosineSimilarity(FunctionMetric):
    """Mean cosine of the angle between `y_true` and `y_pred`; 1 for equal directions, unlike the loss.

    Parameters
    ----------
    axis : int
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.CosineSimilarity()
    >>> metric([[3.0, 4.0]], [[4.0, 3.0]]).round(decimals=2)
    tensor(0.9600)
    """

    _direction, _saved = "up", ("axis",)

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class LogCoshError(FunctionMetric):
    """Mean of ``log(cosh(y_pred - y_true))``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.LogCoshError()
    >>> metric([[1.0, 2.0]], [[1.0, 4.0]]).round(decimals=4)
    tensor(0.6625)
    """

    _direction = "down"

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(losses.log_cosh, name, dtype)


class Hinge(FunctionMetric):
    """Mean of ``max(1 - y_true * y_pred, 0)``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.Hinge()
    >>> metric([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor(1.)
    """

    _direction = "down"

    def __init__(self, name="hinge", dtype=None):
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(FunctionMetric):
    """Mean of ``max(1 - y_true * y_pred, 0)**2``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.SquaredHinge()
    >>> metric([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor(1.2500)
    """

    _direction = "down"

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(FunctionMetric):
    """Mean of `losses.categorical_hinge`.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.CategoricalHinge()
    >>> metric([[0.0, 1.0]], [[0.75, 0.25]])
    tensor(1.5000)
    """

    _direction = "down"

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(losses.categorical_hinge, name, dtype)


class KLDivergence(FunctionMetric):
    """Mean of ``sum(y_true * log(y_true / y_pred))``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.KLDivergence()
    >>> metric([[0.5, 0.5]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.1438)
    """

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(FunctionMetric):
    """Mean of ``y_pred - y_true * log(y_pred)``.

    Parameters
    ----------
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.Poisson()
    >>> metric([[1.0, 2.0]], [[1.0, 1.0]]).round(decimals=4)
    tensor(1.)
    """

    def __init__(self, name="poisson", dtype=None):
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(FunctionMetric):
    """Mean of `losses.binary_crossentropy`.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        As in the loss.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.BinaryCrossentropy()
    >>> metric([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.2877)
    """

    _direction, _saved = "down", ("from_logits", "label_smoothing")

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        super().__init__(losses.binary_crossentropy, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing)


class CategoricalCrossentropy(FunctionMetric):
    """Mean of `losses.categorical_crossentropy`; targets are one-hot.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits.
    label_smoothing : float
        As in the loss.
    axis : int
        Of the classes.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.CategoricalCrossentropy()
    >>> metric([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.2877)
    """

    _direction, _saved = "down", ("from_logits", "label_smoothing", "axis")

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        super().__init__(losses.categorical_crossentropy, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(FunctionMetric):
    """Mean of `losses.sparse_categorical_crossentropy`; targets are class numbers.

    Parameters
    ----------
    from_logits, ignore_class, axis
        As in the loss.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.SparseCategoricalCrossentropy()
    >>> metric([1], [[0.25, 0.75]]).round(decimals=4)
    tensor(0.2877)
    """

    _direction, _saved = "down", ("from_logits", "ignore_class", "axis")

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None,
                 axis=-1):
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits,
                         ignore_class=ignore_class, axis=axis)


class PearsonCorrelation(FunctionMetric):
    """Mean of `pearson_correlation` over the rows.

    Parameters
    ----------
    axis : int
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.PearsonCorrelation()
    >>> metric([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]]).round(decimals=4)
    tensor(1.)
    """

    _direction, _saved = "up", ("axis",)

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(FunctionMetric):
    """Mean of `concordance_correlation` over the rows.

    Parameters
    ----------
    axis : int
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.ConcordanceCorrelation()
    >>> metric([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]]).round(decimals=4)
    tensor(0.5714)
    """

    _direction, _saved = "up", ("axis",)

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)


class R2Score(Metric):
    """Coefficient of determination: ``1 - sum((y_true - y_pred)**2) / sum((y_true - mean(y_true))**2)``.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}
        How the scores of several outputs are combined; None gives one for each.
    num_regressors : int
        If not 0, the score is adjusted for so many inputs.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        Another `class_aggregation`, or tensors that are not (samples, outputs).

    Examples
    --------
    >>> metric = keras.metrics.R2Score()
    >>> metric([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]])
    tensor(0.5000)
    """

    _direction = "up"

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        valid = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in valid:
            raise ValueError(f"Invalid value for argument `class_aggregation`. Expected one of {valid}. Received: "
                             f"class_aggregation={class_aggregation}")
        if num_regressors < 0:
            raise ValueError(f"Invalid value for argument `num_regressors`. Expected a value >= 0. Received: "
                             f"num_regressors={num_regressors}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, true_shape, pred_shape):
        if len(pred_shape) != 2 or len(true_shape) != 2:
            raise ValueError(f"R2Score expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                             f"y_pred.shape={pred_shape} and y_true.shape={true_shape}.")
        self.squared_sum, self.sum, self.total_mse, self.count = (
            self.add_variable((pred_shape[-1],), "zeros", name=name)
            for name in ("squared_sum", "sum", "residual", "count"))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = same_rank(*(array_of(convert(y, self.dtype)) for y in (y_true, y_pred)))
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        weight = np.asarray(1 if sample_weight is None else array_of(convert(sample_weight))).astype(y_true.dtype)
        weight = np.broadcast_to(weight[:, None] if weight.ndim == 1 else weight, y_true.shape)
        weighted = y_true * weight
        self.sum.array_ += weighted.sum(0)
        self.squared_sum.array_ += (y_true * weighted).sum(0)
        self.total_mse.array_ += ((y_true - y_pred) ** 2 * weight).sum(0)
        self.count.array_ += weight.sum(0)
        self.num_samples.array_ += y_true.size

    def result(self):
        with np.errstate(divide="ignore", invalid="ignore"):
            total = self.squared_sum.array_ - self.sum.array_ * (self.sum.array_ / self.count.array_)
            score = 1 - self.total_mse.array_ / total
            score = np.where(np.isinf(score), np.zeros_like(score), score)
            if self.class_aggregation == "uniform_average":
                score = score.mean()
            elif self.class_aggregation:
                score = (total * score).sum() / total.sum()
        free = float(self.num_samples.array_) - self.num_regressors - 1
        if self.num_regressors and free < 0:
            warnings.warn("More independent predictors than datapoints in adjusted R2 score. Falling back to standard "
                          "R2 score.", stacklevel=2)
        elif self.num_regressors and not free:
            warnings.warn("Division by zero in Adjusted R2 score. Falling back to standard R2 score.", stacklevel=2)
        elif self.num_regressors:
            score = 1 - (1 - score) * (float(self.num_samples.array_) - 1) / free
        return from_array(np.asarray(score)) if self.class_aggregation is None else scalar(score)

    def get_config(self):
        return {**super().get_config(), "class_aggregation": self.class_aggregation,
                "num_regressors": self.num_regressors}
