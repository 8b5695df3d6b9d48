"""Metrics of right and wrong decisions at thresholds."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.losses.base import same_rank
from fastnn.keras.metrics.base import Metric, divide, scalar
from fastnn.keras.variables import array_of, convert

NEVER = -1e10  # below every prediction
COUNTS = "true_positives", "false_positives", "true_negatives", "false_negatives"


def _thresholds(given, default):
    found = default if given is None else given
    found = list(found) if isinstance(found, (list, tuple)) else [found]
    wrong = [t for t in found if given is not None and (t is None or t < 0 or t > 1)]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return found


def evenly_spaced(thresholds):
    """Whether they divide the range from 0 to 1 evenly, ends included."""
    count = len(thresholds)
    return count >= 3 and np.allclose(thresholds, np.arange(count, dtype=np.float32) / (count - 1),
                                      atol=config.epsilon())


class _Confusion(Metric):
    """Counts of decisions by threshold in the variables `kept` (some of `COUNTS`)."""

    _direction = "up"
    kept = COUNTS
    top_k = class_id = _named = None

    def _make(self, thresholds, even=None, shape=None):
        self._at = np.asarray(thresholds, np.float32)
        self._even = evenly_spaced(thresholds) if even is None else even
        for name in self.kept:
            setattr(self, name, self.add_variable(shape or (len(self._at),), "zeros", name=self._named or name))

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._count(y_true, y_pred, sample_weight)

    def _count(self, y_true, y_pred, sample_weight, by_label=False, label_weights=None):
        y_true, y_pred = (array_of(convert(y)).astype(np.float32, copy=False) for y in (y_true, y_pred))
        y_pred, y_true = same_rank(y_pred, y_true)
        weight = None
        if sample_weight is not None:
            weight = array_of(convert(sample_weight)).astype(np.float32)[..., None]
            _, weight = same_rank(y_true, weight, expand=False)
        if self.top_k is not None:
            best = np.argsort(-y_pred, axis=-1, kind="stable")[..., :self.top_k]
            chosen = np.full_like(y_pred, NEVER)
            np.put_along_axis(chosen, best, np.take_along_axis(y_pred, best, -1), -1)
            y_pred = chosen
        if self.class_id is not None:
            if y_pred.ndim == 1:
                raise ValueError(f"When class_id is provided, y_pred must be a 2D array with shape (num_samples, "
                                 f"num_classes), found shape: {y_pred.shape}")
            y_true, y_pred = y_true[..., self.class_id, None], y_pred[..., self.class_id, None]
        weight = np.broadcast_to(np.float32(1) if weight is None else weight, y_pred.shape)
        if label_weights is not None:
            weight = weight * label_weights
        labels = y_pred.shape[1] if by_label else 1
        positive, negative = (_above(self._below(y_pred), np.where(kind, weight, 0), labels, len(self._at))
                              for kind in (y_true != 0, y_true == 0))
        counts = dict(zip(COUNTS, (positive[1:], negative[1:], negative[:1] - negative[1:],
                                   positive[:1] - positive[1:])))
        for name in self.kept:
            variable = getattr(self, name)
            variable.array_ += counts[name].reshape(variable.array_.shape)

    def _below(self, y_pred):
        """How many thresholds each prediction is above; what is not a number is above none."""
        if not self._even:
            return np.searchsorted(np.sort(self._at), np.fmax(y_pred, NEVER), side="left")
        buckets = np.ceil(np.minimum(np.fmax(y_pred, 0.0), 1.0) * np.float32(len(self._at) - 1)).astype(np.int64)
        return np.maximum(buckets, 1) if self._at[0] < 0 or self._at[-1] > 1 else buckets

    def _rate(self, part, other):
        """``part / (part + other)`` by threshold."""
        part, other = getattr(self, part).array_, getattr(self, other).array_
        return divide(part, part + other)

    def _first(self, values):
        return from_array(np.array(values[0] if len(self._at) == 1 else values))


def _above(below, weights, labels, count):
    """Sums of weights (count + 1, labels): of all, then of the predictions above each threshold, the least first."""
    columns = below.reshape(-1, labels) + np.arange(labels) * (count + 1)
    found = np.bincount(columns.reshape(-1), weights.reshape(-1), labels * (count + 1)).reshape(labels, count + 1)
    return found[:, ::-1].cumsum(1)[:, ::-1].T


class _Ordered(_Confusion):
    """Thresholds come in any order: counts follow it."""

    def __init__(self, thresholds, top_k, class_id, name, dtype):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = _thresholds(thresholds, 0.5 if top_k is None else NEVER)
        self._make(self.thresholds)

    def update_state(self, y_true, y_pred, sample_weight=None):
        rank = np.argsort(np.argsort(self._at, kind="stable"), kind="stable")
        before = {name: getattr(self, name).array_.copy() for name in self.kept}
        self._count(y_true, y_pred, sample_weight)
        for name, values in before.items():
            array = getattr(self, name).array_
            array[...] = values + (array - values)[rank]

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k,
                "class_id": self.class_id}


class _ConditionCount(_Ordered):
    _named = "accumulator"

    def __init__(self, thresholds, name, dtype):
        super().__init__(thresholds, None, None, name, dtype)

    @property
    def accumulator(self):
        return getattr(self, self.kept[0])

    def result(self):
        return self._first(self.accumulator.array_)

    def get_config(self):
        return {**Metric.get_config(self), "thresholds": self.init_thresholds}


class TruePositives(_ConditionCount):
    """Number (or weight) of positive targets that are predicted: ``y_pred > threshold``.

    Parameters
    ----------
    thresholds : float or list of float, optional
        0.5 without it; a list gives a result for each.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        Thresholds outside of [0, 1].

    Examples
    --------
    >>> metric = keras.metrics.TruePositives()
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4])
    tensor(2.)
    """

    _direction, kept = None, ("true_positives",)

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, name, dtype)


class TrueNegatives(_ConditionCount):
    """Number (or weight) of negative targets with ``y_pred <= threshold``.

    Parameters
    ----------
    thresholds : float or list of float, optional
        0.5 without it; a list gives a result for each.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        Thresholds outside of [0, 1].

    Examples
    --------
    >>> metric = keras.metrics.TrueNegatives()
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4])
    tensor(1.)
    """

    _direction, kept = None, ("true_negatives",)

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, name, dtype)


class FalsePositives(_ConditionCount):
    """Number (or weight) of negative targets with ``y_pred > threshold``.

    Parameters
    ----------
    thresholds : float or list of float, optional
        0.5 without it; a list gives a result for each.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        Thresholds outside of [0, 1].

    Examples
    --------
    >>> metric = keras.metrics.FalsePositives()
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4])
    tensor(0.)
    """

    _direction, kept = None, ("false_positives",)

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, name, dtype)


class FalseNegatives(_ConditionCount):
    """Number (or weight) of positive targets with ``y_pred <= threshold``.

    Parameters
    ----------
    thresholds : float or list of float, optional
        0.5 without it; a list gives a result for each.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        Thresholds outside of [0, 1].

    Examples
    --------
    >>> metric = keras.metrics.FalseNegatives()
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4])
    tensor(1.)
    """

    _direction, kept = None, ("false_negatives",)

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, name, dtype)


class Precision(_Ordered):
    """``true positives / (true positives + false positives)``

    Parameters
    ----------
    thresholds : float or list of float, optional
        0.5 without it; a list gives a result for each.
    top_k : int, optional
        Only the `top_k` largest predictions of a sample count, above any threshold if none is given.
    class_id : int, optional
        Only this column counts.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.Precision()
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4])
    tensor(1.)
    """

    kept = "true_positives", "false_positives"

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(thresholds, top_k, class_id, name, dtype)

    def result(self):
        return self._first(self._rate(*self.kept))


class Recall(_Ordered):
    """``true positives / (true positives + false negatives)``

    Parameters
    ----------
    thresholds : float or list of float, optional
        0.5 without it; a list gives a result for each.
    top_k : int, optional
        Only the `top_k` largest predictions of a sample count, above any threshold if none is given.
    class_id : int, optional
        Only this column counts.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.Recall()
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4]).round(decimals=4)
    tensor(0.6667)
    """

    kept = "true_positives", "false_negatives"

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(thresholds, top_k, class_id, name, dtype)

    def result(self):
        return self._first(self._rate(*self.kept))


SENSITIVITY, SPECIFICITY = ("true_positives", "false_negatives"), ("true_negatives", "false_positives")
PRECISION, RECALL = ("true_positives", "false_positives"), SENSITIVITY


class _Constrained(_Confusion):
    """The best value of one rate at the thresholds where another is at least `value`."""

    bound, rates = "", ()

    def __init__(self, value, num_thresholds, class_id, name, dtype):
        if value < 0 or value > 1:
            raise ValueError(f"Argument `{self.bound}` must be in the range [0, 1]. Received: {self.bound}={value}")
        super().__init__(name=name, dtype=dtype)
        if num_thresholds <= 0:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds="
                             f"{num_thresholds}")
        setattr(self, self.bound, value)
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [i / (num_thresholds - 1) for i in range(num_thresholds)]
        self._make(self.thresholds, num_thresholds > 1)

    def result(self):
        constrained, wanted = (self._rate(*rate) for rate in self.rates)
        return scalar(np.where(constrained >= self.value, wanted, 0).max(initial=0))

    def get_config(self):
        return {**super().get_config(), "class_id": self.class_id, "num_thresholds": self.num_thresholds,
                self.bound: self.value}


class SensitivityAtSpecificity(_Constrained):
    """Largest sensitivity (recall) at thresholds where the specificity is at least a given value.

    Parameters
    ----------
    specificity : float
        Between 0 and 1.
    num_thresholds : int
        Evenly spaced from 0 to 1.
    class_id : int, optional
        Only this column counts.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        `specificity` is not between 0 and 1.

    Examples
    --------
    >>> metric = keras.metrics.SensitivityAtSpecificity(0.5)
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4]).round(decimals=4)
    tensor(1.)
    """

    bound, rates = "specificity", (SPECIFICITY, SENSITIVITY)

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_Constrained):
    """Largest specificity at thresholds where the sensitivity is at least a given value.

    Parameters
    ----------
    sensitivity : float
        Between 0 and 1.
    num_thresholds : int
        Evenly spaced from 0 to 1.
    class_id : int, optional
        Only this column counts.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        `sensitivity` is not between 0 and 1.

    Examples
    --------
    >>> metric = keras.metrics.SpecificityAtSensitivity(0.5)
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4]).round(decimals=4)
    tensor(1.)
    """

    bound, rates = "sensitivity", (SENSITIVITY, SPECIFICITY)

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_Constrained):
    """Largest precision at thresholds where the recall is at least a given value.

    Parameters
    ----------
    recall : float
        Between 0 and 1.
    num_thresholds : int
        Evenly spaced from 0 to 1.
    class_id : int, optional
        Only this column counts.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        `recall` is not between 0 and 1.

    Examples
    --------
    >>> metric = keras.metrics.PrecisionAtRecall(0.5)
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4]).round(decimals=4)
    tensor(1.)
    """

    bound, rates = "recall", (RECALL, PRECISION)

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_Constrained):
    """Largest recall at thresholds where the precision is at least a given value.

    Parameters
    ----------
    precision : float
        Between 0 and 1.
    num_thresholds : int
        Evenly spaced from 0 to 1.
    class_id : int, optional
        Only this column counts.
    name, dtype : str, optional

    Raises
    ------
    ValueError
        `precision` is not between 0 and 1.

    Examples
    --------
    >>> metric = keras.metrics.RecallAtPrecision(0.5)
    >>> metric([0, 1, 1, 1], [0.25, 0.75, 0.6, 0.4]).round(decimals=4)
    tensor(1.)
    """

    bound, rates = "precision", (PRECISION, RECALL)

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)


def _one_of(what, value, known):
    found = value.lower() if isinstance(value, str) else str(getattr(value, "value", value)).lower()
    for each in known:
        if found == each.lower():
            return each
    raise ValueError(f'Invalid {what} value: "{value}". Expected values are {list(known)}')


class AUC(_Confusion):
    """Area under a curve, as a sum over thresholds.

    Parameters
    ----------
    num_thresholds : int
    curve : {"ROC", "PR", "PRGAIN"}
        Recall over the false positive rate, precision over recall, or the latter as gains.
    summation_method : {"interpolation", "minoring", "majoring"}
        Between two thresholds: a line (for "PR" the interpolation of Davis and Goadrich, 2006), the lesser or the
        greater value.
    thresholds : list of float, optional
        Instead of `num_thresholds` evenly spaced ones.
    multi_label : bool
        Whether columns are labels of their own, whose areas are averaged by `label_weights`.
    num_labels : int, optional
        Number of columns.
    label_weights : list of float, optional
    from_logits : bool
        Whether predictions are logits.
    name, dtype : str, optional

    Examples
    --------
    >>> metric = keras.metrics.AUC()
    >>> metric([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9]).round(decimals=2)
    tensor(0.7500)
    """

    def __init__(self, num_thresholds=200, curve="ROC", summation_method="interpolation", name=None, dtype=None,
                 thresholds=None, multi_label=False, num_labels=None, label_weights=None, from_logits=False):
        super().__init__(name=name, dtype=dtype)
        self._init_from_thresholds = thresholds is not None
        if thresholds is not None:
            inner = sorted(thresholds)
            num_thresholds = len(inner) + 2
            self._even_inner = evenly_spaced([0.0, *inner, 1.0])
        else:
            if num_thresholds <= 1:
                raise ValueError(f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds="
                                 f"{num_thresholds}")
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
            self._even_inner = True
        self.num_thresholds = num_thresholds
        self._thresholds = np.array([-config.epsilon(), *inner, 1.0 + config.epsilon()])
        self.curve = _one_of("AUC curve", curve, ("PR", "ROC", "PRGAIN"))
        self.summation_method = _one_of("AUC summation method", summation_method,
                                        ("interpolation", "majoring", "minoring"))
        self.multi_label, self.num_labels, self._from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(array_of(label_weights), np.float32)
        self._built = False
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        if not multi_label or num_labels:
            self._build((None, num_labels))

    @property
    def thresholds(self):
        return list(self._thresholds)

    def _build(self, shape):
        if self.multi_label and len(shape) != 2:
            raise ValueError(f"`y_pred` must have rank 2 when `multi_label=True`. Found rank {len(shape)}. Full shape "
                             f"received for `y_pred`: {tuple(shape)}")
        self._make(self._thresholds, self._even_inner,
                   (self.num_thresholds, shape[1]) if self.multi_label else (self.num_thresholds,))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = convert(y_pred)
        if not self._built:
            self._build(y_pred.shape)
        self._count(y_true, y_pred.sigmoid() if self._from_logits else y_pred, sample_weight, self.multi_label,
                    None if self.multi_label else self.label_weights)

    def result(self):
        tp, fp, tn, fn = (getattr(self, name).array_ for name in COUNTS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean(_interpolated(tp, fp, fn))
        recall = divide(tp, tp + fn)
        if self.curve == "ROC":
            x, y = divide(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, divide(tp, tp + fp)
        else:
            scale, none = divide(tp + fn, tn + fp), tp == 0
            x = np.maximum(np.where(none, np.float32(0), 1 - scale * divide(fn, tp)), 0)
            y = np.where(none, np.float32(1), 1 - scale * divide(fp, tp))
        height = {"interpolation": lambda a, b: (a + b) / 2, "minoring": np.minimum, "majoring": np.maximum}
        return self._mean((x[:-1] - x[1:]) * height[self.summation_method](y[:-1], y[1:]))

    def _mean(self, terms):
        """The sum over thresholds, averaged over labels."""
        areas = terms.sum(0)
        if not self.multi_label:
            return scalar(areas)
        if self.label_weights is None:
            return scalar(areas.mean())
        return scalar(divide((areas * self.label_weights).sum(), self.label_weights.sum()))

    def get_config(self):
        weights = None if self.label_weights is None else self.label_weights.tolist()
        return {**super().get_config(), "num_thresholds": self.num_thresholds, "curve": self.curve,
                "summation_method": self.summation_method, "multi_label": self.multi_label,
                "num_labels": self.num_labels, "label_weights": weights, "from_logits": self._from_logits,
                **({"thresholds": self.thresholds[1:-1]} if self._init_from_thresholds else {})}


def _interpolated(tp, fp, fn):
    """Areas between thresholds under precision over recall, interpolated in counts (Davis and Goadrich, 2006)."""
    found = tp + fp
    right = tp[:-1] - tp[1:]
    slope = divide(right, np.maximum(found[:-1] - found[1:], 0))
    intercept = tp[1:] - slope * found[1:]
    both = (found[:-1] > 0) & (found[1:] > 0)
    ratio = np.where(both, divide(found[:-1], np.maximum(found[1:], 0)), np.float32(1))
    return divide(slope * (right + intercept * np.log(ratio)), np.maximum(tp[1:] + fn[1:], 0))
