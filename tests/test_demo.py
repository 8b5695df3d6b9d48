"""The demo: what it writes and prints, its data, and what it says when something is missing."""
import importlib.util
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import demo

NEEDS = [pytest.importorskip(module) for module in demo.EXTRAS]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch):
    monkeypatch.delenv("FASTNN_DATA", raising=False)


def write_idx(path, array):
    path.write_bytes(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.fixture
def mnist(tmp_path):
    """A folder with a hundred random 28 x 28 images in MNIST's files."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, rows in (("train", 80), ("t10k", 20)):
        write_idx(raw / f"{part}-images-idx3-ubyte", rng.integers(0, 256, (rows, 28, 28), dtype=np.uint8))
        write_idx(raw / f"{part}-labels-idx1-ubyte", (np.arange(rows) % 10).astype(np.uint8))
    return tmp_path / "data"


@pytest.fixture
def quick_speed(monkeypatch):
    compare = demo.compare_speed
    monkeypatch.setattr(demo, "compare_speed", lambda images: compare(images, rounds=1, block=0))


def test_demo_on_digits(tmp_path, quick_speed, capsys):
    result = demo.run(demo.load_digits(), epochs=12, out=tmp_path, seed=1)
    assert result["loss"].shape == (12, 2)
    assert result["loss"][-1, 0] < result["loss"][0, 0] / 4
    assert result["scores"]["codes"] > 0.9 and result["scores"]["pixels"] > 0.9
    assert all(0 < times["min"] <= times["median"] for times in result["seconds"].values())
    with np.load(tmp_path / "features.npz") as file:
        assert file["features"].shape == (1797, 32)
        assert file["features"].min() == 0 and file["features"].max() == 1
        assert file["labels"].shape == (1797,)


def test_command(tmp_path, quick_speed, capsys):
    out = tmp_path / "new" / "folder"
    assert demo.main(["--epochs", "1", "--out", str(out), "--seed", "1"]) == 0
    printed = capsys.readouterr()
    for word in ("instruction sets", "Data", "Network", "64-128-64-32-64-128-64", "Loss", "Features", "Speed", "Saved"):
        assert word in printed.out
    assert "Training" in printed.err  # the progress bar
    for name in ("reconstructions.png", "loss.png"):
        data = (out / name).read_bytes()
        assert data.startswith(PNG) and len(data) > 5000
    assert fastnn.get_backend() == "c"


def test_same_seed_same_result():
    digits = demo.load_digits(seed=3)
    histories = []
    for _ in range(2):
        fastnn.manual_seed(3)
        histories.append(demo.train(demo.Autoencoder(64), digits, epochs=2))
    np.testing.assert_array_equal(*histories)
    np.testing.assert_array_equal(digits.images, demo.load_digits(seed=3).images)
    assert not np.array_equal(digits.images, demo.load_digits(seed=4).images)


def test_digits():
    digits = demo.load_digits()
    assert digits.images.shape == (1797, 64) and digits.images.dtype == np.float32
    assert digits.images.min() == -1 and digits.images.max() == 1
    assert digits.labels.dtype == np.int64
    assert digits.side == 8 and digits.known == 1437


@pytest.mark.parametrize("by", ["root", "environment"])
def test_mnist(by, mnist, monkeypatch):
    if by == "environment":
        monkeypatch.setenv("FASTNN_DATA", str(mnist))
    digits = demo.load_digits(str(mnist) if by == "root" else None)
    assert digits.source == "MNIST" and digits.side == 28 and digits.known == 80
    assert digits.images.shape == (100, 784) and digits.images.dtype == np.float32
    assert digits.images.min() == -1 and digits.images.max() == 1
    assert digits.labels.tolist() == [i % 10 for i in range(80)] + [i % 10 for i in range(20)]


def test_command_on_mnist(mnist, tmp_path, quick_speed, capsys):
    assert demo.main(["--epochs", "1", "--root", str(mnist), "--out", str(tmp_path / "out")]) == 0
    assert "784-128-64-32-64-128-784" in capsys.readouterr().out


def test_root_without_mnist_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        demo.main(["--root", str(tmp_path)])
    assert stopped.value.code == 1
    assert "MNIST" in capsys.readouterr().err


def test_data_folder_without_mnist_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path))
    assert demo.load_digits().source == "scikit-learn's digits"


def test_bad_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        demo.main(["--epochs", "0"])
    assert stopped.value.code == 2
    assert "--epochs: expected at least 1, got 0" in capsys.readouterr().err
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SystemExit) as stopped:
        demo.main(["--out", str(file / "below")])
    assert stopped.value.code == 1


def test_missing_extra_is_named(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    with pytest.raises(SystemExit) as stopped:
        demo.main([])
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert "missing matplotlib" in message and f"{sys.executable} -m pip install matplotlib" in message


def test_extras_are_those_of_the_package():
    import tomllib
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
    assert sorted(project["optional-dependencies"]["demo"]) == sorted(demo.EXTRAS.values())


def test_unit_range():
    np.testing.assert_allclose(demo.unit_range(np.array([[2.0, 4.0], [3.0, 6.0]])), [[0, 0.5], [0.25, 1]])
    assert demo.unit_range(np.full((2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]


def test_picture_of_incomplete_classes(tmp_path):
    rows = np.linspace(-1, 1, 3 * 64).reshape(3, 64)
    demo.picture(tmp_path / "p.png", rows, -rows, np.array([0, 0, 9]))
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)


def test_both_backends_are_timed_from_the_same_weights():
    seconds = demo.compare_speed(demo.load_digits().images, rounds=1, block=0)
    assert set(seconds) == {"c", "reference"}
    assert all(0 < times["min"] <= times["median"] for times in seconds.values())
    assert fastnn.get_backend() == "c"
