"""Metrics beside real Keras: states and results over several batches, weights, masks, names, records."""
import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, assert_same_config, keras, ours, parameters, plain, public_names
from test_keras_losses import (BINARY, BINARY_LOGITS, CATEGORICAL, LABELS, LOGITS, POSITIVE, REGRESSION, RNG, SPARSE,
                               SPARSE_LOGITS, bits, classes, numbers, probabilities)

pytestmark = MARKS


def scores(*shape):
    """Predictions that also hit thresholds exactly."""
    return (RNG.integers(0, 21, shape) / 20).astype(np.float32)


DECISIONS = [(bits(40), scores(40)), (bits(40, 1), scores(40, 1)), (bits(30, 3), scores(30, 3)),
             (bits(40), RNG.random((40, 1)).astype(np.float32))]
MULTILABEL = [(bits(30, 3), scores(30, 3))]
EVEN = {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}
ODD = {"thresholds": [0.9, 0.1, 0.3]}
IDS_PAIR = [(classes(40), classes(40)), (classes(5, 8), classes(5, 8))]
PROBABLE = [(np.eye(4, dtype=np.float32)[classes(40)], probabilities(40, 4))]
OUTPUTS = [(numbers(12, 3), numbers(12, 3)), (numbers(12, 1), numbers(12, 1))]

CASES = [
    ("Accuracy", {}, [(classes(6, 4), classes(6, 4)), (classes(6, 1), classes(6))]),
    ("BinaryAccuracy", {}, BINARY), ("BinaryAccuracy", {"threshold": 0.7}, BINARY),
    ("CategoricalAccuracy", {}, CATEGORICAL), ("SparseCategoricalAccuracy", {}, SPARSE),
    ("TopKCategoricalAccuracy", {"k": 2}, CATEGORICAL), ("SparseTopKCategoricalAccuracy", {"k": 2}, SPARSE),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, [(classes(6), classes(6, 4))]),
    ("BinaryCrossentropy", {}, BINARY), ("BinaryCrossentropy", {"label_smoothing": 0.1, "from_logits": True},
                                         BINARY_LOGITS),
    ("CategoricalCrossentropy", {}, CATEGORICAL), ("CategoricalCrossentropy", {"from_logits": True}, LOGITS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1, "axis": 1}, CATEGORICAL),
    ("SparseCategoricalCrossentropy", {}, SPARSE), ("SparseCategoricalCrossentropy", {"from_logits": True},
                                                    SPARSE_LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, SPARSE),
    ("KLDivergence", {}, CATEGORICAL), ("Poisson", {}, POSITIVE), ("Hinge", {}, LABELS), ("SquaredHinge", {}, LABELS),
    ("CategoricalHinge", {}, LABELS[:2]), ("MeanSquaredError", {}, REGRESSION), ("MeanAbsoluteError", {}, REGRESSION),
    ("MeanAbsolutePercentageError", {}, REGRESSION), ("MeanSquaredLogarithmicError", {}, REGRESSION),
    ("RootMeanSquaredError", {}, REGRESSION), ("CosineSimilarity", {}, REGRESSION[:2]),
    ("CosineSimilarity", {"axis": 0}, REGRESSION[:1]), ("LogCoshError", {}, REGRESSION),
    ("PearsonCorrelation", {}, REGRESSION[:2]), ("PearsonCorrelation", {"axis": 0}, REGRESSION[:1]),
    ("ConcordanceCorrelation", {}, REGRESSION[:2]), ("ConcordanceCorrelation", {"axis": 0}, REGRESSION[:1]),
    ("R2Score", {}, OUTPUTS), ("R2Score", {"class_aggregation": None}, OUTPUTS),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, OUTPUTS),
    *((name, kwargs, DECISIONS) for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives",
                                             "Precision", "Recall") for kwargs in ({}, EVEN, ODD, {"thresholds": 0.3})),
    *((name, kwargs, MULTILABEL) for name in ("Precision", "Recall")
      for kwargs in ({"top_k": 2}, {"class_id": 1}, {"top_k": 1, "class_id": 2}, {"top_k": 2, **ODD})),
    *((name, {bound: value, **kwargs}, DECISIONS) for name, bound in
      (("SensitivityAtSpecificity", "specificity"), ("SpecificityAtSensitivity", "sensitivity"),
       ("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision"))
      for value in (0.4, 0.9) for kwargs in ({}, {"num_thresholds": 1}, {"num_thresholds": 21})),
    ("PrecisionAtRecall", {"recall": 0.5, "class_id": 1}, MULTILABEL),
    *(("AUC", {"curve": curve, "summation_method": method, **kwargs}, DECISIONS) for curve in ("ROC", "PR", "PRGAIN")
      for method in ("interpolation", "minoring", "majoring")
      for kwargs in ({}, {"num_thresholds": 11}, {"thresholds": [0.3, 0.1, 0.85]})),
    *(("AUC", {"multi_label": True, **kwargs}, MULTILABEL) for kwargs in
      ({}, {"curve": "PR"}, {"num_labels": 3}, {"thresholds": [0.2, 0.6]}, {"label_weights": [0.5, 1.0, 2.0]})),
    ("AUC", {"label_weights": [0.5, 1.0, 2.0]}, MULTILABEL), ("AUC", {"from_logits": True}, BINARY_LOGITS),
    *(("FBetaScore", {"average": average, **kwargs}, PROBABLE) for average in (None, "micro", "macro", "weighted")
      for kwargs in ({}, {"beta": 2.0, "threshold": 0.3})),
    ("F1Score", {}, PROBABLE), ("F1Score", {"average": "macro", "threshold": 0.4}, PROBABLE),
    ("IoU", {"num_classes": 4, "target_class_ids": (0, 2)}, IDS_PAIR),
    ("IoU", {"num_classes": 4, "target_class_ids": [1], "ignore_class": 3, "dtype": "float32"}, IDS_PAIR),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "dtype": "float32"}, IDS_PAIR),
    ("IoU", {"num_classes": 4, "target_class_ids": [1], "sparse_y_true": False, "sparse_y_pred": False}, PROBABLE),
    ("MeanIoU", {"num_classes": 4}, IDS_PAIR), ("MeanIoU", {"num_classes": 4, "ignore_class": 0}, IDS_PAIR),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 3]}, PROBABLE),
    ("OneHotMeanIoU", {"num_classes": 4}, PROBABLE), ("BinaryIoU", {}, DECISIONS),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, DECISIONS),
]
FLAT = [(name, kwargs, i, pair) for name, kwargs, pairs in CASES for i, pair in enumerate(pairs)]
IDS = [f"{name}-{'-'.join(f'{key}={value}' for key, value in kwargs.items())}-{i}" for name, kwargs, i, _ in FLAT]


def both(which, kwargs):
    return getattr(ours.metrics, which)(**kwargs), getattr(keras.metrics, which)(**kwargs)


def halves(pair):
    """Two batches of different sizes."""
    at = len(pair[0]) // 3
    return [[y[:at] for y in pair], [y[at:] for y in pair]]


def assert_same_state(mine, theirs):
    assert [v.path.split("/")[-1] for v in mine.variables] == [v.path.split("/")[-1] for v in theirs.variables]
    for got, expected in zip(mine.variables, theirs.variables):
        assert_same(got, expected, rtol=2e-5, atol=1e-5)
    assert_same(mine.result(), theirs.result(), rtol=2e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*weight as `float`", "ignore:More independent", "ignore:Division by zero")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name, kwargs, i, pair", FLAT, ids=IDS)
def test_metric(name, kwargs, i, pair, weighted):
    if "IoU" in name and pair[0].ndim > 1 and weighted:
        pytest.skip("weights for each number are flat")
    mine, theirs = both(name, kwargs)
    for batch in halves(pair):
        weight = None
        if weighted:
            shape = batch[0].shape[:1]
            if hasattr(theirs, "_fn"):
                shape = plain(theirs._fn(*batch, **theirs._fn_kwargs)).shape
            weight = (2 * RNG.random(shape)).astype(np.float32)
        mine.update_state(*batch, sample_weight=weight)
        theirs.update_state(*batch, sample_weight=weight)
        assert_same_state(mine, theirs)
    mine.reset_state()
    theirs.reset_state()
    assert_same_state(mine, theirs)
    assert_same(mine(*pair), theirs(*pair), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("name, kwargs", [(name, kwargs) for name, kwargs, _ in CASES])
def test_config(name, kwargs):
    kwargs = {"name": "given", **kwargs}
    if "IoU" in name:
        kwargs.setdefault("dtype", "int32")  # "int" is int32 with Keras' torch, int64 with TensorFlow and here
    if "label_weights" in kwargs:
        assert ours.metrics.AUC(**kwargs).get_config()["label_weights"] == kwargs["label_weights"]
        return
    assert_same_config(*both(name, kwargs))


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("shape, weight", [((), None), ((5,), None), ((5, 3), None), ((5, 3, 2), None), ((5,), (5,)),
                                           ((5,), (5, 1)), ((5, 1), (5,)), ((5, 3), (5,)), ((5, 3), (5, 3)),
                                           ((5, 3, 2), (5,)), ((5, 3, 2), (5, 3)), ((5, 3, 2), (5, 1)), ((), ()),
                                           ((5,), ())])
def test_reductions(name, shape, weight):
    mine, theirs = both(name, {})
    for _ in range(2):
        values = numbers(*shape)
        given = None if weight is None else RNG.random(weight).astype(np.float32)
        mine.update_state(values, given)
        theirs.update_state(values, given)
    assert_same_state(mine, theirs)
    assert_same_config(mine, theirs)


@pytest.mark.parametrize("values", [[1.0, 2.0, 6.0], 3.0, [[1.0, 2.0]], [1, 2, 3]])
@pytest.mark.parametrize("weight", [2, 0, 0.5, np.float32(2)])
def test_plain_numbers(values, weight):
    mine, theirs = both("Mean", {})
    mine.update_state(values, sample_weight=weight)
    theirs.update_state(values, sample_weight=weight)
    assert_same_state(mine, theirs)


@pytest.mark.parametrize("weight", [None, (3, 5)])
@pytest.mark.parametrize("name", ["MeanSquaredError", "MeanAbsoluteError"])
def test_masks(name, weight):
    import torch

    import fastnn
    mine, theirs = both(name, {})
    true, pred, mask = numbers(3, 5, 4), numbers(3, 5, 4), bits(3, 5) > 0
    x, y = fastnn.tensor(pred), torch.tensor(pred)
    x._keras_mask, y._keras_mask = fastnn.tensor(mask), torch.tensor(mask)
    weight = None if weight is None else RNG.random(weight).astype(np.float32)
    mine.update_state(true, x, weight)
    theirs.update_state(true, y, weight)
    assert_same_state(mine, theirs)


@pytest.mark.parametrize("name", public_names(keras.metrics))
def test_signature(name):
    mine, theirs = getattr(ours.metrics, name), getattr(keras.metrics, name)
    assert parameters(mine) == parameters(theirs) if name not in ("get", "serialize", "deserialize") else callable(mine)


def test_names():
    from keras.src.metrics import ALL_OBJECTS_DICT
    for name, theirs in ALL_OBJECTS_DICT.items():
        assert ours.metrics._family.find(name).__name__ == theirs.__name__, name
    assert type(ours.metrics.get("mse")) is ours.metrics.MeanSquaredError
    with pytest.raises(ValueError, match="Could not interpret metric identifier"):
        ours.metrics.get("nonsense")


def test_directions():
    """What a monitor with mode "auto" goes by."""
    for name, kwargs, _ in CASES:
        mine, theirs = both(name, kwargs)
        assert mine._direction == getattr(theirs, "_direction", None), name
    assert ours.metrics.MeanMetricWrapper(ours.losses.huber)._direction == "down"


def test_a_function_as_a_metric():
    metric = ours.metrics.MeanMetricWrapper(ours.losses.huber, name="mine", delta=0.5)
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="mine", delta=0.5)
    for each in (metric, theirs):
        each.update_state(*REGRESSION[0])
    assert_same_state(metric, theirs)
    again = ours.metrics.MeanMetricWrapper.from_config(metric.get_config())
    assert_same(again(*REGRESSION[0]), metric.result())


def test_a_metric_of_ones_own():
    def define(k):
        class Mine(k.metrics.Metric):
            def __init__(self, name="mine", **kwargs):
                super().__init__(name=name, **kwargs)
                self.hits = self.add_weight(name="hits", initializer="ones")
                self.inner = k.metrics.Mean(name="inner")
                self.more = k.Variable(0.0, trainable=False, name="more")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.hits.assign_add(k.ops.sum(y_true) if k is keras else y_true.sum())
                self.inner.update_state(y_pred)

            def result(self):
                return self.hits
        return Mine()
    mine, theirs = define(ours), define(keras)
    import fastnn
    mine.update_state(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0]))
    theirs.update_state(keras.ops.array([1.0, 2.0]), keras.ops.array([1.0]))
    assert {v.name for v in mine.variables} == {v.name for v in theirs.variables}
    assert_same(mine.result(), theirs.result())
    mine.reset_state()
    assert not float(mine.result())


def test_nothing_is_recorded():
    import fastnn
    x = fastnn.tensor(REGRESSION[0][1]).requires_grad_()
    for name in ("MeanSquaredError", "AUC", "RootMeanSquaredError"):
        assert not getattr(ours.metrics, name)()(REGRESSION[0][0] > 0, x.sigmoid()).requires_grad


def test_predictions_that_are_no_numbers():
    for metric in (ours.metrics.AUC(), ours.metrics.Precision()):
        metric.update_state(np.array([1.0, 0.0]), np.array([np.nan, 0.2], np.float32))
        assert float(metric.result()) == float(metric.result())


@pytest.mark.parametrize("make", [
    lambda k: k.metrics.AUC(num_thresholds=1), lambda k: k.metrics.AUC(curve="x"),
    lambda k: k.metrics.AUC(summation_method="x"), lambda k: k.metrics.AUC(num_labels=2),
    lambda k: k.metrics.Precision(thresholds=1.5), lambda k: k.metrics.Recall(thresholds=[0.1, -1]),
    lambda k: k.metrics.PrecisionAtRecall(1.2), lambda k: k.metrics.SensitivityAtSpecificity(0.5, num_thresholds=0),
    lambda k: k.metrics.F1Score(average="x"), lambda k: k.metrics.FBetaScore(beta=1), lambda k: k.metrics.FBetaScore(
        threshold=2.0), lambda k: k.metrics.IoU(2, [3]), lambda k: k.metrics.R2Score("x"),
    lambda k: k.metrics.R2Score(num_regressors=-1),
    lambda k: k.metrics.R2Score().update_state(np.ones(3), np.ones(3)),
    lambda k: k.metrics.F1Score().update_state(np.ones(3), np.ones(3)),
    lambda k: k.metrics.Precision(class_id=1).update_state(np.ones(3), np.ones(3)),
])
def test_errors(make):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            make(k)
