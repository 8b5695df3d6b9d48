"""The Laplace distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.utils import batch_of, broadcast_all
from fastnn.dtypes import Size

__all__ = ["Laplace"]


class Laplace(Distribution):
    """Exponential tails on both sides.

    ``p(x) = exp(-|x - loc| / scale) / (2 scale)``

    Parameters
    ----------
    loc : Tensor or float
        The mean.
    scale : Tensor or float
        Positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Laplace
    >>> Laplace(0.0, 1.0).log_prob(fastnn.tensor(0.0))
    tensor(-0.6931)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parts = {"loc": 0, "scale": 0}

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(batch_of(self.loc, loc, scale), validate_args=validate_args)

    mean = property(lambda self: self.loc, doc="``loc``")
    mode = property(lambda self: self.loc, doc="``loc``")
    stddev = property(lambda self: 2 ** 0.5 * self.scale, doc="``sqrt(2) scale``")
    variance = property(lambda self: 2 * self.scale.pow(2), doc="``2 scale^2``")

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both parameters, PyTorch's stream."""
        shape = self._extended_shape(sample_shape)
        u = fastnn.empty(shape, dtype=self.loc.dtype).uniform_(fastnn.finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value):
        """``-log(2 scale) - |value - loc| / scale``"""
        return -(2 * self.scale).log() - (self._checked(value) - self.loc).abs() / self.scale

    def cdf(self, value):
        """``1/2 + sign(z) (1 - exp(-|z|)) / 2``, ``z = (value - loc) / scale``"""
        z = (self._checked(value) - self.loc) / self.scale
        return 0.5 - 0.5 * z.sign() * (-z.abs()).expm1()

    def icdf(self, value):
        """``loc - scale sign(value - 1/2) log(1 - 2 |value - 1/2|)``"""
        off = value - 0.5
        return self.loc - self.scale * off.sign() * (-2 * off.abs()).log1p()

    def entropy(self):
        """``1 + log(2 scale)``"""
        return 1 + (2 * self.scale).log()
