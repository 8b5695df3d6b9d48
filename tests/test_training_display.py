"""What a training shows: progress of loops that programs write, learning curves."""
import io
import sys

import numpy as np
import pytest

import fastnn
from fastnn import keras
from fastnn.training import History, plot_history, progress
from fastnn.utils.data import DataLoader, TensorDataset


@pytest.fixture
def loader():
    return DataLoader(TensorDataset(fastnn.arange(10.0)[:, None]), batch_size=4)


def loop(batches):
    total = 0.0
    for x, in batches:
        total += x.sum().item()
        batches.set_postfix(loss=x.mean())
    return total


def test_progress_by_tqdm(loader):
    pytest.importorskip("tqdm")
    file = io.StringIO()
    batches = progress(loader, "epoch 1", file=file, mininterval=0)
    assert len(batches) == 3 and loop(batches) == 45.0 == loop(batches)  # a second epoch has a new bar
    shown = file.getvalue()
    assert "epoch 1: 100%" in shown and "3/3" in shown and "loss=" in shown


def test_progress_without_tqdm(loader, monkeypatch, capsys):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    batches = progress(loader, "epoch 1")
    assert loop(batches) == 45.0
    shown = capsys.readouterr().out
    assert shown.startswith("epoch 1\n") and "3/3" in shown and "loss: 8.5000" in shown and shown.endswith("\n")
    assert loop(batches) == 45.0
    capsys.readouterr()
    for _ in progress(iter(range(5))):
        break
    assert "1/Unknown" in capsys.readouterr().out
    assert not list(progress([]))


def test_progress_that_shows_nothing(loader, capsys):
    batches = progress(loader, disable=True)
    assert loop(batches) == 45.0
    assert not "".join(capsys.readouterr())
    with pytest.raises(TypeError, match="no len"):
        len(progress(iter([])))
    assert len(progress(iter([]), total=3)) == 3


# ---- learning curves ----

def curves(axes):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}


def test_history_of_keras(tmp_path):
    pytest.importorskip("matplotlib")
    model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    history = model.fit(x, y, epochs=4, validation_data=(x, y), validation_freq=2, verbose=0)
    figure = plot_history(history, tmp_path / "curves.png", metrics=["loss", "accuracy"])
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    loss, accuracy = figure.axes
    assert loss.get_ylabel() == "loss" and accuracy.get_ylabel() == "accuracy"
    assert curves(loss) == {"training": ([1, 2, 3, 4], history.history["loss"]),
                            "validation": ([2, 4], history.history["val_loss"])}


def test_history_of_a_dict(tmp_path):
    pytest.importorskip("matplotlib")
    figure = plot_history({"val_loss": [2.0], "loss": [3.0]}, tmp_path / "curves.svg", log=True)
    axes, = figure.axes
    assert axes.get_yscale() == "log" and curves(axes) == {"training": ([1], [3.0]), "validation": ([1], [2.0])}
    assert "<svg" in (tmp_path / "curves.svg").read_text()


def test_bad_history(monkeypatch):
    pytest.importorskip("matplotlib")
    for empty in ({}, {"loss": []}, History()):
        with pytest.raises(ValueError, match="no epoch has ended"):
            plot_history(empty)
    with pytest.raises(ValueError, match="no metric 'auc', the history has loss"):
        plot_history({"loss": [1.0]}, metrics=["auc"])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"fastnn-cpu\[plots\]"):
        plot_history({"loss": [1.0]})
