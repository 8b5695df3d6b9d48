"""The continuous Bernoulli distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.utils import Odds, broadcast_all, clamp_probs, lazy_property, logits_to_probs, uniform_of
from fastnn.dtypes import Size
from fastnn.nn import functional as F

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Odds, ExponentialFamily):
    """Bernoulli's formula for all numbers of [0, 1] (Loaiza-Ganem and Cunningham 2019).

    ``p(x) = C(p) p^x (1 - p)^(1 - x), C(p) = 2 atanh(1 - 2 p) / (1 - 2 p)``

    Parameters
    ----------
    probs : Tensor or float, optional
        p
    logits : Tensor or float, optional
        ``log(p / (1 - p))``; one of both must be given.
    lims : tuple of float
        Between these p, where the formulas cancel, their series at 1/2 is taken.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import ContinuousBernoulli
    >>> ContinuousBernoulli(fastnn.tensor([0.5])).mean
    tensor([0.5000])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True
    _parts = {"_given": 0, "_lims": None, "probs": 0, "logits": 0}

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        batch = self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and not bool(self.arg_constraints["probs"].check(self.probs).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(batch, validate_args=validate_args)

    @lazy_property
    def probs(self):
        """p"""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _outside_unstable_region(self):
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cases(self):
        """(where the formulas are exact, p there and a harmless number elsewhere, p - 1/2)"""
        outside = self._outside_unstable_region()
        return outside, fastnn.where(outside, self.probs, self._lims[0]), self.probs - 0.5

    def _cont_bern_log_norm(self):
        outside, p, x = self._cases()
        odds = ((-p).log1p() - p.log()).abs().log()
        width = fastnn.where(p <= 0.5, (-2.0 * fastnn.where(p <= 0.5, p, 0.0)).log1p(),
                             (2.0 * fastnn.where(p >= 0.5, p, 1.0) - 1.0).log())
        square = x.pow(2)
        return fastnn.where(outside, odds - width, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * square) * square)

    @property
    def mean(self):
        """``p / (2 p - 1) + 1 / (2 atanh(1 - 2 p))``"""
        outside, p, x = self._cases()
        return fastnn.where(outside, p / (2.0 * p - 1.0) + 1.0 / ((-p).log1p() - p.log()),
                            0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self):
        """``p (p - 1) / (1 - 2 p)^2 + 1 / (2 atanh(1 - 2 p))^2``"""
        outside, p, x = self._cases()
        square = x.pow(2)
        return fastnn.where(outside, p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + 1.0 / ((-p).log1p() - p.log()).pow(2),
                            1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * square) * square)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with gradients, PyTorch's stream."""
        return self.icdf(uniform_of(self._extended_shape(sample_shape), self.probs))

    def log_prob(self, value):
        """``log p(value)``"""
        logits, value = broadcast_all(self.logits, self._checked(value))
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value):
        """``(p^x (1 - p)^(1 - x) + p - 1) / (2 p - 1)``"""
        value = self._checked(value)
        outside, p, _ = self._cases()
        found = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        inside = fastnn.where(outside, found, value)
        return fastnn.where(value <= 0.0, 0.0, fastnn.where(value >= 1.0, 1.0, inside))

    def icdf(self, value):
        """The inverse of `cdf`."""
        outside, p, _ = self._cases()
        rest = (-p).log1p()
        return fastnn.where(outside, ((-p + value * (2.0 * p - 1.0)).log1p() - rest) / (p.log() - rest), value)

    def entropy(self):
        """``-mean logits - log C(p) - log(1 - p)``"""
        rest = (-self.probs).log1p()
        return self.mean * (rest - self.probs.log()) - self._cont_bern_log_norm() - rest

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        far = fastnn.where(outside, x, self._lims[0] - 0.5)
        return fastnn.where(outside, far.expm1().abs().log() - far.abs().log(),
                            0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0)
