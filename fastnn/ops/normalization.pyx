"""Normalisation: batch, layer, group, instance, RMS, local response."""
cimport numpy as np

import math

import numpy

from fastnn._tape cimport Node, Op, declare
from fastnn._tensor cimport Tensor, needs_grad, recording, recordn, shape_of, wrap
from fastnn.errors import ShapeError
from fastnn.kernels cimport normalization as K
from fastnn.ops._common import need_real, need_tensors
from fastnn.ops.arithmetic import add, div, mul, pow
from fastnn.ops.padding import pad
from fastnn.ops.declare import operation

np.import_array()


cdef np.ndarray array_of(Tensor x):
    return x.array if x is not None else None


cdef Tensor recorded(tuple result, Op record, Tensor x, Tensor weight, Tensor bias, tuple options):
    """The first of a kernel's results (y, mean, rstd) as a tensor on the tape; options are saved behind the arrays."""
    if not (recording(x) or weight is not None and recording(weight) or bias is not None and recording(bias)):
        return wrap(result[0])
    cdef Tensor out = recordn(result[0], record, (x, weight, bias),
                              (x.array, result[1], result[2], array_of(weight)) + options)
    out.node.guard(x.version_object())
    if weight is not None and needs_grad(x):
        out.node.guard(weight.version_object())
    return out


# ---- parts of second-order rules: the same function in tensor operations ----

def normed(x, axes, mean, rstd):
    """(x - mean) / sqrt(var + eps), whose eps is what is missing to `rstd`; `mean` None: of the squares."""
    away = x if mean is None else x - x.mean(axes, True)
    var = (away * away).mean(axes, True)
    missing = 1 / (rstd * rstd) - (<Tensor>var).array
    return away * (var + wrap(missing)).rsqrt()


def scaled(y, weight, bias, sizes):
    y = y if weight is None else y * weight.reshape(sizes)
    return y if bias is None else y + bias.reshape(sizes)


def like(array, edge, shape):
    """An array for a bias, whose numbers no node saves."""
    return None if edge is None else numpy.zeros(shape, array.dtype)


# ---- batch ----

cdef object batch_norm_backward(Node node, np.ndarray grad):
    x, mean, rstd, weight, training = node.saved
    return K.batch_norm_backward(grad, x, mean, rstd, weight, training, node.edges[0] is not None,
                                 node.edges[1] is not None, node.edges[2] is not None)


cdef Op BATCH_NORM = declare("NativeBatchNormBackward0", batch_norm_backward, "x mean rstd weight training")


@BATCH_NORM.second
def _batch_norm_second(step, g):
    channels = (-1,) + (1,) * (step.x.ndim - 2)

    def function(y, weight, bias):
        if step.training:
            y = normed(y, (0, *range(2, step.x.ndim)), step.mean, step.rstd.reshape(channels))
        else:
            y = (y - wrap(step.mean.reshape(channels))) * wrap(step.rstd.reshape(channels))
        return scaled(y, weight, bias, channels)
    return step.through(g, (step.x, step.weight, like(step.x, step.edges[2], step.x.shape[1:2])), function, (2,))


def more_than_one(size):
    """ValueError as PyTorch's, if a channel has one value alone."""
    count = size[0]
    for n in size[2:]:
        count *= n
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(size)}")


cdef check_per_channel(str op, np.ndarray x, dict vectors):
    for what, tensor in vectors.items():
        if tensor is not None and tensor.numel() != x.shape[1]:
            raise ShapeError(f"{op}: {what} should contain {x.shape[1]} elements not {tensor.numel()}")


def batch_norm(input, running_mean, running_var, weight=None, bias=None, bint training=False, double momentum=0.1,
               double eps=1e-5):
    """(input - mean) / sqrt(var + eps) * weight + bias for each channel (dimension 1).

    With `training` mean and var are the batch's, and the running ones follow them in place; else they are the running
    ones. Shape: input (N, C, *), all else (C,).

    Parameters
    ----------
    input : Tensor
    running_mean : Tensor or None
        (C,)
    running_var : Tensor or None
        (C,)
    weight : Tensor, optional
    bias : Tensor, optional
    training : bool, default False
        Without it the input is returned as it is.
    momentum : float, default 0.1
        Share of the new statistics in the running ones.
    eps : float, default 1e-5

    Examples
    --------
    >>> F.batch_norm(fastnn.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    need_tensors("batch_norm", input)
    cdef Tensor x = <Tensor>input
    if np.PyArray_NDIM(x.array) < 2:
        if np.PyArray_NDIM(x.array) and np.PyArray_SIZE(x.array) == 0:
            return input.clone()
        raise ShapeError(f"batch_norm: expected input (n, c, *), got {shape_of(x.array)}")
    if training:
        more_than_one(shape_of(x.array))
        if eps <= 0:
            raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    elif eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    elif running_mean is None or running_var is None:
        raise RuntimeError("batch_norm: expected running_mean and running_var to be defined in evaluation mode")
    check_per_channel("batch_norm", x.array, {"running_mean": running_mean, "running_var": running_var,
                                              "weight": weight, "bias": bias})
    return normalised(x, running_mean, running_var, weight, bias, training, momentum, eps)


cdef Tensor normalised(Tensor x, Tensor running_mean, Tensor running_var, Tensor weight, Tensor bias, bint training,
                       double momentum, double eps):
    result = K.batch_norm_forward(x.array, array_of(weight), array_of(bias), array_of(running_mean),
                                  array_of(running_var), training, momentum, eps)
    if training and running_mean is not None:
        running_mean.bump()
    if training and running_var is not None:
        running_var.bump()
    return recorded(result, BATCH_NORM, x, weight, bias, (training,))


# ---- layer, RMS ----

cdef object layer_norm_backward(Node node, np.ndarray grad):
    x, mean, rstd, weight, ndim, rms = node.saved
    return K.layer_norm_backward(grad, x, mean, rstd, ndim, weight, node.edges[0] is not None,
                                 node.edges[1] is not None, node.edges[2] is not None, rms)


cdef Op LAYER_NORM = declare("NativeLayerNormBackward0", layer_norm_backward, "x mean rstd weight ndim rms")
cdef Op RMS_NORM = declare("RmsNormBackward0", layer_norm_backward, "x mean rstd weight ndim rms")


@LAYER_NORM.second
@RMS_NORM.second
def _layer_norm_second(step, g):
    ndim = step.x.ndim
    axes, row = tuple(range(ndim - step.ndim, ndim)), step.x.shape[ndim - step.ndim:]
    rstd = step.rstd.reshape(step.x.shape[:ndim - step.ndim] + (1,) * step.ndim)

    def function(x, weight, bias):
        return scaled(normed(x, axes, None if step.rms else step.mean, rstd), weight, bias, row)
    return step.through(g, (step.x, step.weight, like(step.x, step.edges[2], row)), function, held=(2,))


cdef int check_row(Tensor x, object normalized_shape, Tensor weight, Tensor bias) except -1:
    """How many dimensions `normalized_shape` has; RuntimeError as PyTorch's if it does not fit."""
    cdef tuple row = tuple(normalized_shape), shape = shape_of(x.array)
    cdef int ndim = len(row)
    if ndim == 0:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
                           "element, but got normalized_shape = []")
    for what, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.shape != row:
            raise ShapeError(f"Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                             f"{list(tensor.shape)} and normalized_shape = {list(row)}")
    if len(shape) < ndim or shape[len(shape) - ndim:] != row:
        raise ShapeError(f"Given normalized_shape={list(row)}, expected input with shape "
                         f"[*, {', '.join(map(str, row))}], but got input of size{list(shape)}")
    return ndim


def layer_norm(input, normalized_shape, weight=None, bias=None, double eps=1e-5):
    """(input - mean) / sqrt(var + eps) * weight + bias over the last dimensions, which are `normalized_shape`.

    Parameters
    ----------
    input : Tensor
    normalized_shape : tuple of ints
    weight : Tensor, optional
    bias : Tensor, optional
    eps : float, default 1e-5

    Examples
    --------
    >>> F.layer_norm(fastnn.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    need_tensors("layer_norm", input)
    cdef int ndim = check_row(input, normalized_shape, weight, bias)
    cdef Tensor x = <Tensor>input
    return recorded(K.layer_norm_forward(x.array, ndim, array_of(weight), array_of(bias), eps, False),
                    LAYER_NORM, x, weight, bias, (ndim, False))


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """input / sqrt(mean(input^2) + eps) * weight over the last dimensions, which are `normalized_shape`.

    `eps` is the dtype's machine epsilon by default.

    Parameters
    ----------
    input : Tensor
    normalized_shape : tuple of ints
    weight : Tensor, optional
    eps : float, optional

    Examples
    --------
    >>> F.rms_norm(fastnn.tensor([[3.0, -3.0]]), (2,))
    tensor([[ 1., -1.]])
    """
    need_tensors("rms_norm", input)
    if eps is not None and not isinstance(eps, (int, float)):
        raise TypeError(f"rms_norm(): argument 'eps' (position 4) must be float, not {type(eps).__name__}")
    cdef int ndim = check_row(input, normalized_shape, weight, None)
    cdef Tensor x = <Tensor>input
    if eps is None:
        eps = numpy.finfo(x.array.dtype).eps if x.array.dtype.kind == "f" else 0
    return recorded(K.layer_norm_forward(x.array, ndim, array_of(weight), None, eps, True), RMS_NORM, x, weight, None,
                    (ndim, True))


# ---- groups, instances ----

cdef object group_norm_backward(Node node, np.ndarray grad):
    x, mean, rstd, weight, groups = node.saved
    return K.group_norm_backward(grad, x, mean, rstd, groups, weight, node.edges[0] is not None,
                                 node.edges[1] is not None, node.edges[2] is not None)


cdef Op GROUP_NORM = declare("NativeGroupNormBackward0", group_norm_backward, "x mean rstd weight groups")
cdef Op TRACKED_NORM = declare("NativeBatchNormBackward0", group_norm_backward, "x mean rstd weight groups")


@GROUP_NORM.second
@TRACKED_NORM.second
def _group_norm_second(step, g):
    shape, groups = step.x.shape, step.groups

    def function(y, weight, bias):
        rows = y.reshape(shape[0], groups, math.prod(shape[1:]) // groups)
        y = normed(rows, (2,), step.mean, step.rstd.reshape(shape[0], groups, 1)).reshape(shape)
        return scaled(y, weight, bias, (-1,) + (1,) * (len(shape) - 2))
    return step.through(g, (step.x, step.weight, like(step.x, step.edges[2], shape[1:2])), function, (2,))


cdef Tensor grouped(Tensor x, int groups, Tensor weight, Tensor bias, double eps):
    return recorded(K.group_norm_forward(x.array, groups, array_of(weight), array_of(bias), eps), GROUP_NORM,
                    x, weight, bias, (groups,))


def group_norm(input, int num_groups, weight=None, bias=None, double eps=1e-5):
    """(input - mean) / sqrt(var + eps) over groups of channels (dimension 1), * weight + bias for each channel.

    Parameters
    ----------
    input : Tensor
    num_groups : int
        Divides the number of channels.
    weight : Tensor, optional
    bias : Tensor, optional
    eps : float, default 1e-5

    Examples
    --------
    >>> F.group_norm(fastnn.tensor([[1.0, 3.0]]), 1)
    tensor([[-1.0000,  1.0000]])
    """
    need_tensors("group_norm", input)
    cdef Tensor x = <Tensor>input
    shape = shape_of(x.array)
    if len(shape) < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {len(shape)}")
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    more_than_one([shape[0] * shape[1] // num_groups, num_groups, *shape[2:]])
    if shape[1] % num_groups:
        raise ShapeError(f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
                         f"{list(shape)} and num_groups={num_groups}")
    for what, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.shape != (shape[1],):
            raise ShapeError(f"Expected {what} to be a vector of size equal to the number of channels in input, but "
                             f"got {what} of shape {list(tensor.shape)} and input of shape {list(shape)}")
    return grouped(x, num_groups, weight, bias, eps)


cdef np.ndarray repeated(Tensor vector, int times):
    return numpy.tile(vector.array, times) if vector is not None else None


cdef Tensor tracked(Tensor x, Tensor running_mean, Tensor running_var, Tensor weight, Tensor bias, double momentum,
                    double eps):
    """Instances as the channels of a batch of one, which has the running statistics that become their mean."""
    cdef tuple shape = shape_of(x.array)
    cdef int n = shape[0], c = shape[1]
    mean, var = repeated(running_mean, n), repeated(running_var, n)
    y, found_mean, found_rstd = K.batch_norm_forward(
        x.array.reshape((1, n * c) + shape[2:]), repeated(weight, n), repeated(bias, n), mean, var, True, momentum, eps)
    for tensor, found in ((running_mean, mean), (running_var, var)):
        if tensor is not None:
            (<Tensor>tensor).array[...] = found.reshape(n, c).mean(0)
            (<Tensor>tensor).bump()
    return recorded((y.reshape(shape), found_mean.reshape(n, c), found_rstd.reshape(n, c)), TRACKED_NORM, x,
                    weight, bias, (c,))


def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, bint use_input_stats=True,
                  double momentum=0.1, double eps=1e-5):
    """``batch_norm`` of each sample by itself; the running statistics follow the mean over the samples.

    Without `use_input_stats` the running statistics normalise. Shape: input (N, C, *), all else (C,).

    Parameters
    ----------
    input : Tensor
    running_mean : Tensor or None, optional
        (C,)
    running_var : Tensor or None, optional
        (C,)
    weight : Tensor, optional
    bias : Tensor, optional
    use_input_stats : bool, default True
    momentum : float, default 0.1
        Share of the new statistics in the running ones.
    eps : float, default 1e-5

    Examples
    --------
    >>> F.instance_norm(fastnn.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    need_tensors("instance_norm", input)
    cdef Tensor x = <Tensor>input
    shape = shape_of(x.array)
    if use_input_stats:
        count = 1
        for n in shape[2:]:
            count *= n
        if count == 1:
            raise ValueError(f"Expected more than 1 spatial element when training, got input size {list(shape)}")
    if len(shape) < 2:
        raise ShapeError(f"instance_norm: expected input (n, c, *), got {shape}")
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    check_per_channel("instance_norm", x.array, {"running_mean": running_mean, "running_var": running_var,
                                                 "weight": weight, "bias": bias})
    if not use_input_stats:
        return normalised(x, running_mean, running_var, weight, bias, False, momentum, eps)
    if (running_mean is not None or running_var is not None) and np.PyArray_SIZE(x.array):
        return tracked(x, running_mean, running_var, weight, bias, momentum, eps)
    return grouped(x, shape[1], weight, bias, eps) if shape[1] else input.clone()


# ---- local response ----

def local_response_norm(input, int size, double alpha=1e-4, double beta=0.75, double k=1.0):
    """input / (k + alpha * mean of the squares of `size` neighbouring channels)^beta; channels beyond the edges are 0.

    Krizhevsky, Sutskever & Hinton, ImageNet Classification with Deep CNNs (2012).

    Parameters
    ----------
    input : Tensor
    size : int
    alpha : float, default 1e-4
    beta : float, default 0.75
    k : float, default 1.0

    Examples
    --------
    >>> F.local_response_norm(fastnn.ones(1, 2, 1), 2, alpha=1.0, beta=1.0, k=0.0).flatten()
    tensor([2., 1.])
    """
    need_tensors("local_response_norm", input)
    need_real("local_response_norm", input)
    cdef int i, channels, ndim = input.ndim
    if ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {ndim} dimensions)")
    if size <= 0:
        raise RuntimeError(f"local_response_norm: expected size > 0, got {size}")
    if input.numel() == 0:
        return input
    channels = input.shape[1]
    squares = pad(mul(input, input), (0, 0) * (ndim - 2) + (size // 2, (size - 1) // 2))
    total = squares.narrow(1, 0, channels)
    for i in range(1, size):
        total = add(total, squares.narrow(1, i, channels))
    return div(input, pow(add(mul(total, alpha / size), k), beta))


operation("nn")(batch_norm, group_norm, instance_norm, layer_norm, local_response_norm, rms_norm)
