"""Losses made of other operations: with margins, of pairs and triplets, of several labels, of a normal distribution;
and of alignments, which has a kernel.
"""
import math

import numpy as np

from fastnn import kernels as K
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.autograd.grad_mode import no_grad
from fastnn.ops import activation, pointwise
from fastnn.ops import reduce as reductions
from fastnn.ops._common import need_tensors
from fastnn.ops.arithmetic import add, div, mul, sub
from fastnn.ops.declare import operation
from fastnn.ops.distance import pairwise_distance
from fastnn.ops.compare import minimum
from fastnn.ops.indexing import where
from fastnn.ops.loss import legacy_reduction
from fastnn.ops.pointwise import clamp


def checked(reduction):
    """The reduction, if there is such a one."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(values, reduction):
    """The values, their mean or their sum."""
    if checked(reduction) == "none":
        return values
    return reductions.mean(values) if reduction == "mean" else reductions.sum(values)


@operation("nn")
def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1.

    Shape: inputs (N, D) with target (N), or (D) with target ().

    Parameters
    ----------
    input1 : Tensor
    input2 : Tensor
    target : Tensor
        y: 1 for what belongs together, -1 for what does not.
    margin : float, default 0
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.cosine_embedding_loss(fastnn.tensor([[1.0, 0.0]]), fastnn.tensor([[0.0, 1.0]]), fastnn.tensor([1]))
    tensor(1.)
    """
    need_tensors("cosine_embedding_loss", input1, input2, target)
    if target.ndim > 1:
        raise RuntimeError("cosine_embedding_loss: 0D or 1D target tensor expected, multi-target not supported")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(f"cosine_embedding_loss: {target.ndim}D target tensor expects {target.ndim + 1}D input "
                           f"tensors, but found inputs with sizes {list(input1.shape)} and {list(input2.shape)}.")
    eps = 1e-12
    x, y = input1, input2
    sizes = [add(_sum(mul(each, each)), eps) for each in (x, y)]
    cosine = div(_sum(mul(x, y)), pointwise.sqrt(mul(*sizes)))
    nothing = from_array(np.zeros((), cosine.detach().numpy().dtype))
    loss = add(where(target == 1, sub(1, cosine), nothing), where(target == -1, clamp(sub(cosine, margin), 0), nothing))
    return reduced(loss, legacy_reduction(size_average, reduce, reduction))


def _sum(x):
    return reductions.sum(x, -1)


@operation("nn")
def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """max(0, -y (x1 - x2) + margin), y = 1 or -1.

    Parameters
    ----------
    input1 : Tensor
    input2 : Tensor
    target : Tensor
        y.
    margin : float, default 0
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.margin_ranking_loss(fastnn.tensor([1.0]), fastnn.tensor([3.0]), fastnn.tensor([1.0]))
    tensor(2.)
    """
    need_tensors("margin_ranking_loss", input1, input2, target)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
                           f"{input1.shape}, input2: {input2.shape}, target: {target.shape} ")
    loss = clamp(add(mul(pointwise.neg(target), sub(input1, input2)), margin), 0)
    return reduced(loss, legacy_reduction(size_average, reduce, reduction))


@operation("nn")
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, size_average=None,
                        reduce=None, reduction="mean"):
    """max(0, |a - p| - |a - n| + margin) with p-norms; `swap` takes the smaller of |a - n| and |p - n|.

    Parameters
    ----------
    anchor : Tensor
        a, (N, D) or (D).
    positive : Tensor
        p.
    negative : Tensor
        n.
    margin : float, default 1.0
    p : float, default 2
        Order of the norm.
    eps : float, default 1e-6
        Added to the differences.
    swap : bool, default False
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.triplet_margin_loss(fastnn.zeros(1, 2), fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[0.0, 2.0]]), eps=0.0)
    tensor(4.)
    """
    def distance(x, y):
        return pairwise_distance(x, y, p, eps)
    return _triplet(anchor, positive, negative, distance, margin, swap,
                    legacy_reduction(size_average, reduce, reduction))


@operation("nn")
def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False,
                                      reduction="mean"):
    """`triplet_margin_loss` with any distance of two tensors.

    Parameters
    ----------
    anchor : Tensor
    positive : Tensor
    negative : Tensor
    distance_function : callable, optional
        Of two tensors; ``pairwise_distance`` if not given.
    margin : float, default 1.0
    swap : bool, default False
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.

    Examples
    --------
    >>> distance = lambda a, b: (a - b).abs().sum(-1)
    >>> F.triplet_margin_with_distance_loss(fastnn.zeros(1, 2), fastnn.ones(1, 2), fastnn.ones(1, 2),
    ...                                     distance_function=distance)
    tensor(1.)
    """
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(anchor, positive, negative, distance, margin, swap, reduction):
    need_tensors("triplet_margin_loss", anchor, positive, negative)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(f"The anchor, positive, and negative tensors are expected to have the same number of "
                           f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
                           f"{negative.ndim}D inputs")
    to_positive, to_negative = distance(anchor, positive), distance(anchor, negative)
    if swap:
        to_negative = minimum(to_negative, distance(positive, negative))
    return reduced(clamp(sub(add(to_positive, margin), to_negative), 0), reduction)


@operation("nn")
def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """0.5 (log var + (x - y)^2 / var), var at least `eps`; `full` adds log(2 pi) / 2.

    Shape: var as input, or with one element (or none) in the last dimension, or a float.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    var : Tensor or float
        Variances.
    full : bool, default False
    eps : float, default 1e-6
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.

    Raises
    ------
    ValueError
        A negative variance, or one of another shape.

    Examples
    --------
    >>> F.gaussian_nll_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]), fastnn.ones(2))
    tensor(1.)
    """
    need_tensors("gaussian_nll_loss", input, target)
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = from_array(np.full(tuple(input.shape), var, input.detach().numpy().dtype))
    elif not isinstance(var, Tensor):
        raise TypeError(f"gaussian_nll_loss(): argument 'var' must be Tensor or float, not {type(var).__name__}")
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or sum(y for x, y in zip(input.shape, var.shape) if x != y) != 1:
            raise ValueError("var is of incorrect size")
    checked(reduction)
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)  # the limit does not stop the gradient
    loss = mul(0.5, add(pointwise.log(var), div(pointwise.square(sub(input, target)), var)))
    return reduced(add(loss, 0.5 * math.log(2 * math.pi)) if full else loss, reduction)


def _classes(name, input, target, per_class):
    """Input as (N, C), target as (N) or (N, C), and whether there was a batch dimension."""
    need_tensors(name, input, target)
    if input.ndim == 0 and target.ndim == 0:
        input = input.unsqueeze(0)
    if input.ndim not in (1, 2) or input.shape[-1] == 0:
        raise RuntimeError(f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{list(input.shape)}")
    batched = input.ndim == 2
    if not batched:
        input = input.unsqueeze(0)
    expected = (input.shape[0], input.shape[1]) if per_class else (input.shape[0],)
    if target.numel() != math.prod(expected) or per_class and target.ndim > 1 + batched \
            or not per_class and target.ndim > 1:
        raise RuntimeError(f"{name}: inconsistent target size, expected {list(expected[not batched:])} but got "
                           f"{list(target.shape)}")
    classes = target.numpy().reshape(expected)
    if classes.dtype != np.int64:
        raise RuntimeError(f"{name}: expected target of dtype int64 (Long), got {target.dtype}")
    low = -1 if per_class else 0
    if classes.size and (classes.min() < low or classes.max() >= input.shape[1]):
        raise RuntimeError(f"{name}: target out of range: expected classes of [{low}, {input.shape[1]}), got "
                           f"{classes.min()} to {classes.max()}")
    return input, classes, batched


@operation("nn")
def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """sum over j != y of max(0, weight[y] (margin - x[y] + x[j]))^p / C, p = 1 or 2.

    Shape: input (N, C) or (C), target class numbers (N) or ().

    Parameters
    ----------
    input : Tensor
    target : Tensor
    p : int, default 1
    margin : float, default 1.0
    weight : Tensor, optional
        (C,)
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.multi_margin_loss(fastnn.tensor([[1.0, 3.0]]), fastnn.tensor([0]))
    tensor(1.5000)
    """
    reduction = checked(legacy_reduction(size_average, reduce, reduction))
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    x, classes, batched = _classes("multi_margin_loss", input, target, False)
    if weight is not None and weight.numel() != x.shape[1]:
        raise RuntimeError(f"multi_margin_loss: inconsistent weight size, expected {x.shape[1]} but got "
                           f"{list(weight.shape)}")
    right = from_array(classes[:, None])
    other = from_array(np.arange(x.shape[1]) != classes[:, None])
    z = activation.relu(add(sub(margin, x.gather(1, right)), x))  # without a slope at 0
    if p == 2:
        z = mul(z, z)
    if weight is not None:
        z = mul(z, weight.unsqueeze(0).expand(x.shape).gather(1, right))
    loss = div(_sum(mul(z, other.to(x.dtype))), x.shape[1])
    return reduced(loss if batched else loss.squeeze(0), reduction)


@operation("nn")
def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """sum over labels y and classes j that are no labels of max(0, 1 - x[y] + x[j]) / C.

    Shape: input (N, C) or (C); target of the same shape holds the labels, ended by -1.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.multilabel_margin_loss(fastnn.tensor([[1.0, 3.0]]), fastnn.tensor([[0, -1]]))
    tensor(1.5000)
    """
    reduction = checked(legacy_reduction(size_average, reduce, reduction))
    x, classes, batched = _classes("multilabel_margin_loss", input, target, True)
    valid = np.logical_and.accumulate(classes >= 0, axis=1)
    labels = np.where(valid, classes, 0)
    is_label = np.zeros(classes.shape, bool)
    is_label[np.nonzero(valid)[0], labels[valid]] = True
    counted = from_array((valid[:, :, None] & ~is_label[:, None, :]).astype(x.detach().numpy().dtype))
    z = activation.relu(add(sub(1, x.gather(1, from_array(labels)).unsqueeze(2)), x.unsqueeze(1)))
    loss = div(reductions.sum(mul(z, counted), (-2, -1)), x.shape[1])
    return reduced(loss if batched else loss.squeeze(0), reduction)


@operation("nn")
def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-mean over classes of y log sigmoid(x) + (1 - y) log sigmoid(-x).

    Parameters
    ----------
    input : Tensor
    target : Tensor
        y: 0 or 1, shaped as the input, (N, C).
    weight : Tensor, optional
        (C,)
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.multilabel_soft_margin_loss(fastnn.zeros(1, 2), fastnn.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
    need_tensors("multilabel_soft_margin_loss", input, target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = pointwise.neg(add(mul(target, activation.logsigmoid(input)),
                             mul(sub(1, target), activation.logsigmoid(pointwise.neg(input)))))
    if weight is not None:
        loss = mul(loss, weight)
    if not input.ndim:
        raise IndexError("multilabel_soft_margin_loss: expected input of one dimension or more, got a scalar")
    return reduced(div(reductions.sum(loss, input.ndim - 1), input.shape[-1]), reduction)


def _ctc_backward(grad, x, targets, steps, lengths, loss, alpha, blank, zero_infinity):
    return K.ctc_loss_backward(grad, x, targets, steps, lengths, loss, alpha, blank, zero_infinity)


CTC_LOSS = Op("CtcLossBackward0", _ctc_backward, "x targets steps lengths loss alpha blank zero_infinity",
              "its gradient is one of log_softmax's input, as PyTorch's is, which has none either")


def _whole_numbers(name, lengths):
    """Lengths, a tensor or a sequence of ints, as an array."""
    if isinstance(lengths, Tensor):
        found = lengths.detach().numpy()
        if found.dtype.kind not in "iu":
            raise RuntimeError(f"ctc_loss: {name} must be integral, got {lengths.dtype}")
        return found.astype(np.int64).reshape(-1)
    if not isinstance(lengths, (tuple, list)) or not all(hasattr(n, "__index__") for n in lengths):
        raise TypeError(f"ctc_loss(): argument '{name}' must be a Tensor or a tuple of ints, got {lengths!r:.100}")
    return np.array([int(n) for n in lengths], np.int64)


@operation("nn")
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """Connectionist temporal classification: -log of the probability of all alignments of steps with a target.

    An alignment has the target's classes in their order, each on one or several steps, with or without blanks between
    them (with, between equal ones). The mean is of the losses over their targets' lengths (0 counts as 1). Graves,
    Fernandez, Gomez, Schmidhuber 2006.

    Parameters
    ----------
    log_probs : Tensor (T, N, C) or (T, C)
        Logarithms of probabilities, of `log_softmax`: **the gradient is right only through that**, as PyTorch's is.
    targets : Tensor (N, S), (sum of target_lengths,) or, of one sample, (S,); int
        Classes other than the blank; of rows the first count, of one row the samples follow each other.
    input_lengths, target_lengths : Tensor or tuple of ints
        How many steps, at most T, and classes count.
    blank : int, default 0
        The class of the blank.
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the samples.
    zero_infinity : bool, default False
        Whether a sample without alignment, whose target has too many classes for its steps, counts 0 and has a gradient
        of 0, instead of inf and NaN.

    Returns
    -------
    Tensor () or, with "none", (N,)

    Raises
    ------
    RuntimeError
        Shapes that do not fit; classes, lengths or the blank out of range.
    TypeError, ValueError, NotImplementedError
        Arguments that are no tensors; another reduction; other dtypes than float32 and float64.

    Examples
    --------
    >>> F.ctc_loss(fastnn.zeros(2, 1, 2) - 0.6931, fastnn.tensor([[1]]), (2,), (1,))
    tensor(0.2876)
    """
    checked(reduction)
    need_tensors("ctc_loss", log_probs, targets)
    if log_probs.detach().numpy().dtype.name not in ("float32", "float64"):
        raise NotImplementedError(f"ctc_loss: not implemented for {log_probs.dtype}")
    if targets.detach().numpy().dtype.kind not in "iuf":
        raise RuntimeError(f"ctc_loss: expected targets of integers, got {targets.dtype}")
    batched = log_probs.ndim != 2
    log_probs = log_probs if batched else log_probs.unsqueeze(1)
    steps, lengths = _whole_numbers("input_lengths", input_lengths), _whole_numbers("target_lengths", target_lengths)
    x, classes = log_probs.detach().numpy(), targets.detach().numpy().astype(np.int64)
    found, alpha = K.ctc_loss_forward(x, classes, steps, lengths, blank)
    loss = record(found, CTC_LOSS, (log_probs,),
                  (x, classes, steps, lengths, found, alpha, blank, bool(zero_infinity)), (log_probs,))
    if zero_infinity:
        loss = where(from_array(np.isposinf(found)), 0.0, loss)
    if reduction == "mean":
        loss = div(loss, from_array(np.maximum(lengths, 1).astype(x.dtype)))
    return reduced(loss if batched else loss.squeeze(0), reduction)


@operation("fastnn.ctc_loss")
def _ctc_loss_numbered(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=0, zero_infinity=False):
    """``nn.functional.ctc_loss`` with the reduction as a number, and as in PyTorch another default.

    Parameters
    ----------
    log_probs, targets, input_lengths, target_lengths, blank, zero_infinity
        As there.
    reduction : int, default 0
        0 (none), 1 (mean) or 2 (sum).

    Examples
    --------
    >>> fastnn.ctc_loss(fastnn.zeros(2, 1, 2) - 0.6931, fastnn.tensor([[1]]), (2,), (1,), reduction=2)
    tensor(0.2876)
    """
    if not hasattr(reduction, "__index__"):
        raise TypeError(f"ctc_loss(): argument 'reduction' must be int, not {type(reduction).__name__}")
    names = {1: "mean", 2: "sum"}
    return ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, names.get(int(reduction), "none"),
                    zero_infinity)
