"""The LKJ distribution of correlation matrices."""
import math

import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.beta import Beta
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import broadcast_all
from fastnn.dtypes import Size

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices C (Lewandowski, Kurowicka and Joe 2009, the onion method).

    ``p(C) ~ det(C)^(concentration - 1)``

    Parameters
    ----------
    dim : int
        Rows of the matrices, at least 2.
    concentration : Tensor or float
        Positive; 1 makes all correlation matrices equally likely.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import LKJCholesky
    >>> LKJCholesky(3, 0.5).sample().shape
    torch.Size([3, 3])
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _parts = {"dim": None, "concentration": 0, "_beta": 1}

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        self.concentration, = broadcast_all(concentration)
        row = fastnn.arange(-1, dim - 1, dtype=self.concentration.dtype).clamp(min=0)  # 0, 0, 1, ..., dim - 2
        marginal = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(row + 0.5, marginal.unsqueeze(-1) - 0.5 * row)
        super().__init__(self.concentration.shape, Size((dim, dim)), validate_args=validate_args)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Factors row by row: a beta number is the squared length of a uniform direction's part."""
        with fastnn.no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = fastnn.randn(self._extended_shape(sample_shape), dtype=y.dtype).tril(-1)
            length = normal.pow(2).sum(-1, keepdim=True).sqrt()
            w = y.sqrt() * fastnn.where(length > 0, normal / length, 0.0)
            rest = (1 - w.pow(2).sum(-1)).clamp(min=fastnn.finfo(w.dtype).tiny)
            return w + fastnn.diag_embed(rest.sqrt())

    def log_prob(self, value):
        """``log p(value)`` of the factor"""
        value, n = self._checked(value), self.dim
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = 2 * (self.concentration - 1).unsqueeze(-1) + n - fastnn.arange(2, n + 1)
        alpha = self.concentration + 0.5 * (n - 1)
        normalizer = (0.5 * (n - 1) * math.log(math.pi) + fastnn.mvlgamma(alpha - 0.5, n - 1)
                      - alpha.lgamma() * (n - 1))
        return (order * diagonal.log()).sum(-1) - normalizer
