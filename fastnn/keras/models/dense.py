"""`fit` of models that are nothing but a chain of dense layers: many steps in one call of the engine."""
import time

import numpy as np

from fastnn._tensor import from_array
from fastnn.autograd import no_grad
from fastnn.keras import activations, config
from fastnn.keras import losses as losses_module
from fastnn.keras import metrics as metrics_module
from fastnn.keras import optimizers
from fastnn.keras.layers.core import Dense, Flatten
from fastnn.keras.variables import Variable
from fastnn.training import ArrayBatches
from fastnn.training.dense import DenseOptimizer, DenseStack

SECONDS = 0.03  # a call's steps, where a callback such as the progress bar looks now and then


class DenseFit:
    """Steps of a model on arrays, several in a call.

    It replaces a source of batches and the step of training: iterated, it gives the rows of the next
    steps, which `step` takes.

    Parameters
    ----------
    stack : DenseStack
    optimizer : optimizers.Optimizer
    variables : list of Variable
        In the order of ``stack.params``.
    batches : ArrayBatches
    x, y : arrays
        As the stack takes them.
    tracker : metrics.Mean
        Of the loss.
    accuracy : metrics.Mean, optional
        Of the share of right answers.
    at_once : bool
        Whether an epoch is one call, because nobody looks at it before its end.
    """

    def __init__(self, stack, optimizer, variables, batches, x, y, tracker, accuracy, at_once):
        self.stack, self.optimizer, self.variables, self.batches = stack, optimizer, variables, batches
        self.x, self.y, self.tracker, self.accuracy, self.at_once = x, y, tracker, accuracy, at_once
        self._counts = [np.zeros(1, np.float32) for _ in variables]
        self._dense = _engine_optimizer(optimizer, variables, stack.params, self._counts)

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        order, size = self.batches.order(), self.batches.batch_size
        rows, begin, steps = self.batches.rows, 0, len(self) if self.at_once else 1
        if order is None:
            order = np.arange(rows)
        while begin < rows:
            started = time.perf_counter()
            yield order[begin:begin + steps * size]
            begin += steps * size
            if not self.at_once:
                share = SECONDS / max(time.perf_counter() - started, 1e-6)
                steps = max(1, min(int(steps * min(share, 4.0)), len(self)))

    def steps_of(self, order):
        """The number of steps that these rows make."""
        return -(-len(order) // self.batches.batch_size)

    def step(self, order):
        """Train on these rows."""
        done, steps = self.optimizer._steps_done(), self.steps_of(order)
        for count in self._counts:
            count[...] = done
        self._dense.lr = float(self.optimizer.learning_rate)
        try:
            loss, right = self.stack.epoch(self._dense, self.x, self.y, order, min(self.batches.batch_size, len(order)),
                                           count=self.accuracy is not None)
        except BaseException:  # Ctrl-C: the steps that were done stay
            steps = int(self._counts[0][0]) - done if self._dense.steps is not None else 0
            raise
        finally:
            self.optimizer._iterations.array_ += steps
            for variable in self.variables:
                variable._changed()
        _take(self.tracker, loss * len(order), len(order))
        if self.accuracy is not None:
            _take(self.accuracy, right, len(order))


def _take(metric, total, count):
    metric.total.array_ += total
    metric.count.array_ += count


def dense_fit(model, source, callbacks):
    """How `model` trains on `source` if dense layers, a common loss and optimizer and arrays are all there is to it.

    None for everything else, which goes step by step.
    """
    batches = source.batches
    if not isinstance(batches, ArrayBatches) or source.limit is not None or model.run_eagerly \
            or len(batches.arrays) != 2 or batches.arrays[1].dtype.kind not in "fiub" or callbacks.follows("train") \
            or not _is_plain(model.optimizer):
        return None
    x, y = batches.arrays
    layers = _layers(model)
    if not layers or x.dtype.name != config.floatx() or x.dtype.itemsize < 4 or model.losses:
        return None
    with no_grad():
        sample = model._quick_call(from_array(x[:1]), False)
    dense = [layer for layer in layers if type(layer) is Dense]
    x = _plain(x if layers[0] is dense[0] else x.reshape(len(x), -1))
    if sample is None or x.ndim != 2 or x.shape[1] != dense[0].kernel.shape[0]:
        return None
    y_sample = from_array(y[:1])
    found = _loss(model, dense[-1], y_sample, sample, y)
    if found is None:
        return None
    loss, y, labels = found
    metric = _accuracy(model, dense[-1], labels, y, y_sample, sample)
    if metric is None:
        return None
    kernels, biases = [layer.kernel for layer in dense], [layer.bias for layer in dense]
    variables = kernels + [bias for bias in biases if bias is not None]
    if sorted(map(id, variables)) != sorted(map(id, model._structure().trainable)) \
            or any(v.constraint is not None for v in variables):  # a layer that is used twice, or frozen, among others
        return None
    if not model.optimizer.built:
        model.optimizer.build(model._structure().trainable)
    if not {id(v) for v in variables} <= set(model.optimizer._index):
        return None  # the ordinary step says so
    fused = [activations.FUSED.get(layer.activation.__name__) for layer in dense[:-1]] + \
        [None if dense[-1].activation in (activations.softmax, activations.sigmoid)
         else activations.FUSED.get(dense[-1].activation.__name__)]
    stack = DenseStack([v.array_ for v in kernels], [None if v is None else v.array_ for v in biases], fused, loss)
    return DenseFit(stack, model.optimizer, variables, batches, x, y, model._loss_tracker, metric or None,
                    callbacks.batch_hooks("train") == (None, None))


def _layers(model):
    """The layers of a chain of dense ones, perhaps flattening first; None for other models."""
    chain = model._chain_of_layers()
    if not chain:
        return None
    dense = chain[1:] if type(chain[0]) is Flatten and chain[0].data_format == "channels_last" else chain
    for layer in dense:
        if type(layer) is not Dense or layer.kernel_regularizer or layer.bias_regularizer or layer.kernel_constraint \
                or layer.bias_constraint:
            return None
        name = getattr(layer.activation, "__name__", None)
        known = layer.activation is activations.linear or \
            activations.FUSED.get(name) is not None and getattr(activations, name) is layer.activation
        if not known and not (layer is dense[-1] and layer.activation is activations.softmax):
            return None
    return chain if dense else None


def _loss(model, last, y_sample, sample, y):
    """(the engine's loss, targets for it, "classes", "one-hot" or "numbers" for what they are); None for others."""
    compiled = model._compile_loss
    if compiled is None:
        return None
    if not compiled.built:
        compiled.build(y_sample, sample)
    if len(compiled.losses) != 1 or compiled.losses[0].weight is not None or compiled.metrics:
        return None
    loss, units = compiled.losses[0].loss, last.units
    if loss.reduction not in ("sum_over_batch_size", "mean") or loss.dtype != config.floatx():
        return None
    function, options = getattr(loss, "fn", None), dict(getattr(loss, "_fn_kwargs", {}))
    logits, activation = options.pop("from_logits", False), last.activation
    if logits not in (False, True) or options.pop("ignore_class", None) is not None \
            or options.pop("label_smoothing", 0.0) != 0 or options.pop("axis", -1) != -1 or options:
        return None
    if function in (losses_module.categorical_crossentropy, losses_module.sparse_categorical_crossentropy):
        if units == 1 or activation is not (activations.linear if logits else activations.softmax):
            return None
        if function is losses_module.categorical_crossentropy:
            labels = _classes(y, units)
            return None if labels is None else ("cross_entropy", labels, "one-hot")
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if y.dtype == np.uint64:
            return None
        whole = y.dtype.kind in "iu" or y.dtype.kind == "f" and bool((np.rint(y) == y).all())
        if y.ndim != 1 or not whole or len(y) and not (0 <= y.min() and y.max() < units):
            return None
        return "cross_entropy", y.astype(np.int64), "classes"
    targets = y[:, None] if y.ndim == 1 and units == 1 else y
    if targets.ndim != 2 or targets.shape[1] != units or targets.dtype.kind not in "fiub":
        return None
    targets = _plain(targets)
    if function is losses_module.binary_crossentropy:
        known = activation is (activations.linear if logits else activations.sigmoid)
        return ("bce_with_logits", targets, "numbers") if known else None
    name = {losses_module.mean_squared_error: "mse", losses_module.mean_absolute_error: "l1"}.get(function)
    return (name, targets, "numbers") if name and activation is not activations.sigmoid \
        and activation is not activations.softmax else None


def _plain(array):
    """An array as the engine reads it."""
    return np.require(array, config.floatx(), ["C", "A"])


def _classes(y, units):
    """The classes of rows that hold a single 1 beside zeros; None for other targets."""
    if y.ndim != 2 or y.shape[1] != units or y.dtype.kind not in "fiub":
        return None
    if not ((y == 0) | (y == 1)).all() or not (y.sum(1) == 1).all():
        return None
    return y.argmax(1).astype(np.int64)


_ACCURACIES = {"one-hot": "CategoricalAccuracy", "classes": "SparseCategoricalAccuracy", "numbers": "BinaryAccuracy"}


def _accuracy(model, last, labels, y, y_sample, sample):
    """The metric of right answers; False without one; None if there are other metrics, which need the predictions."""
    if any(layer._metrics for layer in model._flatten_layers()):
        return None
    compiled = model._compile_metrics
    if compiled is None:
        return False
    if not compiled.built:
        compiled.build(y_sample, sample)
    if compiled._weighted or len(compiled._plain) > 1:
        return None
    if not compiled._plain:
        return False
    metric = compiled._plain[0][2]
    if type(metric) is not getattr(metrics_module, _ACCURACIES[labels]):
        return None
    if labels == "numbers":  # the engine compares logits of one unit with 0, and takes targets for 0 or 1
        if metric._fn_kwargs != {"threshold": 0.5} or last.activation is not activations.sigmoid or last.units != 1 \
                or not ((y == 0) | (y == 1)).all():
            return None
    return metric


def _is_plain(optimizer):
    """Whether it is Adam or SGD without extras."""
    extras = (optimizer.weight_decay, optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm,
              optimizer.use_ema, optimizer.loss_scale_factor, optimizer.gradient_accumulation_steps)
    if any(extra not in (None, False) for extra in extras) or not isinstance(optimizer._learning_rate, Variable) \
            or any(callable(getattr(type(optimizer), name, None)) for name in vars(optimizer)):
        return False
    if type(optimizer) is optimizers.Adam:
        return not optimizer.amsgrad and 0 < optimizer.beta_2 < 1
    return type(optimizer) is optimizers.SGD and not optimizer.momentum


def _engine_optimizer(optimizer, variables, params, counts):
    if type(optimizer) is optimizers.SGD:
        return DenseOptimizer("sgd", params)
    state = [optimizer._arrays(variables, optimizer._momentums), optimizer._arrays(variables, optimizer._velocities)]
    return DenseOptimizer("adam", params, state=state, steps=counts, beta1=optimizer.beta_1, beta2=optimizer.beta_2,
                          eps=optimizer.epsilon, outer_eps=True)
