"""How good an explanation is: does it say what the model does, and does it stay when the input hardly changes."""
import functools

import numpy as np

import fastnn
from fastnn import Tensor
from fastnn.errors import check_number
from fastnn.explain import _inputs as common
from fastnn.explain._checks import checked


def _in_parts(total, rows, most):
    """Numbers of samples that make `total` with at most `most` rows at once."""
    step = total if most is None else max(1, most // max(rows, 1))
    return [min(step, total - begin) for begin in range(0, total, step)]


def _perturbations(both, inputs):
    """Perturbations and perturbed inputs, as `perturb_func` gave them for `inputs`."""
    if not isinstance(both, (tuple, list)) or len(both) != 2:
        raise TypeError("infidelity: expected perturb_func to give a pair: perturbations and perturbed inputs")
    change, perturbed = both
    change, _ = common.as_tuple(change, "perturbations", "infidelity")
    perturbed, _ = common.as_tuple(perturbed, "perturbed inputs", "infidelity")
    for each, p, changed in zip(inputs, change, perturbed):
        if tuple(p.shape) != tuple(each.shape) or tuple(changed.shape) != tuple(each.shape):
            raise ValueError(f"infidelity: expected perturb_func to give two tensors of shape "
                             f"{tuple(each.shape)}, got {tuple(p.shape)} and {tuple(changed.shape)}")
    return change, perturbed


@functools.partial(checked, method="infidelity")
def infidelity(forward_func, perturb_func, inputs, attributions, baselines=None, additional_forward_args=None,
               target=None, n_perturb_samples=10, max_examples_per_batch=None, normalize=False):
    """How badly attributions foretell what a perturbation does to the output.

    ``mean_k (sum_i p_ki a_i - (f(x) - f(x'_k)))^2`` over perturbations ``p_k`` and perturbed inputs ``x'_k``. For
    ``p = x - x'`` with x' drawn around a baseline this is the infidelity of global methods.

    Yeh, Hsieh, Suggala, Inouye, Ravikumar 2019, "On the (in)fidelity and sensitivity of explanations",
    arXiv:1901.09392.

    Parameters
    ----------
    forward_func : callable
    perturb_func : callable
        ``perturb_func(inputs)``, or ``(inputs, baselines)`` if these are given, gives ``(p, x')`` of the inputs' shape.
    inputs, attributions : Tensor or tuple of Tensor
        (batch, ...).
    baselines, additional_forward_args, target
        As for `IntegratedGradients.attribute`.
    n_perturb_samples : int
        Perturbations for each row.
    max_examples_per_batch : int, optional
        At most so many rows at once.
    normalize : bool
        Scale the attributions first by the number that makes the result least.

    Returns
    -------
    Tensor
        (batch,); 0 is perfect.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import infidelity
    >>> def perturb(x):
    ...     noise = 0.1 * fastnn.randn(*x.shape)
    ...     return noise, x - noise
    >>> weight = fastnn.tensor([[2.0], [-3.0]])
    >>> infidelity(lambda x: x @ weight, perturb, fastnn.ones(1, 2), weight.t()).item() < 1e-8
    True
    """
    x, was_tuple = common.as_tuple(inputs, "inputs", "infidelity")
    shares, _ = common.as_tuple(attributions, "attributions", "infidelity")
    if [tuple(a.shape) for a in shares] != [tuple(each.shape) for each in x]:
        raise ValueError(f"infidelity: expected attributions of the inputs' shapes {[tuple(e.shape) for e in x]}, got "
                         f"{[tuple(a.shape) for a in shares]}")
    arguments, rows = common.as_arguments(additional_forward_args), x[0].shape[0]
    start = None if baselines is None else common.as_baselines(baselines, x, "infidelity")
    with fastnn.no_grad():
        before = common.value(forward_func, x, target, arguments, "infidelity").reshape(rows, -1)
        if before.shape[1] != 1:
            raise ValueError("infidelity: target is missing or incomplete")
        foretold, happened = [], []
        for count in _in_parts(n_perturb_samples, rows, max_examples_per_batch):
            many = tuple(common.repeat_rows(each, count) for each in x)
            given = [common.as_given(many, was_tuple)]
            if start is not None:
                given.append(common.as_given([common.repeat_rows(common.full(b, each), count)
                                              for b, each in zip(start, x)], was_tuple))
            change, perturbed = _perturbations(perturb_func(*given), many)
            after = common.value(forward_func, perturbed, common.repeat_target(target, count, rows, "infidelity"),
                                 tuple(common.repeat_rows(a, count, rows) for a in arguments), "infidelity")
            happened.append(before - after.reshape(rows, count))
            foretold.append(common.row_sums([common.repeat_rows(a, count) * p for a, p in zip(shares, change)])
                            .reshape(rows, count))
        foretold, happened = fastnn.cat(foretold, 1), fastnn.cat(happened, 1)
        if normalize:
            power = (foretold ** 2).sum(1, keepdim=True)
            scale = (foretold * happened).sum(1, keepdim=True) / power.masked_fill(power == 0, 1)
            foretold = foretold * scale
        return ((foretold - happened) ** 2).mean(1)


def uniform_noise(inputs, perturb_radius=0.02):
    """Inputs with noise, uniform between ``-perturb_radius`` and ``perturb_radius``; a tuple."""
    x, _ = common.as_tuple(inputs, "inputs", "uniform_noise")
    return tuple(each + perturb_radius * (2 * fastnn.rand(*each.shape, dtype=each.dtype) - 1) for each in x)


@functools.partial(checked, method="sensitivity_max")
def sensitivity_max(explanation_func, inputs, perturb_func=uniform_noise, perturb_radius=0.02, n_perturb_samples=10,
                    norm_ord="fro", max_examples_per_batch=None, **kwargs):
    """How much an explanation changes, at most, under small changes of the input.

    ``max_k |e(x) - e(x'_k)| / |e(x)|``

    Yeh et al. 2019, arXiv:1901.09392.

    Parameters
    ----------
    explanation_func : callable
        ``explanation_func(inputs, **kwargs)`` gives attributions: the ``attribute`` of a method.
    inputs : Tensor or tuple of Tensor
        (batch, ...).
    perturb_func : callable
        ``perturb_func(inputs, perturb_radius)``, or of the inputs alone, gives changed inputs.
    perturb_radius : float
    n_perturb_samples : int
    norm_ord : "fro" or number
        The norm, over all attributions of a row.
    max_examples_per_batch : int, optional
    **kwargs
        For `explanation_func`; targets and tensors of the inputs' number of rows are repeated.

    Returns
    -------
    Tensor
        (batch,).

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import Saliency, sensitivity_max
    >>> sensitivity_max(Saliency(lambda x: x.sum(1)).attribute, fastnn.ones(2, 3))
    tensor([0., 0.])
    """
    x, was_tuple = common.as_tuple(inputs, "inputs", "sensitivity_max")
    if norm_ord not in ("fro", float("inf")):
        check_number(norm_ord, "norm_ord", "sensitivity_max")
    rows, order = x[0].shape[0], 2.0 if norm_ord == "fro" else float(norm_ord)

    def explained(values, given):
        found = explanation_func(common.as_given(values, was_tuple), **given)
        found, _ = common.as_tuple(found, "what explanation_func gives", "sensitivity_max")
        return fastnn.cat([each.detach().reshape(each.shape[0], -1) for each in found], 1)
    own = explained(x, kwargs)
    size = own.norm(order, 1, keepdim=True)
    size = size.masked_fill(size == 0, 1)
    worst = None
    code = getattr(perturb_func, "__code__", None)
    for count in _in_parts(n_perturb_samples, rows, max_examples_per_batch):
        many = common.as_given([common.repeat_rows(each, count) for each in x], was_tuple)
        changed = perturb_func(many) if code is not None and code.co_argcount < 2 else perturb_func(
            many, perturb_radius)
        changed, _ = common.as_tuple(changed, "perturbed inputs", "sensitivity_max")
        given = {name: _repeated(name, value, count, rows) for name, value in kwargs.items()}
        found = explained(changed, given).reshape(rows, count, -1)
        off = (found - own[:, None]).reshape(rows * count, -1).norm(order, 1).reshape(rows, count) / size
        off = off.amax(1)
        worst = off if worst is None else fastnn.maximum(worst, off)
    return worst


def _repeated(name, value, count, rows):
    if name == "target":
        return common.repeat_target(value, count, rows, "sensitivity_max")
    if isinstance(value, tuple):
        return tuple(common.repeat_rows(each, count, rows) for each in value)
    return common.repeat_rows(value, count, rows) if isinstance(value, Tensor) and rows > 1 else value


class Curve:
    """The output while features are taken away or brought in, the most important first.

    Attributes
    ----------
    fractions : Tensor
        (steps + 1,), the share of features that was changed, from 0 to 1.
    values : Tensor
        (batch, steps + 1), the outputs.
    area : Tensor
        (batch,), the area under the curve by trapezoids.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import Curve
    >>> Curve(fastnn.tensor([0.0, 0.5, 1.0]), fastnn.tensor([[4.0, 2.0, 0.0]])).area
    tensor([2.])
    """

    def __init__(self, fractions, values):
        self.fractions, self.values = fractions, values
        widths = fractions[1:] - fractions[:-1]
        self.area = ((values[:, 1:] + values[:, :-1]) / 2 * widths).sum(1)

    def __repr__(self):
        return f"Curve({self.values.shape[0]} rows, {self.values.shape[1] - 1} steps)"


def _curve(method, forward_func, inputs, attributions, target, additional, baselines, steps, feature_mask, insert):
    x, shares = common.as_tensor(inputs, "inputs", method), common.as_tensor(attributions, "attributions", method)
    rows = x.shape[0]
    if tuple(shares.shape) != tuple(x.shape):
        raise ValueError(f"{method}: expected attributions of the inputs' shape {tuple(x.shape)}, got "
                         f"{tuple(shares.shape)}")
    start = common.full(common.as_baselines(baselines, (x,), method)[0], x)
    shares = shares.detach().reshape(rows, -1)
    if feature_mask is not None:  # features are groups: their shares add up
        mask = common.masks_of(feature_mask, (x,), method)[0]
        numbers, inverse = np.unique(mask.detach().numpy(), return_inverse=True)
        mask = fastnn.tensor(inverse.reshape(mask.shape)).expand(x.shape).reshape(rows, -1)
        shares = fastnn.zeros(rows, len(numbers), dtype=shares.dtype).scatter_add(1, mask, shares)
    count = shares.shape[1]
    rank = shares.argsort(1, descending=True, stable=True).argsort(1)
    if feature_mask is not None:
        rank = rank.gather(1, mask)
    rank = rank.reshape(x.shape)
    arguments = common.as_arguments(additional)
    values, fractions = [], []
    for step in range(steps + 1):
        many = round(count * step / steps)
        changed = rank < many
        mixed = fastnn.where(changed, x, start) if insert else fastnn.where(changed, start, x)
        output = common.value(forward_func, (mixed,), target, arguments, method)
        if output.numel() != rows:
            raise ValueError(f"{method}: target is missing or incomplete: the model's output has the shape "
                             f"{tuple(output.shape)}; expected one number for each of {rows} rows")
        values.append(output.reshape(rows))
        fractions.append(many / count)
    return Curve(fastnn.tensor(fractions), fastnn.stack(values, 1))


@functools.partial(checked, method="deletion_curve")
def deletion_curve(forward_func, inputs, attributions, target=None, additional_forward_args=None, baselines=None,
                   steps=20, feature_mask=None):
    """The output while the most important features are replaced by their baseline, one share after the other.

    ``f(x with the k features of the largest a replaced)``; a good explanation makes it fall quickly: a small area.

    Petsiuk, Das, Saenko 2018, "RISE", arXiv:1806.07421; Samek et al. 2015, arXiv:1509.06321.

    Parameters
    ----------
    forward_func : callable
    inputs : Tensor
        (batch, ...).
    attributions : Tensor
        Of the inputs' shape.
    target, additional_forward_args, baselines
        As for `IntegratedGradients.attribute`.
    steps : int
        Points of the curve after the first.
    feature_mask : Tensor, optional
        Integers that broadcast to the inputs: equal numbers are one feature, such as the channels of a pixel.

    Returns
    -------
    Curve

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import deletion_curve
    >>> x = fastnn.tensor([[1.0, 4.0]])
    >>> deletion_curve(lambda x: x.sum(1), x, attributions=x, steps=2).values
    tensor([[5., 1., 0.]])
    """
    return _curve("deletion_curve", forward_func, inputs, attributions, target, additional_forward_args, baselines,
                  steps, feature_mask, False)


@functools.partial(checked, method="insertion_curve")
def insertion_curve(forward_func, inputs, attributions, target=None, additional_forward_args=None, baselines=None,
                    steps=20, feature_mask=None):
    """The output while the most important features are brought into the baseline, one share after the other.

    ``f(b with the k features of the largest a from x)``; a good explanation makes it rise quickly: a large area.
    Arguments and paper as `deletion_curve`.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import insertion_curve
    >>> x = fastnn.tensor([[1.0, 4.0]])
    >>> insertion_curve(lambda x: x.sum(1), x, attributions=x, steps=2).values
    tensor([[0., 4., 5.]])
    """
    return _curve("insertion_curve", forward_func, inputs, attributions, target, additional_forward_args, baselines,
                  steps, feature_mask, True)
