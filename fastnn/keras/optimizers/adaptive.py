"""Optimizers that scale by sums or averages of squared gradients."""
import numpy as np

from fastnn import kernels
from fastnn.keras import initializers
from fastnn.keras.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): ``a += g**2``, ``w -= learning_rate * g / sqrt(a + epsilon)``.

    Parameters
    ----------
    learning_rate, epsilon : float
    initial_accumulator_value : float
        Initial value of a.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Adagrad(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.905, 2.099], dtype=float32)
    """

    _saved = ("initial_accumulator_value", "epsilon")

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-07, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(var_list, "accumulator", start)

    def update(self, grads, variables, learning_rate):
        totals = self._arrays(variables, self._accumulators)
        for total in totals:  # the kernel has epsilon beside the root, Keras within: it goes there by the sum
            total += self.epsilon
        kernels.adagrad_step([v.array_ for v in variables], grads, totals, self._counters(variables), learning_rate,
                             eps=0.0)
        for total in totals:
            total -= self.epsilon


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): ``w -= learning_rate * sqrt(d + epsilon) / sqrt(v + epsilon) * g``, with averages d of
    squared steps and v of squared gradients.

    Parameters
    ----------
    learning_rate, epsilon : float
    rho : float
        Decay of the averages.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Adadelta(1.0).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.999, 2.001], dtype=float32)
    """

    _saved = ("rho", "epsilon")

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-07, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.rho, self.epsilon = rho, epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            var_list, ["accumulated_grad", "accumulated_delta_var"])

    def update(self, grads, variables, learning_rate):
        kernels.adadelta_step([v.array_ for v in variables], grads, self._arrays(variables, self._accumulated_grads),
                              self._arrays(variables, self._accumulated_delta_vars), self._counters(variables),
                              learning_rate, self.rho, self.epsilon)


class RMSprop(Optimizer):
    """RMSprop (Hinton, 2012): ``v = rho * v + (1 - rho) * g**2``, ``w -= learning_rate * g / sqrt(v + epsilon)``.

    Parameters
    ----------
    learning_rate, rho, epsilon : float
    momentum : float
        ``m = momentum * m + step``, ``w -= m``.
    centered : bool
        Whether the square of an average gradient is subtracted from v.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.RMSprop(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.684, 2.316], dtype=float32)
    """

    _saved = ("rho", "momentum", "epsilon", "centered")

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-07, centered=False, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._velocities = self.add_optimizer_variables(var_list, "velocity")
        self._momentums = self.add_optimizer_variables(var_list, "momentum") if self.momentum > 0 else []
        self._average_gradients = self.add_optimizer_variables(var_list, "average_gradient") if self.centered else []

    def update(self, grads, variables, learning_rate):
        if not self.momentum and self.rho > 0:
            velocities = self._arrays(variables, self._velocities)
            means = self._arrays(variables, self._average_gradients) if self.centered else None
            for v in velocities:  # as in Adagrad; the average takes rho of what is added
                v += self.epsilon / self.rho
            kernels.rmsprop_step([v.array_ for v in variables], grads, velocities, means, None,
                                 self._counters(variables), learning_rate, self.rho, 0.0)
            for v in velocities:
                v -= self.epsilon
            return
        for g, variable in zip(grads, variables):
            i, scratch = self._get_variable_index(variable), g * g
            v = self._velocities[i].array_
            v *= self.rho
            scratch *= 1 - self.rho
            v += scratch
            if self.centered:
                mean = self._average_gradients[i].array_
                mean *= self.rho
                mean += (1 - self.rho) * g
                np.subtract(v, mean * mean, out=scratch)
                scratch += self.epsilon
            else:
                np.add(v, self.epsilon, out=scratch)
            np.sqrt(scratch, out=scratch)
            np.divide(g, scratch, out=scratch)
            scratch *= learning_rate
            if self.momentum > 0:
                m = self._momentums[i].array_
                m *= self.momentum
                m += scratch
                scratch = m
            variable.array_ -= scratch


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al., 2013), which gives sparse weights.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    learning_rate_power : float
        At most 0: exponent of the accumulated squared gradients in the rate.
    initial_accumulator_value : float
        Initial value of their sum.
    l1_regularization_strength, l2_regularization_strength : float
    l2_shrinkage_regularization_strength : float
        Adds ``2 * strength * w`` to gradients.
    beta : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Raises
    ------
    ValueError
        A negative strength, or a positive `learning_rate_power`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Ftrl(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.603, 1.786], dtype=float32)
    """

    _saved = ("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength",
              "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta")

    def __init__(self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 l2_shrinkage_regularization_strength=0.0, beta=0.0, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        for name_, value in (("initial_accumulator_value", initial_accumulator_value),
                             ("l1_regularization_strength", l1_regularization_strength),
                             ("l2_regularization_strength", l2_regularization_strength),
                             ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)):
            if value < 0.0:
                raise ValueError(f"`{name_}` needs to be positive or zero. Received: {name_}={value}.")
            setattr(self, name_, value)
        if learning_rate_power > 0.0:
            raise ValueError(f"`learning_rate_power` needs to be negative or zero. Received: learning_rate_power="
                             f"{learning_rate_power}.")
        self.learning_rate_power, self.beta = learning_rate_power, beta

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators, self._linears = self.add_optimizer_variables(var_list, ["accumulator", "linear"],
                                                                         [start, "zeros"])

    def update(self, grads, variables, learning_rate):
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        for g, variable in zip(grads, variables):
            i, w = self._get_variable_index(variable), variable.array_
            total, linear = self._accumulators[i].array_, self._linears[i].array_
            before = total ** power
            total += g * g
            after = total ** power
            linear += g + 2 * self.l2_shrinkage_regularization_strength * w - (after - before) / learning_rate * w
            w[...] = (np.clip(linear, -l1, l1) - linear) / (after / learning_rate + 2 * l2)
