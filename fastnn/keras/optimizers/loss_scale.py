"""LossScaleOptimizer: gradients of small floating types without underflow."""
import numpy as np

from fastnn.keras import initializers
from fastnn.keras.optimizers.base import Optimizer
from fastnn.keras.saving import objects
from fastnn.keras.variables import array_of


class LossScaleOptimizer(Optimizer):
    """An optimizer around another one: losses are multiplied by a scale, gradients divided by it.

    A step whose gradients are not all finite is skipped, and the scale halved; after `dynamic_growth_steps` finite ones
    it is doubled. In float32 this changes nothing but the time of a step.

    Parameters
    ----------
    inner_optimizer : Optimizer
    initial_scale : float
    dynamic_growth_steps : int
    name : str, optional

    Raises
    ------
    ValueError
        Arguments that belong to the inner optimizer.

    Examples
    --------
    >>> optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5), initial_scale=4.0)
    >>> w = keras.Variable(np.array([1.0]))
    >>> optimizer.apply([np.array([8.0])], [w])
    >>> w.numpy()
    array([0.])
    """

    def __init__(self, inner_optimizer, initial_scale=32768.0, dynamic_growth_steps=2000, name=None, **kwargs):
        if not kwargs.pop("dynamic", True):
            raise ValueError("LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set "
                             "`loss_scale_factor` directly on the `inner_optimizer`.")
        for argument, value in kwargs.items():
            if not hasattr(inner_optimizer, argument):
                raise ValueError(f"LossScaleOptimizer does not support arguments: `{argument}`.")
            if value is not None and value is not False and (argument, value) != ("ema_momentum", 0.99):
                raise ValueError(f"LossScaleOptimizer does not support `{argument}`. Instead, set `{argument}` on the "
                                 f"`inner_optimizer`.")
        self.inner_optimizer = inner_optimizer
        super().__init__(learning_rate=0.0, name=name)
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, var_list):
        self.step_counter = self.add_variable((), "zeros", "int64", name="step_counter")
        self.dynamic_scale = self.add_variable((), initializers.Constant(self.initial_scale), "float32",
                                               name="dynamic_scale")
        self.inner_optimizer.build(var_list)
        super().build(var_list)

    @property
    def variables(self):
        return self._variables + self.inner_optimizer.variables

    def apply(self, grads, trainable_variables=None):
        if not self.built:
            self.build(list(trainable_variables))
        grads = [None if g is None else array_of(g) for g in grads]
        count, scale = self.step_counter.array_, self.dynamic_scale.array_
        if not all(np.isfinite(g).all() for g in grads if g is not None):
            count[...] = 0
            scale *= 0.5
            return
        self.inner_optimizer.apply([None if g is None else g / scale.astype(g.dtype) for g in grads],
                                   trainable_variables)
        count += 1
        if count == self.dynamic_growth_steps:
            count[...] = 0
            scale *= 2

    @property
    def learning_rate(self):
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self):
        return self.inner_optimizer.iterations

    def scale_loss(self, loss):
        return loss * float(self.dynamic_scale.array_ if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list):
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self):
        return {"name": self.name, "inner_optimizer": objects.serialize_keras_object(self.inner_optimizer),
                "initial_scale": self.initial_scale, "dynamic_growth_steps": self.dynamic_growth_steps}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        inner = objects.deserialize_keras_object(config.pop("inner_optimizer"), custom_objects)
        return cls(inner, **config)
