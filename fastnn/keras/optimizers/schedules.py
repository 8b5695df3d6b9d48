"""Learning rates that change with the step, as ``keras.optimizers.schedules``."""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config as settings
from fastnn.keras.saving import objects
from fastnn.keras.variables import array_of


class LearningRateSchedule:
    """Base of schedules: ``schedule(step)`` gives the rate."""

    def __call__(self, step):
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override "
                                  f"`__call__(self, step)`.")

    def get_config(self):
        """The constructor's arguments."""
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in "
                                  f"order to be serializable.")

    @classmethod
    def from_config(cls, config):
        """A schedule of these arguments."""
        return cls(**config)


class _Schedule(LearningRateSchedule):
    """The door's own: subclasses define ``_rate(step)`` on numbers; `_saved` names the arguments."""

    _saved = ()

    def __init__(self, **kwargs):
        vars(self).update(kwargs)
        for name in ("decay_steps", "first_decay_steps"):
            if name in kwargs and kwargs[name] <= 0:
                raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={kwargs[name]}")

    def __call__(self, step):
        step = array_of(step)
        rates = np.vectorize(self._rate)(step) if step.ndim else self._rate(float(step))
        return from_array(np.asarray(rates, settings.torch_dtype(None).numpy))

    def get_config(self):
        return {name: getattr(self, name) for name in (*self._saved, "name")}


class ExponentialDecay(_Schedule):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``; the exponent is a whole number if `staircase`."""

    _saved = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        super().__init__(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate,
                         staircase=staircase, name=name)

    def _rate(self, step):
        part = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(part) if self.staircase else part)


class PiecewiseConstantDecay(_Schedule):
    """``values[i]`` up to step ``boundaries[i]``, the last value from there on."""

    _saved = ("boundaries", "values")

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"The length of boundaries should be 1 less than the length of values. Received: "
                             f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length "
                             f"{len(values)}.")
        super().__init__(boundaries=boundaries, values=values, name=name)

    def _rate(self, step):
        for boundary, value in zip(self.boundaries, self.values):
            if step <= boundary:
                return value
        return self.values[-1]


class PolynomialDecay(_Schedule):
    """From `initial_learning_rate` to `end_learning_rate` within `decay_steps`:
    ``(initial - end) * (1 - step / decay_steps) ** power + end``.

    Parameters
    ----------
    cycle : bool
        Begin anew after `decay_steps` with a multiple of them, in place of staying at the end.
    """

    _saved = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle")

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False,
                 name="PolynomialDecay"):
        super().__init__(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps,
                         end_learning_rate=end_learning_rate, power=power, cycle=cycle, name=name)

    def _rate(self, step):
        steps = self.decay_steps
        if self.cycle:
            steps *= math.ceil(step / steps) if step else 1
        part = min(step, steps) / steps
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - part) ** self.power + self.end_learning_rate


class InverseTimeDecay(_Schedule):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``; the quotient whole if `staircase`."""

    _saved = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        super().__init__(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate,
                         staircase=staircase, name=name)

    def _rate(self, step):
        part = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(part) if self.staircase else part))


def _cosine(part, alpha):
    return (1 - alpha) * 0.5 * (1 + math.cos(math.pi * part)) + alpha


class CosineDecay(_Schedule):
    """Half a cosine from `initial_learning_rate` to its share `alpha` within `decay_steps` (Loshchilov and
    Hutter, 2016).

    Parameters
    ----------
    warmup_target : float, optional
        First a line from `initial_learning_rate` to it within `warmup_steps`; the cosine begins there.
    warmup_steps : int
    """

    _saved = ("initial_learning_rate", "decay_steps", "alpha", "warmup_target", "warmup_steps")

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None,
                 warmup_steps=0):
        super().__init__(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, alpha=alpha, name=name,
                         warmup_target=warmup_target, warmup_steps=warmup_steps)

    def _rate(self, step):
        first = self.initial_learning_rate
        if self.warmup_target is None:
            return first * _cosine(min(step, self.decay_steps) / self.decay_steps, self.alpha)
        step = min(step, self.decay_steps + self.warmup_steps)
        if step < self.warmup_steps:
            return (self.warmup_target - first) * step / self.warmup_steps + first
        return self.warmup_target * _cosine((step - self.warmup_steps) / self.decay_steps, self.alpha)


class CosineDecayRestarts(_Schedule):
    """Half cosines one after another, each `t_mul` times as long and `m_mul` times as high as the one before."""

    _saved = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha")

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        super().__init__(initial_learning_rate=initial_learning_rate, first_decay_steps=first_decay_steps, t_mul=t_mul,
                         m_mul=m_mul, alpha=alpha, name=name)

    def _rate(self, step):
        part, times = step / self.first_decay_steps, self.t_mul
        if times == 1.0:
            restarts = math.floor(part)
            part -= restarts
        else:
            # In float32, as where a period begins is decided by a rounded logarithm.
            one, grown = np.float32(1), np.float32(times)
            restarts = math.floor(np.log(one - np.float32(part) * (one - grown)) / np.log(grown))
            part = (part - (1 - times ** restarts) / (1 - times)) / times ** restarts
        height = self.m_mul ** restarts * 0.5 * (1 + math.cos(math.pi * part))
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)


def serialize(learning_rate_schedule):
    """The record of a schedule."""
    return objects.serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule of a record."""
    return objects.deserialize_keras_object(config, custom_objects)
