"""Reductions of the elements that are not NaN."""
import numpy as np

import fastnn
from fastnn.keras.ops.common import axes_of, floating, tensor
from fastnn.keras.ops.reductions import all, argmax, argmin, cumprod, cumsum, max, min, prod, sum
from fastnn.keras.symbolic import operation


@operation
def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` of the elements that are not NaN.

    Parameters
    ----------
    x : tensor
    q, axis, method, keepdims
        As in `quantile`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.nanquantile([1.0, float("nan"), 3.0], 0.5)
    tensor(2.)
    """
    x = floating(x)
    q = tensor(np.asarray(q)).to(x.dtype)
    axes = axes_of(axis, x.ndim)
    rest = [i for i in range(x.ndim) if i not in axes]
    moved = x.permute(*rest, *axes)
    found = moved.reshape(*moved.shape[:len(rest)], -1).nanquantile(q, -1, interpolation=method)
    return found.reshape(*found.shape[:q.ndim], *[1 if i in axes else x.shape[i] for i in range(x.ndim)]) \
        if keepdims else found


@operation
def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """`percentile` of the elements that are not NaN.

    Parameters
    ----------
    x : tensor
    q, axis, method, keepdims
        As in `percentile`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.nanpercentile([1.0, float("nan"), 3.0], 50)
    tensor(2.)
    """
    return nanquantile(x, np.asarray(q, np.float32) / 100, axis, method, keepdims)


@operation
def nanmedian(x, axis=None, keepdims=False):
    """`median` of the elements that are not NaN.

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
    >>> keras.ops.nanmedian([1.0, float("nan"), 3.0])
    tensor(2.)
    """
    return nanquantile(x, 0.5, axis, keepdims=keepdims)


def _without_nan(name, fill, function, result):
    def call(x, axis=None, keepdims=False):
        x = floating(x)
        return function(fastnn.where(x.isnan(), fastnn.full_like(x, fill), x), axis, keepdims)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""`{name[3:]}` of the elements that are not NaN.

    Parameters
    ----------
    x : tensor
    axis, keepdims
        As in `{name[3:]}`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.{name}([1.0, float("nan"), 3.0])
    {result}
    """
    return operation(call)


nansum, nanprod = _without_nan("nansum", 0.0, sum, "tensor(4.)"), _without_nan("nanprod", 1.0, prod, "tensor(3.)")
nanargmax = _without_nan("nanargmax", float("-inf"), argmax, "tensor(2, dtype=torch.int32)")
nanargmin = _without_nan("nanargmin", float("inf"), argmin, "tensor(0, dtype=torch.int32)")


def _all_nan(x, axis, keepdims, found):
    return fastnn.where(all(x.isnan(), axis, keepdims), fastnn.full_like(found, float("nan")), found)


@operation
def nanmax(x, axis=None, keepdims=False):
    """`max` of the elements that are not NaN; NaN if all are.

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
    >>> keras.ops.nanmax([1.0, float("nan"), 3.0])
    tensor(3.)
    """
    x = floating(x)
    found = max(fastnn.where(x.isnan(), fastnn.full_like(x, float("-inf")), x), axis, keepdims)
    return _all_nan(x, axis, keepdims, found)


@operation
def nanmin(x, axis=None, keepdims=False):
    """`min` of the elements that are not NaN; NaN if all are.

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
    >>> keras.ops.nanmin([1.0, float("nan"), 3.0])
    tensor(1.)
    """
    x = floating(x)
    found = min(fastnn.where(x.isnan(), fastnn.full_like(x, float("inf")), x), axis, keepdims)
    return _all_nan(x, axis, keepdims, found)


@operation
def nanmean(x, axis=None, keepdims=False):
    """`mean` of the elements that are not NaN.

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
    >>> keras.ops.nanmean([1.0, float("nan"), 3.0])
    tensor(2.)
    """
    x = floating(x)
    return nansum(x, axis, keepdims) / sum((~x.isnan()).to(x.dtype), axis, keepdims)


@operation
def nanvar(x, axis=None, keepdims=False):
    """`var` of the elements that are not NaN.

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
    >>> keras.ops.nanvar([1.0, float("nan"), 3.0])
    tensor(1.)
    """
    x = floating(x)
    return nanmean((x - nanmean(x, axis, True)).square(), axis, keepdims)


@operation
def nanstd(x, axis=None, keepdims=False):
    """`std` of the elements that are not NaN.

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
    >>> keras.ops.nanstd([1.0, float("nan"), 3.0])
    tensor(1.)
    """
    return nanvar(x, axis, keepdims).sqrt()


@operation
def nancumsum(x, axis=None, dtype=None):
    """`cumsum` in which NaN counts as 0.

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
    >>> keras.ops.nancumsum([1.0, float("nan"), 3.0])
    tensor([1., 1., 4.])
    """
    return cumsum(tensor(x).nan_to_num(0.0, float("inf"), float("-inf")), axis, dtype)


@operation
def nancumprod(x, axis=None, dtype=None):
    """`cumprod` in which NaN counts as 1.

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
    >>> keras.ops.nancumprod([2.0, float("nan"), 3.0])
    tensor([2., 2., 6.])
    """
    x = floating(x)
    return cumprod(fastnn.where(x.isnan(), fastnn.ones_like(x), x), axis, dtype)
