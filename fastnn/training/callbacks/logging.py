"""Callbacks that show or write what happens."""
import csv
import json
import os
import warnings

import numpy as np

from fastnn.training.callbacks.base import Callback
from fastnn.training.messages import show
from fastnn.training.progbar import Progbar


class ProgbarLogger(Callback):
    """Progress bar of training, evaluation and prediction; `fit` adds it unless ``verbose=0``.

    Examples
    --------
    >>> bar = keras.callbacks.ProgbarLogger()
    >>> bar.set_params({"verbose": 0, "epochs": 1, "steps": 2})
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), verbose=0, callbacks=[bar])
    """

    now_and_then = True

    def __init__(self):
        super().__init__()
        self.seen, self.progbar, self.target, self.verbose, self.epochs = 0, None, None, 1, 1
        self._in_training = False

    def set_params(self, params):
        self.verbose = 1 if params["verbose"] == "auto" else params["verbose"]
        self.epochs, self.target = params["epochs"], params["steps"]

    def due(self, hook):
        if self._in_training and hook != "on_train_batch_end":
            return False
        self.seen += 1  # steps that are not shown count too
        return self.progbar.due()

    def _start(self):
        self.seen, self.progbar = 0, Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def on_train_begin(self, logs=None):
        self._in_training = True

    def on_epoch_begin(self, epoch, logs=None):
        self._start()
        if self.verbose and self.epochs > 1:
            show(f"Epoch {epoch + 1}/{self.epochs}")

    def on_test_begin(self, logs=None):
        if not self._in_training:
            self._start()

    def on_predict_begin(self, logs=None):
        self._start()

    def _update(self, batch, logs):
        self.seen = batch + 1
        if self.verbose == 1:
            self.progbar.update(self.seen, list((logs or {}).items()), finalize=False)

    def _finish(self, logs):
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.target, list((logs or {}).items()), finalize=True)

    def on_train_batch_end(self, batch, logs=None):
        self._update(batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        if not self._in_training:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._update(batch, None)

    def on_epoch_end(self, epoch, logs=None):
        self._finish(logs)

    def on_test_end(self, logs=None):
        if not self._in_training:
            self._finish(logs)

    def on_predict_end(self, logs=None):
        self._finish(None)


class CSVLogger(Callback):
    """Writes the logs of every epoch as a line of a CSV file.

    Parameters
    ----------
    filename : str or path
    separator : str
    append : bool
        Whether to continue an existing file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), verbose=0, callbacks=[keras.callbacks.CSVLogger(path)])
    >>> path.read_text().splitlines()
    ['epoch,loss,val_loss', '0,0.0,NA']
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.writer = self.keys = self.csv_file = None
        self.append_header = True

    def on_train_begin(self, logs=None):
        self._close()
        if self.append and os.path.exists(self.filename):
            self.append_header = not os.path.getsize(self.filename)
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="")
        self.writer = self.keys = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.writer is None:
            keys = sorted(logs)
            if not any(key.startswith("val_") for key in keys):  # later epochs may have them
                keys += [f"val_{key}" for key in keys]
            self.keys = keys
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *keys], delimiter=self.sep)
            if self.append_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **{key: _cell(logs.get(key, "NA")) for key in self.keys}})
        self.csv_file.flush()

    def on_train_end(self, logs=None):
        self._close()
        self.writer = None

    def _close(self):
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()


def _cell(value):
    if isinstance(value, str) or not np.ndim(value):
        return value
    return f'"[{", ".join(map(str, value))}]"'


class TerminateOnNaN(Callback):
    """Stops training when the loss is not finite.

    Parameters
    ----------
    raise_error : bool
        Whether to raise RuntimeError instead.

    Examples
    --------
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.array([[np.inf]])
    >>> history = model.fit(x, x, epochs=5, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()])
    Batch 0: Invalid loss, terminating training
    >>> len(history.epoch)
    1
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating "
                               f"training immediately.")
        print(f"Batch {batch}: Invalid loss, terminating training", flush=True)
        self.model.stop_training = True


class RemoteMonitor(Callback):
    """Sends the logs of every epoch to a server, by HTTP POST; warns if it cannot be reached.

    Parameters
    ----------
    root, path : str
        Address.
    field : str
        Field of the form that holds the logs as JSON.
    headers : dict, optional
    send_as_json : bool
        Whether the logs are the request's body instead of a form.

    Examples
    --------
    >>> monitor = keras.callbacks.RemoteMonitor("http://localhost:9000", path="/epochs")
    >>> monitor.root + monitor.path
    'http://localhost:9000/epochs'
    """

    def __init__(self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None,
                 send_as_json=False):
        super().__init__()
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch, logs=None):
        from urllib.parse import urlencode
        from urllib.request import Request, urlopen
        values = {"epoch": epoch, **{name: value.item() if hasattr(value, "item") else value
                                     for name, value in (logs or {}).items()}}
        body, kind = json.dumps(values), "application/json"
        if not self.send_as_json:
            body, kind = urlencode({self.field: body}), "application/x-www-form-urlencoded"
        try:
            headers = {"Content-Type": kind, **(self.headers or {})}
            urlopen(Request(self.root + self.path, body.encode(), headers)).close()
        except OSError:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)
