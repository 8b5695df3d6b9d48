"""Penalties on weights and outputs that are added to the loss, as ``keras.regularizers``."""
from fastnn.keras.saving.objects import Family
from fastnn.keras.variables import convert


class Regularizer:
    """Base of regularizers: subclasses define ``__call__(x)``, which gives a penalty, and `get_config`.

    Examples
    --------
    >>> class Sum(keras.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return keras.ops.sum(x)
    >>> layer = keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=Sum())
    >>> layer.build((None, 3))
    >>> layer.losses
    [tensor(3., grad_fn=<SumBackward0>)]
    """

    def __call__(self, x):
        return 0.0

    def get_config(self):
        """The constructor's arguments."""
        raise NotImplementedError(f"{self} does not implement get_config()")

    @classmethod
    def from_config(cls, config):
        """A regularizer of these arguments."""
        return cls(**config)


def _strength(value):
    if not isinstance(value, (int, float)) or value < 0 or value != value or value == float("inf"):
        raise ValueError(f"Invalid value for regularization strength: {value}. It must be a non-negative, finite "
                         f"number.")
    return float(value)


class L1L2(Regularizer):
    """``l1 * sum(abs(x)) + l2 * sum(x**2)``

    Parameters
    ----------
    l1, l2 : float

    Raises
    ------
    ValueError
        A negative or infinite strength.

    Examples
    --------
    >>> keras.regularizers.L1L2(0.5, 0.1)(np.array([-1.0, 2.0]))
    tensor(2., dtype=torch.float64)
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1, self.l2 = _strength(0.0 if l1 is None else l1), _strength(0.0 if l2 is None else l2)

    def __call__(self, x):
        x = convert(x)
        total = convert(0.0)
        if self.l1:
            total = total + self.l1 * x.abs().sum()
        if self.l2:
            total = total + self.l2 * x.square().sum()
        return total

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """``l1 * sum(abs(x))``

    Parameters
    ----------
    l1 : float

    Examples
    --------
    >>> keras.regularizers.L1(0.5)(np.array([-1.0, 2.0]))
    tensor(1.5000, dtype=torch.float64)
    """

    def __init__(self, l1=0.01):
        self.l1 = _strength(0.01 if l1 is None else l1)

    def __call__(self, x):
        return self.l1 * convert(x).abs().sum()

    def get_config(self):
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(x**2)``

    Parameters
    ----------
    l2 : float

    Examples
    --------
    >>> keras.regularizers.L2(0.5)(np.array([-1.0, 2.0]))
    tensor(2.5000, dtype=torch.float64)
    """

    def __init__(self, l2=0.01):
        self.l2 = _strength(0.01 if l2 is None else l2)

    def __call__(self, x):
        return self.l2 * convert(x).square().sum()

    def get_config(self):
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """``factor * mean(abs(cosine))`` over pairs of rows (or columns) of a matrix: 0 if they are orthogonal.

    Parameters
    ----------
    factor : float
    mode : {"rows", "columns"}

    Raises
    ------
    ValueError
        Another mode, or a tensor that is no matrix.

    Examples
    --------
    >>> keras.regularizers.OrthogonalRegularizer(1.0)(np.array([[1.0, 0.0], [3.0, 4.0]])).round(decimals=4)
    tensor(0.6000, dtype=torch.float64)
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor, self.mode = _strength(factor), mode
        if mode not in ("rows", "columns"):
            raise ValueError(f"Invalid value for argument `mode`. Expected one of {{'rows', 'columns'}}. Received: "
                             f"mode={mode}")

    def __call__(self, x):
        x = convert(x)
        if x.ndim != 2:
            raise ValueError(f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape="
                             f"{tuple(x.shape)}")
        rows = x if self.mode == "rows" else x.t()
        rows = rows / rows.square().sum(1, keepdim=True).clamp(min=1e-12).sqrt()
        count = rows.shape[0]
        products = rows @ rows.t()
        others = products - products.diagonal().diag()
        return self.factor * 0.5 * others.abs().sum() / max(count * (count - 1.0) / 2.0, 1.0)

    def get_config(self):
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_family = Family("regularizer", __name__, lambda: {"l1l2": L1L2, "l1_l2": L1L2})
get, serialize, deserialize = _family.get, _family.serialize, _family.deserialize
