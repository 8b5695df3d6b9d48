"""Methods that read gradients of the model as it is."""
import numpy as np

import fastnn
from fastnn.errors import check_integer
from fastnn.explain import _inputs as common
from fastnn.explain.attribution import Attribution


class Saliency(Attribution):
    """The gradient's absolute value: what the output reacts to.

    ``a = |df(x) / dx|``

    Simonyan, Vedaldi, Zisserman 2013, "Deep inside convolutional networks", arXiv:1312.6034.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import Saliency
    >>> Saliency(lambda x: x @ fastnn.tensor([[2.0], [-3.0]])).attribute(fastnn.ones(1, 2))
    tensor([[2., 3.]])
    """

    def attribute(self, inputs, target=None, abs=True, additional_forward_args=None):  # noqa: A002
        """Gradients with respect to the inputs.

        Parameters
        ----------
        inputs : Tensor or tuple of Tensor
            (batch, ...), of floating point.
        target : int, tuple, Tensor or list, optional
            Which number of a row's output is explained: an index for all rows, or one for each. None where the
            output has one number a row.
        abs : bool
            Absolute values; else signed ones.
        additional_forward_args : any or tuple, optional
            Further arguments of the model, which nothing is attributed to.

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        found = common.gradients(self.forward_func, x, target, common.as_arguments(additional_forward_args), self._name)
        return common.as_given([g.abs() if abs else g for g in found], was_tuple)


class InputXGradient(Attribution):
    """Input times gradient: the output shared out by its first-order expansion at 0.

    ``a = x * df(x) / dx``

    Shrikumar, Greenside, Shcherbina, Kundaje 2016, "Not just a black box", arXiv:1605.01713.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import InputXGradient
    >>> InputXGradient(lambda x: x @ fastnn.tensor([[2.0], [-3.0]])).attribute(fastnn.tensor([[1.0, 2.0]]))
    tensor([[ 2., -6.]])
    """

    _multiplies = True

    def attribute(self, inputs, target=None, additional_forward_args=None):
        """Input times gradient; arguments and shapes as `Saliency.attribute`."""
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        found = common.gradients(self.forward_func, x, target, common.as_arguments(additional_forward_args), self._name)
        return common.as_given([each.detach() * g for each, g in zip(x, found)], was_tuple)


def _legendre(n):
    points, weights = np.polynomial.legendre.leggauss(n)
    return (1 + points) / 2, weights / 2


# name -> a function of the number of steps that gives points in [0, 1] and weights whose sum is 1
QUADRATURES = {
    "gausslegendre": _legendre,
    "riemann_left": lambda n: (np.arange(n) / n, np.full(n, 1 / n)),
    "riemann_right": lambda n: (np.arange(1, n + 1) / n, np.full(n, 1 / n)),
    "riemann_middle": lambda n: ((np.arange(n) + 0.5) / n, np.full(n, 1 / n)),
    "riemann_trapezoid": lambda n: (np.linspace(0, 1, n), np.r_[0.5, np.ones(n - 2), 0.5] / (n - 1)),
}


def quadrature(name, n, method):
    """(points, weights) of a rule with `n` points."""
    if name not in QUADRATURES:
        raise ValueError(f"{method}: expected method to be one of {', '.join(QUADRATURES)}, got {name!r}")
    least = 2 if name == "riemann_trapezoid" else 1
    check_integer(n, "n_steps", method, least)
    return QUADRATURES[name](n)


def path_integral(gradient, x, start, target, arguments, points, weights, method, rows_at_once=None, like=None):
    """``sum_k w_k gradient(start + p_k (x - start))``: the gradient's mean along a straight line.

    As many points at once as `rows_at_once` allows, at least one. The gradients have the shapes of `like`, else of x.
    """
    like = x if like is None else like
    rows = x[0].shape[0]
    at_once = len(points) if rows_at_once is None else max(1, rows_at_once // max(rows, 1))
    totals = [fastnn.zeros_like(each).detach() for each in like]
    for begin in range(0, len(points), at_once):
        part = points[begin:begin + at_once]
        line = tuple(fastnn.cat([b + float(p) * (each - b) for p in part]).detach() for each, b in zip(x, start))
        slopes = gradient(line, common.tile_target(target, len(part), rows, method),
                          tuple(common.tile(each, len(part), rows) for each in arguments))
        for i, slope in enumerate(slopes):
            slope = slope.reshape(len(part), *like[i].shape)
            for k, w in enumerate(weights[begin:begin + at_once]):
                totals[i] += float(w) * slope[k]
    return totals


class IntegratedGradients(Attribution):
    """Gradients along the straight line from a baseline to the input; they share out what the output differs by.

    ``a = (x - b) * integral_0^1 df(b + t (x - b)) / dx dt``, and ``sum_i a_i = f(x) - f(b)`` up to the rule's error.

    Sundararajan, Taly, Yan 2017, "Axiomatic attribution for deep networks", arXiv:1703.01365.

    Parameters
    ----------
    forward_func : callable
    multiply_by_inputs : bool
        False gives the integral alone.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import IntegratedGradients
    >>> method = IntegratedGradients(lambda x: (x ** 2).sum(1))
    >>> method.attribute(fastnn.tensor([[1.0, 2.0]]), n_steps=8, return_convergence_delta=True)[0]
    tensor([[1., 4.]])
    """

    _complete = True

    def __init__(self, forward_func, multiply_by_inputs=True):
        super().__init__(forward_func)
        self._multiplies = multiply_by_inputs

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None, n_steps=50,
                  method="gausslegendre", internal_batch_size=None, return_convergence_delta=False):
        """Integrated gradients.

        Parameters
        ----------
        inputs : Tensor or tuple of Tensor
            (batch, ...), of floating point.
        baselines : number, Tensor or tuple, optional
            Where the line begins: 0 if None, a number everywhere, a tensor of the input's shape or with one row.
        target, additional_forward_args
            As for `Saliency.attribute`. Tensors with the inputs' number of rows are repeated for each step.
        n_steps : int
        method : {"gausslegendre", "riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid"}
            The quadrature. Its weights have the sum 1; Captum's for the trapezoid have ``(n - 1) / n``.
        internal_batch_size : int, optional
            At most so many rows at once (but a step of the whole batch).
        return_convergence_delta : bool

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        Tensor
            (batch,), with `return_convergence_delta`: how far the sum is off.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        common.need_floats(x, self._name)
        start = common.as_baselines(baselines, x, self._name)
        arguments = common.as_arguments(additional_forward_args)
        points, weights = quadrature(method, n_steps, self._name)
        means = path_integral(self._gradients, x, start, target, arguments, points, weights, self._name,
                              internal_batch_size)
        found = [mean * (each - b).detach() if self._multiplies else mean for mean, each, b in zip(means, x, start)]
        result = common.as_given(found, was_tuple)
        if not return_convergence_delta:
            return result
        return result, self.compute_convergence_delta(result, start, x, target, additional_forward_args)

    def _gradients(self, inputs, target, arguments):
        return common.gradients(self.forward_func, inputs, target, arguments, self._name)
