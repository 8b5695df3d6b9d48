"""Many networks side by side, and searches on a cluster."""
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="these tests need scikit-learn (pip install fastnn-cpu[sklearn])")
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from fastnn import kernels
from fastnn.sklearn import MLPClassifier, MLPEnsemble, MLPQuantileRegressor, MLPRegressor
from fastnn.training.callbacks import History

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CANCER = load_breast_cancer(return_X_y=True)
CANCER = (CANCER[0] - CANCER[0].mean(0)) / CANCER[0].std(0), CANCER[1]


@pytest.mark.parametrize("samples", ["all", "bootstrap", "folds"])
@pytest.mark.parametrize("settings", [
    {}, {"early_stopping": True, "n_iter_no_change": 2}, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1},
    {"solver": "lbfgs"}, {"dropout": 0.2}], ids=str)
def test_members_are_what_they_are_alone(samples, settings):
    """Bit for bit, with a seed of their own, on their rows."""
    x, y = CANCER
    ensemble = MLPEnsemble(MLPClassifier((8,), max_iter=8, **settings), 3, samples=samples, random_state=0)
    ensemble.fit(x, y)
    assert (ensemble.rows_ is None) == (samples == "all")
    seen = {}
    for number, member in enumerate(ensemble.estimators_):
        rows = slice(None) if samples == "all" else ensemble.rows_[number]
        alone = MLPClassifier((8,), max_iter=8, **settings, random_state=member.random_state).fit(x[rows], y[rows])
        for a, b in zip(alone.coefs_ + alone.intercepts_, member.coefs_ + member.intercepts_):
            assert a.tobytes() == b.tobytes()
        assert alone.n_iter_ == member.n_iter_ and alone.loss_ == member.loss_
        seen[member.coefs_[0].tobytes()] = rows
    assert len(seen) == 3
    if samples == "folds":
        left_out = [np.setdiff1d(np.arange(len(x)), rows) for rows in ensemble.rows_]
        assert np.array_equal(np.sort(np.concatenate(left_out)), np.arange(len(x)))


def test_mean_and_spread():
    x, y = CANCER
    ensemble = MLPEnsemble(MLPClassifier((8,), max_iter=10), 4, random_state=0).fit(x, y)
    members = np.stack([member.predict_proba(x) for member in ensemble.estimators_])
    mean, spread = ensemble.predict_proba(x, return_std=True)
    np.testing.assert_allclose(mean, members.mean(0))
    np.testing.assert_allclose(spread, members.std(0))
    assert np.array_equal(ensemble.predict(x), ensemble.classes_[mean.argmax(1)]) and ensemble.score(x, y) > 0.85
    with pytest.raises(ValueError, match="predict_proba has return_std"):
        ensemble.predict(x, return_std=True)
    x, y = make_regression(100, 5, n_targets=2, random_state=0)
    ensemble = MLPEnsemble(MLPRegressor(max_iter=10), 4, samples="bootstrap", random_state=0).fit(x, y)
    assert not hasattr(ensemble, "predict_proba")
    mean, spread = ensemble.predict(x, return_std=True)
    members = np.stack([member.predict(x) for member in ensemble.estimators_])
    np.testing.assert_allclose(mean, members.mean(0))
    np.testing.assert_allclose(spread, members.std(0))
    assert ensemble.predict_members(x).shape == (4, 100, 2)


def test_kinds():
    x, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    many = MLPEnsemble(MLPClassifier((8,), max_iter=40, learning_rate_init=0.05), 3, random_state=1).fit(x, names)
    assert set(many.predict(x)) <= {"a", "b", "c"} and many.score(x, names) > 0.8
    x, labels = make_multilabel_classification(60, random_state=0)
    assert MLPEnsemble(MLPClassifier((8,), max_iter=3), 2).fit(x, labels).predict(x).shape == labels.shape
    x, y = make_regression(100, 5, random_state=0)
    weight = np.random.RandomState(0).rand(100)
    MLPEnsemble(MLPQuantileRegressor(0.9, (8,), max_iter=3), 2).fit(x, y, sample_weight=weight)


def test_any_number_of_threads(kernel_settings):
    fits = []
    for threads in (1, 2, 3):
        kernels.set_num_threads(threads)
        ensemble = MLPEnsemble(MLPClassifier((8,), max_iter=4), 5, random_state=0).fit(*CANCER)
        fits.append(ensemble.predict_members(CANCER[0]).tobytes())
    assert fits == fits[:1] * 3


def test_bad_settings():
    x, y = CANCER
    for ensemble, message in [(MLPEnsemble(MLPClassifier(callbacks=[History()])), "take no callbacks"),
                              (MLPEnsemble(MLPClassifier(), 1, samples="folds"), "expected 2 to 569"),
                              (MLPEnsemble(MLPClassifier(alpha=-1)), "'alpha' parameter of MLPClassifier"),
                              (MLPEnsemble(MLPClassifier(), 0), "n_estimators"),
                              (MLPEnsemble("mlp"), "'estimator' parameter")]:
        with pytest.raises(ValueError, match=message):
            ensemble.fit(x, y)
    with pytest.warns(ConvergenceWarning, match="2 of 2 members"):
        MLPEnsemble(MLPClassifier(max_iter=1), 2).fit(x, y)


@pytest.mark.filterwarnings("ignore")
def test_dask():
    """The same search on a cluster of two workers."""
    pytest.importorskip("dask", reason="clusters need Dask (pip install 'fastnn-cpu[dask]')")
    distributed = pytest.importorskip("distributed", reason="clusters need Dask (pip install 'fastnn-cpu[dask]')")
    import joblib
    x, y = load_iris(return_X_y=True)
    search = lambda: GridSearchCV(MLPClassifier((8,), max_iter=20, random_state=0),
                                  {"alpha": [1e-4, 1.0], "learning_rate_init": [1e-3, 0.05]}, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here = search().fit(x, y)
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local, \
                distributed.Client(local), joblib.parallel_backend("dask"):
            there = search().fit(x, y)
    assert there.best_params_ == here.best_params_
    assert np.array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])


def test_members_that_lack_a_class():
    ensemble = MLPEnsemble(MLPClassifier((8,), solver="lbfgs", random_state=0), 3, samples="folds", random_state=0)
    ensemble.fit(np.eye(3) * 5, [0, 1, 2])
    found = ensemble.predict_proba(np.eye(3) * 5)
    assert ensemble.classes_.tolist() == [0, 1, 2] and found.shape == (3, 3)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)


def test_balanced_classes_of_a_members_own_rows():
    x, y = CANCER[0][120:260], CANCER[1][120:260]
    weight = np.random.RandomState(0).uniform(0.5, 2, len(x))
    settings = {"hidden_layer_sizes": (4,), "max_iter": 4, "class_weight": "balanced"}
    ensemble = MLPEnsemble(MLPClassifier(**settings), 2, samples="bootstrap", random_state=0).fit(x, y, weight)
    for member, rows in zip(ensemble.estimators_, ensemble.rows_):
        alone = MLPClassifier(**settings, random_state=member.random_state).fit(x[rows], y[rows], weight[rows])
        assert alone.coefs_[0].tobytes() == member.coefs_[0].tobytes()


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.1}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_interrupted_ensembles_are_whole(settings, monkeypatch):
    """Ctrl-C keeps what all members have learnt, as it does in one network; before that, the ensemble as it was."""
    from fastnn.sklearn import _ensemble, _solvers
    x, y = CANCER
    first = MLPEnsemble(MLPClassifier((5,), max_iter=3, **settings), 3, samples="folds", random_state=0).fit(x, y)
    before = dict(vars(first))

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt
    calls, run = [], _ensemble.train_side_by_side

    def interrupted_later(*args, **kwargs):
        calls.append(0)
        return interrupted() if len(calls) == 2 else run(*args, **kwargs)
    if "solver" not in settings:
        monkeypatch.setattr(_ensemble, "train_side_by_side", interrupted_later)
        monkeypatch.setattr(_solvers.StochasticFit, "certain", lambda fit: 1)
        with pytest.warns(UserWarning, match="Training interrupted by user."):
            again = clone(first).fit(x, y)
        assert [member.n_iter_ for member in again.estimators_] == [1, 1, 1]
        assert again.predict_proba(x).shape == (len(x), 2)
    monkeypatch.setattr(_solvers.scipy.optimize, "minimize", interrupted)
    monkeypatch.setattr(_ensemble, "StochasticFit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        first.fit(x[:100, :5], y[:100])
    assert vars(first) == before and first.predict(x).shape == y.shape


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_ensemble_and_its_parameters(solver):
    x, y = CANCER
    ensemble = MLPEnsemble(MLPClassifier((5,), max_iter=3, solver=solver), 3, samples="bootstrap", random_state=0)
    ensemble.fit(x, y, sample_weight=2.0)
    expected = ensemble.predict_proba(x)
    assert np.array_equal(expected, clone(ensemble).fit(x, y, sample_weight=np.full(len(x), 2.0)).predict_proba(x))
    ensemble.set_params(estimator=MLPRegressor(), n_estimators=7, samples="folds")
    assert np.array_equal(ensemble.predict_proba(x), expected) and ensemble.score(x, y) > 0.5
    with pytest.raises(ValueError, match="n_jobs: expected None, the most threads"):
        ensemble.set_params(n_jobs=0).fit(x, y)
    assert np.array_equal(ensemble.predict_proba(x), expected)
