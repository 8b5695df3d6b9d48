"""Training beside processes and threads: forked children, other ways to start, joblib, several trainings at once,
other libraries imported before and after."""
import importlib.util
import itertools
import os
import subprocess
import sys
import sysconfig
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

ROOT = Path(__file__).resolve().parent.parent
FORKS = int(os.environ.get("FASTNN_TEST_FORKS", "8"))  # 100 takes about a minute
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def trained(seed, steps=20, kind="dense"):
    """Bits of the weights of a small network after some steps."""
    generator = fastnn.Generator().manual_seed(seed)
    x = fastnn.rand(64, 8, 8, generator=generator)
    model = {"dense": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 4)),
             "conv": lambda: nn.Sequential(nn.Unflatten(1, (1, 8)), nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(),
                                           nn.Linear(576, 4)),
             "lstm": lambda: Last(nn.LSTM(8, 32, batch_first=True), nn.Linear(32, 4))}[kind]()
    with fastnn.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.1 * (fastnn.rand(parameter.shape, generator=generator) - 0.5))
    optimizer = optim.Adam(model.parameters())
    target = fastnn.arange(64) % 4
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), target).backward()
        optimizer.step()
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


class Last(nn.Module):
    def __init__(self, recurrent, head):
        super().__init__()
        self.recurrent, self.head = recurrent, head

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def run(program, *arguments, timeout=300, **environment):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), *map(str, arguments)],
                          cwd=ROOT / "tests", capture_output=True, text=True, timeout=timeout,
                          env=os.environ | {"PYTHONPATH": str(ROOT)} | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


CHILDREN = """
    import os, signal, sys, threading, time
    import fastnn
    from test_processes import trained
    count, busy = int(sys.argv[1]), sys.argv[2] == "busy"
    fastnn.set_num_threads(2)
    wanted = trained(0)
    stop = threading.Event()
    def train():
        while not stop.is_set():
            for kind in ("dense", "conv", "lstm"):
                trained(1, 5, kind)
    thread = threading.Thread(target=train)
    if busy:
        thread.start()
    for i in range(count):
        time.sleep(0.003 * (i % 7) if busy else 0)
        child = os.fork()
        if not child:
            signal.alarm(60)  # a child that hangs is told so
            os._exit(0 if trained(0) == wanted else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0, (i, status)
    stop.set()
    if busy:
        thread.join()
    assert trained(0) == wanted
"""


@forks
@pytest.mark.parametrize("parent, count", [("idle", FORKS), ("busy", max(4, FORKS // 5))])
def test_forked_children_train(parent, count):
    """Each trains to the parent's bits, whatever the parent's threads were doing."""
    run(CHILDREN, count, parent)


POOL = """
    import multiprocessing, sys
    from test_processes import trained
    if __name__ == "__main__":
        wanted = [trained(i) for i in range(4)]
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            assert pool.map(trained, range(4)) == wanted
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver", pytest.param("fork", marks=forks)])
def test_pools(method):
    run(POOL, method)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_joblib(backend):
    pytest.importorskip("joblib")
    run("""
        import sys
        from joblib import Parallel, delayed
        from test_processes import trained
        wanted = [trained(i) for i in range(4)]
        for _ in range(2):
            assert Parallel(2, backend=sys.argv[1])(delayed(trained)(i) for i in range(4)) == wanted
        """, backend)


def test_threads_train_different_models(kernel_settings):
    kernel_settings.set_num_threads(2)
    tasks = list(itertools.product(range(3), ("dense", "conv", "lstm")))
    wanted, found = {task: trained(task[0], 20, task[1]) for task in tasks}, {}

    def train(task):
        found[task] = trained(task[0], 20, task[1])
    threads = [threading.Thread(target=train, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == wanted


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="a CPython with the GIL")
def test_free_threaded_python_turns_the_gil_on():
    run("import fastnn, sys; assert sys._is_gil_enabled()")


def test_no_module_says_that_it_needs_no_gil():
    """Tensors and nodes have no locks of their own."""
    assert not [path for path in (ROOT / "fastnn").rglob("*.pyx") if "freethreading_compatible" in path.read_text()]


def keras_trained(keras, seed):
    """Bits of the weights of a model of Keras that was built and trained."""
    rng = np.random.default_rng(seed)
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(),
                              keras.layers.Flatten(), keras.layers.Dense(3)])
    model.set_weights([abs(rng.standard_normal(w.shape)) for w in model.get_weights()])
    model.compile("adam", "mse")
    model.fit(rng.random((64, 6, 6, 1)), rng.random((64, 3)), epochs=3, shuffle=False, verbose=0)
    return b"".join(w.tobytes() for w in model.get_weights())


def test_threads_train_models_of_keras():
    from fastnn import keras
    wanted, found = [keras_trained(keras, seed) for seed in range(6)], [None] * 6

    def train(seed):
        found[seed] = keras_trained(keras, seed)
    for _ in range(3):
        threads = [threading.Thread(target=train, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == wanted


def test_a_trial_of_shapes_is_its_threads_own():
    """What other threads assign meanwhile remains."""
    from fastnn.keras import Variable, variables
    own, other = Variable([1.0]), Variable([1.0])
    with variables.trial():
        thread = threading.Thread(target=other.assign, args=([2.0],))
        thread.start()
        thread.join()
        own.assign([2.0])
    assert (own.numpy(), other.numpy()) == (1, 2)


LIBRARIES = {"torch": "torch.ones(300, 300) @ torch.ones(300, 300)",
             "tensorflow": "tensorflow.ones((300, 300)) @ tensorflow.ones((300, 300))",
             "sklearn": "sklearn.linear_model.LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])"}


ORDERS = [order for n in (1, 2) for names in itertools.combinations(LIBRARIES, n)
          for order in itertools.permutations(["fastnn", *names])]
if FORKS < 100:  # few in continuous integration
    ORDERS = [order for order in ORDERS if len(order) == 2 or order[1] == "fastnn"]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_imported_beside_others(order):
    """In any order; each computes, and so does a forked child."""
    for name in order:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    lines = [f"import {name}" + (", sklearn.linear_model" if name == "sklearn" else "") for name in order]
    lines += [LIBRARIES[name] for name in order if name in LIBRARIES]
    lines += ["import os", "from test_processes import trained", "wanted = trained(0, 3)"]
    lines += [LIBRARIES[name] for name in order if name in LIBRARIES]
    lines += ["child = os.fork() if hasattr(os, 'fork') else None",
              "if child == 0: os._exit(trained(0, 3) != wanted)",
              "assert child is None or os.waitpid(child, 0)[1] == 0"]
    run("\n".join(lines))


@pytest.mark.torch
def test_programs_for_pytorch_start_processes(tmp_path):
    """`python -m fastnn program.py`: a child that Python starts anew imports fastnn too, in PyTorch's place."""
    (tmp_path / "program.py").write_text(textwrap.dedent("""
        import torch
        import torch.multiprocessing as mp
        from torch.utils.data import DataLoader, Dataset
        class Rows(Dataset):
            def __len__(self):
                return 4
            def __getitem__(self, index):
                return torch.full((2,), index)
        def show(rank, word):
            print(word, torch.__file__, flush=True)
        if __name__ == "__main__":
            for method in ("spawn", "forkserver"):
                print([x.tolist() for x in DataLoader(Rows(), 2, num_workers=1, multiprocessing_context=method)])
            mp.spawn(show, args=("child",), nprocs=1)
        """))
    done = subprocess.run([sys.executable, "-m", "fastnn", tmp_path / "program.py"], cwd=tmp_path, timeout=120,
                          env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == 2 * ["[[[0, 0], [1, 1]], [[2, 2], [3, 3]]]"] + [f"child {fastnn.__file__}"]
