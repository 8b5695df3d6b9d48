"""`fit` of chains of dense layers runs many steps in a call: the numbers are those of single steps."""
import signal

import numpy as np
import pytest

import fastnn.keras as keras
from fastnn.keras import layers
from fastnn.keras.models import training

RNG = np.random.default_rng(0)
X = RNG.random((200, 12)).astype(np.float32)
LABELS = RNG.integers(0, 4, 200)
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
HALVES = (LABELS > 1).astype(np.float32)
NUMBERS = RNG.random((200, 4)).astype(np.float32)

CASES = {  # last activation, units, loss, targets, metrics
    "one-hot": ("softmax", 4, "categorical_crossentropy", ONE_HOT, ["accuracy"]),
    "classes": ("softmax", 4, "sparse_categorical_crossentropy", LABELS, ["accuracy"]),
    "logits": (None, 4, keras.losses.SparseCategoricalCrossentropy(from_logits=True), LABELS, ["accuracy"]),
    "column": ("softmax", 4, "sparse_categorical_crossentropy", LABELS[:, None], []),
    "binary": ("sigmoid", 1, "binary_crossentropy", HALVES, ["accuracy"]),
    "binary logits": (None, 1, keras.losses.BinaryCrossentropy(from_logits=True), HALVES[:, None], []),
    "squares": (None, 4, "mse", NUMBERS, []),
    "one number": ("relu", 1, "mean_absolute_error", NUMBERS[:, 0], [])}


def model(last, units, loss, metrics, optimizer="adam", flatten=False):
    keras.utils.set_random_seed(3)
    first = [keras.Input((3, 4)), layers.Flatten()] if flatten else [keras.Input((12,))]
    made = keras.Sequential([*first, layers.Dense(8, "tanh"), layers.Dense(5, "relu", use_bias=False),
                             layers.Dense(units, last)])
    made.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    return made


@pytest.fixture
def used(monkeypatch):
    """Whether models that are trained took the fast way."""
    found = []

    def recorded(*args):
        made = dense_fit(*args)
        found.append(made is not None)
        return made
    dense_fit = training.dense_fit
    monkeypatch.setattr(training, "dense_fit", recorded)
    return found


def state(made, history):
    return [*(w.numpy() for w in made.weights), *(v.numpy() for v in made.optimizer.variables),
            *map(np.array, history.history.values())]


def both_ways(monkeypatch, used, make, x, y, **options):
    options = {"epochs": 3, "batch_size": 32, "verbose": 0, **options}
    made = make()
    fast = state(made, made.fit(x, y, **options))
    assert used == [True]
    monkeypatch.setattr(training, "dense_fit", lambda *args: None)
    made = make()
    slow = state(made, made.fit(x, y, **options))
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("case", CASES)
def test_as_single_steps(monkeypatch, used, case, optimizer):
    last, units, loss, y, metrics = CASES[case]
    both_ways(monkeypatch, used, lambda: model(last, units, loss, metrics, optimizer), X, y)


@pytest.mark.parametrize("options", [{"shuffle": False}, {"batch_size": 7}, {"batch_size": 500},
                                     {"validation_split": 0.2}, {"verbose": 1},
                                     {"callbacks": [keras.callbacks.LearningRateScheduler(lambda e: 0.1 / (e + 1))]}])
def test_options(monkeypatch, used, options, capsys):
    both_ways(monkeypatch, used, lambda: model(*CASES["one-hot"][:3], ["accuracy"]), X, ONE_HOT, **options)


def test_images_are_flattened(monkeypatch, used):
    both_ways(monkeypatch, used, lambda: model(*CASES["one-hot"][:3], ["accuracy"], flatten=True), X.reshape(-1, 3, 4),
              ONE_HOT)


def test_a_second_fit_goes_on(monkeypatch, used):
    def twice():
        made = model(*CASES["one-hot"][:3], [])
        made.fit(X, ONE_HOT, verbose=0)
        return made
    made, other = twice(), twice()
    assert used == [True, True]
    monkeypatch.setattr(training, "dense_fit", lambda *args: None)
    for each in (made, other):
        each.fit(X, ONE_HOT, verbose=0, shuffle=False)
    for a, b in zip(made.weights, other.weights):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert int(made.optimizer.iterations.numpy()) == 14


def own_step():
    class Model(keras.Sequential):
        def train_step(self, data):
            return super().train_step(data)
    made = Model([keras.Input((12,)), layers.Dense(4, "softmax")])
    made.compile(loss="categorical_crossentropy")
    return made


def regularized(**options):
    made = keras.Sequential([keras.Input((12,)), layers.Dense(4, "softmax", **options)])
    made.compile("adam", "categorical_crossentropy")
    return made


class EveryStep(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch + 1


OTHERS = {
    "own step": (own_step, {}), "regularizer": (lambda: regularized(kernel_regularizer="l2"), {}),
    "constraint": (lambda: regularized(kernel_constraint="non_neg"), {}),
    "penalty": (lambda: regularized(activity_regularizer="l1"), {}),
    "frozen bias": (lambda: model("softmax", 4, "categorical_crossentropy", [], keras.optimizers.Adam(clipnorm=1.0)),
                    {}),
    "other metric": (lambda: model("softmax", 4, "categorical_crossentropy", ["mse"]), {}),
    "averaged": (lambda: model("softmax", 4, "categorical_crossentropy", [], keras.optimizers.Adam(use_ema=True)), {}),
    "schedule": (lambda: model("softmax", 4, "categorical_crossentropy", [],
                               keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9))), {}),
    "weights of samples": (lambda: regularized(), {"sample_weight": np.ones(200)}),
    "every step": (lambda: regularized(), {"callbacks": [EveryStep()]}),
    "few steps": (lambda: regularized(), {"steps_per_epoch": 2})}


@pytest.mark.parametrize("name", OTHERS)
def test_everything_else_goes_step_by_step(used, name):
    make, options = OTHERS[name]
    made = make()
    before = [w.numpy().copy() for w in made.weights]
    made.fit(X, ONE_HOT, verbose=0, **options)
    assert not any(used) and any((a != w.numpy()).any() for a, w in zip(before, made.weights))


def test_soft_targets_are_not_taken_for_classes(used):
    made = model("softmax", 4, "categorical_crossentropy", [])
    made.fit(X, ONE_HOT * 0.9 + 0.025, verbose=0)
    assert used == [False]


def test_classes_out_of_range_raise(used):
    made = model("softmax", 4, "sparse_categorical_crossentropy", [])
    with pytest.raises((ValueError, IndexError, RuntimeError)):
        made.fit(X, LABELS + 1, verbose=0)
    assert used == [False]


def used_twice():
    dense = layers.Dense(12, "tanh")
    inputs = keras.Input((12,))
    made = keras.Model(inputs, dense(dense(inputs)))
    made.compile("adam", "mse")
    return made


def constrained():
    made = regularized()
    made.layers[0].kernel.constraint = keras.constraints.MaxNorm(0.1)
    return made


def sigmoids(units, loss="binary_crossentropy", last="sigmoid"):
    made = keras.Sequential([keras.Input((12,)), layers.Dense(units, last)])
    made.compile("adam", loss, metrics=["binary_accuracy"])
    return made


def own_apply():
    made = regularized()
    made.optimizer.apply = made.optimizer.apply
    return made


DIFFERENT = {  # what the engine's epoch does not know
    "a layer twice": (used_twice, X), "constraint of the variable": (constrained, ONE_HOT),
    "ignored class": (lambda: model("softmax", 4, keras.losses.SparseCategoricalCrossentropy(ignore_class=0), []),
                      LABELS),
    "accuracy of several": (lambda: sigmoids(4), ONE_HOT),
    "soft halves": (lambda: sigmoids(1), np.full((200, 1), 0.7, np.float32)),
    "threshold of logits": (lambda: sigmoids(1, keras.losses.BinaryCrossentropy(from_logits=True), None), HALVES),
    "own apply": (own_apply, ONE_HOT), "unsigned": (lambda: regularized(), ONE_HOT * 0.5)}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_the_engine_does_not_know(used, name):
    make, y = DIFFERENT[name]
    make().fit(X, y, verbose=0)
    assert used == [False]


def test_layers_as_activations(used):
    made = keras.Sequential([keras.Input((12,)), layers.Dense(4, activation=layers.LeakyReLU(0.1)), layers.Dense(4)])
    made.compile("adam", "mse")
    made.fit(X, ONE_HOT, verbose=0)
    assert used == [False]


def test_arrays_of_other_layouts(used):
    expected = model("softmax", 4, "categorical_crossentropy", [])
    expected.fit(X, ONE_HOT, verbose=0)
    swapped = X.astype(">f4")
    odd = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(X.shape)
    odd[...] = X
    for x in (np.asfortranarray(X), swapped, odd):
        made = model("softmax", 4, "categorical_crossentropy", [])
        made.fit(x, ONE_HOT, verbose=0, batch_size=32)
        for a, b in zip(made.weights, expected.weights):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6, atol=1e-7)
    assert all(used[:3])


def test_interrupted_steps_are_counted(used):
    made = regularized()
    rows = np.repeat(X, 400, 0)

    def interrupt(*args):
        raise KeyboardInterrupt
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            made.fit(rows, np.repeat(ONE_HOT, 400, 0), verbose=0, batch_size=1, epochs=100)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert used == [True] and int(made.optimizer.iterations.numpy()) > 0


def test_a_step_set_on_the_model(used):
    made, calls = regularized(), []
    made.train_step = lambda data: calls.append(1) or {"loss": 1.0}
    made.fit(X, ONE_HOT, verbose=0, batch_size=100)
    assert len(calls) == 2 and not used
