"""The Dirichlet distribution."""
import fastnn
from fastnn.distributions import constraints
from fastnn.distributions.exp_family import ExponentialFamily
from fastnn.dtypes import Size
from fastnn.nn import functional as F
from fastnn.ops import families

__all__ = ["Dirichlet"]


def _Dirichlet_backward(x, concentration, grad_output):  # noqa: N802 (PyTorch's name, which programs import)
    """The gradient of the concentrations for draws x."""
    slope = fastnn._dirichlet_grad(x, concentration, concentration.sum(-1, True).expand_as(concentration))
    return slope * (grad_output - (x * grad_output).sum(-1, True))


class Dirichlet(ExponentialFamily):
    """Vectors of K parts with the sum 1; draws have implicit gradients.

    ``p(x) = gamma(sum(c)) / prod(gamma(c_k)) prod(x_k^(c_k - 1))``

    Parameters
    ----------
    concentration : Tensor
        c, (*batch, K), positive.
    validate_args : bool, optional

    Examples
    --------
    >>> from fastnn.distributions import Dirichlet
    >>> Dirichlet(fastnn.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _parts = {"concentration": 1}

    def __init__(self, concentration, validate_args=None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def mean(self):
        """``c / sum(c)``"""
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self):
        """``(c - 1) / (sum(c) - K)``; with all c below 1 the corner of the largest."""
        above = (self.concentration - 1).clamp(min=0.0)
        inside = above / above.sum(-1, True)
        corner = F.one_hot(inside.detach().argmax(-1), self.concentration.shape[-1]).to(inside.dtype)
        return fastnn.where((self.concentration < 1).all(-1, keepdim=True), corner, inside)

    @property
    def variance(self):
        """``c (sum(c) - c) / (sum(c)^2 (sum(c) + 1))``"""
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Draws with the gradient of the concentrations."""
        return families.dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        """``log p(value)``"""
        c = self.concentration
        return ((c - 1.0).xlogy(self._checked(value)).sum(-1) + c.sum(-1).lgamma() - c.lgamma().sum(-1))

    def entropy(self):
        """``log B(c) + (sum(c) - K) digamma(sum(c)) - sum((c - 1) digamma(c))``"""
        c = self.concentration
        total, k = c.sum(-1), c.shape[-1]
        return (c.lgamma().sum(-1) - total.lgamma() - (k - total) * total.digamma()
                - ((c - 1.0) * c.digamma()).sum(-1))

    @property
    def _natural_params(self):
        return (self.concentration,)

    def _log_normalizer(self, x):
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
