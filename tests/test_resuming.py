"""Training that is killed goes on to the bit; files are whole or as they were, whatever happens to who writes them."""
import importlib.util
import os
import random
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "resuming.py"
KILLS = int(os.environ.get("FASTNN_TEST_KILLS", "3"))  # 50 takes about a minute
ARGUMENTS = ["--rows", "200", "--epochs", "8", "--every", "1"]  # much of the time goes into saving

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def write_digits(folder):
    """Random pictures in the format of MNIST."""
    raw, draw = folder / "MNIST" / "raw", np.random.default_rng(0)
    raw.mkdir(parents=True)
    for part, rows in (("train", 200), ("t10k", 20)):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 0x803, rows, 8, 8) + draw.integers(0, 256, 64 * rows, np.uint8).tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2i", 0x801, rows) + draw.integers(0, 10, rows, np.uint8).tobytes())


def start(path, *arguments):
    process = subprocess.Popen([sys.executable, str(EXAMPLE), str(path), "--root", str(path.parent), *ARGUMENTS,
                                *arguments],
                               env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "training\n", process.stderr.read()
    return process


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


@pytest.mark.parametrize("kills, arguments", [(KILLS, []), (max(1, KILLS // 5), ["--workers", "2"])],
                         ids=["in process", "workers"])
def test_killed_at_random_moments(tmp_path, kills, arguments):
    write_digits(tmp_path)
    whole = finish(start(tmp_path / "whole.pt", *arguments))
    path, moments, ended = tmp_path / "state.pt", random.Random(kills), 0
    while kills:
        process = start(path, *arguments)
        try:
            process.wait(moments.uniform(0, 0.4))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills -= 1
            if path.exists():
                assert set(fastnn.load(path)) >= {"model", "optimizer", "schedule", "random", "epoch", "done"}
        else:
            assert finish(process) == whole
            path.unlink()
            ended += 1
    assert finish(start(path, *arguments)) == whole
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")], "left by those that were killed"


def load_example():
    sys.path.insert(0, str(EXAMPLE.parent))
    try:
        spec = importlib.util.spec_from_file_location("example_resuming", EXAMPLE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(EXAMPLE.parent))


class Stop(Exception):
    pass


@pytest.mark.parametrize("workers", [0, 2])
def test_every_step_can_be_the_last(tmp_path, workers, monkeypatch):
    """Interrupted after each of the steps of two epochs in turn."""
    example = load_example()
    generator = np.random.default_rng(0)
    dataset = example.Shifted(generator.random((100, 8, 8), np.float32), np.arange(100) % 10)
    wanted = example.fingerprint(example.Training(dataset, 2, workers).run(tmp_path / "whole", 1))
    save = fastnn.save
    for step in range(1, 9) if not workers else (2, 4, 7):
        left = [step]

        def counting(state, path):
            save(state, path)
            left[0] -= 1
            if not left[0]:
                raise Stop
        monkeypatch.setattr(fastnn, "save", counting)
        with pytest.raises(Stop):
            example.Training(dataset, 2, workers).run(tmp_path / f"{step}", 1)
        monkeypatch.setattr(fastnn, "save", save)
        assert example.fingerprint(example.Training(dataset, 2, workers).run(tmp_path / f"{step}", 1)) == wanted, step


def test_the_program_of_the_documentation(tmp_path, monkeypatch):
    program, = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "resuming.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    program = program.replace('os.remove("state.pt")', "")

    def run():
        names = {"__name__": "__main__"}
        exec(program, names)
        return [p.detach().numpy().tobytes() for p in names["model"].parameters()]
    wanted, save = run(), fastnn.save
    for step in (1, 2, 3, 5, 7):
        os.remove("state.pt")
        left = [step]

        def counting(state, path):
            save(state, path)
            left[0] -= 1
            if not left[0]:
                raise Stop
        monkeypatch.setattr(fastnn, "save", counting)
        with pytest.raises(Stop):
            run()
        monkeypatch.setattr(fastnn, "save", save)
        assert run() == wanted, step


# ---- Keras' way ----

def test_keras_backup_ends_anywhere(tmp_path, monkeypatch):
    """Whichever step of writing a backup is the last, weights and epoch that belong together are found again."""
    from fastnn import keras
    from fastnn.training.callbacks import checkpoint
    x = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)

    def fit(callbacks):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.3), keras.layers.Dropout(0.3, seed=5),
                                  keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.01), "mse")
        model.fit(x, x.sum(1), batch_size=8, epochs=4, verbose=0, callbacks=callbacks)
        return [array.tobytes() for array in model.get_weights()]
    wanted, replace = fit([]), os.replace
    for double in (False, True):
        moves = 1
        while True:
            left = [moves]

            def counting(*args):
                left[0] -= 1
                if left[0] < 0:
                    raise Stop
                replace(*args)
            callback = lambda: checkpoint.BackupAndRestore(tmp_path / f"{double}{moves}", double_checkpoint=double)
            monkeypatch.setattr(os, "replace", counting)
            try:
                fit([callback()])
                break
            except Stop:
                pass
            finally:
                monkeypatch.setattr(os, "replace", replace)
            assert fit([callback()]) == wanted, (double, moves)
            moves += 1
        assert moves > (12 if double else 8)


# ---- a full disk ----

FULL = """
import os, resource, sys
import numpy as np
import fastnn
from fastnn import keras
from fastnn.serialization import save, save_file
folder = sys.argv[1]
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64)])
model.compile("adam", "mse")
writers = {
    "save.pt": lambda path, size: save({"x": np.ones(size)}, path),
    "object.pt": lambda path, size: save({"x": np.ones(size), "o": fastnn.nn.Linear(2, size)}, path),
    "tensors.safetensors": lambda path, size: save_file({"x": np.ones(size)}, path),
    "model.fastnn": lambda path, size: model.save(path),
    "model.safetensors": lambda path, size: model.save_weights(path),
}
try:
    import h5py
    writers |= {"model.keras": lambda path, size: model.save(path), "model.h5": lambda path, size: model.save(path),
                "model.weights.h5": lambda path, size: model.save_weights(path)}
except ImportError:
    pass
for name, write in writers.items():
    write(os.path.join(folder, name), 3)
before = {name: open(os.path.join(folder, name), "rb").read() for name in os.listdir(folder)}
assert set(before) == set(writers)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
for name, write in writers.items():
    try:
        write(os.path.join(folder, name), 10000)
        raise SystemExit(name + " was written")
    except OSError as error:
        assert "large" in str(error) or "space" in str(error), error
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert before == {name: open(os.path.join(folder, name), "rb").read() for name in os.listdir(folder)}
"""


def test_no_room_leaves_the_old_files(tmp_path):
    """The system itself refuses to write on, as on a full disk; of every format."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FULL, str(tmp_path)], cwd=ROOT, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_folder_is_synced_too(tmp_path, monkeypatch):
    synced, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.path.realpath(f"/proc/self/fd/{handle}")),
                                                     sync(handle)))
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("no /proc")
    fastnn.save({"x": 1}, tmp_path / "x")
    assert len(synced) == 2 and synced[1] == str(tmp_path.resolve())
