"""Operations of networks: activations, encodings, normalisation, attention, losses."""
import fastnn
from fastnn.errors import no_attribute as _no_attribute
from fastnn.keras import activations as A
from fastnn.keras import config
from fastnn.keras.losses import categorical_crossentropy as loss
from fastnn.keras.losses import sparse_categorical_crossentropy as sparse_loss
from fastnn.keras.ops.common import axes_of, floating, pair, tensor
from fastnn.keras.ops.convolution import (adaptive_average_pool, adaptive_max_pool, average_pool,  # noqa: F401
                                          conv, conv_transpose, depth_to_space, depthwise_conv, fold, max_pool,
                                          separable_conv, space_to_depth, unfold)
from fastnn.keras.ops.statistics import moments  # noqa: F401
from fastnn.keras.symbolic import operation
from fastnn.nn import functional as F

(celu, elu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_swish, hard_tanh, leaky_relu, log_sigmoid, log_softmax,
 relu6, selu, sigmoid, silu, swish, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax,
 squareplus, tanh_shrink, threshold) = (
    A.celu, A.elu, A.glu, A.hard_shrink, A.hard_sigmoid, A.hard_silu, A.hard_swish, A.hard_tanh, A.leaky_relu,
    A.log_sigmoid, A.log_softmax, A.relu6, A.selu, A.sigmoid, A.silu, A.swish, A.soft_shrink, A.softmax, A.softplus,
    A.softsign, A.sparse_plus, A.sparse_sigmoid, A.sparsemax, A.squareplus, A.tanh_shrink, A.threshold)


def __getattr__(name):
    if name in ("ctc_decode", "ctc_loss"):
        from fastnn.keras.ops import ctc
        return getattr(ctc, name)
    raise _no_attribute(__name__, name)


@operation
def relu(x):
    """``max(x, 0)``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.relu([-1.0, 2.0])
    tensor([0., 2.])
    """
    return F.relu(tensor(x))


@operation
def gelu(x, approximate=True):
    """``x * Phi(x)`` with the normal distribution function Phi (Hendrycks and Gimpel, 2016)

    Parameters
    ----------
    x : tensor
    approximate : bool
        ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))`` instead.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.gelu([-1.0, 2.0]).round(decimals=4)
    tensor([-0.1588,  1.9546])
    """
    return A.gelu(x, approximate)


@operation
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """1 at the number's position along a new axis, else 0; zeros for numbers out of range.

    Parameters
    ----------
    x : tensor of int
    num_classes : int
    axis : int
        Of the result.
    dtype : str, optional
        `config.floatx` without it.
    sparse : bool
        True is not implemented.

    Returns
    -------
    Tensor

    Raises
    ------
    NotImplementedError
        ``sparse=True``.

    Examples
    --------
    >>> keras.ops.one_hot([0, 2], 3)
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    if sparse:
        raise NotImplementedError("one_hot: sparse=True is not implemented")
    x = tensor(x).long()
    positions = fastnn.arange(num_classes)
    made = (x.unsqueeze(-1) == positions).to(config.torch_dtype(dtype))
    return made if axis in (-1, made.ndim - 1) else made.movedim(-1, axis)


@operation
def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """1 at the positions of all numbers of a row, else 0.

    Parameters
    ----------
    inputs : tensor of int (..., n)
    num_classes : int
    axis : int
    dtype : str, optional
        `config.floatx` without it.
    sparse : bool
        True is not implemented.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        `num_classes` is missing.

    Examples
    --------
    >>> keras.ops.multi_hot([[0, 2]], 4)
    tensor([[1., 0., 1., 0.]])
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    reduce = 1 if len(tensor(inputs).shape) > 1 else 0
    return one_hot(inputs, num_classes, axis, dtype, sparse).amax(reduce)


@operation
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """``scale * (x - mean) / sqrt(variance + epsilon) + offset`` for each feature of an axis.

    Parameters
    ----------
    x : tensor
    mean, variance : tensor (features,)
    axis : int
        Of the features.
    offset, scale : tensor (features,), optional
    epsilon : float

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.batch_normalization([[1.0], [3.0]], [2.0], [1.0], axis=-1, epsilon=0.0)
    tensor([[-1.],
            [ 1.]])
    """
    x = floating(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    y = (x - floating(mean).reshape(shape)) * (floating(variance).reshape(shape) + epsilon).rsqrt()
    if scale is not None:
        y = y * floating(scale).reshape(shape)
    return y if offset is None else y + floating(offset).reshape(shape)


@operation
def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with mean and variance over axes.

    Parameters
    ----------
    x : tensor
    gamma, beta : tensor, optional
    axis : int or list of int
    epsilon : float, optional
        `config.epsilon` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.layer_normalization([[1.0, 3.0]]).round(decimals=3)
    tensor([[-1.,  1.]])
    """
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
    """``scale * x / sqrt(mean(x**2) + epsilon)`` over axes.

    Parameters
    ----------
    x : tensor
    scale : tensor, optional
    axis : int or list of int
    epsilon : float, optional
        `config.epsilon` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.rms_normalization([[1.0, 7.0]]).round(decimals=3)
    tensor([[0.2000, 1.4000]])
    """
    x = floating(x)
    axes = axes_of(axis, x.ndim)
    y = x * (x.square().mean(axes, keepdim=True) + (config.epsilon() if epsilon is None else epsilon)).rsqrt()
    return y if scale is None else y * floating(scale).reshape([x.shape[i] if i in axes else 1 for i in range(x.ndim)])


@operation
def normalize(x, axis=-1, order=2, epsilon=None):
    """``x / max(norm(x), epsilon)`` along an axis.

    Parameters
    ----------
    x : tensor
    axis : int or list of int
    order : int or float
        Of the norm.
    epsilon : float, optional
        `config.epsilon` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.normalize([[3.0, 4.0]])
    tensor([[0.6000, 0.8000]])
    """
    x = floating(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        return x * x.square().sum(axes_of(axis, x.ndim), keepdim=True).clamp(min=epsilon ** 2).rsqrt()
    norms = fastnn.linalg.vector_norm(x, order, axis, keepdim=True)
    return x / norms.clamp(min=epsilon)


@operation
def dot_product_attention(query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None,
                          attn_logits_soft_cap=None):
    """``softmax(scale * query @ key^T + bias) @ value`` for each head.

    Parameters
    ----------
    query, key, value : tensor (batch, steps, heads, size)
    bias : tensor, optional
        Of shape (batch, heads, steps of query, steps of key), or broadcasting to it.
    mask : tensor of bool, optional
        Where attention is allowed.
    scale : float, optional
        ``1 / sqrt(size)`` without it.
    is_causal : bool
        Whether steps attend only to themselves and those before.
    flash_attention
        Accepted.
    attn_logits_soft_cap
        Not implemented.

    Returns
    -------
    Tensor (batch, steps of query, heads, size)

    Raises
    ------
    ValueError
        Inputs of another rank.

    Examples
    --------
    >>> x = np.ones((1, 3, 2, 4))
    >>> keras.ops.dot_product_attention(x, x, x).shape
    torch.Size([1, 3, 2, 4])
    """
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
    """``-(target * log(output) + (1 - target) * log(1 - output))``, element by element.

    Parameters
    ----------
    target, output : tensor
        Of one shape.
    from_logits : bool

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> keras.ops.binary_crossentropy([0.0, 1.0], [0.25, 0.75]).round(decimals=4)
    tensor([0.2877, 0.2877])
    """
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
    """``-sum(target * log(output))`` over an axis.

    Parameters
    ----------
    target, output : tensor (..., classes)
    from_logits : bool
    axis : int

    Returns
    -------
    Tensor (...)

    Raises
    ------
    ValueError
        Shapes that differ.

    Examples
    --------
    >>> keras.ops.categorical_crossentropy([[0.0, 1.0]], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.2877])
    """
    return loss(target, output, from_logits, axis=axis)


@operation
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """``-log(output[target])`` for classes given as whole numbers.

    Parameters
    ----------
    target : tensor of int (...)
    output : tensor (..., classes)
    from_logits : bool
    axis : int

    Returns
    -------
    Tensor (...)

    Raises
    ------
    ValueError
        Shapes that do not fit.

    Examples
    --------
    >>> keras.ops.sparse_categorical_crossentropy([1], [[0.25, 0.75]]).round(decimals=4)
    tensor([0.2877])
    """
    return sparse_loss(target, output, from_logits, axis=axis)


@operation
def psnr(x1, x2, max_val):
    """Peak signal-to-noise ratio in decibels, ``20 * log10(max_val) - 10 * log10(mean((x1 - x2)**2))``.

    Parameters
    ----------
    x1, x2 : tensor
    max_val : float
        Largest possible value.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.psnr([0.0, 0.0], [0.1, 0.1], 1.0).round(decimals=4)
    tensor(20.)
    """
    x1, x2 = pair(floating(x1), floating(x2))
    error = (x1 - x2).square().mean()
    return 20 * tensor(float(max_val)).log10() - 10 * error.log10()


def polar(abs_, angle):
    """Not implemented: there are no complex tensors.

    Parameters
    ----------
    abs_, angle : tensor

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> keras.ops.polar(1.0, 0.0)  # doctest: +SKIP
    """
    raise NotImplementedError("polar: complex numbers are not implemented")
