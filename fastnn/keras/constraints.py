"""Projections of weights that run after every step of an optimizer, as ``keras.constraints``."""
from fastnn.keras import config
from fastnn.keras.saving.objects import Family
from fastnn.keras.variables import convert


class Constraint:
    """Base of constraints: subclasses define ``__call__(w)``, which gives the weight to keep, and `get_config`."""

    def __call__(self, w):
        raise NotImplementedError("Subclasses of `Constraint` must implement `__call__`")

    def get_config(self):
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config):
        """A constraint of these arguments."""
        return cls(**config)


def _norms(w, axis):
    return w.square().sum(axis, keepdim=True).sqrt()


class MaxNorm(Constraint):
    """Norms along `axis` are at most `max_value`."""

    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w):
        w = convert(w)
        norms = _norms(w, self.axis)
        return w * (norms.clamp(0, self.max_value) / (config.epsilon() + norms))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Negative weights become 0."""

    def __call__(self, w):
        w = convert(w)
        return w * (w >= 0.0).to(w.dtype)


class UnitNorm(Constraint):
    """Norms along `axis` are 1."""

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        w = convert(w)
        return w / (config.epsilon() + _norms(w, self.axis))

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms along `axis` go towards the range from `min_value` to `max_value`, by the share `rate` a step."""

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w):
        w = convert(w)
        norms = _norms(w, self.axis)
        wanted = self.rate * norms.clamp(self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (config.epsilon() + norms))

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
_family = Family("constraint", __name__)
get, serialize, deserialize = _family.get, _family.serialize, _family.deserialize
