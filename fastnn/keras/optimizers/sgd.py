"""Gradient descent."""
from fastnn import kernels
from fastnn.keras.optimizers.base import Optimizer


class SGD(Optimizer):
    """Gradient descent: ``w -= learning_rate * g``.

    With momentum ``v = momentum * v - learning_rate * g`` and ``w += v``, or, with Nesterov's, ``w += momentum * v -
    learning_rate * g``.

    Parameters
    ----------
    learning_rate, momentum : float
        The learning rate may be a schedule too.
    nesterov : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
        As in `Optimizer`.
    loss_scale_factor, gradient_accumulation_steps, name
        As in `Optimizer`.

    Raises
    ------
    ValueError
        `momentum` is not between 0 and 1.

    Examples
    --------
    >>> w = keras.Variable(np.array([1.0, 2.0], "float32"))
    >>> keras.optimizers.SGD(0.1).apply([np.array([1.0, -2.0], "float32")], [w])
    >>> w.numpy().round(3)
    array([0.9, 2.2], dtype=float32)
    """

    _saved = ("momentum", "nesterov")

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)
        if not isinstance(momentum, (int, float)) or momentum < 0 or momentum > 1:
            raise ValueError("`momentum` must be a float between [0, 1].")
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update(self, grads, variables, learning_rate):
        if not self.momentum:
            kernels.sgd_step([v.array_ for v in variables], grads, [None] * len(grads), learning_rate)
            return
        for g, variable in zip(grads, variables):
            v = self.momentums[self._get_variable_index(variable)].array_
            v *= self.momentum
            v -= learning_rate * g
            variable.array_ += self.momentum * v - learning_rate * g if self.nesterov else v
