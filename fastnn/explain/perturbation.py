"""Methods that change the inputs and look at the output: no gradients, any function."""
import functools
import itertools
import math
import sys

import numpy as np

import fastnn
from fastnn.errors import check_integer, shown
from fastnn.explain import _inputs as common
from fastnn.explain._checks import checked
from fastnn.explain.attribution import Attribution


class _Evaluator:
    """Runs a model on several variants of a batch at once, and gives one row of outputs for each variant."""

    def __init__(self, method, x, target, additional, at_once):
        self.method, self.target, self.at_once = method, target, at_once
        self.arguments, self.rows = common.as_arguments(additional), x[0].shape[0]
        self.original = self._run(x, target, self.arguments)
        if self.original.dtype == fastnn.bool:
            raise TypeError(f"{method._name}: expected the model to return numbers, got {self.original.dtype}")
        if self.original.numel() not in (1, self.rows) or self.original.ndim > 1 and self.original.numel() != \
                self.original.shape[0]:
            raise ValueError(f"{method._name}: target is missing or incomplete: the model's output has the shape "
                             f"{tuple(self.original.shape)}; expected one number for each of {self.rows} rows, or one")
        self.per_row = self.original.numel() == self.rows
        self.original = self.original.flatten()

    def _run(self, x, target, arguments):
        return common.value(self.method.forward_func, x, target, arguments, self.method._name)

    def __call__(self, variants):
        """Outputs (variants, rows or 1) of a list of input tuples."""
        found = []
        step = self.at_once if self.per_row else 1
        for begin in range(0, len(variants), step):
            part = variants[begin:begin + step]
            x = tuple(fastnn.cat(each) for each in zip(*part)) if len(part) > 1 else part[0]
            output = self._run(x, common.tile_target(
                self.target, len(part), self.rows, self.method._name) if self.per_row else self.target,
                               tuple(common.tile(each, len(part), self.rows) for each in self.arguments))
            wanted = len(part) * self.original.numel()
            if output.numel() != wanted:
                raise ValueError(f"{self.method._name}: expected {wanted} outputs for perturbed inputs, got "
                                 f"{output.numel()}")
            found.append(output.reshape(len(part), -1))
        return fastnn.cat(found)

    def batches(self, items):
        """Items in groups that fit one call, so that variants need not lie in memory all at once."""
        items, step = iter(items), self.at_once if self.per_row else 1
        while part := list(itertools.islice(items, step)):
            yield part


def _numbers(mask):
    return np.unique(mask.detach().numpy()).tolist()


def _shape(x, per_row):
    return x.shape if per_row else (1, *x.shape[1:])


def _float(x):
    return x.dtype if x.is_floating_point() else fastnn.get_default_dtype()


class _Progress:
    """What ``show_progress=True`` prints: a count on one line of the standard error."""

    def __init__(self, name, total, show):
        self.name, self.total, self.show, self.done = name, total, show, 0

    def step(self, count=1):
        self.done += count
        if self.show:
            print(f"\r{self.name}: {self.done}/{self.total}", end="" if self.done < self.total else "\n",
                  file=sys.stderr)


class FeatureAblation(Attribution):
    """The output's change when a feature, or a group of them, is replaced by its baseline.

    ``a_i = f(x) - f(x with x_g = b_g)`` for every i of the group g.

    Zeiler, Fergus 2013, "Visualizing and understanding convolutional networks", arXiv:1311.2901.

    Parameters
    ----------
    forward_func : callable
        Gives one number a row (after `target`), or one for the whole batch; attributions have one row then.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import FeatureAblation
    >>> method = FeatureAblation(lambda x: x @ fastnn.tensor([[2.0], [-3.0]]))
    >>> method.attribute(fastnn.ones(1, 2))
    tensor([[ 2., -3.]])
    >>> method.attribute(fastnn.ones(1, 2), feature_mask=fastnn.tensor([[0, 0]]))
    tensor([[-1., -1.]])
    """

    _multiplies = True

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None, feature_mask=None,
                  perturbations_per_eval=1, show_progress=False):
        """Differences for each feature.

        Parameters
        ----------
        inputs, baselines, target, additional_forward_args
            As for `IntegratedGradients.attribute`; inputs may be integers.
        feature_mask : Tensor or tuple of Tensor, optional
            Integers that broadcast to the input's shape: equal numbers are one feature. Features of different inputs
            are ablated one by one, also if their numbers are equal.
        perturbations_per_eval : int
            Features ablated in one call of the model.
        show_progress : bool

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        start = common.as_baselines(baselines, x, self._name)
        masks = common.masks_of(feature_mask, x, self._name)
        features = [(i, mask == number) for i, mask in enumerate(masks) for number in _numbers(mask)]

        def change(i, where):
            return fastnn.where(where, start[i], x[i])
        return self._differences(x, was_tuple, features, change, target, additional_forward_args,
                                 perturbations_per_eval, show_progress)

    def _differences(self, x, was_tuple, features, change, target, additional, at_once, show, average=False):
        """Sums over features (input's number, where it is) of ``f(x) - f(changed)``; or their mean at each place."""
        evaluate = _Evaluator(self, x, target, additional, at_once)
        sums = [fastnn.zeros(_shape(each, evaluate.per_row), dtype=_float(each)) for each in x]
        weights = [fastnn.zeros(1, *each.shape[1:], dtype=_float(each)) for each in x]
        progress = _Progress(self._name, len(features), show)
        for part in evaluate.batches(features):
            outputs = evaluate([(*x[:i], change(i, where), *x[i + 1:]) for i, where in part])
            for (i, where), output in zip(part, outputs):
                share = where.to(sums[i].dtype)
                sums[i] = sums[i] + common.by_rows(evaluate.original - output, x[i]).to(sums[i].dtype) * share
                weights[i] = weights[i] + share
            progress.step(len(part))
        if average:
            sums = [total / weight.clamp(min=1) for total, weight in zip(sums, weights)]
        return common.as_given(sums, was_tuple)


class Occlusion(FeatureAblation):
    """The output's change when a window of the input is replaced by the baseline, averaged over the windows.

    ``a_i = mean over windows w with i of f(x) - f(x with x_w = b_w)``.

    Zeiler, Fergus 2013, "Visualizing and understanding convolutional networks", arXiv:1311.2901.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import Occlusion
    >>> Occlusion(lambda x: x.sum(1)).attribute(fastnn.ones(1, 4), sliding_window_shapes=(2,), strides=2)
    tensor([[2., 2., 2., 2.]])
    """

    def attribute(self, inputs, sliding_window_shapes, strides=None, baselines=None, target=None,
                  additional_forward_args=None, perturbations_per_eval=1, show_progress=False):
        """Mean differences over windows.

        Parameters
        ----------
        inputs, baselines, target, additional_forward_args, perturbations_per_eval, show_progress
            As for `FeatureAblation.attribute`.
        sliding_window_shapes : tuple of int, or tuple of tuples
            The window's shape, the input's without the batch; for several inputs one for each. A number will do where
            that is one dimension.
        strides : int, tuple, or tuple of tuples, optional
            How far windows move, 1 without it; the last one is cut off at the border.

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        """
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        start = common.as_baselines(baselines, x, self._name)
        shapes = self._sizes(sliding_window_shapes, "sliding_window_shapes", x, False)
        moves = self._sizes(1 if strides is None else strides, "strides", x, True)
        features = [(i, where) for i, (each, shape, move) in enumerate(zip(x, shapes, moves))
                    for where in self._windows(each, shape, move)]

        def change(i, where):
            return fastnn.where(where, start[i], x[i])
        return self._differences(x, was_tuple, features, change, target, additional_forward_args,
                                 perturbations_per_eval, show_progress, average=True)

    def _sizes(self, given, name, x, spread):
        """For each input a tuple of integers, one for each dimension after the batch; `spread`: an int is for all."""
        given = tuple(given) if isinstance(given, list) else given
        if not isinstance(given, tuple) or len(x) == 1 and not any(isinstance(each, (tuple, list)) for each in given):
            given = (given,) * len(x)
        if len(given) != len(x):
            raise ValueError(f"{self._name}: expected {name} for each of {len(x)} inputs, got {len(given)}")
        found = []
        for sizes, each in zip(given, x):
            many = each.ndim - 1
            sizes = tuple(sizes) if isinstance(sizes, (tuple, list)) else (sizes,) * (many if spread else 1)
            for size in sizes:
                check_integer(size, name, self._name)
            if len(sizes) != many:
                raise ValueError(f"{self._name}: expected {name} of {many} numbers for an input of shape "
                                 f"{tuple(each.shape)}, got {sizes}")
            found.append(sizes)
        return found

    def _windows(self, x, shape, strides):
        sizes = tuple(x.shape[1:])
        for size, window, stride in zip(sizes, shape, strides):
            if window > size or stride > window and window < size:
                raise ValueError(f"{self._name}: expected windows up to the input's size {sizes} and strides up to the "
                                 f"window's, got {shape} and {strides}")
        starts = [range(0, max(math.ceil((size - window) / stride), 0) * stride + 1, stride)
                  for size, window, stride in zip(sizes, shape, strides)]
        for begin in itertools.product(*starts):
            where = np.zeros((1, *sizes), bool)
            where[(0, *(slice(b, b + window) for b, window in zip(begin, shape)))] = True
            yield fastnn.tensor(where)


class FeaturePermutation(FeatureAblation):
    """The output's change when a feature's values are shuffled among the rows of the batch.

    ``a_ni = f(x)_n - f(x with column i permuted)_n``; with a loss as `forward_func` this is permutation importance.

    Breiman 2001, "Random forests", Machine Learning 45; Fisher, Rudin, Dominici 2019, arXiv:1801.01489.

    Parameters
    ----------
    forward_func : callable
    perm_func : callable, optional
        ``perm_func(x, where)`` gives the input with the feature `where` (a tensor of bool) shuffled.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import FeaturePermutation
    >>> x = fastnn.tensor([[1.0, 5.0], [3.0, 7.0]])
    >>> FeaturePermutation(lambda x: x[:, 0]).attribute(x)
    tensor([[-2.,  0.],
            [ 2.,  0.]])
    """

    def __init__(self, forward_func, perm_func=None):
        super().__init__(forward_func)
        if perm_func is not None and not callable(perm_func):
            raise TypeError(f"{self._name}: expected perm_func to be a function, got {shown(perm_func)}")
        self.perm_func = perm_func or _shuffled

    def attribute(self, inputs, target=None, additional_forward_args=None, feature_mask=None,
                  perturbations_per_eval=1, show_progress=False):
        """Differences for each feature; arguments and shapes as `FeatureAblation.attribute`. The batch needs two
        rows."""
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        if x[0].shape[0] < 2:
            raise ValueError(f"{self._name}: expected at least two rows to shuffle, got {x[0].shape[0]}")
        features = [(i, mask == number) for i, mask in enumerate(common.masks_of(feature_mask, x, self._name))
                    for number in _numbers(mask)]
        def change(i, where):
            found = self.perm_func(x[i], where)
            if not isinstance(found, fastnn.Tensor) or found.shape != x[i].shape:
                raise TypeError(f"{self._name}: expected perm_func to give a tensor of shape {tuple(x[i].shape)}, got "
                                f"{tuple(found.shape) if isinstance(found, fastnn.Tensor) else shown(found)}")
            return found
        return self._differences(x, was_tuple, features, change, target, additional_forward_args,
                                 perturbations_per_eval, show_progress)


def _shuffled(x, where):
    """The feature's values in another order of rows, which is not the same one."""
    rows = x.shape[0]
    order = fastnn.randperm(rows)
    while fastnn.equal(order, fastnn.arange(rows)):
        order = fastnn.randperm(rows)
    return fastnn.where(where, x[order], x)


@functools.partial(checked, method="permutation_importance")
def permutation_importance(score, x, y, n_repeats=5, feature_mask=None):
    """How much a model's score falls when a feature is shuffled.

    ``importance_i = score(x, y) - mean_k score(x with feature i shuffled, y)``

    Breiman 2001, "Random forests", Machine Learning 45.

    Parameters
    ----------
    score : callable
        ``score(x, y)`` gives a number, the larger the better: ``lambda x, y: (model(x).argmax(1) == y).mean()``.
    x : Tensor
        (batch, ...), of at least two rows.
    y : any
        What the score compares with.
    n_repeats : int
    feature_mask : Tensor, optional
        Equal numbers are one feature.

    Returns
    -------
    (Tensor, Tensor)
        Mean and standard deviation over the repeats, (features,).

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import permutation_importance
    >>> x = fastnn.randn(50, 2)
    >>> mean, deviation = permutation_importance(lambda x, y: -((x[:, 0] - y) ** 2).mean(), x, x[:, 0])
    >>> bool(mean[0] > 0.5), bool(mean[1] == 0)
    (True, True)
    """
    x = common.as_tensor(x, "x", "permutation_importance")
    if x.shape[0] < 2:
        raise ValueError(f"permutation_importance: expected at least two rows to shuffle, got {x.shape[0]}")
    mask = common.masks_of(feature_mask, (x,), "permutation_importance")[0]
    with fastnn.no_grad(), common.recording(score):
        best = score(x, y)
        if not isinstance(best, (int, float, np.number)) and getattr(best, "numel", int)() != 1:
            raise TypeError(f"permutation_importance: expected score to give a number, got {shown(best)}")
        best = float(best)
        falls = [[best - float(score(_shuffled(x, mask == number), y)) for _ in range(n_repeats)]
                 for number in _numbers(mask)]
    falls = fastnn.tensor(falls)
    return falls.mean(1), falls.std(1, correction=0)


class ShapleyValueSampling(Attribution):
    """Shapley values by sampled orders: what a feature adds to those before it, on average over orders.

    ``a_i = mean over orders o of f(features before i in o, and i) - f(features before i in o)``, all others at their
    baseline; ``sum_i a_i = f(x) - f(b)`` exactly.

    Castro, Gomez, Tejada 2009, "Polynomial calculation of the Shapley value based on sampling"; Strumbelj, Kononenko
    2010.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import ShapleyValueSampling
    >>> ShapleyValueSampling(lambda x: x.prod(1)).attribute(fastnn.tensor([[2.0, 3.0]]), n_samples=400).sum().round()
    tensor(6.)
    """

    _multiplies = True

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None, feature_mask=None,
                  n_samples=25, perturbations_per_eval=1, show_progress=False):
        """Mean marginal contributions.

        Parameters
        ----------
        inputs, baselines, target, additional_forward_args, perturbations_per_eval, show_progress
            As for `FeatureAblation.attribute`.
        feature_mask : Tensor or tuple of Tensor, optional
            Equal numbers are one feature, also in different inputs.
        n_samples : int
            Orders.

        Returns
        -------
        Tensor or tuple of Tensor
            Of the inputs' shapes.
        """
        return self._attribute(inputs, baselines, target, additional_forward_args, feature_mask,
                               perturbations_per_eval, show_progress, lambda count: (n_samples, (
                                   fastnn.randperm(count).tolist() for _ in range(n_samples))))

    def _attribute(self, inputs, baselines, target, additional, feature_mask, at_once, show, orders_of):
        x, was_tuple = common.as_tuple(inputs, "inputs", self._name)
        start = common.as_baselines(baselines, x, self._name)
        start = tuple(common.full(b, each) for b, each in zip(start, x))
        masks = common.masks_of(feature_mask, x, self._name)
        numbers = sorted({number for mask in masks for number in _numbers(mask)})
        evaluate = _Evaluator(self, x, target, additional, at_once)
        nothing = evaluate([start])[0]
        sums = [fastnn.zeros(_shape(each, evaluate.per_row), dtype=_float(each)) for each in x]
        count, orders = orders_of(len(numbers))
        progress = _Progress(self._name, count * len(numbers), show)
        for order in orders:
            before, current = nothing, start
            for part in evaluate.batches(order):
                variants = []
                for k in part:
                    current = tuple(fastnn.where(mask == numbers[k], each, now)
                                    for mask, each, now in zip(masks, x, current))
                    variants.append(current)
                for k, output in zip(part, evaluate(variants)):
                    for i, (mask, each) in enumerate(zip(masks, x)):
                        gain = common.by_rows(output - before, each).to(sums[i].dtype)
                        sums[i] = sums[i] + gain * (mask == numbers[k]).to(sums[i].dtype)
                    before = output
                progress.step(len(part))
        return common.as_given([total / count for total in sums], was_tuple)


class ShapleyValues(ShapleyValueSampling):
    """Shapley values over all orders of the features: n! of them.

    Shapley 1953, "A value for n-person games".

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import ShapleyValues
    >>> ShapleyValues(lambda x: x.prod(1)).attribute(fastnn.tensor([[2.0, 3.0]]))
    tensor([[3., 3.]])
    """

    def attribute(self, inputs, baselines=None, target=None, additional_forward_args=None, feature_mask=None,
                  perturbations_per_eval=1, show_progress=False):
        """Shapley values; arguments and shapes as `ShapleyValueSampling.attribute`. More than 10 features raise a
        ValueError: use sampling."""
        def orders(count):
            if count > 10:
                raise ValueError(f"{self._name}: {count} features have {count}! orders; use ShapleyValueSampling")
            return math.factorial(count), itertools.permutations(range(count))
        return self._attribute(inputs, baselines, target, additional_forward_args, feature_mask,
                               perturbations_per_eval, show_progress, orders)
