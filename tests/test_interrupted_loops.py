"""Ctrl-C in long loops: each ends soon, and leaves models, files and processes whole.

`FASTNN_TEST_SECONDS=0.5` sets how soon; without it the tests allow for machines that do much else.
"""
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS = float(os.environ.get("FASTNN_TEST_SECONDS", "20"))
pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends a signal as a terminal does")

# What runs, and what is looked at afterwards: `work()` either raises KeyboardInterrupt or, as scikit-learn's, returns.
PROGRAM = """
import os, signal, sys, time, warnings
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the parent does with it
warnings.simplefilter("ignore")
import numpy as np
import fastnn
from fastnn import nn, optim
def begun():
    print("begun", flush=True)
{program}
try:
    work()
    print("returned")
except KeyboardInterrupt:
    pass
print("ended", time.time(), flush=True)
check()
print("whole", flush=True)
"""
LOOPS = {
    "a loop in Python": """
        model = nn.Sequential(nn.Conv2d(1, 16, 5), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 24 * 24, 10))
        x, y = fastnn.rand(64, 1, 28, 28), fastnn.arange(64) % 10
        optimizer = optim.Adam(model.parameters())
        def step():
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        def work():
            step()
            begun()
            while True:
                step()
        def check():
            step()
            assert all(p.isfinite().all() for p in model.parameters())
        """,
    "one kernel": """
        x = np.ones((4000, 4000), np.float32)
        def work():
            begun()
            while True:
                fastnn.kernels.matmul(x, x)
        def check():
            assert (fastnn.kernels.matmul(x[:9], x) == 4000).all()
        """,
    "an epoch in C": """
        from fastnn import keras
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(256, "relu"), keras.layers.Dense(256, "relu"),
                                  keras.layers.Dense(10)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
        x, y = np.random.default_rng(0).random((300_000, 64), np.float32), np.arange(300_000) % 10
        def work():
            begun()
            model.fit(x, y, batch_size=32, epochs=100, verbose=0)
        def check():
            assert all(np.isfinite(w).all() for w in model.get_weights())
            model.fit(x[:320], y[:320], verbose=0)
        """,
    "Keras' fit, with checkpoints": """
        from fastnn import keras
        model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(16, 5, activation="relu"),
                                  keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
        x, y = np.random.default_rng(0).random((640, 28, 28, 1), np.float32), np.arange(640) % 10
        def work():
            keras.callbacks.ModelCheckpoint(path, save_freq=1).set_model(model)
            model.save(path)
            begun()
            model.fit(x, y, batch_size=32, epochs=10_000, verbose=0,
                      callbacks=[keras.callbacks.ModelCheckpoint(path, save_freq=1)])
        path = os.path.join(sys.argv[1], "model.fastnn")
        def check():
            assert os.listdir(sys.argv[1]) == ["model.fastnn"]
            read = keras.models.load_model(path)
            assert np.isfinite(read.predict(x, verbose=0)).all()
            model.fit(x, y, verbose=0)
        """,
    "workers": """
        from fastnn.utils.data import DataLoader, Dataset
        class Slow(Dataset):
            def __len__(self):
                return 10_000
            def __getitem__(self, index):
                time.sleep(0.02)
                return fastnn.ones(3)
        loader = DataLoader(Slow(), 50, num_workers=2)
        def work():
            for i, batch in enumerate(loader):
                if i == 0:
                    begun()
        def check():
            import gc, multiprocessing
            gc.collect()
            deadline = time.time() + 20
            while multiprocessing.active_children() and time.time() < deadline:
                time.sleep(0.05)
            assert not multiprocessing.active_children()
            assert next(iter(loader)).shape == (50, 3)
        """,
    "L-BFGS": """
        model = nn.Sequential(nn.Linear(200, 300), nn.Tanh(), nn.Linear(300, 1))
        x, y = fastnn.rand(2000, 200), fastnn.rand(2000, 1)
        optimizer = optim.LBFGS(model.parameters(), max_iter=10 ** 6, max_eval=10 ** 7, tolerance_grad=0,
                                tolerance_change=0, line_search_fn="strong_wolfe")
        def closure():
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            return loss
        def work():
            begun()
            while True:
                optimizer.step(closure)
        def check():
            assert all(p.isfinite().all() for p in model.parameters()) and closure().isfinite()
        """,
    "scikit-learn's fit": """
        from fastnn.sklearn import MLPClassifier
        x, y = np.random.default_rng(0).random((200_000, 64)), np.arange(200_000) % 10
        model = MLPClassifier((256, 256), max_iter=10_000, tol=0, n_iter_no_change=10_000)
        def work():
            begun()
            model.fit(x, y)
        def check():
            assert np.isfinite(model.predict_proba(x[:10])).all() and np.isfinite(model.coefs_[0]).all()
        """,
    "scikit-learn's fit by L-BFGS": """
        from fastnn.sklearn import MLPRegressor
        x = np.random.default_rng(0).random((20_000, 64))
        model = MLPRegressor(hidden_layer_sizes=(100,), solver="lbfgs", max_iter=10 ** 6, max_fun=10 ** 7, tol=0)
        def work():
            begun()
            model.fit(x, x.sum(1) ** 2)
        def check():
            model.set_params(max_iter=3).fit(x, x.sum(1))
            assert np.isfinite(model.predict(x)).all()
        """,
    "an ensemble": """
        from fastnn.sklearn import MLPClassifier, MLPEnsemble
        x, y = np.random.default_rng(0).random((50_000, 64)), np.arange(50_000) % 10
        model = MLPEnsemble(MLPClassifier((128,), max_iter=10_000, tol=0, n_iter_no_change=10_000), 4)
        def work():
            begun()
            model.fit(x, y)
        def check():
            assert np.isfinite(model.predict_proba(x[:10])).all()
        """,
    "a search": """
        from sklearn.model_selection import GridSearchCV
        from fastnn.sklearn import MLPRegressor
        x = np.random.default_rng(0).random((20_000, 64))
        model = MLPRegressor(hidden_layer_sizes=(100,), solver="lbfgs", max_iter=10 ** 6, max_fun=10 ** 7, tol=0)
        search = GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=2)
        def work():
            begun()
            search.fit(x, x.sum(1) ** 2)
        def check():
            search.set_params(estimator__max_iter=2).fit(x, x.sum(1))
        """,
}
NEEDS = {"scikit-learn's fit": "sklearn", "scikit-learn's fit by L-BFGS": "sklearn", "an ensemble": "sklearn",
         "a search": "sklearn"}


def interrupted(name, folder, wait):
    """Seconds from the signal to the loop's end."""
    program = PROGRAM.format(program=textwrap.dedent(LOOPS[name]))
    with subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}) as child:
        try:
            assert child.stdout.readline() == "begun\n", child.stderr.read()
            time.sleep(wait)
            sent = time.time()
            child.send_signal(signal.SIGINT)
            out, errors = child.communicate(timeout=120)
        finally:
            child.kill()
    assert child.returncode == 0 and out.endswith("whole\n"), out + errors
    return float(out.partition("ended ")[2].split()[0]) - sent


@pytest.mark.parametrize("name", LOOPS)
def test_ctrl_c_ends(name, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    took = interrupted(name, str(tmp_path), 0.4)
    print(f"{took:.3f} s")
    assert took < SECONDS
