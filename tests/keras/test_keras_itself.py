"""Keras itself, unchanged, runs on the PyTorch door: ``python -m fastnn --as torch`` with KERAS_BACKEND=torch."""
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """\
import json
import keras
import numpy as np
import tensorflow as tf
import torch
from tensorflow.keras.layers import LSTM, Conv2D, Dense, Dropout, Flatten, MaxPooling2D

assert tf.keras is keras and keras.backend.backend() == "torch"
tf.keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
y = rng.integers(0, 3, 96)
ramp = np.linspace(0, 1, 10, dtype=np.float32)[:, None]
x = rng.random((96, 10, 10, 1), dtype=np.float32) + y[:, None, None, None] * ramp
classes = dict(units=3, activation="softmax")
convolutional = keras.Sequential([keras.Input((10, 10, 1)), Conv2D(6, 3, activation="relu"), MaxPooling2D(2),
                                  Flatten(), Dropout(0.1), Dense(**classes)])
recurrent = keras.Sequential([keras.Input((10, 10)), LSTM(8, return_sequences=True), LSTM(8), Dense(**classes)])
q = keras.Input((10, 10))
attended = keras.layers.LayerNormalization()(q + keras.layers.MultiHeadAttention(2, 5)(q, q))
attention = keras.Model(q, Dense(**classes)(Flatten()(attended)))
found = {"library": torch.__file__}
for name, model, inputs, optimizer in [
        ("convolutional", convolutional, x, "adam"),
        ("recurrent", recurrent, x[..., 0], keras.optimizers.SGD(0.05, 0.9)),
        ("attention", attention, x[..., 0], "rmsprop")]:
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(inputs, y, epochs=3, batch_size=16, verbose=0, validation_split=0.25).history
    found[name] = [history["loss"], history["val_accuracy"], model.predict(inputs[:4], verbose=0).tolist()]
print(json.dumps(found))
"""
WITHOUT_TENSORFLOW = "import sys, types, keras\nsys.modules['tensorflow'] = tf = types.ModuleType('tensorflow')\n" \
                     "tf.keras = keras\nsys.modules['tensorflow.keras'] = keras\n" \
                     "sys.modules['tensorflow.keras.layers'] = keras.layers\n" \
                     "tf.random = types.SimpleNamespace(set_seed=lambda seed: None)\n"


def run(command):
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run([sys.executable, "-W", "ignore", *command], capture_output=True, text=True, timeout=300,
                          env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def on_fastnn(tmp_path_factory):
    if "keras" not in importlib.metadata.packages_distributions():  # a folder of tests has the name too
        pytest.skip("Keras is not installed")
    if importlib.util.find_spec("tensorflow") is not None:
        pytest.skip("TensorFlow's keras stands in the way")
    path = tmp_path_factory.mktemp("program") / "program.py"
    path.write_text(PROGRAM)
    return run(["-m", "fastnn", "--as", "torch", str(path)])


def test_learns_on_fastnn(on_fastnn):
    """It is fastnn that computes, and all three networks learn."""
    assert Path(on_fastnn["library"]).parent == ROOT / "fastnn"
    for name in ("convolutional", "recurrent", "attention"):
        losses, _, predictions = on_fastnn[name]
        assert losses[-1] < losses[0] and np.allclose(np.sum(predictions, 1), 1, atol=1e-5)


@pytest.mark.torch
def test_same_as_on_pytorch(on_fastnn):
    """The same seed gives the same weights, shuffles and dropout, hence the same training within rounding."""
    pytest.importorskip("torch", reason="compares with PyTorch")
    expected = run(["-c", WITHOUT_TENSORFLOW + PROGRAM])
    assert "fastnn" not in expected["library"]
    for name in ("convolutional", "recurrent", "attention"):
        for got, known in zip(on_fastnn[name], expected[name]):
            # 15 steps of optimizers that divide by the gradient's size spread rounding
            np.testing.assert_allclose(got, known, rtol=1e-3, atol=1e-4)
