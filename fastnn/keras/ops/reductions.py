"""Sums and other reductions, sorting and searching."""
import numpy as np

import fastnn
from fastnn.keras import config
from fastnn.keras.ops.common import axes_of, floating, pair, tensor
from fastnn.keras.symbolic import operation

INT32 = config.torch_dtype("int32")


def _flattened(x, axis, keepdims, function):
    """A reduction along one axis, of all elements for None."""
    if axis is None:
        found = function(x.reshape(-1), 0, False)
        return found.reshape([1] * x.ndim) if keepdims else found
    if isinstance(axis, (list, tuple)):
        axes = sorted(axes_of(axis, x.ndim))
        rest = [i for i in range(x.ndim) if i not in axes]
        moved = x.permute(*rest, *axes)
        found = function(moved.reshape(*moved.shape[:len(rest)], -1), len(rest), False)
        return found.reshape([1 if i in axes else x.shape[i] for i in range(x.ndim)]) if keepdims else found
    return function(x, int(axis), keepdims)


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
def var(x, axis=None, keepdims=False):
    """Variance over axes, ``mean((x - mean(x))**2)``.

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
    >>> keras.ops.var([1.0, 3.0])
    tensor(1.)
    """
    x = floating(x)
    return x.var(axes_of(axis, x.ndim), correction=0, keepdim=keepdims)


@operation
def std(x, axis=None, keepdims=False):
    """Standard deviation over axes, ``sqrt(var(x))``.

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
    >>> keras.ops.std([1.0, 3.0])
    tensor(1.)
    """
    x = floating(x)
    return x.std(axes_of(axis, x.ndim), correction=0, keepdim=keepdims)


@operation
def moments(x, axes, keepdims=False, synchronized=False):
    """Mean and variance over axes.

    Parameters
    ----------
    x : tensor
    axes : int or tuple of int
    keepdims : bool
        Whether reduced axes stay, with size 1.
    synchronized
        Accepted.

    Returns
    -------
    (Tensor, Tensor)

    Examples
    --------
    >>> keras.ops.moments(np.array([1.0, 3.0]), 0)
    (tensor(2., dtype=torch.float64), tensor(1., dtype=torch.float64))
    """
    return mean(x, axes, keepdims), var(x, axes, keepdims)


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
    return _flattened(x, axis, keepdims, lambda y, a, k: y.prod(a, keepdim=k).to(y.dtype))


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
    return _flattened(tensor(x).bool(), axis, keepdims, lambda y, a, k: y.all(a, keepdim=k))


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
    return _flattened(tensor(x).bool(), axis, keepdims, lambda y, a, k: y.any(a, keepdim=k))


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
    return _flattened(tensor(x), axis, keepdims, lambda y, a, k: y.argmax(a, keepdim=k)).to(INT32)


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
    return _flattened(tensor(x), axis, keepdims, lambda y, a, k: y.argmin(a, keepdim=k)).to(INT32)


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
def average(x, axis=None, weights=None):
    """``sum(x * weights) / sum(weights)`` over axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.
    weights : tensor, optional
        Of the shape of `x`, or of its size along `axis`; without them the mean.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.average([1.0, 3.0], weights=[3.0, 1.0])
    tensor(1.5000)
    """
    if weights is None:
        return mean(x, axis)
    x, weights = floating(x), floating(weights)
    if weights.ndim == 1 and x.ndim > 1 and axis is not None:
        shape = [1] * x.ndim
        shape[axis] = -1
        weights = weights.reshape(shape)
    weights = weights + x * 0
    return sum(x * weights, axis) / sum(weights, axis)


@operation
def median(x, axis=None, keepdims=False):
    """Median over axes: the middle element, or the mean of the two middle ones.

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
    >>> keras.ops.median([1.0, 5.0, 2.0])
    tensor(2.)
    """
    return quantile(x, 0.5, axis, keepdims=keepdims)


@operation
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """Value below which the share `q` of the elements lies, over axes.

    Parameters
    ----------
    x : tensor
    q : float or tensor
        Within 0 .. 1; several give a first axis.
    axis : int or tuple of int, optional
        All axes without it.
    method : {"linear", "lower", "higher", "midpoint", "nearest"}
        Between two elements.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.quantile([0.0, 1.0, 2.0, 3.0], 0.5)
    tensor(1.5000)
    """
    x = floating(x)
    q = tensor(np.asarray(q)).to(x.dtype)
    if axis is None or isinstance(axis, (list, tuple)):
        axes = axes_of(axis, x.ndim)
        rest = [i for i in range(x.ndim) if i not in axes]
        moved = x.permute(*rest, *axes)
        found = moved.reshape(*moved.shape[:len(rest)], -1).quantile(q, -1, interpolation=method)
        if keepdims:
            found = found.reshape(*found.shape[:q.ndim], *[1 if i in axes else x.shape[i] for i in range(x.ndim)])
        return found
    return x.quantile(q, axis, keepdim=keepdims, interpolation=method)


@operation
def percentile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` of `q` percent.

    Parameters
    ----------
    x : tensor
    q : float or tensor
        Within 0 .. 100.
    axis, method, keepdims
        As in `quantile`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.percentile([0.0, 1.0, 2.0, 3.0], 50)
    tensor(1.5000)
    """
    return quantile(x, np.asarray(q, np.float32) / 100, axis, method, keepdims)


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


@operation
def sort(x, axis=-1):
    """Elements in ascending order along an axis.

    Parameters
    ----------
    x : tensor
    axis : int or None
        None: of the flattened tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.sort([3, 1, 2])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    x = tensor(x)
    return x.reshape(-1).sort(0)[0] if axis is None else x.sort(axis)[0]


@operation
def argsort(x, axis=-1):
    """Indices that sort the elements along an axis; equal ones keep their order.

    Parameters
    ----------
    x : tensor
    axis : int or None
        None: of the flattened tensor.

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> keras.ops.argsort([3, 1, 2])
    tensor([1, 2, 0], dtype=torch.int32)
    """
    x = tensor(x)
    return (x.reshape(-1).argsort(0, stable=True) if axis is None else x.argsort(axis, stable=True)).to(INT32)


@operation
def argpartition(x, kth, axis=-1):
    """Indices that put the element `kth` where sorting would; here those of `argsort`.

    Parameters
    ----------
    x : tensor
    kth : int
    axis : int or None

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> keras.ops.argpartition([3, 1, 2], 1)
    tensor([1, 2, 0], dtype=torch.int32)
    """
    return argsort(x, axis)


@operation
def top_k(x, k, sorted=True):
    """The `k` largest elements along the last axis, and their indices.

    Parameters
    ----------
    x : tensor
    k : int
    sorted : bool
        Whether the largest comes first.

    Returns
    -------
    (Tensor, Tensor of int32)

    Examples
    --------
    >>> keras.ops.top_k(np.array([1, 5, 3]), 2)
    (tensor([5, 3]), tensor([1, 2], dtype=torch.int32))
    """
    values, positions = tensor(x).topk(k, sorted=sorted)
    return values, positions.to(INT32)


@operation
def in_top_k(targets, predictions, k):
    """Whether each target is among the `k` largest predictions of its row.

    Parameters
    ----------
    targets : tensor (n,)
        Class numbers.
    predictions : tensor (n, classes)
    k : int

    Returns
    -------
    Tensor of bool (n,)

    Examples
    --------
    >>> keras.ops.in_top_k([1, 0], [[0.1, 0.9], [0.2, 0.8]], 1)
    tensor([ True, False])
    """
    targets, predictions = tensor(targets).long(), floating(predictions)
    own = predictions.gather(-1, targets.unsqueeze(-1))
    ahead = (predictions > own).sum(-1)
    return (ahead < k) & own.isfinite().squeeze(-1)


@operation
def searchsorted(sorted_sequence, values, side="left"):
    """Index at which each value would be inserted to keep the order.

    Parameters
    ----------
    sorted_sequence : tensor (n,)
    values : tensor
    side : {"left", "right"}
        Before or after equal elements.

    Returns
    -------
    Tensor of int32

    Raises
    ------
    ValueError
        The sequence has not one axis.

    Examples
    --------
    >>> keras.ops.searchsorted([1, 3, 5], [3, 4])
    tensor([1, 2], dtype=torch.int32)
    """
    sequence, values = pair(sorted_sequence, values)
    if sequence.ndim != 1:
        raise ValueError(f"`searchsorted` only supports 1-D sorted sequences. Received: sorted_sequence.shape="
                         f"{tuple(sequence.shape)}")
    return fastnn.searchsorted(sequence, values, side=side).to(INT32)


def unique(x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None,
           fill_value=None):
    """Different elements in ascending order; without gradient.

    Parameters
    ----------
    x : tensor
    sorted : bool
        Accepted.
    return_index, return_inverse, return_counts : bool
        Whether to return first indices, the index of each element's value, and counts too.
    axis : int, optional
        Compare slices along it.
    size : int, optional
        Cut or pad to so many.
    fill_value : number, optional
        Padding; the smallest element without it.

    Returns
    -------
    Tensor, or tuple of them

    Examples
    --------
    >>> keras.ops.unique([3, 1, 3])
    tensor([1, 3], dtype=torch.int32)
    >>> keras.ops.unique([3, 1, 3], return_counts=True)
    (tensor([1, 3], dtype=torch.int32), tensor([1, 2]))
    """
    found = np.unique(tensor(x).detach().numpy(), return_index=return_index, return_inverse=return_inverse,
                      return_counts=return_counts, axis=axis)
    parts = list(found) if isinstance(found, tuple) else [found]
    if size is not None:
        length = parts[0].shape[axis or 0]
        if length < size:
            fill = parts[0].min() if fill_value is None else fill_value
            parts[0] = np.concatenate([parts[0], np.full((size - length, *parts[0].shape[1:]), fill, parts[0].dtype)])
        parts[0] = parts[0][:size]
    parts = [tensor(part) for part in parts]
    return tuple(parts) if len(parts) > 1 else parts[0]


@operation
def bincount(x, weights=None, minlength=0, sparse=False):
    """Number of occurrences of 0, 1, 2, ...; row by row for matrices.

    Parameters
    ----------
    x : tensor of int (n,) or (rows, n)
    weights : tensor, optional
        Added up instead of 1.
    minlength : int
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
    >>> keras.ops.bincount([0, 2, 2])
    tensor([1, 0, 2], dtype=torch.int32)
    """
    x = tensor(x).long()
    if sparse:
        raise NotImplementedError("bincount: sparse=True is not implemented")
    weights = None if weights is None else tensor(weights)
    if x.ndim == 2:
        length = int(np.maximum(int(x.max()) + 1, minlength))
        rows = [fastnn.bincount(row, None if weights is None else weights[i], length) for i, row in enumerate(x)]
        return fastnn.stack(rows).to(INT32 if weights is None else weights.dtype)
    found = fastnn.bincount(x, weights, minlength)
    return found.to(INT32) if weights is None else found


def histogram(x, bins=10, range=None):
    """Counts of the elements in bins of equal width; without gradient.

    Parameters
    ----------
    x : tensor
    bins : int
    range : pair of float, optional
        Smallest and largest value; those of `x` without it.

    Returns
    -------
    (counts, edges)
        int32 (bins,) and float32 (bins + 1,).

    Examples
    --------
    >>> keras.ops.histogram([0.0, 1.0, 2.0], bins=2)
    (tensor([1, 2], dtype=torch.int32), tensor([0., 1., 2.]))
    """
    counts, edges = np.histogram(tensor(x).detach().numpy(), bins=bins, range=range)
    return tensor(counts.astype("int32")), tensor(edges.astype("float32"))


def _segments(data, segment_ids, num_segments, start, reduce):
    data, ids = tensor(data), tensor(segment_ids).long()
    count = int(ids.max()) + 1 if num_segments is None else num_segments
    inside = (ids >= 0) & (ids < count)
    made = fastnn.full((count, *data.shape[1:]), start, dtype=data.dtype)
    index = ids[inside].reshape(-1, *[1] * (data.ndim - 1)).expand(data[inside].shape)
    return made.scatter_reduce(0, index, data[inside], reduce)


def _limit(data, sign):
    kind = tensor(data).dtype
    return sign * float("inf") if kind.is_floating_point else (fastnn.iinfo(kind).max if sign > 0 else
                                                               fastnn.iinfo(kind).min)


@operation
def segment_sum(data, segment_ids, num_segments=None, sorted=False):
    """Sum of the rows of each segment.

    Parameters
    ----------
    data : tensor (n, ...)
    segment_ids : tensor of int (n,)
        Segment of each row; others than 0 .. num_segments - 1 are ignored.
    num_segments : int, optional
        ``max(segment_ids) + 1`` without it.
    sorted : bool
        Accepted.

    Returns
    -------
    Tensor (num_segments, ...)

    Examples
    --------
    >>> keras.ops.segment_sum([1, 2, 3], [0, 1, 0])
    tensor([4, 2], dtype=torch.int32)
    """
    return _segments(data, segment_ids, num_segments, 0, "sum")


@operation
def segment_prod(data, segment_ids, num_segments=None, sorted=False):
    """Product of the rows of each segment; 1 for empty ones.

    Parameters
    ----------
    data, segment_ids, num_segments, sorted
        As in `segment_sum`.

    Returns
    -------
    Tensor (num_segments, ...)

    Examples
    --------
    >>> keras.ops.segment_prod([1, 2, 3], [0, 1, 0])
    tensor([3, 2], dtype=torch.int32)
    """
    return _segments(data, segment_ids, num_segments, 1, "prod")


@operation
def segment_max(data, segment_ids, num_segments=None, sorted=False):
    """Largest of the rows of each segment; the smallest number of the dtype for empty ones.

    Parameters
    ----------
    data, segment_ids, num_segments, sorted
        As in `segment_sum`.

    Returns
    -------
    Tensor (num_segments, ...)

    Examples
    --------
    >>> keras.ops.segment_max([1, 2, 3], [0, 1, 0])
    tensor([3, 2], dtype=torch.int32)
    """
    return _segments(data, segment_ids, num_segments, _limit(data, -1), "amax")


@operation
def segment_min(data, segment_ids, num_segments=None, sorted=False):
    """Smallest of the rows of each segment; the largest number of the dtype for empty ones.

    Parameters
    ----------
    data, segment_ids, num_segments, sorted
        As in `segment_sum`.

    Returns
    -------
    Tensor (num_segments, ...)

    Examples
    --------
    >>> keras.ops.segment_min([1, 2, 3], [0, 1, 0])
    tensor([1, 2], dtype=torch.int32)
    """
    return _segments(data, segment_ids, num_segments, _limit(data, 1), "amin")


@operation
def corrcoef(x):
    """Pearson correlations of the rows.

    Parameters
    ----------
    x : tensor (rows, n)

    Returns
    -------
    Tensor (rows, rows)

    Examples
    --------
    >>> keras.ops.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).round(decimals=4)
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    return fastnn.corrcoef(floating(x))
