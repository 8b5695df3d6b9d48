"""What parameters may be, when they may change, and what goes with what."""
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="these tests need scikit-learn (pip install fastnn-cpu[sklearn])")
import joblib
import scipy.sparse
import sklearn
import sklearn.neural_network as original
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.utils.fixes import parse_version

import fastnn
from fastnn.nn import functional as F
from fastnn.sklearn import Autoencoder, MLPClassifier, MLPEnsemble, MLPQuantileRegressor, MLPRegressor
from fastnn.training.callbacks import EarlyStopping

of_1_9 = pytest.mark.skipif(parse_version(sklearn.__version__) < parse_version("1.9"),
                            reason="parameters and results are those of scikit-learn 1.9")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
X, Y = X[::5], Y[::5]
ESTIMATORS = [MLPClassifier, MLPRegressor, MLPQuantileRegressor, Autoencoder]
VALUES = [None, "text", b"b", -1, 0, 0.5, 2, float("nan"), float("inf"), True, [], (2, 0), (2.5,), ("a",), [[2, 3]],
          {"a": 1}, np.array([3, 2]), np.array(3), np.float32(0.5), object(), int, 1j]


def outcome(kind, name, value):
    try:
        kind(**{"max_iter": 1, "random_state": 0, name: value}).fit(X, Y)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_bad_values_are_named(kind):
    """Whatever does not fit is refused with an error that names the parameter; what scikit-learn takes is taken."""
    theirs = getattr(original, kind.__name__, None)
    known = () if theirs is None else theirs().get_params()
    for name in kind().get_params():
        for value in VALUES:
            found = outcome(kind, name, value)
            words = {"loss": "loss", "class_weight": "class"}.get(name, name)
            if found is not None and not (value is int and name == "loss"):  # int is a function, with errors of its own
                assert isinstance(found, ValueError) and words in str(found), (name, value, found)
            if name in known and not (name == "loss" and callable(value)):
                assert (found is None) == (outcome(theirs, name, value) is None), (name, value, found)


@pytest.mark.parametrize("loss, error, message", [
    (lambda p, t: None, TypeError, "tensor of fastnn, got NoneType"),
    (lambda p, t: p.detach().numpy(), TypeError, "got ndarray"), (lambda p, t: 3.0, TypeError, "got float"),
    (lambda p, t: p[:1], ValueError, r"the losses of 30 rows, got shape \(1, "),
    (lambda p, t: p.detach().sum(), ValueError, "without gradient")])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, Autoencoder])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_what_functions_return(kind, solver, loss, error, message):
    with pytest.raises(error, match=message):
        kind(loss=loss, solver=solver).fit(X, Y)


def test_functions_cannot_change_the_data():
    def writes(prediction, target):
        loss = (prediction - target) ** 2
        target.zero_()
        return loss
    kept, numbers = X.copy(), Y.astype(np.float64)
    for kind, y in ((MLPRegressor, numbers), (Autoencoder, None)):
        for settings in ({"shuffle": False}, {"solver": "lbfgs"}, {"early_stopping": True}):
            kind(loss=writes, max_iter=2, **settings).fit(X, y)
    assert np.array_equal(X, kept) and np.array_equal(numbers, Y)
    with fastnn.no_grad():  # gradients are the fit's own matter
        kind(loss=lambda prediction, target: (prediction - target) ** 2, max_iter=2).fit(X)


def predictions(model):
    return [getattr(model, name)(X) for name in ("predict", "predict_proba", "transform") if hasattr(model, name)] \
        + ([model.inverse_transform(model.transform(X)), model.score(X)] if hasattr(model, "transform") else [])


@pytest.mark.parametrize("model", [*(kind(max_iter=3) for kind in ESTIMATORS), Autoencoder((5, 2), max_iter=3)],
                         ids=str)
def test_a_fitted_network_is_as_it_was_fitted(model):
    expected = predictions(model.fit(X, Y))
    model.set_params(hidden_layer_sizes=(7, 6, 5), activation="tanh", batch_norm=True, dtype="float32", dropout=0.5)
    if isinstance(model, Autoencoder):
        model.set_params(code_activation="tanh", loss="log_loss")
    for a, b in zip(predictions(model), expected):
        assert np.array_equal(a, b)
    assert np.array_equal(predictions(pickle.loads(pickle.dumps(model)))[0], expected[0])


def test_parameters_set_by_hand():
    """The network is what `coefs_` and `intercepts_` are, with more layers, too."""
    model, deeper = (MLPRegressor(hidden_layer_sizes=sizes, max_iter=2).fit(X, Y) for sizes in ((3,), (4, 4)))
    model.coefs_, model.intercepts_ = deeper.coefs_, deeper.intercepts_
    assert np.array_equal(model.predict(X), deeper.predict(X))


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_network_that_goes_on_keeps_its_layers(kind):
    for settings, message in [({"hidden_layer_sizes": (4,)}, "layers"), ({"hidden_layer_sizes": (5, 5)}, "layers"),
                              ({"batch_norm": True}, "batch_norm"), ({"dtype": "float32"}, "dtype")]:
        model = kind(hidden_layer_sizes=(5,), max_iter=2, warm_start=True).fit(X, Y)
        expected = predictions(model)
        for fit in (model.set_params(**settings).fit, model.partial_fit):
            with pytest.raises(ValueError, match=f"{message} cannot change: expected"):
                fit(X, Y)
        assert all(np.array_equal(a, b) for a, b in zip(predictions(model), expected))
        assert model.set_params(warm_start=False).fit(X, Y).n_iter_ == 2


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_network_that_goes_on_in_another_way(kind):
    """With another solver, another activation, watching validation or not."""
    model = kind(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=3, warm_start=True, random_state=0).fit(X, Y)
    for settings in ({"solver": "adam"}, {"early_stopping": True}, {"activation": "tanh"}, {"early_stopping": False},
                     {"solver": "sgd", "dropout": 0.1}, {"solver": "lbfgs", "dropout": 0.0}):
        model.set_params(**settings).fit(X, Y)
        if model.solver != "lbfgs":
            assert (model.validation_scores_ is not None) == (model.best_loss_ is None) == model.early_stopping
        assert all(np.isfinite(each).all() for each in predictions(model))


def smooth(scores, target):
    return F.cross_entropy(scores, target, reduction="none", label_smoothing=0.1)


def distance(prediction, target):
    return (prediction - target).abs()


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("beyond", [{"dropout": 0.2}, {"batch_norm": True}, {"loss": "function"},
                                    {"dropout": 0.1, "batch_norm": True, "loss": "function"}], ids=str)
def test_everything_goes_with_everything(kind, beyond):
    """What is computed batch by batch takes all that whole epochs take."""
    if "loss" in beyond:
        if kind is MLPQuantileRegressor:
            pytest.skip("its loss is given")
        beyond = {**beyond, "loss": smooth if kind is MLPClassifier else distance}
    weight = np.random.RandomState(0).uniform(0.5, 2, len(X))
    settings = {"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0, "batch_size": 8, "tol": 0, **beyond}
    plain = kind(**settings).fit(X, Y)
    same = lambda a, b: all(np.array_equal(p, q) for p, q in zip(predictions(a), predictions(b)))
    assert same(plain, clone(plain).fit(X, Y)) and same(plain, pickle.loads(pickle.dumps(plain)))
    assert same(plain, kind(**settings, n_jobs=2).fit(X, Y))
    for sparse in (scipy.sparse.csr_matrix, scipy.sparse.csc_array):
        found = kind(**settings).fit(sparse(X), Y)
        np.testing.assert_allclose(predictions(found)[0], predictions(plain)[0], rtol=1e-6)
        kind(**settings, early_stopping=True).fit(sparse(X), Y, sample_weight=weight)
    weighted = kind(**settings).fit(X, Y, sample_weight=weight)
    assert not np.array_equal(weighted.coefs_[0], plain.coefs_[0])
    np.testing.assert_allclose(kind(**settings).fit(X, Y, sample_weight=np.full(len(X), 3.0)).coefs_[0],
                               kind(**{**settings, "alpha": 1e-4 / 3}).fit(X, Y).coefs_[0], rtol=1e-6, atol=1e-9)
    stopping = kind(**settings, early_stopping=True, n_iter_no_change=1).fit(X, Y, sample_weight=weight)
    assert len(stopping.validation_scores_) == len(stopping.validation_loss_curve_) == stopping.n_iter_
    kind(**settings, callbacks=[EarlyStopping("loss")]).fit(X, Y)
    warm = kind(**settings, warm_start=True).fit(X, Y)
    assert len(warm.fit(X, Y).loss_curve_) == 6
    classes = {"classes": [0, 1, 2]} if kind is MLPClassifier else {}
    stream = kind(**settings).partial_fit(X, Y, **classes)
    restored = pickle.loads(pickle.dumps(stream))
    if not beyond.get("dropout"):  # whose random numbers begin anew with every call, as all of scikit-learn's
        assert same(stream.partial_fit(X, Y), restored.partial_fit(X, Y))
    assert stream.t_ == (1 if beyond.get("dropout") else 2) * len(X)
    if kind is MLPClassifier:
        even = kind(**settings, class_weight={0: 2, 1: 2, 2: 2}).fit(X, Y)
        np.testing.assert_allclose(even.coefs_[0], kind(**{**settings, "alpha": 5e-5}).fit(X, Y).coefs_[0], rtol=1e-6)
        kind(**settings, class_weight="balanced").fit(X, Y)
    if kind is not Autoencoder:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            many = MLPEnsemble(kind(**settings), 2, random_state=0).fit(scipy.sparse.csr_matrix(X), Y, weight)
        alone = kind(**{**settings, "random_state": many.estimators_[1].random_state})
        assert same(alone.fit(scipy.sparse.csr_matrix(X), Y, weight), many.estimators_[1])


@of_1_9
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_errors_come_in_scikit_learns_order(name, method):
    """Where several things are wrong, the same one is told."""
    settings = [{}, {"alpha": -1, "tol": "a"}, {"solver": "q"}, {"hidden_layer_sizes": (0,)}, {"early_stopping": True},
                {"early_stopping": True, "validation_fraction": 0.01}, {"solver": "lbfgs", "hidden_layer_sizes": (0,)}]
    data = [(X, Y), (X * np.nan, Y), (X, Y[:4]), (X[0], Y), (X[:0], Y[:0])]
    told = []
    for kind in (getattr(original, name), globals()[name]):
        told.append([])
        for given in settings:
            for x, y in data:
                for weight in (None, np.ones(3)):
                    classes = {"classes": [0, 1, 2]} if (name, method) == ("MLPClassifier", "partial_fit") else {}
                    try:
                        getattr(kind(max_iter=2, **given), method)(x, y, sample_weight=weight, **classes)
                        told[-1].append("fits")
                    except (ValueError, AttributeError) as error:
                        told[-1].append((type(error), str(error).split("{")[0]))
    assert told[0] == told[1]


@of_1_9
def test_regressors_go_on_with_lbfgs():
    theirs, ours = (module.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=5, random_state=0)
                    for module in (original, fastnn.sklearn))
    for _ in range(3):
        np.testing.assert_allclose(ours.partial_fit(X, Y).loss_, theirs.partial_fit(X, Y).loss_, rtol=1e-5)


@pytest.mark.parametrize("kind", [MLPRegressor, MLPQuantileRegressor])
@pytest.mark.parametrize("y", [Y.astype("M8[D]"), Y.astype("m8[s]"), Y.astype(str),
                               scipy.sparse.csr_matrix(np.eye(3)[Y])], ids=["dates", "times", "text", "sparse"])
def test_targets_that_are_no_numbers(kind, y):
    for model in (kind(max_iter=1), MLPEnsemble(kind(max_iter=1), 2)):
        with pytest.raises(TypeError):
            model.fit(X, y)


@pytest.mark.parametrize("first, then", [(Y, np.eye(3, dtype=int)[Y]), (np.eye(3, dtype=int)[Y][:, :2], Y > 0),
                                         (Y, scipy.sparse.csr_matrix(np.eye(3, dtype=int)[Y]))])
def test_labels_of_another_kind(first, then):
    model = MLPClassifier(max_iter=2, random_state=0, warm_start=True).fit(X, first)
    before = model.n_iter_
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="fitted with multilabel"):
            call(X, then)
    assert model.n_iter_ == before


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_network_of_a_read_only_file_goes_on(kind, solver, tmp_path):
    model = kind(max_iter=2, random_state=0, warm_start=True, batch_norm=True, solver=solver).fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    for method in ("partial_fit", "fit"):
        loaded = joblib.load(tmp_path / "model", mmap_mode="r")
        again = joblib.load(tmp_path / "model")
        getattr(loaded, method)(X, Y)
        for found, expected in zip(loaded.coefs_, getattr(again, method)(X, Y).coefs_):
            np.testing.assert_array_equal(found, expected)
