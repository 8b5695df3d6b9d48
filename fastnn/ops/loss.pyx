"""Losses: functions of torch.nn.functional, each one kernel forward and one backward.

All take ``reduction``: "mean", "sum" or "none". ``size_average`` and ``reduce`` are PyTorch's deprecated names for it.
"""
cimport numpy as np

import warnings

import numpy

from fastnn import dtypes
from fastnn._tape cimport Node
from fastnn._tensor cimport Tensor, recording, record2, shape_of, wrap
from fastnn.kernels cimport loss as K
from fastnn.ops._common cimport is_real
from fastnn.ops._common import broadcast_shapes, promote

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

cdef object pointwise_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return K.pointwise_loss_backward(saved[0], grad, saved[1], saved[2], saved[3], saved[4], saved[5], node.a, node.b,
                                     node.edges[0] is not None, node.edges[1] is not None)


cdef Tensor pointwise(str op, str name, object input, object target, object weight, object pos_weight,
                      object reduction, double a, double b):
    if not isinstance(input, Tensor) or not isinstance(target, Tensor):
        raise TypeError(f"{name}: input and target must be Tensors, got {type(input).__name__} and "
                        f"{type(target).__name__}")
    cdef Tensor x = <Tensor>input, t = <Tensor>target, out
    if np.PyArray_TYPE(x.array) != np.PyArray_TYPE(t.array) or not is_real(x.array):
        dtype = promote(x, t)
        if dtype.kind != "f":
            raise RuntimeError(f'"{name}" not implemented for {x.dtype}')
        x, t = x.to(dtype), t.to(dtype)
    cdef np.ndarray w = plain(weight), v = plain(pos_weight)
    if w is not None and w.dtype != x.array.dtype:  # the result is the input's, whatever the weights are
        w = w.astype(x.array.dtype)
    if v is not None and v.dtype != x.array.dtype:
        v = v.astype(x.array.dtype)
    cdef np.ndarray y = K.pointwise_loss_forward(op, x.array, t.array, w, v, reduction, a, b)
    if not (recording(x) or recording(t)):
        return wrap(y)
    out = record2(y, pointwise_backward, name, x, t, (op, x.array, t.array, w, v, reduction))
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
    from fastnn.ops.arithmetic import div, mul
    from fastnn.ops.reduce import sum
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'.")
    if weight.shape != values.shape:
        raise ValueError("Weights and input must have the same size.")
    values = mul(values, weight)
    if reduction == "none":
        return values
    return sum(values) if reduction == "sum" else div(sum(values), sum(weight))


cdef object difference(str op, str node_name, object input, object target, object weight, object reduction, double a):
    input, target = broadcast(op + "_loss", input, target)
    if weight is None:
        return pointwise(op, node_name, input, target, None, None, reduction, a, 0.0)
    return weighed(pointwise(op, node_name, input, target, None, None, "none", a, 0.0), weight, reduction)


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(x - y)^2."""
    return difference("mse", "MseLossBackward0", input, target, weight,
                      legacy_reduction(size_average, reduce, reduction), 0.0)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|x - y|."""
    return difference("l1", "L1LossBackward0", input, target, weight,
                      legacy_reduction(size_average, reduce, reduction), 0.0)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", double beta=1.0):
    """0.5 (x - y)^2 / beta where |x - y| < beta, else |x - y| - 0.5 beta (Girshick 2015)."""
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta: expected beta >= 0, got {beta}")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    return difference("smooth_l1", "SmoothL1LossBackward0", input, target, None,
                      legacy_reduction(size_average, reduce, reduction), beta)


def huber_loss(input, target, reduction="mean", double delta=1.0, weight=None):
    """0.5 (x - y)^2 where |x - y| <= delta, else delta (|x - y| - 0.5 delta) (Huber 1964).

    The mean of weighted losses divides by their number (of ``mse_loss`` and ``l1_loss``: by the sum of the weights).
    """
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta: expected delta > 0, "
                           f"got {delta}")
    if weight is None or reduction != "mean":
        return difference("huber", "HuberLossBackward0", input, target, weight, reduction, delta)
    return difference("huber", "HuberLossBackward0", input, target, weight, "none", delta).mean()


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-y x)), y = 1 or -1."""
    input, target = broadcast("soft_margin_loss", input, target)
    return pointwise("soft_margin", "SoftMarginLossBackward0", input, target, None, None,
                     legacy_reduction(size_average, reduce, reduction), 0.0, 0.0)


def hinge_embedding_loss(input, target, double margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """x where y = 1, max(0, margin - x) where y = -1."""
    input, target = broadcast("hinge_embedding_loss", input, target)
    if isinstance(target, Tensor):
        target = target.detach()  # it only chooses
    return pointwise("hinge_embedding", "HingeEmbeddingLossBackward0", input, target, None, None,
                     legacy_reduction(size_average, reduce, reduction), margin, 0.0)


def poisson_nll_loss(input, target, bint log_input=True, bint full=False, size_average=None, double eps=1e-8,
                     reduce=None, reduction="mean"):
    """exp(x) - y x, or x - y log(x + eps) without log_input; `full` adds Stirling's approximation of log(y!)."""
    input, target = broadcast("poisson_nll_loss", input, target)
    if not input.is_floating_point():
        input, target = input.to(dtypes.get_default_dtype()), target.to(dtypes.get_default_dtype())
    return pointwise("poisson_nll_log_input" if log_input else "poisson_nll", "PoissonNllLossBackward0", input, target,
                     None, None, legacy_reduction(size_average, reduce, reduction), eps, full)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", bint log_target=False):
    """y (log y - x) of log-probabilities x; reduction "batchmean" divides the sum by the batch size.

    "mean" divides by the number of elements, which is not the divergence; PyTorch warns of that and so do we.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn("reduction: 'mean' divides the total loss by both the batch size and the support size."
                      "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
                      "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
                      stacklevel=2)
    if isinstance(input, Tensor) and isinstance(target, Tensor) and input.shape != target.shape:
        shape = broadcast_shapes(tuple(input.shape), tuple(target.shape))
        input, target = input.expand(shape), target.expand(shape)
    loss = pointwise("kl_div_log_target" if log_target else "kl_div", "KlDivBackward0", input, target, None, None,
                     "sum" if reduction == "batchmean" else reduction, 0.0, 0.0)
    return loss / input.shape[0] if reduction == "batchmean" and input.ndim else loss


cdef object same_size(str name, object input, object target):
    if isinstance(input, Tensor) and isinstance(target, Tensor) and not np.PyArray_SAMESHAPE(
            (<Tensor>input).array, (<Tensor>target).array):
        raise ValueError(f"{name}: using a target size ({target.shape}) that is different to the input size "
                         f"({input.shape}) is deprecated. Please ensure they have the same size.")


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(y log x + (1 - y) log(1 - x)) of probabilities x; logarithms are limited at -100."""
    same_size("binary_cross_entropy", input, target)
    if isinstance(input, Tensor) and isinstance(target, Tensor) and input.dtype is not target.dtype:
        raise RuntimeError(f"binary_cross_entropy: found dtype {target.dtype} but expected {input.dtype}")
    return pointwise("bce", "BinaryCrossEntropyBackward0", input, target, weight, None,
                     legacy_reduction(size_average, reduce, reduction), 0.0, 0.0)


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction="mean",
                                     pos_weight=None):
    """``binary_cross_entropy`` of sigmoid(x), computed stably; `pos_weight` weighs the positive class."""
    same_size("binary_cross_entropy_with_logits", input, target)
    return pointwise("bce_with_logits", "BinaryCrossEntropyWithLogitsBackward0", input, target, weight, pos_weight,
                     legacy_reduction(size_average, reduce, reduction), 0.0, 0.0)


# ---- classes ----

cdef object cross_entropy_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return K.cross_entropy_backward(grad, saved[0], saved[1], saved[2], saved[3], saved[4], node.a, saved[5],
                                    node.edges[0] is not None, node.edges[1] is not None)


cdef object of_probabilities(object x, object t, object weight, double smoothing, object reduction):
    """Cross entropy of given probabilities in tensor operations, for a weight that has a gradient."""
    from fastnn.ops.arithmetic import div, mul
    from fastnn.ops.reduce import log_softmax, sum
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
    out = record2(y, cross_entropy_backward, "NllLossBackward0", x, t,
                  (x.array, t.array, saved, w, ignore_index, reduction))
    out.node.a, out.node.b = label_smoothing, 1.0  # b: not nll_loss, whose node has the same name
    out.node.guard(x.version_object())
    out.node.guard(t.version_object())
    return out


cdef object nll_backward(Node node, np.ndarray grad):
    cdef tuple saved = node.saved
    return K.nll_backward(grad, saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]), None


def nll_loss(input, target, weight=None, size_average=None, long ignore_index=-100, reduce=None, reduction="mean"):
    """-x[y] of log-probabilities x.

    Shape: input (C), (N, C) or (N, C, d1, ...); target class numbers (int64) of that shape without C.
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
    out = record2(y, nll_backward, "NllLossBackward0", x, t, (x.array, t.array, total, w, ignore_index, reduction))
    out.node.guard(t.version_object())
    return out
