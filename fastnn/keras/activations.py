"""Activation functions, as ``keras.activations``."""
import types

import numpy as np

from fastnn.keras.saving.objects import Family
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import convert
from fastnn.nn import functional as F

# Those that the engine's dense layer computes in one call with the product: name -> (the engine's map, its parameters).
FUSED = {"relu": ("relu", 0.0, 0.0), "sigmoid": ("sigmoid", 0.0, 0.0), "tanh": ("tanh", 0.0, 0.0),
         "relu6": ("relu6", 0.0, 0.0), "elu": ("elu", 1.0, 0.0), "selu": ("selu", 0.0, 0.0),
         "leaky_relu": ("leaky_relu", 0.2, 0.0), "hard_sigmoid": ("hardsigmoid", 0.0, 0.0),
         "exponential": ("exp", 0.0, 0.0)}


def _float(x):
    x = convert(x)
    return x if x.is_floating_point() else x.to(convert(0.0).dtype)


@operation
def linear(x):
    """``x``"""
    return x


@operation
def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """``max(x, 0)``; more generally `max_value` from there on, and ``negative_slope * (x - threshold)`` below
    `threshold`."""
    x = convert(x)
    if not negative_slope and max_value is None and not threshold:
        return F.relu(x)
    if max_value is not None and max_value < 0 or threshold < 0 or negative_slope < 0:
        raise ValueError(f"relu: max_value, negative_slope and threshold cannot be negative. Received: "
                         f"negative_slope={negative_slope}, max_value={max_value}, threshold={threshold}")
    kept = x * (x > threshold).to(x.dtype) if threshold else F.relu(x)
    if max_value is not None:
        kept = kept.clamp(0.0, max_value)
    return kept - negative_slope * F.relu(threshold - x) if negative_slope else kept


@operation
def leaky_relu(x, negative_slope=0.2):
    """``x`` above 0, ``negative_slope * x`` below"""
    return F.leaky_relu(convert(x), negative_slope)


@operation
def relu6(x):
    """``min(max(x, 0), 6)``"""
    return F.relu6(convert(x))


@operation
def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along `axis`."""
    x = _float(x)
    if x.ndim == 0:
        raise ValueError(f"Cannot apply softmax to a tensor that is 0D. Received input: {x}")
    if isinstance(axis, (tuple, list)):
        axes = [each % x.ndim for each in axis]
        order = [i for i in range(x.ndim) if i not in axes] + axes
        moved = x.permute(order)
        flat = F.softmax(moved.reshape(*moved.shape[:x.ndim - len(axes)], -1), -1)
        return flat.reshape(moved.shape).permute(*np.argsort(order).tolist())
    y = F.softmax(x, axis)
    if axis in (-1, x.ndim - 1):  # the cross-entropy of probabilities is computed from these, which loses no digits
        y._keras_logits = "softmax", x
    return y


@operation
def log_softmax(x, axis=-1):
    """``log(softmax(x))``"""
    return F.log_softmax(_float(x), axis)


@operation
def elu(x, alpha=1.0):
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below"""
    return F.elu(_float(x), alpha)


@operation
def selu(x):
    """Scaled `elu` with the constants of self-normalising networks."""
    return F.selu(_float(x))


@operation
def celu(x, alpha=1.0):
    """``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))``"""
    return F.celu(_float(x), alpha)


@operation
def softplus(x):
    """``log(1 + exp(x))``"""
    return F.softplus(_float(x))


@operation
def softsign(x):
    """``x / (1 + |x|)``"""
    return F.softsign(_float(x))


@operation
def gelu(x, approximate=False):
    """``x`` times the normal distribution function of ``x``; `approximate` by tanh."""
    return F.gelu(_float(x), approximate="tanh" if approximate else "none")


@operation
def silu(x):
    """``x * sigmoid(x)``"""
    return F.silu(_float(x))


swish = silu


@operation
def tanh(x):
    """``tanh(x)``"""
    return _float(x).tanh()


@operation
def sigmoid(x):
    """``1 / (1 + exp(-x))``"""
    x = _float(x)
    y = x.sigmoid()
    y._keras_logits = "sigmoid", x
    return y


@operation
def log_sigmoid(x):
    """``log(sigmoid(x))``"""
    return F.logsigmoid(_float(x))


@operation
def exponential(x):
    """``exp(x)``"""
    return _float(x).exp()


@operation
def hard_sigmoid(x):
    """``relu6(x + 3) / 6``"""
    return F.hardsigmoid(_float(x))


@operation
def hard_silu(x):
    """``x * hard_sigmoid(x)``"""
    return F.hardswish(_float(x))


hard_swish = hard_silu


@operation
def hard_tanh(x):
    """``min(max(x, -1), 1)``"""
    return F.hardtanh(_float(x))


@operation
def mish(x):
    """``x * tanh(softplus(x))``"""
    return F.mish(_float(x))


@operation
def glu(x, axis=-1):
    """The first half of `x` along `axis` times the sigmoid of the second."""
    return F.glu(_float(x), axis)


@operation
def tanh_shrink(x):
    """``x - tanh(x)``"""
    return F.tanhshrink(_float(x))


@operation
def soft_shrink(x, threshold=0.5):
    """``x`` moved towards 0 by `threshold`, which is where it stops."""
    return F.softshrink(_float(x), threshold)


@operation
def hard_shrink(x, threshold=0.5):
    """``x`` where ``|x| > threshold``, else 0"""
    return F.hardshrink(_float(x), threshold)


@operation
def squareplus(x, b=4):
    """``(x + sqrt(x**2 + b)) / 2``"""
    x = _float(x)
    return (x + (x.square() + b).sqrt()) / 2


@operation
def sparse_plus(x):
    """0 up to -1, ``(x + 1)**2 / 4`` up to 1, ``x`` from there on"""
    x = _float(x)
    return ((x.clamp(-1, 1) + 1).square() / 4) + F.relu(x - 1)


@operation
def sparse_sigmoid(x):
    """``min(max((x + 1) / 2, 0), 1)``"""
    return (0.5 * (_float(x) + 1)).clamp(0, 1)


@operation
def sparsemax(x, axis=-1):
    """The point of the probability simplex that is nearest to `x` (Martins and Astudillo, 2016).

    Keras 3.15 gives something else, whose sum is not 1, where more than one entry is not 0.
    """
    x = _float(x)
    ordered = x.sort(axis, descending=True)[0]
    sums = ordered.cumsum(axis)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    k = convert(np.arange(1, x.shape[axis] + 1, dtype=np.float32).reshape(shape)).to(x.dtype)
    support = (1 + k * ordered > sums).to(x.dtype)
    size = (support * k).max(axis, keepdim=True)[0]
    total = (ordered * support).sum(axis, keepdim=True)
    return F.relu(x - (total - 1) / size)


@operation
def threshold(x, threshold, default_value):
    """``x`` where ``x > threshold``, else `default_value`"""
    return F.threshold(convert(x), threshold, default_value)


_family = Family("activation function", __name__, lambda: {"hard_swish": hard_silu, "swish": silu})


def get(identifier):
    """An activation by name, record or function; None is `linear`."""
    if identifier is None:
        return linear
    return _family.get(identifier)


def serialize(activation):
    """The name of one of these, the record of another."""
    name = getattr(activation, "__name__", None)
    if isinstance(activation, types.FunctionType) and globals().get(name) is activation:
        return name
    return _family.serialize(activation)


deserialize = _family.deserialize
