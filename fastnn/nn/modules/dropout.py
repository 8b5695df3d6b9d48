"""Dropout as modules: active in training mode alone."""
from fastnn.nn.modules.module import Module
from fastnn.ops import dropout


class _Dropout(Module):
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


class Dropout(_Dropout):
    """Each element becomes 0 with probability `p`, or is divided by 1 - p (Srivastava et al. 2014)."""

    _function = staticmethod(dropout.dropout)


class Dropout1d(_Dropout):
    """Dropout of whole channels of (N, C, L) or (C, L)."""

    _function = staticmethod(dropout.dropout1d)


class Dropout2d(_Dropout):
    """Dropout of whole channels of (N, C, H, W)."""

    _function = staticmethod(dropout.dropout2d)


class Dropout3d(_Dropout):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    _function = staticmethod(dropout.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1 of what SELU gives (Klambauer et al. 2017)."""

    def forward(self, input):
        return dropout.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole features input[n, c]."""

    def forward(self, input):
        return dropout.feature_alpha_dropout(input, self.p, self.training)
