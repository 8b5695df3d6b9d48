"""Activation functions of exponentials, and those that normalise along an axis."""
import numpy as np

from fastnn.keras.activations.common import floating
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import convert
from fastnn.nn import functional as F


@operation
def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along `axis`; sums are 1.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Raises
    ------
    ValueError
        `x` has no axis.

    Examples
    --------
    >>> keras.activations.softmax([1.0, 1.0])
    tensor([0.5000, 0.5000])
    """
    x = floating(x)
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
    """``log(softmax(x))`` along `axis`, computed without overflow.

    Parameters
    ----------
    x : tensor
    axis : int

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.log_softmax([1.0, 1.0]).round(decimals=4)
    tensor([-0.6931, -0.6931])
    """
    return F.log_softmax(floating(x), axis)


@operation
def elu(x, alpha=1.0):
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below (Clevert et al., 2015)

    Parameters
    ----------
    x : tensor
    alpha : float

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.elu([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.6321,  0.0000,  2.0000])
    """
    return F.elu(floating(x), alpha)


@operation
def selu(x):
    """``1.0507 * x`` above 0, ``1.7581 * (exp(x) - 1)`` below (Klambauer et al., 2017)

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.selu([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-1.1113,  0.0000,  2.1014])
    """
    return F.selu(floating(x))


@operation
def celu(x, alpha=1.0):
    """``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`` (Barron, 2017)

    Parameters
    ----------
    x : tensor
    alpha : float

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.celu([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.6321,  0.0000,  2.0000])
    """
    return F.celu(floating(x), alpha)


@operation
def softplus(x):
    """``log(1 + exp(x))``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.softplus([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([0.3133, 0.6931, 2.1269])
    """
    return F.softplus(floating(x))


@operation
def softsign(x):
    """``x / (1 + abs(x))``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.softsign([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.5000,  0.0000,  0.6667])
    """
    return F.softsign(floating(x))


@operation
def gelu(x, approximate=False):
    """``x * Phi(x)`` with the normal distribution function Phi (Hendrycks and Gimpel, 2016)

    Parameters
    ----------
    x : tensor
    approximate : bool
        ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))`` instead.

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.gelu([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.1587,  0.0000,  1.9545])
    """
    return F.gelu(floating(x), approximate="tanh" if approximate else "none")


@operation
def silu(x):
    """``x * sigmoid(x)`` (Ramachandran et al., 2017)

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.silu([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.2689,  0.0000,  1.7616])
    """
    return F.silu(floating(x))


@operation
def tanh(x):
    """``(exp(x) - exp(-x)) / (exp(x) + exp(-x))``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.tanh([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.7616,  0.0000,  0.9640])
    """
    return floating(x).tanh()


@operation
def sigmoid(x):
    """``1 / (1 + exp(-x))``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.sigmoid([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([0.2689, 0.5000, 0.8808])
    """
    x = floating(x)
    y = x.sigmoid()
    y._keras_logits = "sigmoid", x
    return y


@operation
def log_sigmoid(x):
    """``log(sigmoid(x))``, computed without overflow

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.log_sigmoid([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-1.3133, -0.6931, -0.1269])
    """
    return F.logsigmoid(floating(x))


@operation
def exponential(x):
    """``exp(x)``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.exponential([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([0.3679, 1.0000, 7.3891])
    """
    return floating(x).exp()


@operation
def mish(x):
    """``x * tanh(softplus(x))`` (Misra, 2019)

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.mish([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.3034,  0.0000,  1.9440])
    """
    return F.mish(floating(x))


@operation
def glu(x, axis=-1):
    """Gated linear unit, ``a * sigmoid(b)`` with the halves a and b of `x` along `axis` (Dauphin et al., 2017).

    Parameters
    ----------
    x : tensor
        Of even size along `axis`.
    axis : int

    Returns
    -------
    Tensor
        Of half of that size.

    Examples
    --------
    >>> keras.activations.glu([4.0, 0.0])
    tensor([2.])
    """
    return F.glu(floating(x), axis)


@operation
def tanh_shrink(x):
    """``x - tanh(x)``

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.tanh_shrink([-1.0, 0.0, 2.0]).round(decimals=4)
    tensor([-0.2384,  0.0000,  1.0360])
    """
    return F.tanhshrink(floating(x))


@operation
def squareplus(x, b=4):
    """``(x + sqrt(x**2 + b)) / 2`` (Barron, 2021)

    Parameters
    ----------
    x : tensor
    b : float

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.squareplus([0.0, 1.5])
    tensor([1., 2.])
    """
    x = floating(x)
    return (x + (x.square() + b).sqrt()) / 2


@operation
def sparsemax(x, axis=-1):
    """Projection of `x` onto the probability simplex along `axis` (Martins and Astudillo, 2016).

    Keras 3.15 gives something else, whose sum is not 1, where more than one entry is not 0.

    Parameters
    ----------
    x : tensor
    axis : int

    Returns
    -------
    Tensor
        Of the shape of `x`.

    Examples
    --------
    >>> keras.activations.sparsemax([1.0, 0.5, -1.0])
    tensor([0.7500, 0.2500, 0.0000])
    """
    x = floating(x)
    ordered = x.sort(axis, descending=True)[0]
    sums = ordered.cumsum(axis)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    k = convert(np.arange(1, x.shape[axis] + 1, dtype=np.float32).reshape(shape)).to(x.dtype)
    support = (1 + k * ordered > sums).to(x.dtype)
    size = (support * k).max(axis, keepdim=True)[0]
    total = (ordered * support).sum(axis, keepdim=True)
    return F.relu(x - (total - 1) / size)
