"""Operations of networks: activations, convolution, pooling, normalisation, losses."""
import fastnn
from fastnn.keras import activations as A
from fastnn.keras import config
from fastnn.keras.layers import conv as _conv
from fastnn.keras.layers.conv_kinds import transposed
from fastnn.keras.layers.pooling import (AveragePooling1D, AveragePooling2D, AveragePooling3D, MaxPooling1D,
                                         MaxPooling2D, MaxPooling3D)
from fastnn.keras.layers.volumes import ADAPTIVE_AVERAGES, ADAPTIVE_MAXIMA, CONVOLUTIONS
from fastnn.keras.losses import categorical_crossentropy as loss
from fastnn.keras.ops import reductions
from fastnn.keras.ops.common import axes_of, floating, pair, tensor
from fastnn.keras.symbolic import operation
from fastnn.nn import functional as F

(celu, elu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_swish, hard_tanh, leaky_relu, log_sigmoid, log_softmax,
 relu6, selu, sigmoid, silu, swish, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax,
 squareplus, tanh_shrink, threshold) = (
    A.celu, A.elu, A.glu, A.hard_shrink, A.hard_sigmoid, A.hard_silu, A.hard_swish, A.hard_tanh, A.leaky_relu,
    A.log_sigmoid, A.log_softmax, A.relu6, A.selu, A.sigmoid, A.silu, A.swish, A.soft_shrink, A.softmax, A.softplus,
    A.softsign, A.sparse_plus, A.sparse_sigmoid, A.sparsemax, A.squareplus, A.tanh_shrink, A.threshold)
moments = reductions.moments


def __getattr__(name):
    if name in ("ctc_decode", "ctc_loss"):
        from fastnn.keras.ops import ctc
        return getattr(ctc, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@operation
def relu(x):
    """``max(x, 0)``"""
    return F.relu(tensor(x))


@operation
def gelu(x, approximate=True):
    """``x`` times the normal distribution function of ``x``, by tanh if `approximate`."""
    return A.gelu(x, approximate)


def _images(inputs, data_format):
    """(channels-first inputs, whether they were channels-last)"""
    last = config.standardize_data_format(data_format) == "channels_last"
    x = floating(inputs)
    return (_conv.to_channels_first(x) if last else x), last


def _back(y, last):
    return _conv.to_channels_last(y) if last else y


def _tuple(value, n):
    return (value,) * n if isinstance(value, int) else tuple(value)


@operation
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of (batch, ..., channels) with a kernel (..., channels / groups, filters)."""
    x, last = _images(inputs, data_format)
    kernel = floating(kernel).to(x.dtype)
    rank = x.ndim - 2
    strides, dilation = _tuple(strides, rank), _tuple(dilation_rate, rank)
    groups = x.shape[1] // kernel.shape[-2]
    x, own = _conv.padded(x, tuple(kernel.shape[:rank]), strides, padding, dilation)
    y = CONVOLUTIONS[rank](x, kernel.permute(rank + 1, rank, *range(rank)), None, strides, own, dilation, groups)
    return _back(y, last)


@operation
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of each channel with kernels of its own (..., channels, multiplier)."""
    kernel = floating(kernel)
    shape = kernel.shape
    return conv(inputs, kernel.reshape(*shape[:-2], 1, shape[-2] * shape[-1]), strides, padding, data_format,
                dilation_rate)


@operation
def separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None,
                   dilation_rate=1):
    """`depthwise_conv`, then a convolution of size 1 across channels."""
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, 1, "valid", data_format)


@operation
def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1):
    """The gradient of `conv` as an operation; kernel (..., filters, channels)."""
    x, last = _images(inputs, data_format)
    kernel = floating(kernel).to(x.dtype)
    rank = x.ndim - 2
    strides, dilation = _tuple(strides, rank), _tuple(dilation_rate, rank)
    extra = None if output_padding is None else _tuple(output_padding, rank)
    return _back(transposed(x, kernel, None, strides, padding, extra, dilation), last)


@operation
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The largest value of each window."""
    x = tensor(inputs)
    return {3: MaxPooling1D, 4: MaxPooling2D, 5: MaxPooling3D}[x.ndim](pool_size, strides, padding, data_format).call(x)


@operation
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window; padding does not count."""
    x = floating(inputs)
    pooling = {3: AveragePooling1D, 4: AveragePooling2D, 5: AveragePooling3D}[x.ndim]
    return pooling(pool_size, strides, padding, data_format).call(x)


@operation
def adaptive_average_pool(inputs, output_size, data_format=None):
    """Means of as many windows as asked for."""
    x, last = _images(inputs, data_format)
    return _back(ADAPTIVE_AVERAGES[x.ndim - 2](x, output_size), last)


@operation
def adaptive_max_pool(inputs, output_size, data_format=None):
    """Largest values of as many windows as asked for."""
    x, last = _images(inputs, data_format)
    return _back(ADAPTIVE_MAXIMA[x.ndim - 2](x, output_size), last)


@operation
def depth_to_space(x, block_size, data_format="channels_last"):
    """Channels as blocks of pixels."""
    x, last = _images(x, data_format)
    n, c, h, w = x.shape
    b = block_size
    if last:
        y = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    return _back(y.reshape(n, c // (b * b), h * b, w * b), last)


@operation
def space_to_depth(x, block_size, data_format="channels_last"):
    """Blocks of pixels as channels."""
    x, last = _images(x, data_format)
    n, c, h, w = x.shape
    b = block_size
    y = x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4)
    return _back(y.reshape(n, c * b * b, h // b, w // b), last)


@operation
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """1 at the number's position along a new axis, else 0; zeros for numbers out of range."""
    if sparse:
        raise NotImplementedError("one_hot: sparse=True is not implemented")
    x = tensor(x).long()
    positions = fastnn.arange(num_classes)
    made = (x.unsqueeze(-1) == positions).to(config.torch_dtype(dtype))
    return made if axis in (-1, made.ndim - 1) else made.movedim(-1, axis)


@operation
def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """1 at the positions of all numbers along an axis, else 0."""
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    reduce = 1 if len(tensor(inputs).shape) > 1 else 0
    return one_hot(inputs, num_classes, axis, dtype, sparse).amax(reduce)


@operation
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """``scale * (x - mean) / sqrt(variance + epsilon) + offset`` with a value for each feature of `axis`."""
    x = floating(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    y = (x - floating(mean).reshape(shape)) * (floating(variance).reshape(shape) + epsilon).rsqrt()
    if scale is not None:
        y = y * floating(scale).reshape(shape)
    return y if offset is None else y + floating(offset).reshape(shape)


@operation
def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """Mean 0 and variance 1 over axes, scaled and moved."""
    if kwargs.pop("rms_scaling", False):
        raise NotImplementedError("layer_normalization: rms_scaling is not implemented")
    x = floating(x)
    axes = sorted(axes_of(axis, x.ndim))
    epsilon = config.epsilon() if epsilon is None else epsilon
    if axes == list(range(x.ndim - len(axes), x.ndim)):
        gamma, beta = (None if w is None else floating(w).to(x.dtype) for w in (gamma, beta))
        return F.layer_norm(x, [x.shape[a] for a in axes], gamma, beta, epsilon)
    centred = x - x.mean(axes, keepdim=True)
    y = centred * (centred.square().mean(axes, keepdim=True) + epsilon).rsqrt()
    shape = [x.shape[i] if i in axes else 1 for i in range(x.ndim)]
    y = y if gamma is None else y * floating(gamma).reshape(shape)
    return y if beta is None else y + floating(beta).reshape(shape)


@operation
def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """``x / sqrt(mean(x**2) + epsilon)`` over axes, scaled."""
    x = floating(x)
    axes = axes_of(axis, x.ndim)
    y = x * (x.square().mean(axes, keepdim=True) + (config.epsilon() if epsilon is None else epsilon)).rsqrt()
    return y if scale is None else y * floating(scale).reshape([x.shape[i] if i in axes else 1 for i in range(x.ndim)])


@operation
def normalize(x, axis=-1, order=2, epsilon=None):
    """x divided by its norm along an axis."""
    x = floating(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        return x * x.square().sum(axes_of(axis, x.ndim), keepdim=True).clamp(min=epsilon ** 2).rsqrt()
    norms = fastnn.linalg.vector_norm(x, order, axis, keepdim=True)
    return x / norms.clamp(min=epsilon)


@operation
def dot_product_attention(query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None,
                          attn_logits_soft_cap=None):
    """``softmax(scale * query @ key^T) @ value`` of (batch, steps, heads, size)."""
    if attn_logits_soft_cap is not None:
        raise NotImplementedError("dot_product_attention: attn_logits_soft_cap is not implemented")
    query, key, value = (floating(x) for x in (query, key, value))
    if query.ndim != 4:
        raise ValueError(f"`dot_product_attention` only supports 4D inputs. Received: "
                         f"query.shape={tuple(query.shape)}, key.shape={tuple(key.shape)}, "
                         f"value.shape={tuple(value.shape)}.")
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    kept = None if mask is None else tensor(mask).bool()
    if bias is not None:
        bias = floating(bias)
        kept = bias if kept is None else fastnn.where(kept, bias, fastnn.full_like(bias, float("-inf")))
    if is_causal and kept is not None:
        causal = fastnn.ones(q.shape[-2], k.shape[-2]).tril().bool()
        kept = kept & causal if kept.dtype.name == "bool" else fastnn.where(causal, kept,
                                                                            fastnn.full_like(kept, float("-inf")))
        is_causal = False
    if kept is not None and kept.ndim < 4:
        kept = kept.unsqueeze(1) if kept.ndim == 3 else kept
    return F.scaled_dot_product_attention(q, k, v, kept, is_causal=is_causal, scale=scale).transpose(1, 2)


@operation
def binary_crossentropy(target, output, from_logits=False):
    """``-(t log(p) + (1 - t) log(1 - p))``, element by element."""
    target, output = pair(floating(target), floating(output))
    if tuple(target.shape) != tuple(output.shape):
        raise ValueError(f"Arguments `target` and `output` must have the same shape. Received: target.shape="
                         f"{tuple(target.shape)}, output.shape={tuple(output.shape)}")
    if from_logits:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")
    output = output.clamp(config.epsilon(), 1 - config.epsilon())
    return -(target * output.log() + (1 - target) * (1 - output).log())


@operation
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """``-sum(t log(p))`` over an axis."""
    return loss(target, output, from_logits, axis=axis)


@operation
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """``-log(p[t])``"""
    from fastnn.keras.losses import sparse_categorical_crossentropy as loss
    return loss(target, output, from_logits, axis=axis)


@operation
def psnr(x1, x2, max_val):
    """Peak signal-to-noise ratio in decibels."""
    x1, x2 = pair(floating(x1), floating(x2))
    error = (x1 - x2).square().mean()
    return 20 * tensor(float(max_val)).log10() - 10 * error.log10()


@operation
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Windows of images (batch, channels, ...) as columns."""
    return F.unfold(tensor(x), kernel_size, dilation, padding, stride)


@operation
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """The sums of columns of windows as images."""
    return F.fold(tensor(x), output_size, kernel_size, dilation, padding, stride)


def polar(abs_, angle):
    """Not implemented: there are no complex tensors."""
    raise NotImplementedError("polar: complex numbers are not implemented")
