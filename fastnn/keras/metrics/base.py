"""Metric: the base of metrics, and means."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.autograd import no_grad
from fastnn.keras import config, initializers, naming
from fastnn.keras.losses.base import same_rank
from fastnn.keras.saving import objects
from fastnn.keras.variables import Variable, array_of, convert


class Metric:
    """Base of metrics: subclasses define `update_state` and `result`.

    Parameters
    ----------
    dtype : str, optional
    name : str, optional
    """

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
        """The variables of the state."""
        found = list(self._variables_list)
        for value in vars(self).values():
            if isinstance(value, Metric):
                found += value.variables
        return found

    def add_variable(self, shape, initializer, dtype=None, aggregation="sum", name=None):
        """Make a variable of the state."""
        variable = Variable(initializers.get(initializer), shape, dtype or self._dtype, trainable=False, name=name)
        self._variables_list.append(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None, **kwargs):
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


def reduce_to_samples(values, sample_weight):
    """(array, weight): values with weights of the same shape, as Keras fits them."""
    values = array_of(values)
    if sample_weight is None:
        return values, None
    weight = array_of(sample_weight).astype(values.dtype if values.dtype.kind == "f" else np.float32)
    if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    if weight.ndim < values.ndim:
        values = values.mean(axis=tuple(range(weight.ndim, values.ndim)))
    return values, np.broadcast_to(weight, values.shape)


class Mean(Metric):
    """The (weighted) mean of all values."""

    def __init__(self, name="mean", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values, sample_weight=None):
        if type(sample_weight) is int:  # a loss with the number of its samples
            self.total.array_ += float(values) * sample_weight
            self.count.array_ += sample_weight
            return
        mask = getattr(values, "_keras_mask", None)
        if mask is not None:
            weight = array_of(mask).astype(np.float32)
            sample_weight = weight if sample_weight is None else _times(sample_weight, weight)
        values, weight = reduce_to_samples(convert(values), sample_weight)
        if weight is None:
            self.total.array_ += values.sum()
            self.count.array_ += values.size
        else:
            self.total.array_ += (values * weight).sum()
            self.count.array_ += weight.sum()

    def result(self):
        count = self.count.array_
        return from_array(np.asarray(self.total.array_ / count if count else np.zeros_like(count)))


def _times(sample_weight, mask):
    weight = array_of(sample_weight)
    while weight.ndim < mask.ndim:
        weight = weight[..., None]
    return weight * mask


class Sum(Metric):
    """The (weighted) sum of all values."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values, sample_weight=None):
        values, weight = reduce_to_samples(convert(values), sample_weight)
        self.total.array_ += values.sum() if weight is None else (values * weight).sum()

    def result(self):
        return from_array(self.total.array_.copy())


class MeanMetricWrapper(Mean):
    """The mean of a function of ``(y_true, y_pred)``."""

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name or naming.object_name(fn), dtype=dtype)
        self._fn, self._fn_kwargs = fn, kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        mask = getattr(y_pred, "_keras_mask", None)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None and isinstance(values, Tensor):
            values._keras_mask = mask
        Mean.update_state(self, values, None if sample_weight is None else sample_weight)

    def get_config(self):
        made = super().get_config()
        if type(self) is MeanMetricWrapper:
            made["fn"] = objects.serialize_keras_object(self._fn)
        made.update(objects.serialize_keras_object(self._fn_kwargs))
        return made

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        if "fn" in config:
            config["fn"] = objects.deserialize_keras_object(config["fn"])
        return cls(**config)


__all__ = ["Mean", "MeanMetricWrapper", "Metric", "Sum", "same_rank"]
