"""Every loss, metric and optimizer by name through compile and fit, beside real Keras."""
import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, keras, ours, plain

pytestmark = MARKS
RNG = np.random.default_rng(13)
X = RNG.normal(size=(40, 3)).astype(np.float32)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in ((3, 5), (5,), (5, 4), (4,))]
ONE_HOT = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, 40)]
SPARSE = RNG.integers(0, 4, (40, 1))
LOSSES = ["mse", "MSE", "mae", "MAE", "mape", "msle", "MSLE", "kld", "KLD", "bce", "BCE", "huber", "log_cosh", "hinge",
          "squared_hinge", "categorical_hinge", "poisson", "cosine_similarity", "dice", "tversky", "MeanSquaredError",
          "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "crossentropy",
          "categorical_focal_crossentropy", "sparse_categorical_crossentropy"]
# Without counts: with torch as its backend, Keras' result is a view that validation changes.
METRICS = ["acc", "accuracy", "mse", "MAE", "mape", "msle", "auc", "AUC", "precision", "recall", "f1_score",
           "binary_accuracy", "categorical_accuracy", "cosine_similarity", "r2_score", "root_mean_squared_error",
           "log_cosh_error", "kl_divergence", "poisson", "hinge", "categorical_hinge", "binary_crossentropy",
           "categorical_crossentropy"]
OPTIMIZERS = ["sgd", "SGD", "rmsprop", "RMSprop", "adam", "adamw", "adamax", "nadam", "adagrad", "adadelta",
              "adafactor", "ftrl", "lion"]


def trained(k, y, loss="mse", optimizer="sgd", metrics=(), activation="softmax", weighted=(), **fit):
    made = k.Sequential([k.Input((3,)), k.layers.Dense(5, activation="tanh"), k.layers.Dense(4, activation=activation)])
    made.set_weights(WEIGHTS)
    made.compile(optimizer, loss=loss, metrics=list(metrics),
                 weighted_metrics=list(weighted) or None)
    history = made.fit(X, y, batch_size=16, shuffle=False, epochs=2, verbose=0, **fit)
    return made, history


def compare(y, **kwargs):
    (mine, history), (theirs, expected) = (trained(k, y, **kwargs) for k in (ours, keras))
    assert list(history.history) == list(expected.history)
    for name, values in expected.history.items():
        assert_same(np.array(history.history[name]), np.array(values), rtol=1e-4, atol=1e-5)
    for got, wanted in zip(mine.get_weights(), theirs.get_weights()):
        assert_same(got, wanted, rtol=1e-4, atol=2e-5)
    assert mine.metrics_names == theirs.metrics_names


@pytest.mark.parametrize("loss", LOSSES)
def test_loss(loss):
    y = SPARSE if loss.startswith("sparse") else ONE_HOT
    compare(y, loss=loss, validation_data=(X[:9], y[:9]))


@pytest.mark.parametrize("loss", ["mse", "sparse_categorical_crossentropy", "bce"])
def test_sample_and_class_weights(loss):
    y = SPARSE if loss.startswith("sparse") else ONE_HOT
    weights = RNG.random(40).astype(np.float32)
    weighted = ["accuracy", "mse"] if y is ONE_HOT else ["accuracy"]
    compare(y, loss=loss, sample_weight=weights, metrics=["accuracy"], weighted=weighted)
    if y is SPARSE:
        compare(y, loss=loss, class_weight={0: 1.0, 1: 2.0, 2: 0.5, 3: 0.0}, metrics=["accuracy"])


def test_metrics():
    compare(ONE_HOT, loss="categorical_crossentropy", metrics=METRICS, validation_data=(X[:9], ONE_HOT[:9]))
    sparse = ["accuracy", "sparse_categorical_accuracy", "sparse_categorical_crossentropy"]
    compare(SPARSE, loss="sparse_categorical_crossentropy", metrics=sparse)
    compare((SPARSE > 1).astype(np.float32).repeat(4, 1), loss="bce", activation="sigmoid", metrics=[
        "accuracy", "auc", "precision", "recall", "false_negatives"])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizer(optimizer):
    compare(ONE_HOT, optimizer=optimizer, loss="mse")


def test_a_function_as_loss_and_metric():
    def error(y_true, y_pred):
        return abs(y_true - y_pred)
    compare(ONE_HOT, loss=error, metrics=[error])


def test_logs_of_a_batch():
    for k in (ours, keras):
        made, _ = trained(k, ONE_HOT, metrics=["mae"])
        found = made.train_on_batch(X, ONE_HOT, return_dict=True)
        assert sorted(found) == ["loss", "mae"] and all(np.ndim(plain(value)) == 0 for value in found.values())
