"""What ``fastnn bench`` times: operations, training steps and predictions, and who can run each."""
import importlib
import os
import tempfile

import numpy as np

import fastnn
from fastnn import keras as own_keras
from fastnn.bench import jax_programs, programs
from fastnn.bench.programs import operation, prediction

ROWS = 512  # of a fit


class Case:
    """A thing to time.

    Parameters
    ----------
    group, name : str
    builders : dict
        Contender -> ``build(batch, threads)``, which gives the call to time. What a call returns is compared with what
        fastnn's returns. The NumPy reference is fastnn's call again, on the other backend.
    sized : bool
        Whether the batch makes a difference.
    """

    def __init__(self, group, name, builders, sized=True):
        self.group, self.name, self.builders, self.sized = group, name, builders, sized

    def title(self, batch):
        return self.name + (f", batch {batch}" if self.sized else "")

    def contenders(self, peers):
        """Those of fastnn, the reference and `peers` that run it."""
        return ["fastnn", "reference", *(name for name in self.builders if name.partition("-")[0] in peers)]

    def build(self, contender, batch, threads):
        return self.builders["fastnn" if contender == "reference" else contender](batch, threads)


def _in(library, make, **fused):
    """A builder of a program that is written for fastnn and PyTorch."""
    def build(batch, threads):
        T = fastnn if library == "fastnn" else importlib.import_module("torch")
        T.manual_seed(0)  # the same weights in both
        return make(batch)(T, "float32", fused)
    return build


def _case(group, name, make, optimizer=False, sized=True, **others):
    builders = {"fastnn": _in("fastnn", make), "torch": _in("torch", make)}
    if optimizer:
        builders["torch-fused"] = _in("torch", make, fused=True)
    return Case(group, name, {**builders, **others}, sized)


# ---- operations ----

def _operation(name, function, shapes, jax=None, sized=True):
    """`shapes` is a function of the batch."""
    others = {} if jax is None else {"jax": lambda batch, threads: jax_programs.operation(jax, *shapes(batch))}
    return _case("operation", name, lambda batch: operation(function, *shapes(batch)), sized=sized, **others)


def operations():
    one = lambda *shape: lambda batch: ((batch, *shape),)
    for n in (256, 1024):
        yield _operation(f"matrix product {n}^3", lambda T, a, b: a @ b, lambda batch, n=n: ((n, n), (n, n)),
                         lambda jax, jnp, a, b: a @ b, sized=False)
    yield _operation("linear 784 to 128", lambda T, x, w, b: T.nn.functional.linear(x, w, b),
                     lambda batch: ((batch, 784), (128, 784), (128,)), lambda jax, jnp, x, w, b: x @ w.T + b)
    yield _operation("add (batch, 4096)", lambda T, a, b: a + b, lambda batch: ((batch, 4096),) * 2,
                     lambda jax, jnp, a, b: a + b)
    yield _operation("exp (batch, 4096)", lambda T, x: T.exp(x), one(4096), lambda jax, jnp, x: jnp.exp(x))
    yield _operation("tanh (batch, 4096)", lambda T, x: T.tanh(x), one(4096), lambda jax, jnp, x: jnp.tanh(x))
    yield _operation("sum of rows (batch, 4096)", lambda T, x: x.sum(1), one(4096), lambda jax, jnp, x: x.sum(1))
    yield _operation("softmax (batch, 1000)", lambda T, x: T.softmax(x, 1), one(1000),
                     lambda jax, jnp, x: jax.nn.softmax(x, 1))
    yield _operation("layer norm (batch, 512)", lambda T, x: T.nn.functional.layer_norm(x, (512,)), one(512))
    yield _operation("conv2d 3x3, 16 to 32 channels, 28x28", lambda T, x, w: T.nn.functional.conv2d(x, w, padding=1),
                     lambda batch: ((batch, 16, 28, 28), (32, 16, 3, 3)))
    yield _operation("max pool 2x2, 16 channels, 28x28", lambda T, x: T.nn.functional.max_pool2d(x, 2),
                     one(16, 28, 28))


# ---- networks in the PyTorch door ----

def steps():
    yield _case("step", "MLP 784-64-10, Adam", programs.classifier, True,
                jax=lambda batch, threads: jax_programs.classifier(batch))
    yield _case("step", "autoencoder 784-128-64-32, Adam", programs.autoencoder, True,
                jax=lambda batch, threads: jax_programs.autoencoder(batch))
    yield _case("step", "CNN 32-64-dense 64, Adam", programs.cnn, True)
    for kind in ("LSTM", "GRU"):
        yield _case("step", f"{kind}(64) x 2 over 28 steps, Adam",
                    lambda batch, kind=kind: programs.recurrent(kind, 28, 28, batch), True)
    yield _case("step", "attention, 4 heads, 64 tokens, Adam", programs.attention, True)
    yield _case("step", "transformer layer 128/512, Adam", lambda batch: programs.transformer_layer(batch, 0.0), True)


def predictions():
    networks = {
        "MLP 784-128-10": (programs.dense_network, (784,), lambda jax: lambda x: x),
        "autoencoder 784-128-64-32": (programs.autoencoder_network, (784,), lambda jax: jax.nn.sigmoid),
        "CNN 32-64-dense 64": (programs.image_network, (1, 28, 28), None),
        "LSTM(64) x 2 over 28 steps": (lambda T: programs.recurrent_network(T, "LSTM", 28), (28, 28), None),
        "transformer layer 128/512": (programs.transformer_network, (64, 128), None)}
    for name, (network, shape, last) in networks.items():
        others = {"onnxruntime": _session(network, shape)}
        if last is not None:
            others["jax"] = lambda batch, threads, network=network, shape=shape, last=last: jax_programs.prediction(
                network, (batch, *shape), last(importlib.import_module("jax")))
        yield _case("predict", name, lambda batch, network=network, shape=shape: prediction(network, batch, *shape),
                    **others)


def _session(network, shape):
    """The model as `fastnn.onnx` writes it, in ONNX Runtime."""
    def build(batch, threads):
        ort, onnx = importlib.import_module("onnxruntime"), importlib.import_module("fastnn.onnx")
        fastnn.manual_seed(0)
        model, x = network(fastnn).eval(), programs.random("float32", batch, *shape)
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            onnx.export(model, (fastnn.from_numpy(x),), path, input_names=["x"], verbose=False)
            session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"x": x})[0]
    return build


# ---- Keras ----

def _dense(K):
    return K.Sequential([K.Input((784,)), K.layers.Dense(64, activation="relu"),
                         K.layers.Dense(10, activation="softmax")])


def _convolutional(K):
    return K.Sequential([K.Input((28, 28, 1)), K.layers.Conv2D(32, 3, activation="relu"), K.layers.MaxPooling2D(),
                         K.layers.Conv2D(64, 3, activation="relu"), K.layers.MaxPooling2D(), K.layers.Flatten(),
                         K.layers.Dense(10, activation="softmax")])


def _recurrent(K):
    return K.Sequential([K.Input((28, 28)), K.layers.LSTM(64), K.layers.Dense(10, activation="softmax")])


def _keras(network, shape, kind):
    """The call of a Keras model in one library; both start from the weights of fastnn's."""
    def builder(library):
        def build(batch, threads):
            K = importlib.import_module(library)
            own_keras.utils.set_random_seed(0)
            first = network(own_keras)
            model = network(K)
            model.set_weights(first.get_weights())
            x, y = programs.random("float32", batch, *shape), programs.classes(batch, 10)
            if kind == "predict":
                return lambda: model.predict_on_batch(x)
            model.compile("adam", "sparse_categorical_crossentropy")
            return lambda: model.train_on_batch(x, y)
        return build
    return {"fastnn": builder("fastnn.keras"), "keras": builder("keras")}


def keras():
    for name, network, shape in (("MLP 784-64-10", _dense, (784,)), ("CNN 32-64", _convolutional, (28, 28, 1)),
                                 ("LSTM(64) over 28 steps", _recurrent, (28, 28))):
        yield Case("keras", f"{name}, train_on_batch", _keras(network, shape, "step"))
    yield Case("keras", "MLP 784-64-10, predict_on_batch", _keras(_dense, (784,), "predict"))


# ---- scikit-learn ----

def _estimators(call_of):
    """``call_of(MLPClassifier, x, y, batch)`` in both libraries; fastnn's needs scikit-learn too."""
    def builder(library):
        def build(batch, threads):
            kind = importlib.import_module(library).MLPClassifier
            x, y = programs.random("float64", ROWS, 64), programs.classes(ROWS, 10)
            return call_of(kind, x, y, batch)
        return build
    return {"fastnn": builder("fastnn.sklearn"), "sklearn": builder("sklearn.neural_network")}


def _fit(kind, x, y, batch):
    return lambda: kind((100,), batch_size=batch, max_iter=1, random_state=0).fit(x, y).loss_


def _predict(kind, x, y, batch):
    model, rows = kind((100,), max_iter=2, random_state=0).fit(x, y), np.resize(x, (batch, 64))
    return lambda: model.predict_proba(rows)


def sklearn():
    yield Case("sklearn", f"MLPClassifier 64-100-10, fit of {ROWS} rows", _estimators(_fit))
    yield Case("sklearn", "MLPClassifier 64-100-10, predict_proba", _estimators(_predict))


def all_cases(peers):
    """Every case that can run where only `peers` are installed."""
    yield from operations()
    yield from steps()
    yield from predictions()
    yield from keras()
    if "sklearn" in peers:
        yield from sklearn()
