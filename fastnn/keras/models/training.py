"""compile, fit, evaluate, predict."""
import inspect
import warnings

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.autograd import enable_grad, no_grad
from fastnn.keras import metrics as metrics_module
from fastnn.keras import config, optimizers, tree
from fastnn.keras.layers.base import outermost, recorded, recording
from fastnn.keras.models.compile import CompileLoss, CompileMetrics
from fastnn.keras.models.data import (_batch, class_weights, pack_x_y_sample_weight, Source, train_validation_split,
                                      unpack_x_y_sample_weight)
from fastnn.keras.models.dense import dense_fit
from fastnn.keras.saving import objects
from fastnn.keras.variables import array_of, convert
from fastnn.training import CallbackList, run_epoch, train


def _number(value):
    """A log's value as a number, or array."""
    if isinstance(value, (float, int)):
        return value
    array = array_of(value)
    return float(array) if array.size == 1 else array


def _numbers(logs):
    """Logs as Python's numbers, by name; nested ones at one level."""
    found = {}
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            found.update(_numbers(value))
        else:
            found[name] = _number(value)
    return found


class Trainer:
    """What a model can do with data."""

    def _init_trainer(self):
        d = self.__dict__
        d.update(compiled=False, optimizer=None, loss=None, history=None, stop_training=False, stop_evaluating=False,
                 stop_predicting=False, _compile_loss=None, _compile_metrics=None, _loss_tracker=None,
                 _compile_config=None, run_eagerly=False, jit_compile=False, steps_per_execution=1, _initial_epoch=None,
                 _lr_of=None)

    # -- compile --
    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None,
                run_eagerly=False, steps_per_execution=1, jit_compile="auto", auto_scale_loss=True):
        """Chooses how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss or callable, or list or dict of them by output, optional
        loss_weights : float, list or dict, optional
            Factors of the outputs' losses.
        metrics, weighted_metrics : list or dict, optional
            Names, metrics or functions; the weighted ones get the sample weights.
        run_eagerly, jit_compile, steps_per_execution
            Accepted; every step is run as it is.
        auto_scale_loss : bool
            Accepted.

        Examples
        --------
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> model.compile("sgd", "mse", metrics=["mae"])
        >>> model.loss
        'mse'
        """
        objects_ = dict(optimizer=optimizer, loss=loss, loss_weights=loss_weights, metrics=metrics,
                        weighted_metrics=weighted_metrics, run_eagerly=run_eagerly,
                        steps_per_execution=steps_per_execution, jit_compile=jit_compile)
        d = self.__dict__
        d["_compile_config"] = objects_
        d["optimizer"] = optimizers.get(optimizer)
        d["loss"] = loss
        output_names = getattr(self, "output_names", None)
        d["_compile_loss"] = None if loss is None else CompileLoss(loss, loss_weights, output_names)
        d["_compile_metrics"] = CompileMetrics(metrics, weighted_metrics, output_names) \
            if metrics is not None or weighted_metrics is not None else None
        d["_loss_tracker"] = metrics_module.Mean(name="loss")
        d["run_eagerly"], d["jit_compile"], d["steps_per_execution"] = run_eagerly, jit_compile, steps_per_execution
        d["compiled"] = True
        d["stop_training"] = False

    def get_compile_config(self):
        """What `compile` was given, as JSON's types."""
        if not self.compiled:
            return {}
        return {name: objects.serialize_keras_object(value) if name != "optimizer" or value is None
                else objects.serialize_keras_object(self.optimizer) for name, value in self._compile_config.items()}

    def compile_from_config(self, config):
        """`compile` with what `get_compile_config` gave."""
        if type(self).compile is not Trainer.compile:
            warnings.warn("`compile()` was not called as part of model loading because the model's `compile()` method "
                          "is custom. All subclassed Models that have `compile()` overridden should also override "
                          "`get_compile_config()` and `compile_from_config(config)`. Alternatively, you can call "
                          "`compile()` manually after loading.", stacklevel=3)
            return
        made = objects.deserialize_keras_object(config)
        self.compile(**made)
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _assert_compile_called(self, method):
        if not self.compiled:
            raise ValueError(f"You must call `compile()` before calling `{method}()`.")

    # -- metrics --
    @property
    def metrics(self):
        """The loss, the layers' metrics, those of `compile`, and the losses of several outputs."""
        found = [self._loss_tracker] if self.compiled and self._loss_tracker is not None else []
        found += self._metrics
        for layer in self._layers:
            found += layer.metrics
        if self._compile_metrics is not None:
            found.append(self._compile_metrics)
        if self._compile_loss is not None:
            found += self._compile_loss.metrics
        return list(dict.fromkeys(found))

    @property
    def metrics_names(self):
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    @property
    def compiled_metrics(self):
        return self._compile_metrics

    def compiled_loss(self, y, y_pred, sample_weight=None, regularization_losses=None):
        """`compute_loss` of older programs."""
        return self.compute_loss(None, y, y_pred, sample_weight)

    def reset_metrics(self):
        """Reset the metrics."""
        for metric in self.metrics:
            metric.reset_state()

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the metrics of `compile` with a batch and give all values so far."""
        if self._compile_metrics is not None:
            with no_grad():
                self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self):
        """The values of `metrics` by name."""
        found = {}
        for metric in self.metrics:
            value = metric.result()
            if isinstance(value, dict):
                found.update(value)
            else:
                found[metric.name] = value
        return found

    # -- the step --
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The number to minimise: the loss of `compile`, and what layers and regularizers add.

        Raises
        ------
        ValueError
            There is none.
        """
        total = None
        if self._compile_loss is not None:
            total = self._compile_loss(y, y_pred, sample_weight)
        for loss in self.losses:
            loss = convert(loss).sum()
            total = loss if total is None else total + loss
        if total is None:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        return total

    def _call_and_loss(self, x, y, sample_weight, training):
        self._clear_losses()
        y_pred = self._quick_call(x, training) if isinstance(x, Tensor) else None
        if y_pred is None:
            y_pred = self(x, training=training) if self._call_has_training_arg else self(x)
        return y_pred, self._loss_of(x, y, y_pred, sample_weight, training)

    def _loss_of(self, x, y, y_pred, sample_weight, training):
        if self._compute_loss_takes_training():
            return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)

    def _compute_loss_takes_training(self):
        found = self.__dict__.get("_loss_takes_training")
        if found is None:
            found = self.__dict__["_loss_takes_training"] = \
                "training" in inspect.signature(self.compute_loss).parameters
        return found

    def _count(self, x):
        if isinstance(x, Tensor):
            return int(x.shape[0])
        return next(int(leaf.shape[0]) for leaf in tree.flatten(x) if leaf is not None)

    def _update(self, data):
        """A step of training: loss, gradients, optimizer, metrics."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred, loss = self._call_and_loss(x, y, sample_weight, True)
        self._loss_tracker.update_state(loss.detach() if isinstance(loss, Tensor) else loss, self._count(x))
        variables = self._structure().trainable
        if variables:
            self.optimizer.scale_loss(loss).backward()
            grads = [variable.grad for variable in variables]
            for variable in variables:
                variable.grad = None
            self.optimizer.apply(grads, variables)
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        if self._compile_metrics is not None:
            with no_grad():
                self._compile_metrics.update_state(y, y_pred, sample_weight)

    def train_step(self, data):
        """One step on a batch ``(x, y, sample_weight)``; gives the logs. May be overridden."""
        self._update(data)
        return self.get_metrics_result()

    def test_step(self, data):
        """One step of evaluation; gives the logs. May be overridden."""
        self._assess(data)
        return self.get_metrics_result()

    def _assess(self, data):
        """A step of evaluation: loss and metrics."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred, loss = self._call_and_loss(x, y, sample_weight, False)
        self._loss_tracker.update_state(loss, self._count(x))
        if type(self).compute_metrics is not Trainer.compute_metrics:
            self.compute_metrics(x, y, y_pred, sample_weight)
        elif self._compile_metrics is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)

    def predict_step(self, data):
        """The outputs for a batch. May be overridden."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False) if self._call_has_training_arg else self(x)

    def _training_function(self):
        """The step of `fit`: without logs where `train_step` is ours, which nobody but the loop's callbacks wants."""
        if type(self).train_step is Trainer.train_step and type(self).compute_metrics is Trainer.compute_metrics \
                and not {"train_step", "compute_metrics"} & self.__dict__.keys():
            step, quiet = self._update, True
        else:
            step, quiet = self.train_step, False

        def run(batch):
            with enable_grad(), recorded():
                logs = step(batch if quiet else _shortened(batch))
            return None if quiet else logs
        return run

    def _evaluation_function(self):
        own = type(self).test_step is not Trainer.test_step
        step = self.test_step if own else self._assess

        def run(batch):
            with no_grad():
                return step(_shortened(batch) if own else batch)
        return run

    def _results(self, logs):
        """The logs so far: the metrics, unless an overridden step gave others."""
        found = self.get_metrics_result()
        if logs is None or isinstance(logs, dict) and set(logs) == set(found):
            logs = found
        if not isinstance(logs, dict):
            raise ValueError(f"Expected `train_step` and `test_step` to return a dict of logs, got {type(logs)}")
        return _numbers(logs)

    # -- fit --
    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
            steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1):
        """Trains on arrays or batches.

        Parameters
        ----------
        x : arrays (nested in lists or dicts), or a source of batches
            A generator, `PyDataset`, `DataLoader`, data set or other iterable of ``(x, y)`` or
            ``(x, y, sample_weight)``.
        y : arrays, optional
        batch_size : int, optional
            32 without it.
        epochs, initial_epoch : int
        verbose : {0, 1, 2, "auto"}
            Nothing, a progress bar, or a line for each epoch.
        callbacks : list of Callback, optional
        validation_split : float
            Share of the last rows that is for validation.
        validation_data : tuple or source of batches, optional
        shuffle : bool
            A new order in every epoch, for arrays.
        class_weight : dict, optional
            Class -> weight.
        sample_weight : array, optional
        steps_per_epoch, validation_steps, validation_batch_size : int, optional
        validation_freq : int or list of int
            Every so many epochs, or which ones.

        Returns
        -------
        History
            ``history.history["loss"]`` and the like, a value for each epoch.

        Raises
        ------
        ValueError
            Without `compile`, without data, or if numbers of rows differ.

        Examples
        --------
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), "mse")
        >>> x = np.linspace(0, 1, 64)[:, None]
        >>> history = model.fit(x, 2 * x + 1, epochs=200, verbose=0)
        >>> model.predict(np.array([[0.5]]), verbose=0).round(2)
        array([[2.]], dtype=float32)
        """
        self._assert_compile_called("fit")
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = train_validation_split(x, y, sample_weight, validation_split)
        source = Source(x, y, sample_weight, batch_size, shuffle, class_weight, steps_per_epoch)
        epochs = config.limited("max_epochs", epochs)
        self._structure(anew=True)
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, verbose=verbose,
                                     epochs=epochs, steps=source.steps, model=self)
        validate = None
        if validation_data is not None:
            validate = self._validation(validation_data, validation_batch_size or batch_size, validation_steps,
                                        validation_freq, callbacks)
        whole = dense_fit(self, source, callbacks) if self._steps_are_ours() else None
        step, batches, steps_of = (self._training_function(), source.batches, None) if whole is None else \
            (whole.step, whole, whole.steps_of)
        train(self, step, batches, callbacks, self._results, epochs=epochs, initial_epoch=initial_epoch,
              steps_per_epoch=source.limit, reset=self.reset_metrics, validate=validate,
              after_epoch=source.on_epoch_end, finish=self._finish_training, steps_of=steps_of)
        return self.history

    def _steps_are_ours(self):
        """Whether nobody has overridden what a step of training consists of."""
        return all(getattr(type(self), name) is getattr(Trainer, name)
                   for name in ("train_step", "compute_loss", "compute_metrics", "metrics", "reset_metrics")) \
            and not {"train_step", "compute_loss", "compute_metrics", "reset_metrics"} & self.__dict__.keys()

    def _chain_of_layers(self):
        """The layers of a model that is a chain of the door's own; None for others."""
        found = getattr(self.__dict__.get("_functional") or self, "_functional_chain", None)
        return None if found is None else found()

    def _finish_training(self):
        if self.optimizer is not None and self.optimizer.built:
            self.optimizer.finalize_variable_values(self.trainable_weights)

    def _validation(self, data, batch_size, steps, freq, callbacks):
        if not isinstance(freq, (int, list, tuple)):
            raise ValueError(f"Expected `validation_freq` to be a list or int. Received: validation_freq={freq} of the "
                             f"type {type(freq)}.")
        x, y, weight = unpack_x_y_sample_weight(data)
        source = Source(x, y, weight, batch_size, steps=steps)

        def validate(epoch):
            if (epoch + 1) % freq if isinstance(freq, int) else epoch + 1 not in freq:
                return None
            return {f"val_{name}": value for name, value in self._evaluate(source, callbacks).items()}
        return validate

    def _evaluate(self, source, callbacks):
        """Logs of one pass."""
        self.stop_evaluating = False
        callbacks.on_test_begin()
        self.reset_metrics()
        _, last = run_epoch(self._evaluation_function(), source.batches, callbacks, "test", self._results,
                            lambda: self.stop_evaluating, steps=source.limit)
        logs = self._results(last)
        callbacks.on_test_end(logs)
        return logs

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None,
                 return_dict=False, **kwargs):
        """Loss and metrics on data.

        Parameters
        ----------
        x, y, batch_size, verbose, sample_weight, callbacks
            As in `fit`.
        steps : int, optional
            Number of batches.
        return_dict : bool

        Returns
        -------
        float, list of float, or dict if `return_dict`
            The loss alone if there are no metrics.

        Examples
        --------
        >>> model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse")
        >>> model.evaluate(np.ones((4, 2)), np.zeros(4), verbose=0)
        4.0
        """
        self._assert_compile_called("evaluate")
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        source = Source(x, y, sample_weight, batch_size, steps=steps)
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=source.steps,
                                     model=self)
        logs = self._evaluate(source, callbacks)
        return logs if return_dict else self._in_order(logs)

    def _in_order(self, logs):
        """The values in the order of `metrics`."""
        names = []
        for metric in self.metrics:
            names += [each.name for each in metric.metrics] if isinstance(metric, CompileMetrics) else [metric.name]
        values = [logs[name] for name in dict.fromkeys(names) if name in logs]
        values += [logs[name] for name in sorted(logs) if name not in names]
        return values[0] if len(values) == 1 else values

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Outputs for data.

        Parameters
        ----------
        x, batch_size, verbose, callbacks
            As in `fit`.
        steps : int, optional
            Number of batches.

        Returns
        -------
        array, or structure of arrays

        Examples
        --------
        >>> model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
        >>> model.predict(np.ones((2, 3)), verbose=0)
        array([[3.],
               [3.]], dtype=float32)
        """
        if verbose == 0 and callbacks is None and steps is None and type(x) is np.ndarray and x.ndim:
            found = self._predict_few(x, 32 if batch_size is None else batch_size)
            if found is not None:
                return found
        source = Source(x, None, None, batch_size, steps=steps)
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=source.steps,
                                     model=self)
        self.stop_predicting = False
        parts = []

        def step(batch):
            with no_grad():
                parts.append(tree.map_structure(array_of, self.predict_step(_shortened(batch))))
        callbacks.on_predict_begin()
        run_epoch(step, source.batches, callbacks, "predict", lambda logs: {}, lambda: self.stop_predicting,
                  steps=source.limit)
        callbacks.on_predict_end()
        if not parts:
            raise ValueError("predict: there was no data")
        if len(parts) == 1:
            return parts[0]
        return tree.map_structure(lambda *arrays: np.concatenate(arrays) if arrays[0].ndim else np.stack(arrays),
                                  *parts)

    def _predict_few(self, x, batch_size):
        """`predict` of one batch through a chain of layers, where nobody looks on; None if it is something else."""
        if not 0 < len(x) <= batch_size or type(self).predict_step is not Trainer.predict_step:
            return None
        with no_grad():
            found = self._quick_call(from_array(x), False)
        return None if found is None else array_of(found)

    def _quick_call(self, x, training):
        """The model of `x` where it is a chain of layers and nobody has overridden its call; None else."""
        quick = getattr(self.__dict__.get("_functional", self), "_quick", None)  # a Sequential has a graph within
        if quick is None or type(self).__call__ not in own_calls or type(self).call not in own_calls \
                or "call" in self.__dict__ or self.activity_regularizer is not None:
            return None
        return quick(x, training)

    def __call__(self, *args, **kwargs):
        if len(args) == 1 and (not kwargs or len(kwargs) == 1 and "training" in kwargs) and outermost():
            x, training = args[0], kwargs.get("training")
            if type(x) is np.ndarray and x.dtype.kind in "fiub":
                x = from_array(x)
            if type(x) is Tensor:
                if recording():
                    found = self._quick_call(x, training)
                else:
                    with no_grad():
                        found = self._quick_call(x, training)
                if found is not None:
                    return found
        return super().__call__(*args, **kwargs)

    # -- single batches --
    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One step of training, and its metrics.

        Parameters
        ----------
        x, y, sample_weight : arrays
        class_weight : dict, optional
        return_dict : bool

        Returns
        -------
        float, list of float, or dict

        Examples
        --------
        >>> model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse")
        >>> float(model.train_on_batch(np.ones((4, 2)), np.zeros(4)))
        4.0
        """
        self._assert_compile_called("train_on_batch")
        self.reset_metrics()
        if class_weight is not None:
            if sample_weight is not None:
                raise ValueError(f"Arguments `sample_weight` and `class_weight` cannot be specified at the same time. "
                                 f"Received: sample_weight={sample_weight}, class_weight={class_weight}")
            sample_weight = class_weights(array_of(convert(y)), class_weight)
        logs = self._results(self._training_function()(self._one(x, y, sample_weight)))
        return logs if return_dict else self._in_order(logs)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """One step of evaluation, and its metrics; arguments as in `train_on_batch`."""
        self._assert_compile_called("test_on_batch")
        self.reset_metrics()
        logs = self._results(self._evaluation_function()(self._one(x, y, sample_weight)))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x):
        """Outputs for one batch, as arrays.

        Parameters
        ----------
        x : arrays

        Returns
        -------
        array, or structure of arrays

        Examples
        --------
        >>> keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")]).predict_on_batch(np.ones((1, 3)))
        array([[3.]], dtype=float32)
        """
        with no_grad():
            return tree.map_structure(array_of, self.predict_step(_shortened(self._one(x, None, None))))

    def _one(self, x, y, sample_weight):
        return _batch((x, y, sample_weight))


# `call` and `__call__` of models that nobody has overridden; their modules add theirs.
own_calls = [Trainer.__call__]


def _shortened(batch):
    """A batch as steps that are overridden see it: without the parts that are missing; x alone is no tuple."""
    return pack_x_y_sample_weight(*batch)
