"""Dropout as modules: active in training mode alone."""
from fastnn.nn import functional as F
from fastnn.nn.modules.module import Module


class _DropoutNd(Module):
    """A kind of dropout with probability `p`; formulas are in fastnn.ops.dropout."""

    _function = None

    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input):
        return type(self)._function(input, self.p, self.training, self.inplace)

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training each element becomes 0 with probability p, else x / (1 - p); in evaluation nothing changes.

    Same as torch.nn.Dropout (Srivastava et al. 2014); the masks are those of PyTorch for equal seeds.

    Parameters
    ----------
    p : float
        Probability of 0; default 0.5.
    inplace : bool
        Whether the result is written into the input's memory; default False.

    Raises
    ------
    ValueError
        `p` is not in [0, 1].

    Examples
    --------
    >>> dropout = nn.Dropout(0.5)
    >>> sorted(set(dropout(fastnn.ones(100)).tolist()))
    [0.0, 2.0]
    >>> dropout.eval()(fastnn.ones(3))
    tensor([1., 1., 1.])
    """

    _function = staticmethod(F.dropout)


class Dropout1d(_DropoutNd):
    """`Dropout` of whole channels: all of input[n, c] becomes 0 together.

    Same as torch.nn.Dropout1d (Tompson et al. 2015).

    Parameters
    ----------
    p, inplace
        As in `Dropout`.

    Shape
    -----
    Input (N, C, L) or (C, L); output alike.

    Examples
    --------
    >>> y = nn.Dropout1d(0.5)(fastnn.ones(1, 8, 3))
    >>> bool((y[..., :1] == y).all())
    True
    """

    _function = staticmethod(F.dropout1d)


class Dropout2d(_DropoutNd):
    """`Dropout` of whole channels of images: all of input[n, c] becomes 0 together.

    Same as torch.nn.Dropout2d (Tompson et al. 2015).

    Parameters
    ----------
    p, inplace
        As in `Dropout`.

    Shape
    -----
    Input (N, C, H, W); output alike. Three dimensions are taken for (N, C, L), as PyTorch does.

    Examples
    --------
    >>> y = nn.Dropout2d(0.5)(fastnn.ones(1, 8, 2, 2))
    >>> bool((y[..., :1, :1] == y).all())
    True
    """

    _function = staticmethod(F.dropout2d)


class Dropout3d(_DropoutNd):
    """`Dropout` of whole channels of volumes: all of input[n, c] becomes 0 together.

    Same as torch.nn.Dropout3d (Tompson et al. 2015).

    Parameters
    ----------
    p, inplace
        As in `Dropout`.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output alike.

    Examples
    --------
    >>> y = nn.Dropout3d(0.5)(fastnn.ones(1, 8, 2, 2, 2))
    >>> bool((y[..., :1, :1, :1] == y).all())
    True
    """

    _function = staticmethod(F.dropout3d)


class AlphaDropout(_DropoutNd):
    """Dropout for networks with SELU, which keeps mean 0 and variance 1 (Klambauer et al. 2017).

    In training dropped elements become -1.7580993, the limit of SELU; then all become a x + b, with a and b such that
    mean and variance stay. Same as torch.nn.AlphaDropout.

    Parameters
    ----------
    p : float
        Probability that an element is dropped; default 0.5.
    inplace : bool
        Accepted, without effect.

    Examples
    --------
    >>> y = nn.AlphaDropout(0.5)(fastnn.zeros(100))
    >>> [round(v, 4) for v in sorted(set(y.tolist()))]
    [-0.7792, 0.7792]
    """

    def forward(self, input):
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels: all of input[n, c] is dropped together.

    Same as torch.nn.FeatureAlphaDropout.

    Parameters
    ----------
    p, inplace
        As in `AlphaDropout`.

    Examples
    --------
    >>> y = nn.FeatureAlphaDropout(0.5)(fastnn.ones(1, 8, 3))
    >>> bool((y[..., :1] == y).all())
    True
    """

    def forward(self, input):
        return F.feature_alpha_dropout(input, self.p, self.training)
