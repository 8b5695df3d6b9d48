"""Learning rates that change with the step, as ``keras.optimizers.schedules``."""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config as settings
from fastnn.keras.saving import objects
from fastnn.keras.variables import array_of


class LearningRateSchedule:
    """Base of schedules: subclasses define ``schedule(step)``, which gives the learning rate, and `get_config`.

    Examples
    --------
    >>> class Halving(keras.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.5 ** step
    >>> keras.optimizers.SGD(Halving()).learning_rate
    tensor(1.)
    """

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
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool
        Whether ``step / decay_steps`` is rounded down.
    name : str

    Raises
    ------
    ValueError
        `decay_steps` is not positive.

    Examples
    --------
    >>> schedule = keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)
    >>> [round(float(schedule(step)), 4) for step in (0, 10, 20)]
    [1.0, 0.5, 0.25]
    """

    _saved = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        super().__init__(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate,
                         staircase=staircase, name=name)

    def _rate(self, step):
        part = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(part) if self.staircase else part)


class PiecewiseConstantDecay(_Schedule):
    """``values[i]`` up to step ``boundaries[i]``, the last value after the last boundary.

    Parameters
    ----------
    boundaries : list of int
    values : list of float
        One more than boundaries.
    name : str

    Raises
    ------
    ValueError
        Lengths that do not fit.

    Examples
    --------
    >>> schedule = keras.optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> [round(float(schedule(step)), 4) for step in (10, 11, 21)]
    [1.0, 0.5, 0.1]
    """

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
    """``(initial - end) * (1 - step / decay_steps) ** power + end``, and `end_learning_rate` after `decay_steps`.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    end_learning_rate, power : float
    cycle : bool
        Whether to begin again after `decay_steps`, with the next multiple of them.
    name : str

    Raises
    ------
    ValueError
        `decay_steps` is not positive.

    Examples
    --------
    >>> schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 20)]
    [1.0, 0.5, 0.0]
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
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool
        Whether ``step / decay_steps`` is rounded down.
    name : str

    Raises
    ------
    ValueError
        `decay_steps` is not positive.

    Examples
    --------
    >>> schedule = keras.optimizers.schedules.InverseTimeDecay(1.0, 10, 1.0)
    >>> [round(float(schedule(step)), 4) for step in (0, 10, 30)]
    [1.0, 0.5, 0.25]
    """

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
    """Half a cosine from `initial_learning_rate` to ``alpha * initial_learning_rate`` (Loshchilov and Hutter, 2016).

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    alpha : float
    warmup_target : float, optional
        The rate first rises linearly to it within `warmup_steps`; the cosine begins there.
    warmup_steps : int
    name : str

    Raises
    ------
    ValueError
        `decay_steps` is not positive.

    Examples
    --------
    >>> schedule = keras.optimizers.schedules.CosineDecay(1.0, 10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10)]
    [1.0, 0.5, 0.0]
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
    """Half cosines one after another (Loshchilov and Hutter, 2016).

    Parameters
    ----------
    initial_learning_rate : float
    first_decay_steps : int
    t_mul, m_mul : float
        Factors of length and height from one period to the next.
    alpha : float
        Smallest rate, as a share of the initial one.
    name : str

    Raises
    ------
    ValueError
        `first_decay_steps` is not positive.

    Examples
    --------
    >>> schedule = keras.optimizers.schedules.CosineDecayRestarts(1.0, 10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20)]
    [1.0, 0.5, 1.0, 0.5]
    """

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
    """Record of a schedule, as a dict that can be written as JSON.

    Parameters
    ----------
    learning_rate_schedule : LearningRateSchedule

    Returns
    -------
    dict

    Examples
    --------
    >>> keras.optimizers.schedules.serialize(keras.optimizers.schedules.CosineDecay(0.1, 10))["class_name"]
    'CosineDecay'
    """
    return objects.serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule of a record, the inverse of `serialize`.

    Parameters
    ----------
    config : dict
    custom_objects : dict, optional
        Name -> class, for classes that are not registered.

    Returns
    -------
    LearningRateSchedule

    Examples
    --------
    >>> record = keras.optimizers.schedules.serialize(keras.optimizers.schedules.CosineDecay(0.1, 10))
    >>> keras.optimizers.schedules.deserialize(record).decay_steps
    10
    """
    return objects.deserialize_keras_object(config, custom_objects)
