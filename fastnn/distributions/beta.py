"""The beta distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.dirichlet import Dirichlet
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.distributions.utils import broadcast_all
from fastnn.dtypes import Size

__all__ = ["Beta"]


class Beta(ExponentialFamily):
    """Numbers of (0, 1); draws have implicit gradients.

    ``p(x) = x^(a - 1) (1 - x)^(b - 1) / B(a, b)``

    Parameters
    ----------
    concentration1 : Tensor or float
        a, positive.
    concentration0 : Tensor or float
        b, positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Beta
    >>> Beta(fastnn.tensor([1.0]), fastnn.tensor([3.0])).mean
    tensor([0.2500])
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _parts = {"_dirichlet": 0}

    def __init__(self, concentration1, concentration0, validate_args=None):
        both = fastnn.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=validate_args)
        super().__init__(self._dirichlet._batch_shape, validate_args=validate_args)

    @property
    def concentration1(self):
        """a"""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self):
        """b"""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self):
        """``a / (a + b)``"""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self):
        """``(a - 1) / (a + b - 2)``, or the end to which the density rises"""
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self):
        """``a b / ((a + b)^2 (a + b + 1))``"""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradients of both parameters."""
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value):
        """``log p(value)``"""
        value = self._checked(value)
        return self._dirichlet.log_prob(fastnn.stack([value, 1.0 - value], -1))

    def entropy(self):
        """``log B(a, b) - (a - 1) digamma(a) - (b - 1) digamma(b) + (a + b - 2) digamma(a + b)``"""
        return self._dirichlet.entropy()

    @property
    def _natural_params(self):
        return (self.concentration1, self.concentration0)

    def _log_normalizer(self, x, y):
        return x.lgamma() + y.lgamma() - (x + y).lgamma()
