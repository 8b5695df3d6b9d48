"""The multivariate normal distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import _standard_normal, lazy_property
from fastnn.dtypes import Size

__all__ = ["MultivariateNormal"]


def _batch_mahalanobis(lower, difference):
    """``|lower^-1 difference|^2`` of vectors and triangles that broadcast."""
    return fastnn.linalg.solve_triangular(lower, difference.unsqueeze(-1), upper=False).pow(2).sum((-2, -1))


def _precision_to_scale_tril(precision):
    """Cholesky's factor of the inverse: by the factor of the matrix with both axes reversed."""
    reversed_factor = fastnn.linalg.cholesky(fastnn.flip(precision, (-2, -1)))
    upper = fastnn.flip(reversed_factor, (-2, -1)).mT
    eye = fastnn.eye(precision.shape[-1], dtype=precision.dtype)
    return fastnn.linalg.solve_triangular(upper, eye, upper=False)


def _log_diagonal(lower):
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)


class MultivariateNormal(Distribution):
    """Normal vectors of a mean and a covariance.

    ``p(x) = exp(-(x - loc)^T C^-1 (x - loc) / 2) / sqrt(det(2 pi C))``

    Parameters
    ----------
    loc : Tensor
        The mean, (*batch, K).
    covariance_matrix : Tensor, optional
        C, (*batch, K, K), positive definite.
    precision_matrix : Tensor, optional
        C^-1
    scale_tril : Tensor, optional
        Cholesky's factor L of C; one of the three must be given. With it nothing needs to be factorised.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import MultivariateNormal
    >>> MultivariateNormal(fastnn.zeros(2), fastnn.eye(2)).log_prob(fastnn.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True
    _parts = {"loc": 1, "_unbroadcasted_scale_tril": None, "covariance_matrix": 2, "scale_tril": 2,
              "precision_matrix": 2}

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {"scale_tril": scale_tril, "covariance_matrix": covariance_matrix,
                 "precision_matrix": precision_matrix}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        (name, matrix), = given.items()
        if matrix.dim() < 2:
            raise ValueError(f"{name} {'matrix ' if name == 'scale_tril' else ''}must be at least two-dimensional, "
                             "with optional leading batch dimensions")
        batch = fastnn.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand(batch + matrix.shape[-2:]))
        self.loc = loc.expand(batch + loc.shape[-1:])
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = fastnn.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = _precision_to_scale_tril(matrix)

    def _whole(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """Cholesky's factor L."""
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        """C = L L^T"""
        return self._whole(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        """C^-1"""
        return self._whole(fastnn.cholesky_inverse(self._unbroadcasted_scale_tril))

    mean = property(lambda self: self.loc, doc="``loc``")
    mode = property(lambda self: self.loc, doc="``loc``")

    @property
    def variance(self):
        """The covariance's diagonal."""
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both parameters, PyTorch's stream."""
        normal = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + (self._unbroadcasted_scale_tril @ normal.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value):
        """``log p(value)``"""
        distance = _batch_mahalanobis(self._unbroadcasted_scale_tril, self._checked(value) - self.loc)
        return (-0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance)
                - _log_diagonal(self._unbroadcasted_scale_tril))

    def entropy(self):
        """``K (1 + log(2 pi)) / 2 + log det L``"""
        found = (0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi))
                 + _log_diagonal(self._unbroadcasted_scale_tril))
        return found.expand(self._batch_shape)
