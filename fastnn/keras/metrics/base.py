"""Metric: the base of metrics, and means."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.autograd import no_grad
from fastnn.keras import config, initializers, losses, metrics, naming
from fastnn.keras.losses.base import apply_mask, same_rank
from fastnn.keras.saving import objects
from fastnn.keras.variables import Variable, array_of, convert, mask_of


class Metric:
    """Base of metrics: subclasses define `update_state` and `result`.

    Parameters
    ----------
    dtype : str, optional
    name : str, optional
    """

    _direction = None  # "up" or "down" where it is known which values are better

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "update_state" in cls.__dict__:  # what a metric computes is not recorded
            cls.update_state = no_grad()(cls.update_state)

    def __init__(self, dtype=None, name=None):
        self.name = name or naming.auto_name(type(self).__name__)
        self._dtype = config.standardize_dtype(getattr(dtype, "compute_dtype", dtype))
        self._variables_list = []

    @property
    def dtype(self):
        return self._dtype

    @property
    def variables(self):
        """The variables of the state, those of metrics among the attributes too."""
        found = {id(variable): variable for variable in self._variables_list}
        for value in vars(self).values():
            for each in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(each, Variable):
                    found[id(each)] = each
                elif isinstance(each, Metric):
                    found.update((id(variable), variable) for variable in each.variables)
        return list(found.values())

    def add_variable(self, shape, initializer, dtype=None, aggregation="sum", name=None):
        """Make a variable of the state."""
        if not hasattr(self, "_variables_list"):
            raise RuntimeError("You forgot to call `super().__init__()` in the `__init__()` method. Go add it!")
        with naming.name_scope(self.name.replace("/", ">")):
            variable = Variable(initializers.get(initializer), shape, dtype, trainable=False, name=name)
        self._variables_list.append(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """`add_variable` in older programs."""
        if isinstance(shape, str):
            shape, name = (), shape
        return self.add_variable(shape, initializer or "zeros", dtype, name=name)

    def reset_state(self):
        """Set all variables of the state to 0."""
        for variable in self.variables:
            variable.array_[...] = 0

    reset_states = reset_state

    def update_state(self, *args, **kwargs):
        """Take in a batch."""
        raise NotImplementedError

    def result(self):
        """The value so far."""
        raise NotImplementedError

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self):
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config):
        """A metric of these arguments."""
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"


def divide(x, y):
    """``x / y``, and 0 where `y` is 0."""
    return np.divide(x, y, out=np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)), np.result_type(x, y)),
                     where=np.asarray(y) != 0)


def scalar(value):
    """A result as a tensor."""
    return from_array(np.asarray(value, np.float32))


def samplewise(values, sample_weight, reduce, dtype):
    """(numbers, weights) of the samples, both arrays: the axes behind the first are reduced."""
    mask = mask_of(values)
    values = array_of(convert(values)).astype(dtype, copy=False)
    if sample_weight is None:
        return (reduce(values.reshape(len(values), -1), 1) if values.ndim > 1 else values), None
    weight = array_of(convert(apply_mask(sample_weight, mask, "sum"))).astype(dtype, copy=False)
    values, weight = same_rank(values, weight)
    rank = weight.ndim
    if values.ndim > rank:
        values = reduce(values, tuple(range(rank, values.ndim)))
    weight = np.broadcast_to(weight, values.shape)
    values = values * weight
    if rank > 1:
        weight = reduce(weight, tuple(range(1, rank)))
    if values.ndim > 1:
        values = reduce(values, tuple(range(1, values.ndim)))
    return values, weight


class Mean(Metric):
    """The (weighted) mean of all values.

    Values with more than one axis are averaged over the others first: each sample counts once.
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def update_state(self, values, sample_weight=None):
        self._take(values, sample_weight)

    def _take(self, values, sample_weight):
        if type(sample_weight) is int and getattr(values, "ndim", None) == 0:  # a loss with the number of its samples
            self.total.array_ += float(values) * sample_weight
            self.count.array_ += sample_weight
            return
        values, weight = samplewise(values, sample_weight, np.mean, self.total.array_.dtype)
        self.total.array_ += values.sum()
        self.count.array_ += weight.sum() if weight is not None else len(values) if values.ndim else 1

    def result(self):
        count = self.count.array_
        return from_array(np.asarray(self.total.array_ / count if count else np.zeros_like(count)))


class Sum(Metric):
    """The (weighted) sum of all values."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", self.dtype, name="total")

    def update_state(self, values, sample_weight=None):
        self.total.array_ += samplewise(values, sample_weight, np.sum, self.total.array_.dtype)[0].sum()

    def result(self):
        return from_array(self.total.array_.copy())


class MeanMetricWrapper(Mean):
    """The mean of a function of ``(y_true, y_pred)``; further arguments go to the function."""

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name or naming.object_name(fn), dtype=dtype)
        self._fn, self._fn_kwargs = fn, kwargs
        if self._direction is None and _is_loss(fn):
            self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        mask = mask_of(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        self._take(values, apply_mask(sample_weight, mask, "sum"))

    def get_config(self):
        return {**super().get_config(), "fn": objects.serialize_keras_object(self._fn),
                **objects.serialize_keras_object(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        if "fn" in config:
            config["fn"] = objects.deserialize_keras_object(config["fn"])
        if isinstance(config.get("fn"), str):
            config["fn"] = getattr(metrics, config["fn"])
        return cls(**config)


def _is_loss(fn):
    return isinstance(fn, losses.Loss) or getattr(losses, getattr(fn, "__name__", ""), None) is fn


class FunctionMetric(MeanMetricWrapper):
    """One of the door's own functions as a class; `_saved` names the arguments that its record holds."""

    _saved = ()

    def __init__(self, fn, name, dtype, **kwargs):
        super().__init__(fn, name, dtype, **kwargs)
        vars(self).update({each: kwargs[each] for each in self._saved})

    def get_config(self):
        return {**Metric.get_config(self), **{name: getattr(self, name) for name in self._saved}}
