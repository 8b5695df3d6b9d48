"""Means, variances, quantiles and counts."""
import numpy as np

import fastnn
from fastnn.keras.ops.common import INT32, axes_of, floating, tensor
from fastnn.keras.ops.reductions import mean, sum
from fastnn.keras.symbolic import operation


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
