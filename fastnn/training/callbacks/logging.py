"""Callbacks that show or write what happens."""
from fastnn.training.callbacks.base import Callback
from fastnn.training.progress import Progbar


class ProgbarLogger(Callback):
    """The progress bar of training, evaluation and prediction."""

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
            print(f"Epoch {epoch + 1}/{self.epochs}", flush=True)

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
