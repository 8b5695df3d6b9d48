"""The Wishart distribution."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.chi2 import Chi2
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.multivariate_normal import _log_diagonal, _precision_to_scale_tril
from fastnn.distributions.utils import Number, lazy_property
from fastnn.dtypes import Size

__all__ = ["Wishart"]


def _digamma_sum(x, p):
    """The derivative of ``mvlgamma(x, p)``."""
    return (x.unsqueeze(-1) - 0.5 * fastnn.arange(p, dtype=x.dtype)).digamma().sum(-1)


class Wishart(ExponentialFamily):
    """Scatter matrices of `df` normal vectors of the covariance C (Bartlett's decomposition for draws).

    ``p(X) ~ det(X)^((df - K - 1) / 2) exp(-trace(C^-1 X) / 2)``

    Parameters
    ----------
    df : Tensor or float
        Degrees of freedom, greater than K - 1.
    covariance_matrix : Tensor, optional
        C, (*batch, K, K), positive definite.
    precision_matrix : Tensor, optional
        C^-1
    scale_tril : Tensor, optional
        Cholesky's factor of C; one of the three must be given.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Wishart
    >>> Wishart(fastnn.tensor(3.0), fastnn.eye(2)).mean.diagonal()
    tensor([3., 3.])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _parts = {"df": 0, "_unbroadcasted_scale_tril": None, "covariance_matrix": 2, "scale_tril": 2,
              "precision_matrix": 2, "_dist_chi2": 1}

    @property
    def arg_constraints(self):
        """The degrees of freedom depend on the size."""
        return {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self._event_shape[-1] - 1)}

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        given = {"scale_tril": scale_tril, "covariance_matrix": covariance_matrix,
                 "precision_matrix": precision_matrix}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        (name, matrix), = given.items()
        if matrix.dim() < 2:
            raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
        df = fastnn.tensor(df, dtype=matrix.dtype) if isinstance(df, Number) else df
        batch, event = fastnn.broadcast_shapes(df.shape, matrix.shape[:-2]), matrix.shape[-2:]
        self.df = df.expand(batch)
        setattr(self, name, matrix.expand(batch + event))
        if bool((self.df <= event[-1] - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}.")
        super().__init__(batch, event, validate_args=validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = fastnn.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = _precision_to_scale_tril(matrix)
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - fastnn.arange(event[-1], dtype=self.df.dtype).expand(
            batch + (-1,)))

    def _whole(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """Cholesky's factor of C."""
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        """C"""
        return self._whole(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        """C^-1"""
        return self._whole(fastnn.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self):
        """``df C``"""
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self):
        """``(df - K - 1) C``, NaN for df <= K + 1"""
        factor = self.df - self._event_shape[-1] - 1
        return fastnn.where(factor <= 0, math.nan, factor)[..., None, None] * self.covariance_matrix

    @property
    def variance(self):
        """``df (C_ij^2 + C_ii C_jj)``"""
        c = self.covariance_matrix
        diagonal = c.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (c.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape=Size(), max_try_correction=None):  # noqa: B008
        """Draws with the gradients of both parameters.

        Parameters
        ----------
        sample_shape : Size
        max_try_correction : int, optional
            How often singular draws are replaced, by default at most 10 times.
        """
        made = self._bartlett(Size(sample_shape))
        for _ in range(10 if max_try_correction is None else max_try_correction):
            singular = self.support.check(made).logical_not()
            if not bool(singular.any()):
                break
            made = fastnn.where(singular[..., None, None], self._bartlett(Size(sample_shape)), made)
        return made

    def _bartlett(self, shape):
        size = self._event_shape[-1]
        squares = self._dist_chi2.rsample(shape)
        kind = squares.dtype  # of df, if that is no whole number
        root = squares.clamp(min=fastnn.finfo(kind).tiny).sqrt().diag_embed()
        below = size * (size - 1) // 2
        row, column = fastnn.tril_indices(size, size, offset=-1)
        normal = fastnn.randn(shape + self._batch_shape + (below,), dtype=kind)
        flat = fastnn.zeros(normal.shape[:-1] + (size * size,), dtype=kind)
        flat = flat.index_copy(-1, row * size + column, normal)
        lower = self._unbroadcasted_scale_tril @ (root + flat.reshape(root.shape))
        return lower @ lower.mT

    def log_prob(self, value):
        """``log p(value)``"""
        value, nu, p = self._checked(value), self.df, self._event_shape[-1]
        inner = fastnn.cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (-nu * (p * math.log(2) / 2 + _log_diagonal(self._unbroadcasted_scale_tril))
                - fastnn.mvlgamma(nu / 2, p) + (nu - p - 1) / 2 * fastnn.linalg.slogdet(value)[1] - inner / 2)

    def entropy(self):
        """The expectation of ``-log_prob``."""
        nu, p = self.df, self._event_shape[-1]
        return ((p + 1) * (p * math.log(2) / 2 + _log_diagonal(self._unbroadcasted_scale_tril))
                + fastnn.mvlgamma(nu / 2, p) - (nu - p - 1) / 2 * _digamma_sum(nu / 2, p) + nu * p / 2)

    @property
    def _natural_params(self):
        return (-self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2)

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        power = y + (p + 1) / 2
        return power * (p * math.log(2) - fastnn.linalg.slogdet(-2 * x)[1]) + fastnn.mvlgamma(power, p)
