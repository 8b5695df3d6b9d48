"""The door's networks beside scikit-learn's, and what they have beyond them."""
import os
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="these tests need scikit-learn (pip install fastnn-cpu[sklearn])")
import sklearn
import sklearn.neural_network as original
from sklearn.base import clone
from sklearn.datasets import (load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine,
                              make_multilabel_classification)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

import fastnn
from fastnn import kernels
from fastnn.nn import functional as F
from fastnn.sklearn import Autoencoder, MLPClassifier, MLPQuantileRegressor, MLPRegressor
from fastnn.training.callbacks import EarlyStopping, History, LambdaCallback, ReduceLROnPlateau

of_1_9 = pytest.mark.skipif(parse_version(sklearn.__version__) < parse_version("1.9"),
                            reason="parameters and results are those of scikit-learn 1.9")
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def scaled(load):
    x, y = load(return_X_y=True)
    return (x - x.mean(0)) / (x.std(0) + 1e-9), y


DIGITS, IRIS, CANCER = scaled(load_digits), scaled(load_iris), scaled(load_breast_cancer)
DIGITS = DIGITS[0][:600], DIGITS[1][:600]
DIABETES = (load_diabetes().data * 20, load_diabetes().target / 100)
LABELS = make_multilabel_classification(n_samples=150, random_state=0)

CLASSIFIERS = [
    (DIGITS, {}), (DIGITS, {"solver": "sgd", "learning_rate_init": 0.05}), (IRIS, {"activation": "tanh", "alpha": 1.0}),
    (IRIS, {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.3}),
    (CANCER, {"early_stopping": True, "activation": "logistic"}), (CANCER, {"shuffle": False, "batch_size": 64}),
    ((CANCER[0], CANCER[1].astype(str)), {"solver": "sgd", "learning_rate": "adaptive", "nesterovs_momentum": False,
                                          "momentum": 0.5, "tol": 0.02, "n_iter_no_change": 2}),
    (LABELS, {"activation": "identity"}), (LABELS, {"hidden_layer_sizes": (5, 4), "solver": "lbfgs"}),
    (DIGITS, {"solver": "lbfgs"}), (IRIS, {"hidden_layer_sizes": ()}),
]
REGRESSORS = [
    (DIABETES, {}), ((DIABETES[0], np.column_stack([DIABETES[1], DIABETES[1] ** 2])), {"activation": "tanh"}),
    (DIABETES, {"loss": "poisson"}), ((DIABETES[0], np.column_stack([DIABETES[1]] * 2)), {"loss": "poisson"}),
    (DIABETES, {"early_stopping": True, "solver": "sgd", "learning_rate_init": 0.005}), (DIABETES, {"solver": "lbfgs"}),
]


@of_1_9
@pytest.mark.parametrize("name, data, settings", [("MLPClassifier", *case) for case in CLASSIFIERS]
                         + [("MLPRegressor", *case) for case in REGRESSORS])
@pytest.mark.parametrize("weighted", [False, True])
def test_as_scikit_learn(name, data, settings, weighted):
    """The same random numbers and the same steps: results differ by rounding."""
    x, y = data
    weight = np.random.RandomState(0).uniform(0.5, 2, len(x)) if weighted else None
    theirs, ours = (getattr(module, name)(max_iter=25, random_state=3, **settings).fit(x, y, sample_weight=weight)
                    for module in (original, fastnn.sklearn))
    assert ours.n_iter_ == theirs.n_iter_ and ours.out_activation_ == theirs.out_activation_
    exact = {"rtol": 1e-5, "atol": 1e-6} if settings.get("solver") == "lbfgs" else {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_allclose(ours.loss_, theirs.loss_, **exact)
    for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_):
        np.testing.assert_allclose(mine, other, **exact)
    if settings.get("solver") != "lbfgs":
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
        assert ours.t_ == theirs.t_ and ours._no_improvement_count == theirs._no_improvement_count
        assert ours.best_loss_ is None if theirs.best_loss_ is None else np.isclose(ours.best_loss_, theirs.best_loss_)
        assert (ours.validation_scores_ is None) == (theirs.validation_scores_ is None)
        if theirs.validation_scores_:
            np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-7)
            assert len(ours.validation_loss_curve_) == ours.n_iter_
    mine, other = ours.predict(x), theirs.predict(x)
    if name == "MLPClassifier":
        assert np.array_equal(mine, other) and mine.dtype == other.dtype
    ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
    for method in ("predict_proba", "predict_log_proba") if name == "MLPClassifier" else ("predict",):
        np.testing.assert_allclose(getattr(ours, method)(x), getattr(theirs, method)(x), rtol=1e-6, atol=1e-6)


@of_1_9
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_names_and_defaults(name):
    """All of scikit-learn's parameters, in its order, with its defaults; attributes of a fit."""
    import inspect
    theirs, ours = (inspect.signature(getattr(module, name)).parameters for module in (original, fastnn.sklearn))
    assert list(ours)[:len(theirs)] == list(theirs)
    for parameter in theirs.values():
        assert (ours[parameter.name].default, ours[parameter.name].kind) == (parameter.default, parameter.kind)
    x, y = IRIS
    fitted = [getattr(module, name)(hidden_layer_sizes=(3,), max_iter=2).fit(x, y) for module in
              (original, fastnn.sklearn)]
    public = [{key for key in vars(each) if key.endswith("_") and not key.startswith("_")} for each in fitted]
    assert public[0] <= public[1]


@pytest.mark.parametrize("load", [load_digits, load_iris, load_wine, load_breast_cancer])
def test_float32(load):
    """Computed in float32, as good as in float64."""
    x, y = scaled(load)
    scores = {}
    for dtype in (np.float32, np.float64):
        model = MLPClassifier((30,), max_iter=60, random_state=0, learning_rate_init=0.01)
        scores[dtype] = cross_val_score(model, x.astype(dtype), y, cv=3).mean()
        model.fit(x.astype(dtype), y)
        assert {array.dtype for array in model.coefs_ + model.intercepts_} == {np.dtype(dtype)}
        assert model.predict_proba(x.astype(dtype)).dtype == dtype
    assert abs(scores[np.float32] - scores[np.float64]) < 0.02 and scores[np.float32] > 0.9
    forced = MLPClassifier((30,), max_iter=2, dtype="float32").fit(x, y)
    assert forced.coefs_[0].dtype == np.float32 and forced.predict_proba(x).dtype == np.float32


def test_one_row_and_checks_of_input():
    x, y = IRIS
    model = MLPClassifier((5,), max_iter=5).fit(x, y)
    assert model.predict(x[:1]).shape == (1,) and model.predict_proba(x[:1]).shape == (1, 3)
    for wrong, message in [(x[:, :2], "X has 2 features"), (x[:0], "0 sample"), (np.where(x > 0, np.nan, x), "NaN"),
                           (x[0], "1D array"), ([["a"] * 4], "could not convert|not numeric|dtype")]:
        with pytest.raises(ValueError, match=message):
            model.predict(wrong)
    assert np.array_equal(model.predict(x.tolist()), model.predict(x))
    assert np.array_equal(model.predict(np.asfortranarray(x)), model.predict(x))


def test_frames():
    pandas = pytest.importorskip("pandas", reason="frames need pandas")
    x, y = IRIS
    frame = pandas.DataFrame(x, columns=list("abcd"))
    model = MLPClassifier((5,), max_iter=5, random_state=0).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(x)
    plain = MLPClassifier((5,), max_iter=5, random_state=0).fit(x, y)
    assert np.array_equal(model.predict(frame), plain.predict(x))


def test_polars():
    polars = pytest.importorskip("polars", reason="frames need polars")
    x, y = IRIS
    model = MLPClassifier((5,), max_iter=5, random_state=0).fit(polars.DataFrame(x, schema=list("abcd")), y)
    assert list(model.feature_names_in_) == list("abcd")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", ["csr_matrix", "csr_array", "csc_matrix"])
def test_sparse(solver, name):
    import scipy.sparse
    x, y = DIGITS
    x = np.where(x > 1, x, 0)
    dense, sparse = MLPClassifier((8,), solver=solver, max_iter=3, random_state=0), None
    sparse = clone(dense).fit(getattr(scipy.sparse, name)(x), y)
    dense.fit(x, y)
    for a, b in zip(dense.coefs_, sparse.coefs_):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert np.array_equal(dense.predict(x), sparse.predict(scipy.sparse.csr_matrix(x)))


def test_threads_do_not_change_bits(kernel_settings):
    from fastnn.kernels import _core
    _core.set_thread_cost(0)
    fits = []
    for threads, n_jobs in [(1, None), (3, None), (3, 2), (3, -1)]:
        kernels.set_num_threads(threads)
        model = MLPClassifier((20,), max_iter=3, random_state=0, n_jobs=n_jobs).fit(*DIGITS)
        fits.append([array.tobytes() for array in model.coefs_ + model.intercepts_])
    assert all(each == fits[0] for each in fits)


def test_reference_backend():
    fits = []
    for backend in ("c", "reference"):
        with fastnn.use_backend(backend):
            model = MLPClassifier((8,), max_iter=4, random_state=0, early_stopping=True).fit(*CANCER)
            fits.append((model.predict_proba(CANCER[0]), model.loss_curve_))
    for a, b in zip(*fits):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_interrupted_fits_keep_what_they_have():
    """As scikit-learn's: Ctrl-C ends the training with a warning."""
    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        model = MLPClassifier((5,), max_iter=50, callbacks=LambdaCallback(on_epoch_end=interrupt)).fit(*IRIS)
    assert model.n_iter_ == 3 and model.predict(IRIS[0]).shape == (150,)


# ---- beyond scikit-learn ----

@pytest.mark.parametrize("settings", [
    {"dropout": 0.2}, {"batch_norm": True}, {"weight_decay": 0.01}, {"weight_decay": 0.01, "solver": "sgd"},
    {"dropout": 0.1, "batch_norm": True, "weight_decay": 0.01},
    {"early_stopping": True, "batch_norm": True, "n_iter_no_change": 40},
    *({"activation": name} for name in ("gelu", "silu", "leaky_relu", "elu", "selu", "mish", "softplus", "softsign",
                                        "hardswish", "relu6", "swish", "sigmoid"))], ids=str)
def test_more_settings_learn(settings):
    settings = {"max_iter": 40, "learning_rate_init": 0.01, "batch_size": 20, **settings}
    x, y = IRIS
    model = MLPClassifier((20,), random_state=0, **settings).fit(x, y)
    assert model.score(x, y) > (0.85 if model.early_stopping else 0.92)
    again = MLPClassifier((20,), random_state=0, **settings).fit(x, y)
    assert np.array_equal(model.predict_proba(x), again.predict_proba(x))
    restored = pickle.loads(pickle.dumps(model))
    assert np.array_equal(model.predict_proba(x), restored.predict_proba(x))
    copied = clone(model)
    assert not hasattr(copied, "coefs_") and copied.get_params() == model.get_params()


def test_batch_norm_with_a_row_left_over():
    """One row has no variance: it is normalised by the running statistics, and does not change them."""
    x, y = IRIS
    model = MLPClassifier((8,), batch_norm=True, batch_size=50, max_iter=3, random_state=0).fit(x[:101], y[:101])
    assert all(np.isfinite(norm.var).all() for norm in model.batch_norms_) and np.isfinite(model.loss_)
    stream = MLPRegressor(hidden_layer_sizes=(4,), batch_norm=True, random_state=0)
    for row in range(20):
        stream.partial_fit(DIABETES[0][row:row + 1], DIABETES[1][row:row + 1])
    assert np.isfinite(stream.predict(DIABETES[0])).all()


def test_decoupled_weight_decay():
    """With a learning rate of lr and no gradient, a step makes weights smaller by lr * weight_decay."""
    x, y = np.zeros((10, 2)), np.zeros(10)
    for solver in ("adam", "sgd"):
        model = MLPRegressor(hidden_layer_sizes=(3,), solver=solver, alpha=0, weight_decay=0.5, max_iter=1, tol=0,
                             learning_rate_init=0.1, random_state=0, activation="identity")
        before = MLPRegressor(hidden_layer_sizes=(3,), alpha=0, max_iter=1, learning_rate_init=1e-300, random_state=0)
        first = before.fit(x, y).coefs_[0]  # sees no gradient, because x is 0
        np.testing.assert_allclose(model.fit(x, y).coefs_[0], first * (1 - 0.1 * 0.5), rtol=1e-12)


@pytest.mark.parametrize("loss, best", [("absolute_error", np.median), ("huber", None), ("quantile", None),
                                        ("poisson", np.mean), ("squared_error", np.mean)])
def test_losses(loss, best):
    """A network that sees nothing predicts what makes its loss least."""
    y = np.random.RandomState(0).exponential(size=301)
    x = np.zeros((len(y), 1))
    model = MLPRegressor(loss=loss, hidden_layer_sizes=(2,), quantile=0.8, solver="lbfgs", alpha=0, tol=1e-9,
                         max_iter=500, random_state=0)
    if loss == "quantile":
        best = lambda values: np.quantile(values, 0.8)
    if loss == "huber":
        from scipy.optimize import minimize_scalar
        from scipy.special import huber
        best = lambda values: minimize_scalar(lambda m: huber(1.0, values - m).sum(), bounds=(0, 5)).x
    np.testing.assert_allclose(model.fit(x, y).predict(x[:1]), best(y), rtol=0.02)


def test_quantiles_cover():
    rng = np.random.RandomState(0)
    x = rng.uniform(-1, 1, (600, 1))
    y = x.ravel() ** 2 + rng.normal(scale=0.1, size=600)
    for quantile in (0.1, 0.9):
        model = MLPQuantileRegressor(quantile, (32,), learning_rate_init=0.01, max_iter=150, random_state=0).fit(x, y)
        assert abs((y <= model.predict(x)).mean() - quantile) < 0.05
        assert 0.3 < model.score(x, y) <= 1


def test_called_losses():
    x, y = IRIS
    named = MLPClassifier((8,), max_iter=5, random_state=0).fit(x, y)
    called = MLPClassifier((8,), max_iter=5, random_state=0, loss=F.cross_entropy).fit(x, y)
    np.testing.assert_allclose(called.coefs_[0], named.coefs_[0], rtol=1e-9)
    smoothed = MLPClassifier((8,), max_iter=200, random_state=0, learning_rate_init=0.01, loss=smooth).fit(x, y)
    assert smoothed.score(x, y) > 0.95 and smoothed.predict_proba(x).max() < 0.98
    half = lambda prediction, target: 0.5 * (prediction - target) ** 2
    named = MLPRegressor(max_iter=5, random_state=0).fit(*DIABETES)
    called = MLPRegressor(half, max_iter=5, random_state=0).fit(*DIABETES)
    np.testing.assert_allclose(called.coefs_[0], named.coefs_[0], rtol=1e-9)
    with pytest.raises(ValueError, match="the losses of rows"):
        MLPClassifier(max_iter=2, loss=F.cross_entropy).fit(x, y, sample_weight=np.ones(len(y)))


def smooth(scores, target):
    return F.cross_entropy(scores, target, label_smoothing=0.2)


def test_class_weight():
    x, y = CANCER
    keep = np.r_[np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:20]]
    x, y = x[keep], y[keep]
    weighted = MLPClassifier((5,), class_weight="balanced", random_state=0, max_iter=20).fit(x, y)
    factors = len(y) / (2 * np.bincount(y))
    by_hand = MLPClassifier((5,), random_state=0, max_iter=20).fit(x, y, sample_weight=factors[y])
    as_dict = MLPClassifier((5,), class_weight=dict(enumerate(factors)), random_state=0, max_iter=20).fit(x, y)
    assert np.array_equal(weighted.coefs_[0], by_hand.coefs_[0])
    assert np.array_equal(weighted.coefs_[0], as_dict.coefs_[0])
    with pytest.raises(ValueError, match="balanced.*partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1])


def test_epoch_callbacks():
    x, y = CANCER
    history, seen = History(), []
    model = MLPClassifier((5,), max_iter=6, early_stopping=True, random_state=0, n_iter_no_change=np.inf, callbacks=[
        history, LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs))))]).fit(x, y)
    logs = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert seen == [(epoch, logs) for epoch in range(6)]
    assert history.history["loss"] == model.loss_curve_ and history.history["val_loss"] == model.validation_loss_curve_
    plain = MLPClassifier((5,), max_iter=6, early_stopping=True, random_state=0, n_iter_no_change=np.inf).fit(x, y)
    assert np.array_equal(plain.coefs_[0], model.coefs_[0])
    stopped = MLPClassifier((5,), max_iter=50, random_state=0, callbacks=[EarlyStopping("loss", patience=0,
                                                                                        min_delta=10)]).fit(x, y)
    assert stopped.n_iter_ == 2
    slower = MLPClassifier((5,), solver="sgd", max_iter=6, random_state=0, callbacks=[
        ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10)]).fit(x, y)
    assert slower._optimizer.learning_rate < 1e-3


def test_callbacks_of_batches():
    """Looking at each batch changes nothing."""
    x, y = IRIS
    losses = []
    looked = MLPClassifier((5,), batch_size=40, max_iter=3, random_state=0, callbacks=[LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))]).fit(x, y)
    plain = MLPClassifier((5,), batch_size=40, max_iter=3, random_state=0).fit(x, y)
    assert len(losses) == 12 and np.array_equal(looked.coefs_[0], plain.coefs_[0])
    np.testing.assert_allclose(looked.loss_curve_, plain.loss_curve_, rtol=1e-12)


class Counting:
    """scikit-learn's own protocol."""

    def __init__(self, stop_after=None):
        self.calls, self.stop_after, self.scores = [], stop_after, []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.calls.append(f"end {context.task_name}")
        self.scores.append(fitted_estimator.score(X, y))
        return self.stop_after is not None and context.task_id + 1 >= self.stop_after


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_callbacks(solver):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    x, y = IRIS
    counting = Counting()
    MLPClassifier((5,), max_iter=3, solver=solver).set_callbacks(counting).fit(x, y)
    epochs = ["begin epoch", "end epoch"] * 3 if solver == "adam" else []
    assert counting.calls == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    if solver == "adam":
        stopping = Counting(2)
        assert MLPClassifier((5,), max_iter=30).set_callbacks(stopping).fit(x, y).n_iter_ == 2
        assert len(set(stopping.scores)) >= 1 and all(0 < score < 1 for score in stopping.scores)


def test_warm_start_and_partial_fit():
    x, y = IRIS
    model = MLPClassifier((5,), warm_start=True, max_iter=4, random_state=0)
    first = model.fit(x, y).loss_curve_[-1]
    assert model.fit(x, y).loss_curve_[-1] < first and len(model.loss_curve_) == 8
    stream = MLPRegressor(hidden_layer_sizes=(5,), random_state=0)
    for _ in range(5):
        stream.partial_fit(*DIABETES)
    assert len(stream.loss_curve_) == 5 and stream.t_ == 5 * len(DIABETES[0])
    for first, then in (("f4", "f8"), ("f8", "f4")):  # a network keeps its dtype
        mixed = MLPRegressor(hidden_layer_sizes=(5,)).partial_fit(DIABETES[0].astype(first), DIABETES[1])
        assert mixed.partial_fit(DIABETES[0].astype(then), DIABETES[1]).coefs_[0].dtype == first
    restored = pickle.loads(pickle.dumps(stream))
    assert np.array_equal(restored.partial_fit(*DIABETES).coefs_[0], stream.partial_fit(*DIABETES).coefs_[0])


def test_bad_settings():
    x, y = IRIS
    for settings, message in [({"dropout": 1.0}, "drop"), ({"loss": "hinge"}, "loss"), ({"activation": "x"}, "activ"),
                              ({"dtype": "float16"}, "dtype"), ({"dtype": np.int64}, "expected float32 or float64"),
                              ({"solver": "lbfgs", "dropout": 0.1}, "dropout and batch_norm need"),
                              ({"solver": "lbfgs", "weight_decay": 0.1}, "takes no weight_decay"),
                              ({"solver": "lbfgs", "callbacks": [History()]}, "takes no callbacks"),
                              ({"hidden_layer_sizes": (0,)}, "must be > 0"), ({"n_jobs": 1.5}, "n_jobs")]:
        with pytest.raises(ValueError, match=message):
            MLPClassifier(**settings).fit(x, y)
    with pytest.raises(ValueError, match=r"loss 'poisson': expected y >= 0, got -1"):
        MLPRegressor("poisson").fit(x, -np.ones(len(x)))
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        MLPClassifier(batch_size=10, shuffle=False).fit(x, y, sample_weight=(np.arange(len(y)) > 20).astype(float))
    with pytest.warns(ConvergenceWarning, match=re.escape("Maximum iterations (1)")):
        MLPClassifier(max_iter=1).fit(x, y)


# ---- in company ----

def test_searches_give_the_same_on_threads_and_processes():
    """And as scikit-learn's own networks do."""
    import joblib
    x, y = IRIS
    grid = {"mlp__alpha": [1e-4, 1.0], "mlp__hidden_layer_sizes": [(4,), (8,)]}

    def search(kind, backend, jobs):
        pipeline = make_pipeline(StandardScaler(), kind(max_iter=15, random_state=0, learning_rate_init=0.05))
        pipeline.steps[1] = ("mlp", pipeline.steps[1][1])
        with joblib.parallel_backend(backend), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return GridSearchCV(pipeline, grid, cv=3, n_jobs=jobs).fit(x, y)
    one = search(MLPClassifier, "threading", 1)
    for found in (search(MLPClassifier, "threading", 2), search(MLPClassifier, "loky", 2)):
        assert found.best_params_ == one.best_params_
        assert np.array_equal(found.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"])
    theirs = search(original.MLPClassifier, "threading", 1)
    np.testing.assert_allclose(theirs.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"])


def test_limits_of_threadpoolctl():
    """Kernels use no more threads than threadpoolctl allows."""
    pytest.importorskip("threadpoolctl", reason="it comes with scikit-learn")
    program = """
import os, threading, numpy as np, threadpoolctl, fastnn
from fastnn import kernels
from fastnn.kernels import _core
_core.set_thread_cost(0)
kernels.set_num_threads(3)
count = lambda: len(os.listdir("/proc/self/task"))
x = np.ones((512, 512), np.float32)
before = count()
with threadpoolctl.threadpool_limits(1):
    kernels.matmul(x, x)
    print(count() - before)
kernels.matmul(x, x)
print(count() - before)
"""
    if not Path("/proc/self/task").exists() or not kernels.openmp_version():
        pytest.skip("counts threads in /proc, which OpenMP starts")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": "3"})
    assert done.stdout.split() == ["0", "2"]


def test_autoencoder():
    x, y = load_digits(return_X_y=True)
    x = x / 16
    model = Autoencoder((32, 16), max_iter=40, learning_rate_init=0.01, random_state=0).fit(x)
    features = model.transform(x)
    assert features.shape == (len(x), 16) and [coef.shape[1] for coef in model.coefs_] == [32, 16, 32, 64]
    rebuilt = model.inverse_transform(features)
    assert rebuilt.shape == x.shape
    np.testing.assert_allclose(model.score(x), 1 - ((x - rebuilt) ** 2).sum() / ((x - x.mean(0)) ** 2).sum())
    assert model.score(x) > 0.75
    assert list(model.get_feature_names_out())[:2] == ["autoencoder0", "autoencoder1"]
    classifier = MLPClassifier((16,), max_iter=60, random_state=0, learning_rate_init=0.01)
    classifier.fit(features[:1200], y[:1200])
    assert accuracy_score(y[1200:], classifier.predict(features[1200:])) > 0.8
    likely = Autoencoder(8, loss="log_loss", max_iter=5, random_state=0, activation="tanh",
                         code_activation="sigmoid").fit(x)
    assert 0 <= likely.transform(x).min() and likely.inverse_transform(likely.transform(x)).max() <= 1
    held = Autoencoder(8, max_iter=5, random_state=0, early_stopping=True, batch_norm=True).fit(x)
    assert len(held.validation_scores_) == held.n_iter_ and held.transform(x).shape == (len(x), 8)
    with pytest.raises(ValueError, match="expected 0 to 1, got"):
        Autoencoder(loss="log_loss").fit(x * 16)
    with pytest.raises(ValueError, match=r"expected \(rows, 16\), got"):
        model.inverse_transform(x)


def test_needs_scikit_learn():
    program = ("import sys; sys.modules['sklearn'] = None\nimport fastnn\n"
               "try:\n    import fastnn.sklearn\nexcept ImportError as error:\n    print(error)")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "fastnn.sklearn needs scikit-learn" in done.stdout


def test_dropin():
    """An unchanged program gets these classes, and scikit-learn's others."""
    program = ("from sklearn.neural_network import MLPClassifier, MLPRegressor, BernoulliRBM\n"
               "import sklearn.neural_network as networks, sklearn.linear_model\n"
               "print(MLPClassifier.__module__, networks.MLPRegressor.__module__, BernoulliRBM.__module__)")
    done = subprocess.run([sys.executable, "-m", "fastnn", "-c", program, "x"], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    assert done.stdout.split() == ["fastnn.sklearn._classifier", "fastnn.sklearn._regressor",
                                   "sklearn.neural_network._rbm"]
    program = ("import sklearn.neural_network as networks, fastnn.dropin as d\nd.install()\n"
               "print(networks.MLPClassifier.__module__)\nd.uninstall()\nprint(networks.MLPClassifier.__module__)")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fastnn.sklearn._classifier", "sklearn.neural_network._multilayer_perceptron"]


def test_networks_are_explained_as_the_documentation_says():
    text = (Path(__file__).parents[2] / "docs" / "explaining.md").read_text(encoding="utf-8")
    code = text.split("## Networks of scikit-learn")[1].split("```python\n")[1].split("```")[0]
    names = {}
    exec(code, names)
    scores = names["network"](names["inputs"])
    np.testing.assert_allclose(scores.softmax(1).numpy(force=True), names["estimator"].predict_proba(names["x"]),
                               rtol=0, atol=1e-12)
    rows = fastnn.arange(len(scores))
    nothing = names["network"](fastnn.zeros(1, 4, dtype=fastnn.float64))[0]
    off = scores[rows, names["targets"]] - nothing[names["targets"]]
    np.testing.assert_allclose(names["shares"].sum(1).numpy(), off.numpy(force=True), rtol=1e-9)
    assert names["falls"][2:].max() > names["falls"][:2].max()  # the petals tell irises apart
