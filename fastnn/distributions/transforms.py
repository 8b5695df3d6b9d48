"""Invertible maps with the determinants of their derivatives (``torch.distributions.transforms``)."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.transform_base import (ComposeTransform, IndependentTransform, ReshapeTransform,  # noqa: F401
                                                 Transform,
                                                 _clipped_sigmoid, _InverseTransform, _Plain, _raised,
                                                 identity_transform)
from fastnn.distributions.transform_vectors import (CatTransform, CorrCholeskyTransform, LowerCholeskyTransform,
                                                    PositiveDefiniteTransform, SoftmaxTransform, StackTransform,
                                                    StickBreakingTransform)
from fastnn.distributions.utils import Number, broadcast_all, lazy_property
from fastnn.nn import functional as F

__all__ = ["AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform", "CorrCholeskyTransform",
           "CumulativeDistributionTransform", "ExpTransform", "IndependentTransform", "LowerCholeskyTransform",
           "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
           "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform", "Transform",
           "identity_transform"]


class ExpTransform(_Plain):
    """y = exp(x)

    Examples
    --------
    >>> from fastnn.distributions import ExpTransform
    >>> ExpTransform()(fastnn.tensor(0.0))
    tensor(1.)
    """

    domain, codomain, bijective, sign = constraints.real, constraints.positive, True, 1

    def _call(self, x):
        return x.exp()

    def _inverse(self, y):
        return y.log()

    def log_abs_det_jacobian(self, x, y):
        """``x``"""
        return x


class PowerTransform(Transform):
    """y = x^exponent for positive x

    Parameters
    ----------
    exponent : Tensor or float
    cache_size : int

    Examples
    --------
    >>> from fastnn.distributions import PowerTransform
    >>> PowerTransform(2.0)(fastnn.tensor(3.0))
    tensor(9.)
    """

    domain, codomain, bijective = constraints.positive, constraints.positive, True
    _options = ("exponent",)

    def __init__(self, exponent, cache_size=0):
        super().__init__(cache_size)
        self.exponent, = broadcast_all(exponent)

    @lazy_property
    def sign(self):
        """The exponent's."""
        return self.exponent.sign()

    def __eq__(self, other):
        return isinstance(other, PowerTransform) and bool(self.exponent.eq(other.exponent).all())

    __hash__ = object.__hash__

    def _call(self, x):
        return x.pow(self.exponent)

    def _inverse(self, y):
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x, y):
        """``log|exponent y / x|``"""
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape):
        """Broadcast with the exponent's."""
        return fastnn.broadcast_shapes(shape, self.exponent.shape)

    inverse_shape = forward_shape


class SigmoidTransform(_Plain):
    """y = 1 / (1 + exp(-x))

    Examples
    --------
    >>> from fastnn.distributions import SigmoidTransform
    >>> SigmoidTransform()(fastnn.tensor(0.0))
    tensor(0.5000)
    """

    domain, codomain, bijective, sign = constraints.real, constraints.unit_interval, True, 1

    def _call(self, x):
        return _clipped_sigmoid(x)

    def _inverse(self, y):
        limits = fastnn.finfo(y.dtype)
        y = y.clamp(min=limits.tiny, max=1.0 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x, y):
        """``-softplus(x) - softplus(-x)``"""
        return -F.softplus(-x) - F.softplus(x)


class SoftplusTransform(_Plain):
    """y = log(1 + exp(x))

    Examples
    --------
    >>> from fastnn.distributions import SoftplusTransform
    >>> SoftplusTransform()(fastnn.tensor(0.0))
    tensor(0.6931)
    """

    domain, codomain, bijective, sign = constraints.real, constraints.positive, True, 1

    def _call(self, x):
        return F.softplus(x)

    def _inverse(self, y):
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x, y):
        """``-softplus(-x)``"""
        return -F.softplus(-x)


class TanhTransform(_Plain):
    """y = tanh(x); a cache is advisable, because the inverse of values near 1 is inexact.

    Examples
    --------
    >>> from fastnn.distributions import TanhTransform
    >>> TanhTransform()(fastnn.tensor(0.0))
    tensor(0.)
    """

    domain, codomain, bijective, sign = constraints.real, constraints.interval(-1.0, 1.0), True, 1

    def _call(self, x):
        return x.tanh()

    def _inverse(self, y):
        return y.atanh()

    def log_abs_det_jacobian(self, x, y):
        """``2 (log 2 - x - softplus(-2 x))``"""
        return 2.0 * (math.log(2.0) - x - F.softplus(-2.0 * x))


class AbsTransform(_Plain):
    """y = |x|

    Examples
    --------
    >>> from fastnn.distributions import AbsTransform
    >>> AbsTransform()(fastnn.tensor(-2.0))
    tensor(2.)
    """

    domain, codomain = constraints.real, constraints.positive

    def _call(self, x):
        return x.abs()

    def _inverse(self, y):
        return y


class AffineTransform(Transform):
    """y = loc + scale x

    Parameters
    ----------
    loc, scale : Tensor or float
    event_dim : int
        Dimensions of an event: 0 for numbers, 1 for vectors, 2 for matrices.
    cache_size : int

    Examples
    --------
    >>> from fastnn.distributions import AffineTransform
    >>> AffineTransform(1.0, 2.0)(fastnn.tensor(3.0))
    tensor(7.)
    """

    bijective = True
    _options = ("loc", "scale", "_event_dim")

    def __init__(self, loc, scale, event_dim=0, cache_size=0):
        super().__init__(cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    event_dim = property(lambda self: self._event_dim, doc="Dimensions of an event.")

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        """Real events."""
        return _raised(constraints.real, self._event_dim)

    codomain = domain

    def __eq__(self, other):
        def same(a, b):
            found = a == b
            return bool(found.all()) if isinstance(found, fastnn.Tensor) else found
        return isinstance(other, AffineTransform) and same(self.loc, other.loc) and same(self.scale, other.scale)

    __hash__ = object.__hash__

    @property
    def sign(self):
        """The scale's."""
        if isinstance(self.scale, Number):
            return (self.scale > 0) - (self.scale < 0)
        return self.scale.sign()

    def _call(self, x):
        return self.loc + self.scale * x

    def _inverse(self, y):
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x, y):
        """``log|scale|``, summed over an event"""
        shape, dims = x.shape, self._event_dim
        if isinstance(self.scale, Number):
            found = fastnn.full_like(x, math.log(abs(self.scale)))
        else:
            found = self.scale.abs().log()
        if dims:
            found = found.reshape(found.shape[:-dims] + (-1,)).sum(-1)
            shape = shape[:-dims]
        return found.expand(shape)

    def forward_shape(self, shape):
        """Broadcast with the parameters'."""
        return fastnn.broadcast_shapes(shape, getattr(self.loc, "shape", ()), getattr(self.scale, "shape", ()))

    inverse_shape = forward_shape


class CumulativeDistributionTransform(Transform):
    """y = cdf(x) of a distribution, uniform for x drawn of it.

    Parameters
    ----------
    distribution : Distribution
        With ``cdf``, ``icdf`` and ``log_prob``.
    cache_size : int

    Examples
    --------
    >>> from fastnn.distributions import CumulativeDistributionTransform, Normal
    >>> CumulativeDistributionTransform(Normal(0.0, 1.0))(fastnn.tensor(0.0))
    tensor(0.5000)
    """

    codomain, bijective, sign = constraints.unit_interval, True, 1
    _options = ("distribution",)

    def __init__(self, distribution, cache_size=0):
        super().__init__(cache_size)
        self.distribution = distribution

    domain = property(lambda self: self.distribution.support)

    def _call(self, x):
        return self.distribution.cdf(x)

    def _inverse(self, y):
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x, y):
        """The distribution's ``log_prob(x)``."""
        return self.distribution.log_prob(x)
