"""Losses: functions of torch.nn.functional, each one kernel forward and one backward.

All take ``reduction``: "mean", "sum" or "none". ``size_average`` and ``reduce`` are PyTorch's deprecated names for it.
"""
cimport numpy as np

import warnings

import numpy

from fastnn import dtypes
from fastnn._tape cimport Node, Op, describe, declare
from fastnn._tape import operations
from fastnn._tensor cimport Tensor, recording, record2, shape_of, wrap
from fastnn.kernels cimport loss as K
from fastnn.ops._common cimport is_real
from fastnn.ops._common import broadcast_shapes, need_real, promote
from fastnn.ops.arithmetic import div, mul
from fastnn.ops.reduce import sum
from fastnn.ops.declare import operation
from fastnn.ops.slopes import LOSSES
from fastnn.ops.softmax import log_softmax

np.import_array()


cpdef legacy_reduction(size_average, reduce, reduction):
    """`reduction`, unless one of PyTorch's deprecated flags says otherwise."""
    if size_average is None and reduce is None:
        return reduction
    kept = reduce is not None and not reduce
    reduction = "none" if kept else "mean" if size_average is None or size_average else "sum"
    warnings.warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
                  stacklevel=3)
    return reduction


cdef np.ndarray plain(object tensor):
    return None if tensor is None else (<Tensor?>tensor).array


# ---- element by element ----

cdef class Loss(Op):
    """The record of one loss of loss.def."""
    cdef readonly str kernel     # its name there


cdef object pointwise_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return K.pointwise_loss_backward((<Loss>node.op).kernel, grad, saved[0], saved[1], saved[2], saved[3], saved[4],
                                     node.a, node.b, node.edges[0] is not None, node.edges[1] is not None)


def _pointwise_second(step, g):
    if step.reduction == "mean" and step.x.size:
        g = g / step.x.size
    if step.weight is not None:
        g = g * wrap(step.weight)
    pos_weight = None if step.pos_weight is None else wrap(step.pos_weight)
    given = step.input(step.x, 0), step.input(step.t, 1), pos_weight, step.a, step.b
    return tuple([None if edge is None else g * slope(*given)
                  for edge, slope in zip(step.edges, LOSSES[step.op.kernel])])


cdef Loss declare_loss(str name, str kernel):
    cdef Loss loss = Loss.__new__(Loss)
    loss.rule, loss.kernel = pointwise_backward, kernel
    describe(loss, name, "x t weight pos_weight reduction", "a b")
    loss.second(_pointwise_second)
    operations.append(loss)
    return loss


cdef Loss MSE = declare_loss("MseLossBackward0", "mse")
cdef Loss L1 = declare_loss("L1LossBackward0", "l1")
cdef Loss SMOOTH_L1 = declare_loss("SmoothL1LossBackward0", "smooth_l1")
cdef Loss HUBER = declare_loss("HuberLossBackward0", "huber")
cdef Loss SOFT_MARGIN = declare_loss("SoftMarginLossBackward0", "soft_margin")
cdef Loss HINGE_EMBEDDING = declare_loss("HingeEmbeddingLossBackward0", "hinge_embedding")
cdef Loss POISSON = declare_loss("PoissonNllLossBackward0", "poisson_nll")
cdef Loss POISSON_LOG = declare_loss("PoissonNllLossBackward0", "poisson_nll_log_input")
cdef Loss KL = declare_loss("KlDivBackward0", "kl_div")
cdef Loss KL_LOG = declare_loss("KlDivBackward0", "kl_div_log_target")
cdef Loss BCE = declare_loss("BinaryCrossEntropyBackward0", "bce")
cdef Loss BCE_WITH_LOGITS = declare_loss("BinaryCrossEntropyWithLogitsBackward0", "bce_with_logits")


cdef Tensor pointwise(Loss loss, object input, object target, object weight, object pos_weight, object reduction,
                      double a, double b):
    cdef str name = loss.name
    if not isinstance(input, Tensor) or not isinstance(target, Tensor):
        raise TypeError(f"{name}: input and target must be Tensors, got {type(input).__name__} and "
                        f"{type(target).__name__}")
    cdef Tensor x = <Tensor>input, t = <Tensor>target, out
    if np.PyArray_TYPE(x.array) != np.PyArray_TYPE(t.array) or not is_real(x.array):
        dtype = promote(x, t)
        if dtype.kind == "c" and loss is L1:
            x = (x - t).abs()
            return pointwise(loss, x, wrap(numpy.zeros_like(x.array)), weight, pos_weight, reduction, a, b)
        if dtype.kind != "f":
            raise RuntimeError(f'"{name}" not implemented for {x.dtype}')
        x, t = x.to(dtype), t.to(dtype)
    cdef np.ndarray w = plain(weight), v = plain(pos_weight)
    if w is not None and w.dtype != x.array.dtype:  # the result is the input's, whatever the weights are
        w = w.astype(x.array.dtype)
    if v is not None and v.dtype != x.array.dtype:
        v = v.astype(x.array.dtype)
    cdef np.ndarray y = K.pointwise_loss_forward(loss.kernel, x.array, t.array, w, v, reduction, a, b)
    if not (recording(x) or recording(t)):
        return wrap(y)
    out = record2(y, loss, x, t, (x.array, t.array, w, v, reduction))
    out.node.a, out.node.b = a, b
    out.node.guard(x.version_object())
    out.node.guard(t.version_object())
    return out


cdef tuple broadcast(str name, object input, object target):
    """Input and target in one shape; PyTorch warns that this is rarely meant."""
    if not isinstance(input, Tensor) or not isinstance(target, Tensor) or np.PyArray_SAMESHAPE(
            (<Tensor>input).array, (<Tensor>target).array):
        return input, target
    warnings.warn(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This "
                  f"will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
                  stacklevel=3)
    try:
        shape = numpy.broadcast_shapes(shape_of((<Tensor>input).array), shape_of((<Tensor>target).array))
    except ValueError:
        raise RuntimeError(f"{name}: the shapes of input {list(input.shape)} and target {list(target.shape)} do not "
                           f"broadcast") from None
    return input.expand(shape), target.expand(shape)


cdef object weighed(Tensor values, object weight, object reduction):
    """PyTorch's weighted form of mse and its like: a mean divides by the sum of the weights."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'.")
    if weight.shape != values.shape:
        raise ValueError("Weights and input must have the same size.")
    values = mul(values, weight)
    if reduction == "none":
        return values
    return sum(values) if reduction == "sum" else div(sum(values), sum(weight))


cdef object difference(Loss loss, object input, object target, object weight, object reduction, double a):
    input, target = broadcast(loss.kernel + "_loss", input, target)
    if weight is None:
        return pointwise(loss, input, target, None, None, reduction, a, 0.0)
    return weighed(pointwise(loss, input, target, None, None, "none", a, 0.0), weight, reduction)


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(x - y)^2.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    weight : Tensor, optional
        Of each element.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.mse_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(2.)
    """
    return difference(MSE, input, target, weight,
                      legacy_reduction(size_average, reduce, reduction), 0.0)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|x - y|.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    weight : Tensor, optional
        Of each element.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.l1_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(1.)
    """
    return difference(L1, input, target, weight,
                      legacy_reduction(size_average, reduce, reduction), 0.0)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", double beta=1.0):
    """0.5 (x - y)^2 / beta where |x - y| < beta, else |x - y| - 0.5 beta (Girshick 2015).

    Parameters
    ----------
    input : Tensor
    target : Tensor
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    beta : float, default 1.0
        Not negative.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.smooth_l1_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(0.7500)
    """
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta: expected beta >= 0, got {beta}")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    return difference(SMOOTH_L1, input, target, None,
                      legacy_reduction(size_average, reduce, reduction), beta)


def huber_loss(input, target, reduction="mean", double delta=1.0, weight=None):
    """0.5 (x - y)^2 where |x - y| <= delta, else delta (|x - y| - 0.5 delta) (Huber 1964).

    The mean of weighted losses divides by their number (of ``mse_loss`` and ``l1_loss``: by the sum of the weights).

    Parameters
    ----------
    input : Tensor
    target : Tensor
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    delta : float, default 1.0
        Above 0.
    weight : Tensor, optional
        Of each element.

    Examples
    --------
    >>> F.huber_loss(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(0.7500)
    """
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta: expected delta > 0, "
                           f"got {delta}")
    if weight is None or reduction != "mean":
        return difference(HUBER, input, target, weight, reduction, delta)
    return difference(HUBER, input, target, weight, "none", delta).mean()


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-y x)), y = 1 or -1.

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
    >>> F.soft_margin_loss(fastnn.tensor([0.0]), fastnn.tensor([1.0]))
    tensor(0.6931)
    """
    input, target = broadcast("soft_margin_loss", input, target)
    return pointwise(SOFT_MARGIN, input, target, None, None,
                     legacy_reduction(size_average, reduce, reduction), 0.0, 0.0)


def hinge_embedding_loss(input, target, double margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """x where y = 1, max(0, margin - x) where y = -1.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    margin : float, default 1.0
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.hinge_embedding_loss(fastnn.tensor([0.5, 0.5]), fastnn.tensor([1.0, -1.0]), reduction="none")
    tensor([0.5000, 0.5000])
    """
    input, target = broadcast("hinge_embedding_loss", input, target)
    if isinstance(target, Tensor):
        target = target.detach()  # it only chooses
    return pointwise(HINGE_EMBEDDING, input, target, None, None,
                     legacy_reduction(size_average, reduce, reduction), margin, 0.0)


def poisson_nll_loss(input, target, bint log_input=True, bint full=False, size_average=None, double eps=1e-8,
                     reduce=None, reduction="mean"):
    """exp(x) - y x, or x - y log(x + eps) without log_input; `full` adds Stirling's approximation of log(y!).

    Parameters
    ----------
    input : Tensor
    target : Tensor
    log_input : bool, default True
        Whether the input is the logarithm of the rate.
    full : bool, default False
    eps : float, default 1e-8
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.poisson_nll_loss(fastnn.tensor([0.0]), fastnn.tensor([2.0]))
    tensor(1.)
    """
    need_real("poisson_nll_loss", input, target)
    input, target = broadcast("poisson_nll_loss", input, target)
    if not input.is_floating_point():
        input, target = input.to(dtypes.get_computing_dtype()), target.to(dtypes.get_computing_dtype())
    return pointwise(POISSON_LOG if log_input else POISSON, input, target, None, None,
                     legacy_reduction(size_average, reduce, reduction), eps, full)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", bint log_target=False):
    """y (log y - x) of log-probabilities x; reduction "batchmean" divides the sum by the batch size.

    "mean" divides by the number of elements, which is not the divergence; PyTorch warns of that and so do we.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    reduction : {"none", "mean", "sum", "batchmean"}, default "mean"
    log_target : bool, default False
        Whether the target holds logarithms.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.kl_div(fastnn.tensor([[0.5, 0.5]]).log(), fastnn.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn("reduction: 'mean' divides the total loss by both the batch size and the support size."
                      "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
                      "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
                      stacklevel=2)
    cdef object batch = input.shape[0] if reduction == "batchmean" and input.ndim else None
    if isinstance(input, Tensor) and isinstance(target, Tensor) and input.shape != target.shape:
        shape = broadcast_shapes(tuple(input.shape), tuple(target.shape))
        input, target = input.expand(shape), target.expand(shape)
    loss = pointwise(KL_LOG if log_target else KL, input, target, None, None,
                     "sum" if reduction == "batchmean" else reduction, 0.0, 0.0)
    return loss if batch is None else loss / batch


cdef object same_size(str name, object input, object target):
    if isinstance(input, Tensor) and isinstance(target, Tensor) and not np.PyArray_SAMESHAPE(
            (<Tensor>input).array, (<Tensor>target).array):
        raise ValueError(f"{name}: Target size ({target.shape}) must be the same as input size ({input.shape})")


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(y log x + (1 - y) log(1 - x)) of probabilities x; logarithms are limited at -100.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    weight : Tensor, optional
        Of each element.
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.binary_cross_entropy(fastnn.tensor([0.5]), fastnn.tensor([1.0]))
    tensor(0.6931)
    """
    same_size("binary_cross_entropy", input, target)
    if isinstance(input, Tensor) and isinstance(target, Tensor) and input.dtype is not target.dtype:
        raise RuntimeError(f"binary_cross_entropy: found dtype {target.dtype} but expected {input.dtype}")
    return pointwise(BCE, input, target, weight, None,
                     legacy_reduction(size_average, reduce, reduction), 0.0, 0.0)


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction="mean",
                                     pos_weight=None):
    """``binary_cross_entropy`` of sigmoid(x), computed stably; `pos_weight` weighs the positive class.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    weight : Tensor, optional
        Of each element.
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    pos_weight : Tensor, optional
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.binary_cross_entropy_with_logits(fastnn.tensor([0.0]), fastnn.tensor([1.0]))
    tensor(0.6931)
    """
    same_size("binary_cross_entropy_with_logits", input, target)
    if not (target.dtype.is_floating_point or target.dtype.is_complex):
        raise RuntimeError(f"binary_cross_entropy_with_logits: expected target of a floating dtype, got {target.dtype} "
                           f"(result type {input.dtype} can't be cast to it)")
    return pointwise(BCE_WITH_LOGITS, input, target, weight, pos_weight,
                     legacy_reduction(size_average, reduce, reduction), 0.0, 0.0)


# ---- classes ----

cdef object cross_entropy_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return K.cross_entropy_backward(grad, saved[0], saved[1], saved[2], saved[3], saved[4], node.a, saved[5],
                                    node.edges[0] is not None, node.edges[1] is not None)


cdef Op CROSS_ENTROPY = declare("NllLossBackward0", cross_entropy_backward,
                                "x t kept weight ignore_index reduction", "label_smoothing")


@CROSS_ENTROPY.second
def _cross_entropy_second(step, g):
    """The loss written as -sum(shares * log_softmax(x)), whose shares do not depend on x."""
    x = step.x
    dim = 1 if x.ndim > 1 else 0
    sizes = [x.shape[dim] if i == dim else 1 for i in range(x.ndim)]
    weight = None if step.weight is None else wrap(step.weight.reshape(sizes))
    if step.t.dtype.kind == "f":
        def function(x, t):
            shares = t * (1 - step.label_smoothing) + step.label_smoothing / sizes[dim]
            shares = shares if weight is None else shares * weight
            losses = -(shares * x.log_softmax(dim)).sum(dim)
            return losses if step.reduction == "none" else losses.sum() if step.reduction == "sum" else \
                losses.sum() / max(losses.numel(), 1)
        return step.through(g, (x, step.t), function)
    shares, total = class_shares(step)
    scale = g / total if step.reduction == "mean" else g.unsqueeze(dim) if step.reduction == "none" else g
    summed = shares.sum(dim, keepdims=True)
    return scale * (step.input(x, 0).softmax(dim) * wrap(summed) - wrap(shares)), None


def class_shares(step):
    """What each log-probability counts in a loss of class numbers, and what a mean divides by."""
    x, t = step.x, step.t
    dim = 1 if x.ndim > 1 else 0
    weight = numpy.ones(x.shape[dim], x.dtype) if step.weight is None else step.weight
    counted = t != step.ignore_index
    classes = numpy.where(counted, t, 0)
    own = numpy.where(counted, weight[classes], 0).astype(x.dtype)
    hits = numpy.zeros_like(x)
    numpy.put_along_axis(hits, numpy.expand_dims(classes, dim), numpy.expand_dims(own, dim), dim)
    smoothing = getattr(step, "label_smoothing", 0.0)
    if smoothing:
        others = weight.reshape([-1 if i == dim else 1 for i in range(x.ndim)]) * numpy.expand_dims(counted, dim)
        hits = hits * (1 - smoothing) + others.astype(x.dtype) * (smoothing / x.shape[dim])
    return hits, float(own.sum())


cdef object of_probabilities(object x, object t, object weight, double smoothing, object reduction):
    """Cross entropy of given probabilities in tensor operations, for a weight that has a gradient."""
    cdef int dim = 1 if x.ndim > 1 else 0
    count = x.shape[dim]
    shares = mul(t, 1 - smoothing) + smoothing / count
    weight = weight.reshape([count if i == dim else 1 for i in range(x.ndim)])
    losses = -sum(mul(mul(log_softmax(x, dim), shares), weight), dim)
    if reduction == "none":
        return losses
    return sum(losses) if reduction == "sum" else div(sum(losses), max(losses.numel(), 1))


def cross_entropy(input, target, weight=None, size_average=None, long ignore_index=-100, reduce=None,
                  reduction="mean", double label_smoothing=0.0):
    """-log softmax(x)[y].

    Shape: input (C), (N, C) or (N, C, d1, ...); target class numbers (int64) of that shape without C, or
    probabilities of that shape.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    weight : Tensor, optional
        (C,)
    ignore_index : int, default -100
        A class number whose samples do not count.
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    label_smoothing : float, default 0.0
        Share of the target spread over all classes.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.cross_entropy(fastnn.zeros(1, 2), fastnn.tensor([0]))
    tensor(0.6931)
    """
    if not isinstance(input, Tensor) or not isinstance(target, Tensor):
        raise TypeError(f"cross_entropy: input and target must be Tensors, got {type(input).__name__} and "
                        f"{type(target).__name__}")
    reduction = legacy_reduction(size_average, reduce, reduction)
    cdef Tensor x = <Tensor>input, t = <Tensor>target, out
    if x.array.dtype.kind == t.array.dtype.kind == "f" and x.array.dtype != t.array.dtype:
        x = <Tensor>x.to(dtypes.from_numpy(promote(x, t)))  # probabilities of another type
        t = <Tensor>t.to(x.dtype)
    cdef np.ndarray w = plain(weight)
    y, saved = K.cross_entropy_forward(x.array, t.array, w, ignore_index, label_smoothing, reduction)
    if isinstance(weight, Tensor) and recording(<Tensor>weight) and is_real(t.array):
        return of_probabilities(x, t, weight, label_smoothing, reduction)
    if not (recording(x) or recording(t)):
        return wrap(y)
    out = record2(y, CROSS_ENTROPY, x, t,
                  (x.array, t.array, saved, w, ignore_index, reduction))
    out.node.a = label_smoothing
    out.node.guard(x.version_object())
    out.node.guard(t.version_object())
    return out


cdef object nll_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return K.nll_backward(grad, saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]), None


cdef Op NLL = declare("NllLossBackward0", nll_backward, "x t total weight ignore_index reduction")


@NLL.second
def _nll_second(step, g):
    shares, total = class_shares(step)
    dim = 1 if step.x.ndim > 1 else 0
    scale = g / total if step.reduction == "mean" else g.unsqueeze(dim) if step.reduction == "none" else g
    return scale * wrap(-shares), None


def nll_loss(input, target, weight=None, size_average=None, long ignore_index=-100, reduce=None, reduction="mean"):
    """-x[y] of log-probabilities x.

    Shape: input (C), (N, C) or (N, C, d1, ...); target class numbers (int64) of that shape without C.

    Parameters
    ----------
    input : Tensor
    target : Tensor
    weight : Tensor, optional
        (C,)
    ignore_index : int, default -100
        A class number whose samples do not count.
    reduction : {"none", "mean", "sum"}, default "mean"
        What becomes of the values of the elements or samples.
    size_average, reduce : bool, optional
        Old forms of `reduction`.

    Examples
    --------
    >>> F.nll_loss(fastnn.tensor([[-0.5, -1.0]]), fastnn.tensor([1]))
    tensor(1.)
    """
    if not isinstance(input, Tensor) or not isinstance(target, Tensor):
        raise TypeError(f"nll_loss: input and target must be Tensors, got {type(input).__name__} and "
                        f"{type(target).__name__}")
    reduction = legacy_reduction(size_average, reduce, reduction)
    cdef Tensor x = <Tensor>input, t = <Tensor>target, out
    cdef np.ndarray w = plain(weight)
    y, total = K.nll_forward(x.array, t.array, w, ignore_index, reduction)
    if not recording(x):
        return wrap(y)
    out = record2(y, NLL, x, t, (x.array, t.array, total, w, ignore_index, reduction))
    out.node.guard(t.version_object())
    return out


operation("nn")(binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, hinge_embedding_loss, huber_loss,
                kl_div, l1_loss, mse_loss, nll_loss, poisson_nll_loss, smooth_l1_loss, soft_margin_loss)
