"""Callbacks that watch a metric, and those that set the learning rate."""
import operator
import warnings

import numpy as np

from fastnn.training.callbacks.base import Callback


class MonitorCallback(Callback):
    """Base of callbacks that compare a metric with its best value.

    Parameters
    ----------
    monitor : str
        A name among the logs of an epoch.
    mode : "auto", "min" or "max"
        Which values are better; "auto" asks the metrics.
    baseline : float, optional
        The best value to begin with.
    min_delta : float
        Smaller improvements do not count.
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)
        self.monitor_op = None

    def _set_monitor_op(self):
        mode = self.mode
        if mode == "auto":
            mode = self._direction()
        if mode is None:
            raise ValueError(f"{type(self).__name__} callback received monitor={self.monitor}, but Keras isn't able to "
                             f"automatically determine whether that metric should be maximized or minimized. Pass "
                             f"`mode='max'` in order to monitor based on the highest metric value, or pass "
                             f"`mode='min'` in order to use the lowest value.")
        self.monitor_op = operator.lt if mode == "min" else operator.gt
        if mode == "min":
            self.min_delta *= -1

    def _direction(self):
        """What the model's metrics say: "min", "max" or None."""
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return "min"
        known = {}
        for metric in getattr(self.model, "metrics", ()):
            for each in (metric, *getattr(metric, "metrics", ())):
                if getattr(each, "_direction", None):
                    known[each.name] = "max" if each._direction == "up" else "min"
        if name in known:
            return known[name]
        ends = {mode for each, mode in known.items() if name.endswith(f"_{each}")}  # behind the name of an output
        return ends.pop() if len(ends) == 1 else "min" if name.endswith("_loss") else None

    def _is_improvement(self, value, reference):
        return reference is None or bool(self.monitor_op(value - self.min_delta, reference))


class EarlyStopping(MonitorCallback):
    """Stops training when a metric has stopped improving.

    Parameters
    ----------
    monitor : str
        Metric among the logs.
    min_delta : float
        Smaller improvements do not count.
    patience : int
        Number of epochs without improvement.
    verbose : int
        1: print when training is stopped.
    mode : {"auto", "min", "max"}
        Which values of the metric are better; "auto" infers it.
    baseline : float, optional
        What must be reached for an improvement to count.
    restore_best_weights : bool
        Whether the model gets the weights of its best epoch at the end.
    start_from_epoch : int
        Earlier epochs do not count.

    Raises
    ------
    ValueError
        "auto" cannot tell which values are better.

    Examples
    --------
    >>> model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> stop = keras.callbacks.EarlyStopping("loss", patience=2)
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=20, verbose=0, callbacks=[stop])
    >>> len(history.epoch)
    3
    """

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
                 restore_best_weights=False, start_from_epoch=0):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights = None

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None:
            self._set_monitor_op()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping", flush=True)
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.", flush=True)
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs):
        """The value of the metric; None, with a warning, if it is not there."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(f"Early stopping conditioned on metric `{self.monitor}` which is not available. Available "
                          f"metrics are: {','.join(logs or {})}", stacklevel=3)
        return value


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a metric has stopped improving.

    Parameters
    ----------
    monitor : str
        Metric among the logs.
    factor : float
        Below 1.
    patience : int
        Number of epochs without improvement.
    verbose : int
        1: print the new rate.
    mode : {"auto", "min", "max"}
        Which values of the metric are better; "auto" infers it.
    min_delta : float
        Smaller improvements do not count.
    cooldown : int
        Number of epochs that do not count after a reduction.
    min_lr : float
        Smallest rate.

    Raises
    ------
    ValueError
        `factor` is not below 1.

    Examples
    --------
    >>> model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile(keras.optimizers.SGD(0.5), "mse")
    >>> plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1)
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=3, verbose=0, callbacks=[plateau])
    >>> float(model.optimizer.learning_rate)
    0.125
    """

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=0.0001,
                 cooldown=0, min_lr=0.0, **kwargs):
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor, self.min_lr, self.patience, self.verbose = factor, min_lr, patience, verbose
        self.cooldown, self.cooldown_counter, self.wait = cooldown, 0, 0

    def on_train_begin(self, logs=None):
        self.best, self.cooldown_counter, self.wait = None, 0, 0

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available. "
                          f"Available metrics are: {','.join(logs)}.", stacklevel=3)
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch):
        optimizer = self.model.optimizer
        before = float(optimizer.learning_rate)
        if before <= np.float32(self.min_lr):
            return False
        optimizer.learning_rate = rate = max(before * self.factor, self.min_lr)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.", flush=True)
        return True

    def in_cooldown(self):
        return self.cooldown_counter > 0


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, learning_rate)`` or ``schedule(epoch)``, which gives a float.
    verbose : int
        1: print the rate.

    Raises
    ------
    ValueError
        The schedule gives something other than a float.

    Examples
    --------
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(1.0), "mse")
    >>> halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=3, verbose=0, callbacks=[halve])
    >>> history.history["learning_rate"]
    [0.5, 0.25, 0.125]
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = self.model.optimizer
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        try:
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        except TypeError:
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.float32, np.float64)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        optimizer.learning_rate = rate
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.", flush=True)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class SwapEMAWeights(Callback):
    """Evaluates and predicts with the moving averages that the optimizer keeps (``use_ema=True``).

    Parameters
    ----------
    swap_on_epoch : bool
        Also at the end of each epoch, so that later callbacks save the averages.

    Raises
    ------
    ValueError
        The optimizer keeps no averages.

    Examples
    --------
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])
    >>> len(history.epoch)
    1
    """

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch, self._swapped = swap_on_epoch, False

    def _pairs(self):
        """(weight, its average), all."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if not hasattr(optimizer, "_model_variables_moving_average"):
            raise ValueError(f"SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. Received: "
                             f"use_ema={optimizer.use_ema}")
        return zip(optimizer._trainable_variables, optimizer._model_variables_moving_average)

    def _swap(self, wanted):
        if self._swapped is not wanted:
            for weight, average in self._pairs():
                before = weight.numpy()
                weight.assign(average)
                average.assign(before)
            self._swapped = wanted

    def on_epoch_begin(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch, logs=None):
        if self.swap_on_epoch and not self._swapped:
            self._swap(True)
            if epoch == self.params["epochs"] - 1:
                for weight, average in self._pairs():
                    average.assign(weight)

    def on_test_begin(self, logs=None):
        self._swap(True)

    def on_test_end(self, logs=None):
        self._swap(False)

    def on_predict_begin(self, logs=None):
        self._swap(True)

    def on_predict_end(self, logs=None):
        self._swap(False)
