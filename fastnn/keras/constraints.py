"""Projections of weights that run after every step of an optimizer, as ``keras.constraints``."""
from fastnn.keras import config
from fastnn.keras.saving.objects import Family
from fastnn.keras.variables import convert


class Constraint:
    """Base of constraints: subclasses define ``__call__(w)``, which gives the weight to keep, and `get_config`.

    Examples
    --------
    >>> class Rounded(keras.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return keras.ops.round(w)
    >>> Rounded()(np.array([0.9, 2.2]))
    tensor([1., 2.], dtype=torch.float64)
    """

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
    """Scales weights down so that norms along `axis` are at most `max_value`.

    Parameters
    ----------
    max_value : float
    axis : int or list of int
        0: the norm of each unit's weights in a dense layer.

    Examples
    --------
    >>> keras.constraints.MaxNorm(1.0)(np.array([[3.0, 0.5], [4.0, 0.0]])).round(decimals=4)
    tensor([[0.6000, 0.5000],
            [0.8000, 0.0000]], dtype=torch.float64)
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w):
        w = convert(w)
        norms = _norms(w, self.axis)
        return w * (norms.clamp(0, self.max_value) / (config.epsilon() + norms))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """``max(w, 0)``: negative weights become 0.

    Examples
    --------
    >>> keras.constraints.NonNeg()(np.array([-1.0, 2.0]))
    tensor([-0., 2.], dtype=torch.float64)
    """

    def __call__(self, w):
        w = convert(w)
        return w * (w >= 0.0).to(w.dtype)


class UnitNorm(Constraint):
    """Scales weights so that norms along `axis` are 1.

    Parameters
    ----------
    axis : int or list of int

    Examples
    --------
    >>> keras.constraints.UnitNorm()(np.array([[3.0], [4.0]])).round(decimals=4)
    tensor([[0.6000],
            [0.8000]], dtype=torch.float64)
    """

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        w = convert(w)
        return w / (config.epsilon() + _norms(w, self.axis))

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Moves norms along `axis` into the range from `min_value` to `max_value`.

    Parameters
    ----------
    min_value, max_value : float
    rate : float
        Share of the difference that one step removes.
    axis : int or list of int

    Examples
    --------
    >>> keras.constraints.MinMaxNorm(1.0, 2.0)(np.array([[3.0], [4.0]])).round(decimals=4)
    tensor([[1.2000],
            [1.6000]], dtype=torch.float64)
    """

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
