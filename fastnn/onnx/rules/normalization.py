"""Normalisation, by running statistics and by the input's own."""
import numpy as np

from fastnn.onnx.rules._declare import rule
from fastnn.onnx.rules.reduce import reduced


def along_channels(g, parameter, ndim):
    """(C,) for a tensor (N, C, ...)."""
    return g.op("Unsqueeze", parameter, g.ints(*range(1, ndim - 1))) if ndim > 2 else parameter


def scaled(g, made, weight, bias):
    made = made if weight is None else g.op("Mul", made, weight)
    return made if bias is None else g.op("Add", made, bias)


@rule("batch_norm")
def _batch_norm(g, input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training:
        raise g.unsupported("batch normalisation by the batch's own statistics")
    count = running_mean.shape[0]
    weight = np.ones(count, input.dtype) if weight is None else weight
    bias = np.zeros(count, input.dtype) if bias is None else bias
    return g.op("BatchNormalization", input, weight, bias, running_mean, running_var, epsilon=float(eps))


@rule("layer_norm")
def _layer_norm(g, input, normalized_shape, weight=None, bias=None, eps=1e-5):
    sizes = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    if g.opset >= 17:
        weight = np.ones(sizes, input.dtype) if weight is None else weight
        return g.op("LayerNormalization", input, weight, bias, axis=-len(sizes), epsilon=float(eps))
    axes = list(range(-len(sizes), 0))
    centred = g.op("Sub", input, reduced(g, "ReduceMean", input, axes, True, input.ndim))
    return scaled(g, normed(g, centred, axes, input, eps), weight, bias)


def normed(g, x, axes, input, eps):
    """`x` over the root of the mean of its squares."""
    mean = reduced(g, "ReduceMean", g.op("Mul", x, x), axes, True, input.ndim)
    return g.op("Div", x, g.op("Sqrt", g.op("Add", mean, g.scalar(eps, input.dtype))))


@rule("rms_norm")
def _rms_norm(g, input, normalized_shape, weight=None, eps=None):
    sizes = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    eps = np.finfo(input.dtype).eps if eps is None else eps
    return scaled(g, normed(g, input, list(range(-len(sizes), 0)), input, eps), weight, None)


@rule("group_norm")
def _group_norm(g, input, num_groups, weight=None, bias=None, eps=1e-5):
    rows = g.reshape(input, [input.shape[0], num_groups, -1])
    ones, zeros = np.ones(num_groups, input.dtype), np.zeros(num_groups, input.dtype)
    rows = g.op("InstanceNormalization", rows, ones, zeros, epsilon=float(eps))
    back = g.op("Reshape", rows, g.op("Shape", input))
    return scaled(g, back, *[None if p is None else along_channels(g, p, input.ndim) for p in (weight, bias)])


@rule("instance_norm")
def _instance_norm(g, input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
                   momentum=0.1, eps=1e-5):
    if not use_input_stats:
        return _batch_norm(g, input, running_mean, running_var, weight, bias, False, momentum, eps)
    weight = np.ones(input.shape[1], input.dtype) if weight is None else weight
    bias = np.zeros(input.shape[1], input.dtype) if bias is None else bias
    return g.op("InstanceNormalization", input, weight, bias, epsilon=float(eps))


@rule("local_response_norm")
def _local_response_norm(g, input, size, alpha=1e-4, beta=0.75, k=1.0):
    if size % 2 == 0:
        raise g.unsupported("an even size")
    return g.op("LRN", input, size=size, alpha=float(alpha), beta=float(beta), bias=float(k))
