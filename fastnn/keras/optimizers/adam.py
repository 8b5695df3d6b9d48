"""Adam and its relatives."""
import math

import numpy as np

from fastnn import kernels
from fastnn.keras import config
from fastnn.keras.optimizers.base import Optimizer
from fastnn.keras.variables import Variable


def outer_epsilon(epsilon, beta_2, step):
    """Adam's kernel adds epsilon to the root of the corrected v, Keras to that of v itself."""
    return epsilon / math.sqrt(1 - beta_2 ** step) if beta_2 else epsilon


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014), at step t with the gradient g.

    ``m += (1 - beta_1) * (g - m)``, ``v += (1 - beta_2) * (g**2 - v)``, ``w -= learning_rate * sqrt(1 - beta_2**t) / (1
    - beta_1**t) * m / (sqrt(v) + epsilon)``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
        The learning rate may be a schedule too.
    amsgrad : bool
        Whether to divide by the largest v so far (Reddi et al., 2018).
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Adam(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    _saved = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        self._velocity_hats = self.add_optimizer_variables(var_list, "velocity_hat") if self.amsgrad else None

    def update(self, grads, variables, learning_rate):
        kernels.adam_step([v.array_ for v in variables], grads, self._arrays(variables, self._momentums),
                          self._arrays(variables, self._velocities),
                          self._arrays(variables, self._velocity_hats) if self.amsgrad else None,
                          self._counters(variables), learning_rate, self.beta_1, self.beta_2,
                          outer_epsilon(self.epsilon, self.beta_2, self._steps_done() + 1))


class AdamW(Adam):
    """`Adam` with decoupled weight decay (Loshchilov and Hutter, 2017): ``w -= learning_rate * weight_decay * w``
    before each step.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, amsgrad
        As in `Adam`.
    weight_decay : float
    clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Raises
    ------
    ValueError
        `weight_decay` is None.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.AdamW(0.1, weight_decay=0.5).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.85, 2.  ], dtype=float32)
    """

    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
                         global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
                         gradient_accumulation_steps, name, **kwargs)
        if self.weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")


class Adamax(Optimizer):
    """Adam with the infinity norm (Kingma and Ba, 2014): ``u = max(beta_2 * u, abs(g))``, ``w -= learning_rate / (1 -
    beta_1**t) * m / (u + epsilon)``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
        The learning rate may be a schedule too.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Adamax(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    _saved = ("beta_1", "beta_2", "epsilon")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._m, self._u = self.add_optimizer_variables(var_list, ["momentum", "norm"])

    def update(self, grads, variables, learning_rate):
        rate = learning_rate / (1 - self.beta_1 ** (self._steps_done() + 1))
        for g, variable in zip(grads, variables):
            m, u = (state[self._get_variable_index(variable)].array_ for state in (self._m, self._u))
            m += (g - m) * (1 - self.beta_1)
            u *= self.beta_2
            np.maximum(u, np.abs(g), out=u)
            variable.array_ -= rate * m / (u + self.epsilon)


class Nadam(Optimizer):
    """Adam with Nesterov momentum (Dozat, 2015), whose factor at step t is ``beta_1 * (1 - 0.96**t / 2)``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
        The learning rate may be a schedule too.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Nadam(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.894, 2.106], dtype=float32)
    """

    _saved = ("beta_1", "beta_2", "epsilon")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        dtype = config.dtype_of(var_list[0]) if var_list else None
        self._u_product = Variable(1.0, (), dtype, trainable=False)
        self._track_variable(self._u_product)

    def update(self, grads, variables, learning_rate):
        products = [np.array(self._u_product.array_, np.float32) for _ in variables]
        kernels.nadam_step([v.array_ for v in variables], grads, self._arrays(variables, self._momentums),
                           self._arrays(variables, self._velocities), products, self._counters(variables),
                           learning_rate, self.beta_1, self.beta_2, self.epsilon, momentum_decay=1.0)
        self._u_product.array_[...] = products[0]


class Lamb(Optimizer):
    """Adam whose step for each weight is scaled to the weight's norm (You et al., 2019).

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
        The learning rate may be a schedule too.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Lamb(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.842, 2.158], dtype=float32)
    """

    _saved = ("beta_1", "beta_2", "epsilon")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])

    def update(self, grads, variables, learning_rate):
        step = self._steps_done() + 1
        for g, variable in zip(grads, variables):
            m, v = (state[self._get_variable_index(variable)].array_ for state in (self._momentums, self._velocities))
            m += (g - m) * (1 - self.beta_1)
            v += (g * g - v) * (1 - self.beta_2)
            change = m / (1 - self.beta_1 ** step) / (np.sqrt(v / (1 - self.beta_2 ** step)) + self.epsilon)
            weight, length = kernels.total_norm([variable.array_]), kernels.total_norm([change])
            variable.array_ -= (weight / length if weight > 0 and length > 0 else 1.0) * learning_rate * change


class Lion(Optimizer):
    """Steps along the sign of a momentum (Chen et al., 2023): ``w -= learning_rate * sign(beta_1 * m + (1 - beta_1) *
    g)``, ``m = beta_2 * m + (1 - beta_2) * g``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2 : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Raises
    ------
    ValueError
        `beta_1` is not in (0, 1].

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.Lion(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    _saved = ("beta_1", "beta_2")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.beta_1, self.beta_2 = beta_1, beta_2
        if beta_1 <= 0 or beta_1 > 1:
            raise ValueError(f"Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to "
                             f"SignSGD. Received: beta_1={beta_1}.")

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums = self.add_optimizer_variables(var_list, "momentum")

    def update(self, grads, variables, learning_rate):
        for g, variable in zip(grads, variables):
            m = self._momentums[self._get_variable_index(variable)].array_
            variable.array_ -= learning_rate * np.sign(m * self.beta_1 + g * (1 - self.beta_1))
            m *= self.beta_2
            m += g * (1 - self.beta_2)


class ScheduleFreeAdamW(Optimizer):
    """Adam that needs no schedule (Defazio et al., 2024): weights are interpolated between the newest step and the mean
    of all.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
        The learning rate may be a schedule too.
    warmup_steps : int
        Steps within which the learning rate rises from 0.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.ScheduleFreeAdamW(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    _saved = ("beta_1", "beta_2", "epsilon", "warmup_steps")

    def __init__(self, learning_rate=0.0025, beta_1=0.9, beta_2=0.999, epsilon=1e-08, warmup_steps=0, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        for momentum, variable in zip(self._momentums, var_list):
            momentum.assign(variable)

    def update(self, grads, variables, learning_rate):
        step, one, two = self._steps_done() + 1, self.beta_1, self.beta_2
        if self.warmup_steps > 0:
            learning_rate *= min(step / self.warmup_steps, 1.0)
        for g, variable in zip(grads, variables):
            z, v = (state[self._get_variable_index(variable)].array_ for state in (self._momentums, self._velocities))
            v += (g * g - v) * (1 - two)
            z -= learning_rate * g / (np.sqrt(v / (1 - two ** step)) + self.epsilon)
            x = (variable.array_ - (1 - one) * z) / one  # as Keras has it: z after its step
            x += (z - x) / step
            variable.array_[...] = (1 - one) * z + one * x
