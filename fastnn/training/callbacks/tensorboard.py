"""Logs for TensorBoard, written by the package tensorboardX."""
import os
import time

import numpy as np

from fastnn.training.callbacks.base import Callback


class TensorBoard(Callback):
    """Writes metrics, and weights as histograms, for TensorBoard, by the package ``tensorboardX``.

    Parameters
    ----------
    log_dir : str or path
        Gets the subdirectories ``train`` and ``validation``.
    histogram_freq : int
        Histograms of weights every so many epochs; 0: none.
    write_graph : bool
        Whether to write the model's architecture as a text.
    write_images : bool
        Whether each histogram comes with the weight as a picture.
    write_steps_per_second : bool
    update_freq : {"epoch", "batch"} or int
        Metrics after each epoch only, or also every so many batches.
    profile_batch, embeddings_freq, embeddings_metadata
        Not implemented: 0 and None.

    Raises
    ------
    ImportError
        ``tensorboardX`` is missing, when training begins.
    NotImplementedError
        An option that is not implemented.

    Examples
    --------
    >>> keras.callbacks.TensorBoard("logs", histogram_freq=1).histogram_freq
    1
    """

    def __init__(self, log_dir="logs", histogram_freq=0, write_graph=True, write_images=False,
                 write_steps_per_second=False, update_freq="epoch", profile_batch=0, embeddings_freq=0,
                 embeddings_metadata=None):
        super().__init__()
        for name, value in (("profile_batch", profile_batch), ("embeddings_freq", embeddings_freq),
                            ("embeddings_metadata", embeddings_metadata)):
            if value:
                raise NotImplementedError(f"TensorBoard: {name}={value!r} is not implemented")
        self.log_dir, self.histogram_freq, self.write_graph = os.fspath(log_dir), histogram_freq, write_graph
        self.write_images, self.write_steps_per_second = write_images, write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._writers, self._train_batches, self._test_batches, self._steps, self._begun = {}, 0, 0, 0, 0.0
        self._writer_class()

    @staticmethod
    def _writer_class():
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError("TensorBoard needs the package tensorboardX: pip install tensorboardX") from error
        return SummaryWriter

    def _writer(self, part):
        if part not in self._writers:
            self._writers[part] = self._writer_class()(os.path.join(self.log_dir, part))
        return self._writers[part]

    def _scalars(self, part, prefix, logs, step, suffix=""):
        for name, value in logs.items():
            if not np.ndim(value):
                self._writer(part).add_scalar(f"{prefix}_{name}{suffix}", float(value), step)

    def due(self, hook):
        return hook == "on_train_batch_end" and self.update_freq != "epoch"

    def on_train_begin(self, logs=None):
        self._train_batches = 0
        if self.write_graph and hasattr(self.model, "to_json"):
            try:
                text = self.model.to_json()
            except (NotImplementedError, TypeError, ValueError):  # a model of its own kind has none
                return
            self._writer("train").add_text("keras", text, 0)

    def on_epoch_begin(self, epoch, logs=None):
        self._steps, self._begun = int(self.model.optimizer.iterations), time.time()

    def on_train_batch_begin(self, batch, logs=None):
        self._train_batches += 1
        self._batch_begun = time.time()

    def on_train_batch_end(self, batch, logs=None):
        if self.update_freq == "epoch" or self._train_batches % self.update_freq:
            return
        logs = dict(logs or {})
        if self.write_steps_per_second:
            logs["steps_per_second"] = 1.0 / max(time.time() - self._batch_begun, 1e-9)
        self._scalars("train", "batch", logs, self._train_batches)

    def on_test_end(self, logs=None):
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and logs:
            self._scalars("validation", "evaluation", logs, int(optimizer.iterations), "_vs_iterations")

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        train["learning_rate"] = float(optimizer.learning_rate)
        if self.write_steps_per_second:
            seconds = max(time.time() - self._begun, 1e-9)
            train["steps_per_second"] = (int(optimizer.iterations) - self._steps) / seconds
        self._scalars("train", "epoch", train, epoch)
        validation = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        if validation:
            self._scalars("validation", "epoch", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._weights(epoch)
        for writer in self._writers.values():
            writer.flush()

    def _weights(self, epoch):
        writer = self._writer("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                name = weight.path.replace(":", "_")
                writer.add_histogram(f"{name}/histogram", weight.numpy(), epoch)
                picture = _picture(weight.numpy()) if self.write_images else None
                if picture is not None:
                    writer.add_image(f"{name}/image", picture, epoch, dataformats="HW")

    def on_train_end(self, logs=None):
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def _picture(array):
    """A vector or matrix as grey levels, the longer side across; None for others."""
    array = np.squeeze(array)
    if array.ndim not in (1, 2):
        return None
    array = np.atleast_2d(array)
    array = array.T if array.shape[0] > array.shape[1] else array
    low, high = array.min(), array.max()
    return ((array - low) / (high - low or 1.0)).astype(np.float32)
