"""Callbacks that save models while they are trained."""
import json
import os
import random as python
import re
import shutil
import warnings

import numpy as np

from fastnn import random
from fastnn.serialization.files import replacing
from fastnn.training.callbacks.base import Callback
from fastnn.training.callbacks.monitor import MonitorCallback

MODEL_ENDINGS, WEIGHT_ENDINGS = (".keras", ".fastnn", ".h5"), (".weights.h5", ".safetensors")


class _Counter:
    """Says every `frequency` batches that it is time, over epochs."""

    def __init__(self, frequency):
        self.frequency, self.batches, self.last = frequency, 0, -1

    def due(self, batch):
        self.batches += batch - self.last if batch > self.last else batch + 1
        self.last = batch
        if self.batches < self.frequency:
            return False
        self.batches = 0
        return True


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or batches.

    Parameters
    ----------
    filepath : str or path
        May hold ``{epoch}``, ``{batch}`` and names of metrics with formats: ``"{epoch:02d}-{val_loss:.2f}.keras"``.
        Models end in .keras, .fastnn or .h5, weights in .weights.h5 or .safetensors.
    monitor : str
        Metric among the logs.
    verbose : int
        1: print when a file is written.
    save_best_only : bool
        Whether to save only when the metric improves.
    save_weights_only : bool
    mode : {"auto", "min", "max"}
        Which values of the metric are better; "auto" infers it.
    save_freq : {"epoch"} or int
        After each epoch, or every so many batches.
    initial_value_threshold : float, optional
        What the metric must improve on first.

    Raises
    ------
    ValueError
        Another ending or `save_freq`.

    Examples
    --------
    >>> import tempfile, os
    >>> folder = tempfile.mkdtemp()
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> saver = keras.callbacks.ModelCheckpoint(os.path.join(folder, "{epoch}.fastnn"))
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0, callbacks=[saver])
    >>> sorted(os.listdir(folder))
    ['1.fastnn', '2.fastnn']
    """

    def __init__(self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False,
                 mode="auto", save_freq="epoch", initial_value_threshold=None):
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath, self.verbose, self.save_freq = os.fspath(filepath), verbose, save_freq
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values")
        self._counter, self._current_epoch = _Counter(save_freq), 0
        if save_weights_only and not self.filepath.endswith(WEIGHT_ENDINGS):
            raise ValueError(f"When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided must "
                             f"end in `.weights.h5` (Keras weights format) or `.safetensors`. Received: filepath="
                             f"{self.filepath}")
        if not save_weights_only and not self.filepath.endswith(MODEL_ENDINGS):
            raise ValueError(f"The filepath provided must end in `.keras` (Keras model format) or `.fastnn`. Received: "
                             f"filepath={self.filepath}")

    def due(self, hook):
        return self.save_freq != "epoch"

    def on_epoch_begin(self, epoch, logs=None):
        self._current_epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq != "epoch" and self._counter.due(batch):
            self._save_model(self._current_epoch, batch, logs or {})

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None and self.save_best_only:
            self._set_monitor_op()
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs or {})

    def _save_model(self, epoch, batch, logs):
        filepath = self._get_file_path(epoch, batch, logs)
        if not self._should_save_model(epoch, logs, filepath):
            return
        if os.path.isdir(filepath):
            raise OSError(f"Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an existing "
                          f"directory: {filepath}")
        if os.path.dirname(filepath):
            os.makedirs(os.path.dirname(filepath), exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(filepath, overwrite=True)
        else:
            self.model.save(filepath, overwrite=True)
        self._say(f"\nEpoch {epoch + 1}: finished saving model to {filepath}")

    def _say(self, text):
        if self.verbose > 0:
            print(text, flush=True)

    def _should_save_model(self, epoch, logs, filepath):
        if not self.save_best_only:
            self._say(f"\nEpoch {epoch + 1}: saving model to {filepath}")
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=4)
            return True
        if np.ndim(current):
            warnings.warn(f"Can save best model only when `monitor` is a scalar value. Received: {current}. Falling "
                          f"back to `save_best_only=False`.", stacklevel=4)
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._say(f"\nEpoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, saving model to "
                  f"{filepath}")
        self.best = current
        return True

    def _get_file_path(self, epoch, batch, logs):
        names = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}') from error

    def _get_most_recently_modified_file_matching_pattern(self, pattern):
        """The newest file that a path with ``{...}`` in its name stands for; None if there is none."""
        folder, name = os.path.split(pattern)
        wanted = re.compile(re.sub("{.*}", ".*", name))
        found = [os.path.join(folder, each) for each in (os.listdir(folder) if os.path.isdir(folder) else ())
                 if wanted.fullmatch(each)]
        return max(found, key=lambda path: (os.path.getmtime(path), path), default=None)


class BackupAndRestore(Callback):
    """Keeps the state of training in a directory, and continues from it if training was interrupted.

    Weights, the optimizer's state, the number of the epoch and random streams (the default ones of fastnn, NumPy and
    Python, those of layers) are kept. However the process ends, weights and number that belong together are found
    again, and training of arrays goes on to the bit.

    Parameters
    ----------
    backup_dir : str or path
        Used by this training alone.
    save_freq : {"epoch"} or int
        After each epoch, or every so many batches; an interrupted epoch is repeated.
    double_checkpoint : bool
        Whether to keep the previous state too, for the case that the last one cannot be read.
    delete_checkpoint : bool
        Remove the directory when training ends well.

    Raises
    ------
    ValueError
        No directory, another `save_freq`, or a model that is not built.

    Notes
    -----
    New weights are written beside the old ones and take their name when ``training_metadata.json`` names their digest:
    at every moment a pair of files belongs together.

    Examples
    --------
    >>> import tempfile, os
    >>> folder = os.path.join(tempfile.mkdtemp(), "backup")
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> backup = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0, callbacks=[backup])
    >>> sorted(os.listdir(folder))
    ['latest.weights.safetensors', 'training_metadata.json']
    """

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"Invalid value for argument `save_freq`. Received: save_freq={save_freq}. Expected "
                             f"either 'epoch' or an integer value.")
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._counter, self._current_epoch = _Counter(save_freq), 0
        self._weights_path = os.path.join(self.backup_dir, "latest.weights.safetensors")
        self._next_path = os.path.join(self.backup_dir, "next.weights.safetensors")
        self._training_metadata_path = os.path.join(self.backup_dir, "training_metadata.json")

    def due(self, hook):
        return self.save_freq != "epoch"

    def on_train_begin(self, logs=None):
        model = self.model
        if not model.built:
            raise ValueError(f"To use the BackupAndRestore callback, you model must be built before you call `fit()`. "
                             f"Model {model} is unbuilt. You can build it beforehand by calling it on a batch of data.")
        weights, metadata = self._pair()
        if weights is not None:
            if weights != self._weights_path:  # what a process that ended in between had not come to
                os.replace(weights, self._weights_path)
                with replacing(self._training_metadata_path, "BackupAndRestore") as file:
                    file.write(json.dumps(metadata).encode())
            if model.optimizer is not None and not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            model.load_weights(self._weights_path)
        if metadata is not None:
            model._initial_epoch = metadata["epoch"]
            _set_streams(model, metadata.get("random"))

    def _pair(self):
        """The newest weights and metadata that belong together, (None, None) at the beginning."""
        found = [path for path in (self._weights_path, self._next_path, _before(self._weights_path))
                 if os.path.exists(path)]
        digests = {_digest(path): path for path in found}
        last = None
        for path in (self._training_metadata_path, _before(self._training_metadata_path)):
            try:
                with open(path, "rb") as file:
                    metadata = json.load(file)
            except FileNotFoundError:
                continue
            if metadata.get("weights") in digests:
                return digests[metadata["weights"]], metadata
            last = last or metadata
        if last is None and not os.path.exists(self._weights_path):
            return None, None
        return self._weights_path, last  # somebody else's: reading them tells

    def on_epoch_end(self, epoch, logs=None):
        self._current_epoch, self._counter.last = epoch + 1, -1
        if self.save_freq == "epoch":
            self._save(0)

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq != "epoch" and self._counter.due(batch):
            self._save(batch)

    def _save(self, batch):
        os.makedirs(self.backup_dir, exist_ok=True)
        self.model.save_weights(self._next_path, overwrite=True)
        metadata = {"epoch": self._current_epoch, "batch": batch, "weights": _digest(self._next_path),
                    "random": _streams(self.model)}
        if self.double_checkpoint and os.path.exists(self._training_metadata_path):
            with open(self._training_metadata_path, "rb") as file:
                before = file.read()
            with replacing(_before(self._training_metadata_path), "BackupAndRestore") as file:
                file.write(before)
            if os.path.exists(self._weights_path):
                os.replace(self._weights_path, _before(self._weights_path))
        with replacing(self._training_metadata_path, "BackupAndRestore") as file:
            file.write(json.dumps(metadata).encode())
        os.replace(self._next_path, self._weights_path)

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and os.path.exists(self.backup_dir):
            shutil.rmtree(self.backup_dir)


def _before(path):
    return f"{path}.bkp"


def _digest(path):
    import hashlib
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seeds(model):
    """The variables in which layers with seeds of their own count their draws."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]


def _streams(model):
    """The states of the default streams and of the model's, as JSON holds them."""
    kind, words, *rest = np.random.get_state()
    return {"fastnn": random.default_generator.state_array().tobytes().hex(), "python": python.getstate(),
            "numpy": [kind, words.tolist(), *rest], "seeds": [variable.numpy().tolist() for variable in _seeds(model)]}


def _set_streams(model, states):
    if states is None:  # written by an earlier version
        return
    random.default_generator.set_state(np.frombuffer(bytes.fromhex(states["fastnn"]), np.uint8))
    version, words, following = states["python"]
    python.setstate((version, tuple(words), following))
    np.random.set_state(tuple(states["numpy"]))
    for variable, seed in zip(_seeds(model), states["seeds"]):
        variable.assign(np.array(seed))
