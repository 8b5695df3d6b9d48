"""Sums and other reductions, and sums of all elements up to each."""
import numpy as np

import fastnn
from fastnn.keras.ops.common import INT32, axes_of, flattened, floating, tensor
from fastnn.keras.symbolic import operation


@operation
def sum(x, axis=None, keepdims=False):
    """Sum over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.sum([[1, 2], [3, 4]], axis=0)
    tensor([4, 6], dtype=torch.int32)
    """
    x = tensor(x)
    if x.dtype.name == "bool" or x.dtype.name in ("int8", "int16", "uint8"):
        x = x.to(INT32)
    found = x.sum(axes_of(axis, x.ndim), keepdim=keepdims) if x.ndim else x
    return found.to(x.dtype) if found.dtype is not x.dtype else found


@operation
def mean(x, axis=None, keepdims=False):
    """Mean over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.mean([[1, 2], [3, 4]], axis=1)
    tensor([1.5000, 3.5000])
    """
    x = floating(x)
    return x.mean(axes_of(axis, x.ndim), keepdim=keepdims) if x.ndim else x


@operation
def prod(x, axis=None, keepdims=False, dtype=None):
    """Product over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.
    dtype : str, optional
        That of `x` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.prod([[1, 2], [3, 4]], axis=1)
    tensor([ 2, 12], dtype=torch.int32)
    """
    x = tensor(x, dtype)
    return flattened(x, axis, keepdims, lambda y, a, k: y.prod(a, keepdim=k).to(y.dtype))


def _extreme(name, text, result):
    def call(x, axis=None, keepdims=False, initial=None):
        x = tensor(x)
        if x.dtype.name == "bool":
            x = x.to(INT32)
        found = getattr(x, name)(axes_of(axis, x.ndim), keepdim=keepdims)
        if initial is not None:
            other = tensor(np.asarray(initial)).to(found.dtype)
            found = found.maximum(other) if name == "amax" else found.minimum(other)
        return found
    call.__name__ = call.__qualname__ = name[1:]
    call.__doc__ = f"""{text} element over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.
    initial : number, optional
        Takes part as a further element.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.{name[1:]}([[1, 2], [4, 3]], axis=1)
    {result}
    """
    return operation(call)


max = _extreme("amax", "Largest", "tensor([2, 4], dtype=torch.int32)")
min = _extreme("amin", "Smallest", "tensor([1, 3], dtype=torch.int32)")


@operation
def amax(x, axis=None, keepdims=False):
    """Largest element over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.amax([[1, 2], [4, 3]], axis=1)
    tensor([2, 4], dtype=torch.int32)
    """
    return max(x, axis, keepdims)


@operation
def amin(x, axis=None, keepdims=False):
    """Smallest element over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.amin([[1, 2], [4, 3]], axis=1)
    tensor([1, 3], dtype=torch.int32)
    """
    return min(x, axis, keepdims)


@operation
def ptp(x, axis=None, keepdims=False):
    """Largest element less the smallest, over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.ptp([1, 5, 3])
    tensor(4, dtype=torch.int32)
    """
    return max(x, axis, keepdims) - min(x, axis, keepdims)


@operation
def all(x, axis=None, keepdims=False):
    """Whether all elements are true (not 0), over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> keras.ops.all([[True, False], [True, True]], axis=1)
    tensor([False,  True])
    """
    return flattened(tensor(x).bool(), axis, keepdims, lambda y, a, k: y.all(a, keepdim=k))


@operation
def any(x, axis=None, keepdims=False):
    """Whether an element is true (not 0), over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> keras.ops.any([[True, False], [False, False]], axis=1)
    tensor([ True, False])
    """
    return flattened(tensor(x).bool(), axis, keepdims, lambda y, a, k: y.any(a, keepdim=k))


@operation
def count_nonzero(x, axis=None):
    """Number of elements that are not 0, over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> keras.ops.count_nonzero([0, 1, 2])
    tensor(2, dtype=torch.int32)
    """
    x = tensor(x)
    return (x != 0).sum(axes_of(axis, x.ndim)).to(INT32)


@operation
def argmax(x, axis=None, keepdims=False):
    """Index of the largest element.

    Parameters
    ----------
    x : tensor
    axis : int, optional
        The flattened tensor without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> keras.ops.argmax([[1, 5], [4, 3]], axis=1)
    tensor([1, 0], dtype=torch.int32)
    """
    return flattened(tensor(x), axis, keepdims, lambda y, a, k: y.argmax(a, keepdim=k)).to(INT32)


@operation
def argmin(x, axis=None, keepdims=False):
    """Index of the smallest element.

    Parameters
    ----------
    x : tensor
    axis : int, optional
        The flattened tensor without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> keras.ops.argmin([[1, 5], [4, 3]], axis=1)
    tensor([0, 1], dtype=torch.int32)
    """
    return flattened(tensor(x), axis, keepdims, lambda y, a, k: y.argmin(a, keepdim=k)).to(INT32)


@operation
def logsumexp(x, axis=None, keepdims=False):
    """``log(sum(exp(x)))`` over axes, computed without overflow.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.logsumexp([0.0, 0.0])
    tensor(0.6931)
    """
    x = floating(x)
    return x.logsumexp(axes_of(axis, x.ndim), keepdim=keepdims)


@operation
def cumsum(x, axis=None, dtype=None):
    """Sums of the elements up to each, along an axis.

    Parameters
    ----------
    x : tensor
    axis : int, optional
        The flattened tensor without it.
    dtype : str, optional
        That of `x` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.cumsum([1, 2, 3])
    tensor([1, 3, 6], dtype=torch.int32)
    """
    x = tensor(x, dtype)
    return x.reshape(-1).cumsum(0).to(x.dtype) if axis is None else x.cumsum(axis).to(x.dtype)


@operation
def cumprod(x, axis=None, dtype=None):
    """Products of the elements up to each, along an axis.

    Parameters
    ----------
    x : tensor
    axis : int, optional
        The flattened tensor without it.
    dtype : str, optional
        That of `x` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.cumprod([1, 2, 3])
    tensor([1, 2, 6], dtype=torch.int32)
    """
    x = tensor(x, dtype)
    return x.reshape(-1).cumprod(0).to(x.dtype) if axis is None else x.cumprod(axis).to(x.dtype)


@operation
def diff(a, n=1, axis=-1):
    """Differences of neighbouring elements, `n` times.

    Parameters
    ----------
    a : tensor
    n : int
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.diff([1, 4, 9])
    tensor([3, 5], dtype=torch.int32)
    """
    return fastnn.diff(tensor(a), n, axis)


@operation
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Integral by the trapezoidal rule.

    Parameters
    ----------
    y : tensor
    x : tensor, optional
        Positions of the values.
    dx : float
        Their distance without `x`.
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.trapezoid([1.0, 2.0, 3.0])
    tensor(4.)
    """
    y = floating(y)
    return fastnn.trapezoid(y, floating(x), dim=axis) if x is not None else fastnn.trapezoid(y, dx=dx, dim=axis)


