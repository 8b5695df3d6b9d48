"""Optimizers that look at weights as matrices."""
import re

import numpy as np

from fastnn import kernels
from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.optimizers.adam import outer_epsilon
from fastnn.keras.optimizers.base import Optimizer
from fastnn.keras.variables import Variable


def _rms(x):
    return kernels.total_norm([x]) / max(x.size, 1) ** 0.5


class Adafactor(Optimizer):
    """Adam that keeps averages of squared gradients by rows and columns only (Shazeer and Stern, 2018).

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    beta_2_decay : float
        The averages' decay at step t is ``1 - t**beta_2_decay``.
    epsilon_1, epsilon_2 : float
        Added to squared gradients; smallest root mean square of a weight.
    clip_threshold : float
        Largest root mean square of a step.
    relative_step : bool
        Whether the rate is at most ``1 / sqrt(t)``.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.array([[1.0, 2.0]], "float32"))
    >>> keras.optimizers.Adafactor(0.1).apply([np.array([[1.0, -2.0]], "float32")], [w])
    >>> w.numpy().round(3)
    array([[0.842, 2.158]], dtype=float32)
    """

    _saved = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")

    def __init__(self, learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=0.001, clip_threshold=1.0,
                 relative_step=True, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
                 use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._r, self._c, self._v = [], [], []
        for variable in var_list:
            shape, dtype = tuple(variable.shape), config.dtype_of(variable)
            if len(shape) < 2:
                rows, columns = (Variable(0, (), trainable=False, name=variable.name) for _ in "rc")
                self._track_variable(rows)
                self._track_variable(columns)
            else:
                rows = self.add_variable(shape[:-1], dtype=dtype, name=variable.name)
                columns = self.add_variable(shape[:-2] + shape[-1:], dtype=dtype, name=variable.name)
            self._r.append(rows)
            self._c.append(columns)
            self._v.append(self.add_variable_from_reference(variable, "velocity"))

    def update(self, grads, variables, learning_rate):
        step = self._steps_done() + 1
        if not callable(self._learning_rate) and self.relative_step:
            learning_rate = min(learning_rate, step ** -0.5)
        rate, decay = min(learning_rate, step ** -0.5), 1 - float(step) ** self.beta_2_decay
        for g, variable in zip(grads, variables):
            i, w = self._get_variable_index(variable), variable.array_
            r, c, v = self._r[i].array_, self._c[i].array_, self._v[i].array_
            squares = g * g + self.epsilon_1
            if w.ndim >= 2:
                r[...] = decay * r + (1 - decay) * squares.mean(-1)
                c[...] = decay * c + (1 - decay) * squares.mean(-2)
                v[...] = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
            else:
                v[...] = decay * v + (1 - decay) * squares
            change = g / np.sqrt(v)
            change *= max(self.epsilon_2, _rms(w)) * rate / max(1.0, _rms(change) / self.clip_threshold)
            w -= change


class Muon(Optimizer):
    """Momentum whose steps for matrices are made orthogonal by Newton-Schulz iterations (Jordan et al., 2024); AdamW
    for the rest.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    exclude_layers : list of str, optional
        Regular expressions of paths of variables that AdamW updates too.
    exclude_embeddings : bool
        Whether AdamW updates embeddings.
    muon_a, muon_b, muon_c : float
        Coefficients of an iteration: ``a * x + (b * s + c * s @ s) @ x`` with ``s = x @ x^T``.
    adam_lr_ratio, adam_beta_1, adam_beta_2, adam_weight_decay, epsilon : float
        Of AdamW; its rate is ``learning_rate * adam_lr_ratio``.
    momentum : float
    nesterov : bool
    ns_steps : int
        Number of iterations.
    rms_rate : float, optional
        Steps are multiplied by ``rms_rate * sqrt(max(shape))``.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Examples
    --------
    >>> w = keras.Variable(np.zeros((2, 2), "float32"), name="kernel")
    >>> keras.optimizers.Muon(1.0, rms_rate=None).apply([np.array([[3.0, 0.0], [0.0, 3.0]], "float32")], [w])
    >>> w.numpy().round(1)
    array([[-1.1,  0. ],
           [ 0. , -1.1]], dtype=float32)
    """

    _saved = ("adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio",
              "momentum", "ns_steps", "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate")

    def __init__(self, learning_rate=0.001, adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004, epsilon=1e-07,
                 weight_decay=0.004, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
                 ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, exclude_layers=None, exclude_embeddings=True,
                 muon_a=3.4445, muon_b=-4.775, muon_c=2.0315, adam_lr_ratio=1, momentum=0.95, ns_steps=5, nesterov=True,
                 rms_rate=0.2, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        exclude_layers = exclude_layers or []
        given = locals()
        vars(self).update({each: given[each] for each in self._saved})

    def _should_use_adamw(self, variable):
        return (len(variable.shape) != 2 or self.exclude_embeddings and "embedding" in variable.path.lower()
                or any(re.search(keyword, variable.path) for keyword in self.exclude_layers))

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self.momentums, self.adam_velocities = [], []
        for variable in var_list:
            self.momentums.append(self.add_variable_from_reference(variable, "momentum"))
            adam = self._should_use_adamw(variable)
            self.adam_velocities.append(self.add_variable_from_reference(variable, "velocity") if adam else None)

    def _apply_weight_decay(self, variables):
        kept = [v for v in variables if self._use_weight_decay(v)]
        for adam, strength in ((True, self.adam_weight_decay), (False, self.weight_decay)):
            if strength is not None:
                self._decay([v for v in kept if self._should_use_adamw(v) == adam], strength)

    def update(self, grads, variables, learning_rate):
        by_adam = [self.adam_velocities[self._get_variable_index(v)] is not None for v in variables]
        chosen = [v for v, adam in zip(variables, by_adam) if adam]
        if chosen:
            kernels.adam_step([v.array_ for v in chosen], [g for g, adam in zip(grads, by_adam) if adam],
                              self._arrays(chosen, self.momentums), self._arrays(chosen, self.adam_velocities), None,
                              self._counters(variables)[:len(chosen)], learning_rate * self.adam_lr_ratio,
                              self.adam_beta_1, self.adam_beta_2,
                              outer_epsilon(self.epsilon, self.adam_beta_2, self._steps_done() + 1))
        for g, variable, adam in zip(grads, variables, by_adam):
            if adam:
                continue
            m = self.momentums[self._get_variable_index(variable)].array_
            m *= self.momentum
            m += g
            change = learning_rate * self._orthogonal(g + self.momentum * m if self.nesterov else m)
            if self.rms_rate is not None:
                change *= max(change.shape) ** 0.5 * self.rms_rate
            variable.array_ -= change

    def _orthogonal(self, matrix):
        """The matrix with its singular values close to 1, by Newton-Schulz iterations."""
        tall = matrix.shape[0] > matrix.shape[1]
        x = np.ascontiguousarray(matrix.T) if tall else matrix
        x = from_array(x / (kernels.total_norm([x]) + 1e-7))
        for _ in range(self.ns_steps):
            square = x @ x.t()
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * (square @ square)) @ x
        return x.numpy().T if tall else x.numpy()
