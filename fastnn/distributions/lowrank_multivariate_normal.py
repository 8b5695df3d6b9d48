"""The multivariate normal distribution of a covariance of low rank and a diagonal."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.multivariate_normal import _batch_mahalanobis, _log_diagonal
from fastnn.distributions.utils import _standard_normal, lazy_property
from fastnn.dtypes import Size

__all__ = ["LowRankMultivariateNormal"]


def _with_identity(x):
    return x + fastnn.eye(x.shape[-1], dtype=x.dtype)


class LowRankMultivariateNormal(Distribution):
    """Normal vectors of the covariance C = W W^T + diag(D); a step costs the rank's cube, not the length's.

    The determinant and the inverse follow from the capacitance ``I + W^T D^-1 W`` (Woodbury's identity).

    Parameters
    ----------
    loc : Tensor
        The mean, (*batch, K).
    cov_factor : Tensor
        W, (*batch, K, rank)
    cov_diag : Tensor
        D, (*batch, K), positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import LowRankMultivariateNormal
    >>> LowRankMultivariateNormal(fastnn.zeros(2), fastnn.ones(2, 1), fastnn.ones(2)).variance
    tensor([2., 2.])
    """

    arg_constraints = {"loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
                       "cov_diag": constraints.independent(constraints.positive, 1)}
    support = constraints.real_vector
    has_rsample = True
    _parts = {"loc": 1, "cov_factor": 2, "cov_diag": 1, "_unbroadcasted_cov_factor": None,
              "_unbroadcasted_cov_diag": None, "_capacitance_tril": None, "covariance_matrix": 2, "scale_tril": 2,
              "precision_matrix": 2}

    def __init__(self, loc, cov_factor, cov_diag, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = fastnn.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag "
                             f"{cov_diag.shape}") from error
        self.loc = loc.expand(batch + event)
        self.cov_factor = cov_factor.expand(batch + cov_factor.shape[-2:])
        self.cov_diag = cov_diag.expand(batch + event)
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = fastnn.linalg.cholesky(_with_identity(self._scaled_factor @ cov_factor))
        super().__init__(batch, event, validate_args=validate_args)

    @property
    def _scaled_factor(self):
        """``W^T D^-1``"""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    @property
    def _log_det(self):
        """log det C"""
        return 2 * _log_diagonal(self._capacitance_tril) + self._unbroadcasted_cov_diag.log().sum(-1)

    def _distance(self, difference):
        """``difference^T C^-1 difference``"""
        along = (self._scaled_factor @ difference.unsqueeze(-1)).squeeze(-1)
        return ((difference.pow(2) / self._unbroadcasted_cov_diag).sum(-1)
                - _batch_mahalanobis(self._capacitance_tril, along))

    def _whole(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    mean = property(lambda self: self.loc, doc="``loc``")
    mode = property(lambda self: self.loc, doc="``loc``")

    @lazy_property
    def variance(self):
        """The covariance's diagonal."""
        found = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return found.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self):
        """C"""
        factor = self._unbroadcasted_cov_factor
        return self._whole(factor @ factor.mT + fastnn.diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def scale_tril(self):
        """Cholesky's factor of C."""
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        inner = self._unbroadcasted_cov_factor / root
        return self._whole(root * fastnn.linalg.cholesky(_with_identity(inner @ inner.mT)))

    @lazy_property
    def precision_matrix(self):
        """C^-1"""
        part = fastnn.linalg.solve_triangular(self._capacitance_tril, self._scaled_factor, upper=False)
        return self._whole(fastnn.diag_embed(self._unbroadcasted_cov_diag.reciprocal()) - part.mT @ part)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of all parameters, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        along = _standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc.dtype)
        apart = _standard_normal(shape, self.loc.dtype)
        return (self.loc + (self._unbroadcasted_cov_factor @ along.unsqueeze(-1)).squeeze(-1)
                + self._unbroadcasted_cov_diag.sqrt() * apart)

    def log_prob(self, value):
        """``log p(value)``"""
        distance = self._distance(self._checked(value) - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det + distance)

    def entropy(self):
        """``(K (1 + log(2 pi)) + log det C) / 2``"""
        found = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._log_det)
        return found.expand(self._batch_shape)
