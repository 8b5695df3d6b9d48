"""Callbacks beside real Keras: the sequence of calls with their logs, what they do to a model, what they write."""
import json
import os
import re

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same, keras, ours, parameters, plain, public_names

pytestmark = MARKS
RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), RNG.normal(size=(40, 1)).astype(np.float32)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4,), (4, 1), (1,))]
HOOKS = [f"on_{what}_{when}" for what in ("train", "test", "predict", "epoch", "train_batch", "test_batch",
                                          "predict_batch", "batch") for when in ("begin", "end")]
VALIDATED = dict(validation_data=(X[:10], Y[:10]))


def model(k, optimizer=None, metrics=("mae",), rate=0.05):
    made = k.Sequential([k.Input((3,)), k.layers.Dense(4, activation="tanh"), k.layers.Dense(1)])
    made.set_weights(WEIGHTS)
    made.compile(optimizer or k.optimizers.SGD(rate), loss="mse", metrics=list(metrics))
    return made


def recorder(k):
    """A callback and the list of calls that it gets."""
    calls = []

    def note(name):
        def hook(self, *args, logs=None):
            if args and isinstance(args[-1], dict):
                args, logs = args[:-1], args[-1]
            args = tuple(each for each in args if each is not None)
            calls.append((name, args, {key: float(value) if not np.ndim(value) else None
                                       for key, value in (logs or {}).items()}))
        return hook
    return type("Recorder", (k.callbacks.Callback,), {name: note(name) for name in HOOKS})(), calls


def run(k, *more, **fit):
    recording, calls = recorder(k)
    made = model(k)
    history = made.fit(X, Y, batch_size=16, shuffle=False, verbose=0, callbacks=[*more, recording], **fit)
    return made, history, calls


@pytest.mark.parametrize("fit", [{"epochs": 2}, {"epochs": 2, **VALIDATED}, {"epochs": 4, "initial_epoch": 2},
                                 {"epochs": 3, "validation_freq": 2, **VALIDATED},
                                 {"epochs": 2, "validation_split": 0.25}])
def test_calls_of_fit(fit):
    _, mine, got = run(ours, **fit)
    _, theirs, expected = run(keras, **fit)
    assert [call[:2] for call in got] == [call[:2] for call in expected]
    for (_, _, logs), (_, _, wanted) in zip(got, expected):
        assert logs == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert list(mine.history) == list(theirs.history) and mine.epoch == theirs.epoch
    for name, values in theirs.history.items():
        assert_same(np.array(mine.history[name]), np.array(values), rtol=1e-4)


def test_calls_of_evaluate_and_predict():
    found = []
    for k in (ours, keras):
        recording, calls = recorder(k)
        made = model(k)
        made.evaluate(X, Y, batch_size=16, verbose=0, callbacks=[recording])
        made.predict(X, batch_size=16, verbose=0, callbacks=[recording])
        found.append(calls)
    mine, theirs = ([(name, args, "predict" in name or sorted(logs)) for name, args, logs in calls] for calls in found)
    assert mine == theirs


@pytest.mark.parametrize("name", public_names(keras.callbacks, ("OrbaxCheckpoint",)))
def test_signature(name):
    mine, theirs = getattr(ours.callbacks, name), getattr(keras.callbacks, name)
    assert parameters(mine) == parameters(theirs)
    for hook in HOOKS:
        assert hasattr(mine, hook) and [p[0] for p in parameters(getattr(mine, hook))] == \
            [p[0] for p in parameters(getattr(theirs, hook))] or name == "CallbackList"


def both(make, epochs=8, **kwargs):
    """What a callback does in both: (model, history, callback) of each."""
    found = []
    for k in (ours, keras):
        callback, made = make(k), model(k, **({"rate": kwargs["rate"]} if "rate" in kwargs else {}))
        fit = {key: value for key, value in kwargs.items() if key != "rate"}
        history = made.fit(X, Y, batch_size=16, shuffle=False, verbose=0, epochs=epochs, callbacks=[callback],
                           **{**VALIDATED, **fit})
        found.append((made, history, callback))
    return found


def assert_same_training(found):
    (mine, history, _), (theirs, expected, _) = found
    assert list(history.history) == list(expected.history) and history.epoch == expected.epoch
    for name, values in expected.history.items():
        assert_same(np.array(history.history[name]), np.array(values), rtol=1e-3, atol=1e-6)
    for got, wanted in zip(mine.get_weights(), theirs.get_weights()):
        assert_same(got, wanted, rtol=1e-3, atol=1e-5)


STOPPING = [{"monitor": "val_loss", "patience": 2}, {"monitor": "loss", "min_delta": 0.05},
            {"monitor": "loss", "min_delta": 0.05, "patience": 1, "restore_best_weights": True},
            {"monitor": "val_mae", "mode": "max", "patience": 2, "restore_best_weights": True},
            {"monitor": "val_mae", "mode": "min", "baseline": 0.01, "patience": 1},
            {"monitor": "val_mae", "mode": "max", "start_from_epoch": 3, "restore_best_weights": True},
            {"monitor": "mae"}]


@pytest.mark.parametrize("kwargs", STOPPING)
@pytest.mark.parametrize("rate", [0.05, 0.6])
def test_early_stopping(kwargs, rate):
    found = both(lambda k: k.callbacks.EarlyStopping(**kwargs), rate=rate)
    assert_same_training(found)
    mine, theirs = (callback for _, _, callback in found)
    assert (mine.stopped_epoch, mine.wait, mine.best_epoch) == (theirs.stopped_epoch, theirs.wait, theirs.best_epoch)


def test_early_stopping_says_so(capsys):
    both(lambda k: k.callbacks.EarlyStopping("loss", min_delta=1e3, patience=1, verbose=1, restore_best_weights=True))
    text = capsys.readouterr().out
    assert text[:len(text) // 2] == text[len(text) // 2:] and "early stopping" in text and "best epoch: 1." in text


def test_monitors():
    """What is not there is warned of; what is not known to be good or bad raises."""
    for k in (ours, keras):
        with pytest.warns(UserWarning, match="which is not available"):
            model(k).fit(X, Y, verbose=0, callbacks=[k.callbacks.EarlyStopping("val_loss")])
        with pytest.raises(ValueError, match="automatically determine"):
            model(k).fit(X, Y, verbose=0, callbacks=[k.callbacks.EarlyStopping("nonsense")])
        with pytest.warns(UserWarning, match="fallback to auto"):
            k.callbacks.EarlyStopping(mode="nonsense")


@pytest.mark.parametrize("metric, better", [("AUC", "gt"), ("BinaryAccuracy", "gt"), ("MeanSquaredError", "lt"),
                                            ("Precision", "gt"), ("Hinge", "lt")])
def test_direction_of_metrics(metric, better):
    for k in (ours, keras):
        made = model(k, metrics=[getattr(k.metrics, metric)(name="m")])
        callback = k.callbacks.EarlyStopping("val_m", patience=100)
        made.fit(X, (Y > 0).astype(np.float32), verbose=0, callbacks=[callback], validation_data=(X, Y > 0))
        assert callback.monitor_op.__name__ == {"gt": ("gt", "greater"), "lt": ("lt", "less")}[better][k is keras]


@pytest.mark.parametrize("kwargs", [{"patience": 1, "min_delta": 0.2}, {"patience": 2, "factor": 0.5, "min_delta": 0.5},
                                    {"monitor": "loss", "patience": 1, "min_delta": 0.3, "cooldown": 2},
                                    {"patience": 1, "min_delta": 10.0, "min_lr": 0.01}, {}])
def test_reduce_on_plateau(kwargs, capsys):
    found = both(lambda k: k.callbacks.ReduceLROnPlateau(verbose=1, **kwargs))
    assert_same_training(found)
    mine, theirs = (float(plain(made.optimizer.learning_rate)) for made, _, _ in found)
    assert mine == pytest.approx(theirs)
    lines = re.findall(r"(Epoch \d+): ReduceLROnPlateau", capsys.readouterr().out)
    assert lines[:len(lines) // 2] == lines[len(lines) // 2:]
    with pytest.raises(ValueError, match="factor >= 1"):
        ours.callbacks.ReduceLROnPlateau(factor=1.0)


@pytest.mark.parametrize("schedule", [lambda epoch: 0.1 / (epoch + 1), lambda epoch, rate: rate * 0.5])
def test_learning_rate_scheduler(schedule):
    assert_same_training(both(lambda k: k.callbacks.LearningRateScheduler(schedule), epochs=4))
    for k in (ours, keras):
        with pytest.raises(ValueError, match="should be a float"):
            model(k).fit(X, Y, verbose=0, callbacks=[k.callbacks.LearningRateScheduler(lambda epoch: "x")])


@pytest.mark.parametrize("swap", [False, True])
def test_swap_averages(swap):
    results = []
    for k in (ours, keras):
        made = model(k, k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7))
        history = made.fit(X, Y, batch_size=16, shuffle=False, verbose=0, epochs=3, **VALIDATED,
                           callbacks=[k.callbacks.SwapEMAWeights(swap_on_epoch=swap)])
        results.append((made, history, None))
    assert_same_training(results)
    with pytest.raises(ValueError, match="use_ema=True"):
        model(ours).fit(X, Y, verbose=0, callbacks=[ours.callbacks.SwapEMAWeights()], **VALIDATED)


def test_averages_before_the_best_weights():
    """fit takes the averages before callbacks end."""
    results = []
    for k in (ours, keras):
        made = model(k, k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7))
        history = made.fit(X, Y, batch_size=16, shuffle=False, verbose=0, epochs=3, callbacks=[
            k.callbacks.EarlyStopping("loss", restore_best_weights=True)])
        results.append((made, history, None))
    assert_same_training(results)


@pytest.mark.parametrize("kwargs", [{}, {"separator": ";"}, {"append": True}])
@pytest.mark.parametrize("fit", [VALIDATED, {"validation_data": None}, {"validation_freq": 2, **VALIDATED}])
def test_csv_logger(tmp_path, kwargs, fit):
    for k in (ours, keras):
        for _ in range(2):
            model(k).fit(X, Y, batch_size=16, shuffle=False, verbose=0, epochs=3, **fit,
                         callbacks=[k.callbacks.CSVLogger(tmp_path / f"{k is ours}.csv", **kwargs)])
    mine, theirs = ((tmp_path / f"{ours_}.csv").read_bytes().decode() for ours_ in (True, False))
    numbers = re.compile(r"\d+\.\d+")
    assert numbers.sub("#", mine) == numbers.sub("#", theirs)
    np.testing.assert_allclose([float(n) for n in numbers.findall(mine)], [float(n) for n in numbers.findall(theirs)],
                               rtol=1e-4)


def test_terminate_on_nan():
    for k in (ours, keras):
        x = X.copy()
        x[20] = np.nan
        made = model(k)
        history = made.fit(x, Y, batch_size=4, shuffle=False, epochs=3, verbose=0,
                           callbacks=[k.callbacks.TerminateOnNaN()])
        assert len(history.history["loss"]) == 1 and made.stop_training and int(plain(made.optimizer.iterations)) == 6
        with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 5"):
            model(k).fit(x, Y, batch_size=4, shuffle=False, verbose=0, callbacks=[k.callbacks.TerminateOnNaN(True)])


def test_lambda_callback():
    found = []
    for k in (ours, keras):
        calls = []
        callback = k.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs, calls=calls: calls.append(("begin", epoch)),
            on_epoch_end=lambda epoch, logs, calls=calls: calls.append(("end", epoch, sorted(logs))),
            on_train_begin=lambda logs, calls=calls: calls.append("train"),
            on_train_batch_end=lambda batch, logs, calls=calls: calls.append((batch, sorted(logs))),
            on_test_begin=lambda logs=None, calls=calls: calls.append("test"))
        model(k).fit(X, Y, epochs=2, verbose=0, callbacks=[callback], **VALIDATED)  # alone, Keras would use a thread
        found.append(calls)
    assert found[0] == found[1] and "test" in found[0]


def test_progress_bar(capsys):
    texts = []
    for k in (ours, keras):
        for verbose in (1, 2):
            model(k).fit(X, Y, batch_size=16, shuffle=False, epochs=2, verbose=verbose, **VALIDATED,
                         callbacks=[k.callbacks.LearningRateScheduler(lambda epoch: 0.1)])
        lines = re.sub(r"\d+m?u?s(/step)?|\x1b\[\d*m|\x08|\r", "", capsys.readouterr().out).split("\n")
        # how often a bar is drawn before it is full depends on the time
        texts.append([re.sub("^.*(?=3/3)", "", re.sub(" +", " ", line)) for line in lines
                      if "3/3" in line or "Epoch" in line])
    assert texts[0] == texts[1]


def test_a_list_of_callbacks():
    recording, calls = recorder(ours)
    made = model(ours)
    callbacks = ours.callbacks.CallbackList([recording], add_history=True, model=made, epochs=1, steps=1, verbose=0)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    callbacks.on_train_batch_begin(0)
    callbacks.on_train_batch_end(0, {"loss": 1.0})
    callbacks.on_epoch_end(0, {"loss": 1.0})
    callbacks.on_train_end()
    assert [name for name, _, _ in calls] == ["on_train_begin", "on_epoch_begin", "on_train_batch_begin",
                                              "on_train_batch_end", "on_epoch_end", "on_train_end"]
    assert made.history.history == {"loss": [1.0]}


class Saving:
    """Stands in for the writing of files: notes the paths, keeps the weights as they are."""

    def __init__(self, monkeypatch):
        self.paths = {ours: [], keras: []}
        for k in (ours, keras):
            monkeypatch.setattr(k.Model, "save", self.noting(k, "model"))
            monkeypatch.setattr(k.Model, "save_weights", self.noting(k, "weights"))

    def noting(self, k, kind):
        def save(model, filepath, overwrite=True, **kwargs):
            self.paths[k].append((kind, str(filepath), overwrite))
        return save


@pytest.mark.parametrize("kwargs", [
    {"filepath": "m.keras"}, {"filepath": "{epoch:02d}-{val_loss:.3f}.keras", "save_best_only": True},
    {"filepath": "a/{epoch}.weights.h5", "save_weights_only": True, "monitor": "mae", "save_best_only": True},
    {"filepath": "{epoch}-{batch}.keras", "save_freq": 2}, {"filepath": "{epoch}.keras", "save_freq": 5},
    {"filepath": "{epoch}-{mae:.2f}.keras", "save_best_only": True, "monitor": "val_mae", "mode": "max"},
    {"filepath": "m.keras", "save_best_only": True, "initial_value_threshold": 0.001},
    {"filepath": "m.keras", "save_best_only": True, "monitor": "loss", "verbose": 1},
    {"filepath": "x.h5", "verbose": 1}])
def test_model_checkpoint(kwargs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    saving = Saving(monkeypatch)
    texts = []
    for k in (ours, keras):
        model(k, rate=0.4).fit(X, Y, batch_size=16, shuffle=False, verbose=0, epochs=5, **VALIDATED,
                               callbacks=[k.callbacks.ModelCheckpoint(**kwargs)])
        texts.append(re.sub(r"\d\.\d+", "#", capsys.readouterr().out))
    assert saving.paths[ours] == saving.paths[keras] and texts[0] == texts[1]
    assert bool(saving.paths[ours]) != ("initial_value_threshold" in kwargs)


def test_model_checkpoint_errors(tmp_path):
    for k in (ours, keras):
        for kwargs in ({"filepath": "x"}, {"filepath": "x.keras", "save_weights_only": True},
                       {"filepath": "x.keras", "save_freq": "batch"}):
            with pytest.raises(ValueError):
                k.callbacks.ModelCheckpoint(**kwargs)
        with pytest.raises(KeyError, match="Failed to format"):
            model(k).fit(X, Y, verbose=0, callbacks=[k.callbacks.ModelCheckpoint(tmp_path / "{nonsense}.keras")])
        (tmp_path / "d.keras").mkdir(exist_ok=True)
        with pytest.raises(IOError, match="directory"):
            model(k).fit(X, Y, verbose=0, callbacks=[k.callbacks.ModelCheckpoint(tmp_path / "d.keras")])
    with pytest.warns(UserWarning, match="best model only"):
        model(ours).fit(X, Y, verbose=0, callbacks=[ours.callbacks.ModelCheckpoint(
            tmp_path / "x.keras", save_best_only=True)]) if hasattr(ours.saving, "save_model") else \
            ours.callbacks.ModelCheckpoint("x.keras", save_best_only=True)._should_save_model(0, {}, "x")


def test_newest_checkpoint(tmp_path):
    callback = ours.callbacks.ModelCheckpoint(tmp_path / "m{epoch}.keras")
    assert callback._get_most_recently_modified_file_matching_pattern(callback.filepath) is None
    for i, name in enumerate(("m1.keras", "m2.keras", "other.keras")):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (i, i))
    assert callback._get_most_recently_modified_file_matching_pattern(callback.filepath) == str(tmp_path / "m2.keras")


class Interrupt(Exception):
    pass


@pytest.mark.parametrize("save_freq, at", [("epoch", (2, 0)), (2, (1, 2))])
@pytest.mark.parametrize("double", [False, True])
def test_backup_and_restore(tmp_path, save_freq, at, double):
    """Training that was interrupted gives what it gives in one go, where it was saved at the end of an epoch."""

    def stop(k):
        class Stop(k.callbacks.Callback):
            epoch = 0

            def on_epoch_begin(self, epoch, logs=None):
                self.epoch = epoch

            def on_train_batch_end(self, batch, logs=None):
                if (self.epoch, batch) == at:
                    raise Interrupt
        return Stop()
    found = []
    for k in (ours, keras):
        folder, made = tmp_path / str(k is ours), model(k, k.optimizers.Adam(0.05))
        backup = dict(backup_dir=str(folder), save_freq=save_freq, double_checkpoint=double)
        with pytest.raises(Interrupt):
            made.fit(X, Y, batch_size=16, shuffle=False, epochs=4, verbose=0,
                     callbacks=[k.callbacks.BackupAndRestore(**backup), stop(k)])
        assert json.loads((folder / "training_metadata.json").read_text())["epoch"] == at[0]
        again = model(k, k.optimizers.Adam(0.05))
        history = again.fit(X, Y, batch_size=16, shuffle=False, epochs=4, verbose=0,
                            callbacks=[k.callbacks.BackupAndRestore(**backup)])
        assert not folder.exists() and history.epoch == list(range(at[0], 4))
        found.append((again, history, None))
    assert_same_training(found)
    if save_freq == "epoch":
        whole = model(ours, ours.optimizers.Adam(0.05))
        whole.fit(X, Y, batch_size=16, shuffle=False, epochs=4, verbose=0)
        for got, wanted in zip(found[0][0].get_weights(), whole.get_weights()):
            assert_same(got, wanted, rtol=1e-5)


def test_backup_that_is_broken(tmp_path):
    backup = dict(backup_dir=str(tmp_path / "b"), double_checkpoint=True, delete_checkpoint=False)
    model(ours).fit(X, Y, epochs=3, verbose=0, callbacks=[ours.callbacks.BackupAndRestore(**backup)])
    (tmp_path / "b" / "latest.weights.safetensors").write_bytes(b"broken")
    made = model(ours)
    history = made.fit(X, Y, epochs=4, verbose=0, callbacks=[ours.callbacks.BackupAndRestore(**backup)])
    assert history.epoch == [2, 3]


def test_backup_errors(tmp_path):
    for k in (ours, keras):
        for kwargs in ({"backup_dir": ""}, {"backup_dir": "x", "save_freq": "batch"}):
            with pytest.raises(ValueError):
                k.callbacks.BackupAndRestore(**kwargs)
    unbuilt = ours.Sequential([ours.layers.Dense(1)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match="must be built"):
        unbuilt.fit(X, Y, verbose=0, callbacks=[ours.callbacks.BackupAndRestore(tmp_path / "b")])


def test_remote_monitor():
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass
    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        root = f"http://127.0.0.1:{server.server_port}"
        model(ours).fit(X, Y, verbose=0, callbacks=[ours.callbacks.RemoteMonitor(root, send_as_json=True),
                                                    ours.callbacks.RemoteMonitor(root, path="/form")])
    finally:
        server.shutdown()
        server.server_close()
    assert got[0][0] == "/publish/epoch/end/" and set(json.loads(got[0][1])) == {"epoch", "loss", "mae"}
    assert got[1][0] == "/form" and got[1][1].startswith("data=%7B%22epoch%22")
    with pytest.warns(UserWarning, match="Could not reach"):
        ours.callbacks.RemoteMonitor(root).on_epoch_end(0, {"loss": 1.0})


class Writer:
    """Stands in for tensorboardX's SummaryWriter."""

    written = []

    def __init__(self, folder):
        self.folder = os.path.basename(folder)

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.written.append((self.folder, name, *args))


def test_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setattr(ours.callbacks.TensorBoard, "_writer_class", staticmethod(lambda: Writer))
    monkeypatch.setattr(Writer, "written", [])
    model(ours).fit(X, Y, batch_size=16, epochs=2, verbose=0, **VALIDATED, callbacks=[ours.callbacks.TensorBoard(
        tmp_path, histogram_freq=1, write_images=True, update_freq=2, write_steps_per_second=True)])
    names = {(folder, args[0]) for folder, kind, *args in Writer.written if kind == "add_scalar"}
    assert names == {("train", f"epoch_{n}") for n in ("loss", "mae", "learning_rate", "steps_per_second")} | \
        {("train", f"batch_{n}") for n in ("loss", "mae", "steps_per_second")} | \
        {("validation", n) for n in ("epoch_loss", "epoch_mae", "evaluation_loss_vs_iterations",
                                     "evaluation_mae_vs_iterations")}
    steps = [args[2] for folder, kind, *args in Writer.written if args and args[0] == "batch_loss"]
    assert steps == [2, 4, 6]
    assert sum(kind == "add_histogram" for _, kind, *_ in Writer.written) == 8
    assert sum(kind == "add_image" for _, kind, *_ in Writer.written) == 6  # a number is no picture
    for kwargs in ({"profile_batch": 2}, {"embeddings_freq": 1}):
        with pytest.raises(NotImplementedError):
            ours.callbacks.TensorBoard(**kwargs)


def test_tensorboard_needs_its_package(monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        ours.callbacks.TensorBoard()
