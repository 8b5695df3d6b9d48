"""Adam and AdamW."""
import math

import numpy as np

from fastnn.keras.optimizers.base import Optimizer
from fastnn.kernels import adam_step


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014): ``m += (1 - beta_1) (g - m)``, ``v += (1 - beta_2) (g**2 - v)``,
    ``w -= learning_rate sqrt(1 - beta_2**t) / (1 - beta_1**t) m / (sqrt(v) + epsilon)``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
    amsgrad : bool
        Divide by the largest v so far.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, \
loss_scale_factor, gradient_accumulation_steps, name
        See `Optimizer`.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name="adam",
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
        self._steps = [np.empty((), np.float32) for _ in var_list]

    def update(self, grads, variables, learning_rate):
        index = [self._get_variable_index(v) for v in variables]
        step = int(self._iterations.array_)
        for i in index:
            self._steps[i][...] = step
        # The kernel adds epsilon to the root of the corrected v, Keras to that of v itself.
        epsilon = self.epsilon / math.sqrt(1 - self.beta_2 ** (step + 1)) if self.beta_2 else self.epsilon
        adam_step([v.array_ for v in variables], grads, [self._momentums[i].array_ for i in index],
                  [self._velocities[i].array_ for i in index],
                  [self._velocity_hats[i].array_ for i in index] if self.amsgrad else None,
                  [self._steps[i] for i in index], learning_rate, self.beta_1, self.beta_2, epsilon)

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
                "amsgrad": self.amsgrad}


class AdamW(Adam):
    """`Adam` with weight decay that does not go through the averages (Loshchilov and Hutter, 2017)."""

    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name="adamw",
                 **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
                         global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
                         gradient_accumulation_steps, name, **kwargs)
        if self.weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
