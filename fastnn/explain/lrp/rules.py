"""Rules of layer-wise relevance propagation for steps that are sums of inputs times weights.

``z_j = sum_i x_i w_ij + b_j`` has relevance ``R_j``; a rule says what each ``x_i`` gets. Written as the step's value
with another gradient: multipliers ``m = R / x`` flow backward, so sums, copies and views between layers share relevance
out by themselves, and the input's relevance is its multiplier times the input.
"""
import fastnn
from fastnn import Tensor
from fastnn.errors import check_number
from fastnn.explain._steps import same_value

TINY = 1e-20  # stands for inputs that are exactly 0, so that relevance can lie on them


def nonzero(x):
    """`x` without gradient, with `TINY` for 0."""
    x = x.detach()
    return x.masked_fill(x == 0, TINY)


def stable(z, epsilon):
    """``z + epsilon * sign(z)``, with sign(0) = 1."""
    z = z.detach()
    return fastnn.where(z < 0, z - epsilon, z + epsilon)


def constant(value, x):
    """A constant that stands in an input's place: its relevance becomes the input's."""
    value = fastnn.zeros_like(x).detach() + value
    return same_value(value, x * (value / nonzero(x)))


def contributions(step, x):
    """(sum of the positive ``x_i w_ij``, sum of the negative ones)."""
    weight, bias = step.weight, step.bias
    none = None if bias is None else fastnn.zeros_like(bias)
    above, below = weight.clamp(min=0), weight.clamp(max=0)
    positive, negative = x.clamp(min=0), x.clamp(max=0)
    return (step.with_weights(positive, above, none) + step.with_weights(negative, below, none),
            step.with_weights(positive, below, none) + step.with_weights(negative, above, none))


def sides_of_bias(step):
    """(positive part, negative part) of the bias, as it adds to the result."""
    if step.bias is None:
        return 0.0, 0.0
    bias = step.with_weights(fastnn.zeros_like(step.input), step.weight, step.bias).detach()
    return bias.clamp(min=0), bias.clamp(max=0)


class Rule:
    """A rule: `way` gives a function of x whose value does not matter and whose gradient shares ``z`` out.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import Rule
    >>> class First(Rule):  # all to the first input
    ...     def way(self, step, x, z):
    ...         return x[:, :1] * (z / x[:, :1]).detach()
    >>> model = nn.Linear(2, 1)
    >>> found = LRP(model, First()).attribute(fastnn.tensor([[1.0, 4.0]]))
    >>> fastnn.allclose(found, fastnn.tensor([[model(fastnn.tensor([[1.0, 4.0]])).item(), 0.0]]))
    True
    """

    def way(self, step, x, z):
        raise NotImplementedError(f"{type(self).__name__} defines no way")

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in vars(self).items())})"


class Epsilon(Rule):
    """``R_i = x_i sum_j w_ij R_j / (z_j + epsilon sign(z_j))``: what is uncertain gets lost in epsilon.

    With ``epsilon=0`` this is LRP-0, on networks of ReLU without biases input times gradient.

    Bach, Binder, Montavon, Klauschen, Mueller, Samek 2015, "On pixel-wise explanations for non-linear classifier
    decisions by layer-wise relevance propagation", PLoS ONE 10(7).

    Parameters
    ----------
    epsilon : float
        At least 0.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import Epsilon
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[3.0, -1.0]]))
    >>> LRP(model, Epsilon(2.0)).attribute(fastnn.tensor([[1.0, 1.0]]))
    tensor([[ 1.5000, -0.5000]])
    """

    def __init__(self, epsilon=1e-6):
        check_number(epsilon, "epsilon", "Epsilon")
        self.epsilon = epsilon

    def way(self, step, x, z):
        return z if not self.epsilon else z * (z.detach() / stable(z, self.epsilon))


class Gamma(Rule):
    """``R_i = sum_j x_i (w_ij + gamma w_ij+) R_j / (z_j + gamma z_j+)`` for non-negative x: what is for it is favoured.

    For inputs of both signs the favoured are the ``x_i w_ij`` of z's own sign. The bias stays as it is.

    Montavon, Binder, Lapuschkin, Samek, Mueller 2019, "Layer-wise relevance propagation: an overview".

    Parameters
    ----------
    gamma : float
        At least 0.
    epsilon : float
        Keeps divisors from 0.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import Gamma
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[3.0, -1.0]]))
    >>> LRP(model, Gamma(1.0)).attribute(fastnn.tensor([[1.0, 1.0]]))
    tensor([[ 2.4000, -0.4000]])
    """

    def __init__(self, gamma=0.25, epsilon=1e-9):
        check_number(gamma, "gamma", "Gamma")
        check_number(epsilon, "epsilon", "Gamma")
        self.gamma, self.epsilon = gamma, epsilon

    def way(self, step, x, z):
        above, below = contributions(step, x)
        total = z + self.gamma * fastnn.where(z > 0, above, below)
        return total * (z.detach() / stable(total, self.epsilon))


class AlphaBeta(Rule):
    """``R_i = sum_j (alpha p_ij / sum_i p_ij - beta n_ij / sum_i n_ij) R_j``, p the positive and n the negative
    ``x_i w_ij``, with ``alpha - beta = 1``.

    The bias belongs to the sum of its sign. Where all is of one sign, that sum gets everything. Bach et al. 2015.

    Parameters
    ----------
    alpha, beta : float
        ``alpha - beta = 1``, beta at least 0.
    epsilon : float
        Keeps divisors from 0.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import AlphaBeta
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[3.0, -1.0]]))
    >>> LRP(model, AlphaBeta(2.0, 1.0)).attribute(fastnn.tensor([[1.0, 1.0]]))
    tensor([[ 4., -2.]])
    """

    def __init__(self, alpha=2.0, beta=1.0, epsilon=1e-9):
        for name, value in (("alpha", alpha), ("beta", beta), ("epsilon", epsilon)):
            check_number(value, name, "AlphaBeta")
        if abs(alpha - beta - 1) > 1e-9:
            raise ValueError(f"AlphaBeta: expected alpha - beta = 1 with beta of at least 0, got alpha={alpha}, "
                             f"beta={beta}")
        self.alpha, self.beta, self.epsilon = alpha, beta, epsilon

    def way(self, step, x, z):
        above, below = contributions(step, x)
        bias_above, bias_below = sides_of_bias(step)
        above, below = above + bias_above, below + bias_below
        alpha = fastnn.where(below == 0, 1.0, fastnn.where(above == 0, 0.0, self.alpha)).to(z.dtype)
        return (above * (alpha * z.detach() / stable(above, self.epsilon))
                + below * ((1 - alpha) * z.detach() / stable(below, self.epsilon)))


class ZPlus(AlphaBeta):
    """``R_i = sum_j p_ij / sum_i p_ij R_j``: only what speaks for gets relevance (``alpha=1, beta=0``).

    Montavon, Lapuschkin, Binder, Samek, Mueller 2017, "Explaining nonlinear classification decisions with deep Taylor
    decomposition", Pattern Recognition 65.

    Parameters
    ----------
    epsilon : float
        Keeps divisors from 0.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import ZPlus
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[3.0, -1.0]]))
    >>> LRP(model, ZPlus()).attribute(fastnn.tensor([[1.0, 1.0]]))
    tensor([[2., 0.]])
    """

    def __init__(self, epsilon=1e-9):
        super().__init__(1.0, 0.0, epsilon)


class ZBox(Rule):
    """``R_i = sum_j (x_i w_ij - l_i w_ij+ - h_i w_ij-) / sum_i (...) R_j``: for inputs between bounds l and h (z^B).

    Parameters
    ----------
    low, high : number or Tensor
        The bounds, which broadcast against the layer's input; ``low <= x <= high``.

    Montavon et al. 2017.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import ZBox
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[3.0, -1.0]]))
    >>> LRP(model, ZBox(0.0, 1.0)).attribute(fastnn.tensor([[0.5, 0.5]]))
    tensor([[0.7500, 0.2500]])
    """

    def __init__(self, low, high, epsilon=1e-9):
        for name, value in (("low", low), ("high", high)):
            if not isinstance(value, Tensor):
                check_number(value, name, "ZBox", -float("inf"), kind="number or a tensor")
        check_number(epsilon, "epsilon", "ZBox")
        self.low, self.high, self.epsilon = low, high, epsilon

    def way(self, step, x, z):
        weight, none = step.weight, None if step.bias is None else fastnn.zeros_like(step.bias)
        total = (step.with_weights(x, weight, none)
                 - step.with_weights(constant(self.low, x), weight.clamp(min=0), none)
                 - step.with_weights(constant(self.high, x), weight.clamp(max=0), none))
        return total * (z.detach() / stable(total, self.epsilon))


class WSquare(Rule):
    """``R_i = sum_j w_ij^2 / sum_i w_ij^2 R_j``: by weights alone, for inputs without bounds. Montavon et al. 2017.

    Parameters
    ----------
    epsilon : float
        Keeps divisors from 0.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import WSquare
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[3.0, -1.0]]))
    >>> LRP(model, WSquare()).attribute(fastnn.tensor([[1.0, 1.0]]))
    tensor([[1.8000, 0.2000]])
    """

    def __init__(self, epsilon=1e-9):
        check_number(epsilon, "epsilon", type(self).__name__)
        self.epsilon = epsilon

    def _weight(self, weight):
        return weight * weight

    def way(self, step, x, z):
        none = None if step.bias is None else fastnn.zeros_like(step.bias)
        total = step.with_weights(constant(1.0, x), self._weight(step.weight), none)
        return total * (z.detach() / stable(total, self.epsilon))


class Flat(WSquare):
    """``R_i = sum_j R_j / n_j``, n_j the number of inputs that j sees: a coarse share for first layers.

    Lapuschkin, Waeldchen, Binder, Montavon, Samek, Mueller 2019, "Unmasking Clever Hans predictors", Nature
    Communications 10.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import Flat
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(fastnn.tensor([[3.0, -1.0]]))
    >>> LRP(model, Flat()).attribute(fastnn.tensor([[1.0, 1.0]]))
    tensor([[1., 1.]])
    """

    def _weight(self, weight):
        return fastnn.ones_like(weight)
