"""Losses of overlaps (segmentation) and of distances between embeddings."""
from fastnn.keras import config
from fastnn.keras.losses.base import FunctionLoss, as_pair
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of, convert
from fastnn.nn import functional as F
from fastnn.ops.indexing import where


def _sum(x, axis):
    return x.sum() if axis is None else x.sum(axis)


@operation
def dice(y_true, y_pred, axis=None):
    """``1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`` over `axis` (Milletari et al., 2016).

    Parameters
    ----------
    y_true, y_pred : tensor
    axis : int or tuple of int, optional
        All axes without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.losses.dice([[1.0, 1.0]], [[1.0, 0.0]]).round(decimals=4)
    tensor(0.3333)
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return 1.0 - 2.0 * _sum(y_true * y_pred, axis) / (_sum(y_true, axis) + _sum(y_pred, axis) + config.epsilon())


@operation
def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """``1 - both / (both + alpha * only_true + beta * only_pred)`` over `axis` (Salehi et al., 2017).

    Parameters
    ----------
    y_true, y_pred : tensor
        `both`, `only_true`, `only_pred` are sums of ``y_true * y_pred``, ``y_true * (1 - y_pred)``, ``(1 - y_true) *
        y_pred``.
    alpha, beta : float
    axis : int or tuple of int, optional
        All axes without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.losses.tversky([[1.0, 1.0]], [[1.0, 0.0]]).round(decimals=4)
    tensor(0.3333)
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    both = _sum(y_true * y_pred, axis)
    only_true, only_pred = _sum(y_true * (1.0 - y_pred), axis), _sum(y_pred * (1.0 - y_true), axis)
    return 1.0 - both / (both + only_true * alpha + only_pred * beta + config.epsilon())


@operation
def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4):
    """Circle loss of embeddings: equal labels shall be close, different ones apart (Sun et al., 2020).

    Parameters
    ----------
    y_true : tensor (n,)
        Labels.
    y_pred : tensor (n, size)
        Embeddings of length 1.
    ref_labels, ref_embeddings : tensor, optional
        What to compare with; `y_true` and `y_pred` themselves without them.
    remove_diagonal : bool
        Whether an embedding is not compared with the reference of the same index.
    gamma, margin : float
        Scale, and relaxation of the target similarities.

    Returns
    -------
    Tensor (n,)

    Examples
    --------
    >>> keras.losses.circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).round(decimals=2)
    tensor([0., 0., 0.])
    """
    y_pred = convert(y_pred)
    references = y_pred if ref_embeddings is None else convert(ref_embeddings, config.dtype_of(y_pred))
    labels = array_of(convert(y_true)).astype("int32").reshape(-1, 1)
    others = labels if ref_labels is None else array_of(convert(ref_labels)).astype("int32").reshape(-1, 1)
    distances = F.relu(1.0 - y_pred @ references.t())
    same = labels == others.T
    different = ~same
    if remove_diagonal:
        size = min(same.shape)
        same[range(size), range(size)] = False

    def total(chosen, weights, margins, sign):
        chosen = convert(chosen)
        weights = F.relu(weights * chosen.to(weights.dtype))
        return where(chosen, sign * gamma * weights * margins, float("-inf")).logsumexp(1)
    positive = total(same, margin + distances, margin - distances, -1)
    negative = total(different, 1.0 + margin - distances, 1.0 - margin - distances, 1)
    losses = F.softplus(positive + negative)
    losses._keras_mask = losses.detach() > 0
    return losses


class Dice(FunctionLoss):
    """The loss `dice`, reduced over the samples: ``1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`` over
    `axis` (Milletari et al., 2016).

    Parameters
    ----------
    axis : int or tuple of int, optional
        All axes without it.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.Dice()
    >>> loss([[1.0, 1.0]], [[1.0, 0.0]]).round(decimals=4)
    tensor(0.3333)
    """

    _saved = ("axis",)

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None):
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(FunctionLoss):
    """The loss `tversky`, reduced over the samples: ``1 - both / (both + alpha * only_true + beta * only_pred)`` over
    `axis` (Salehi et al., 2017).

    Parameters
    ----------
    alpha, beta : float
    axis : int or tuple of int, optional
        All axes without it.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.Tversky()
    >>> loss([[1.0, 1.0]], [[1.0, 0.0]]).round(decimals=4)
    tensor(0.3333)
    """

    _saved = ("alpha", "beta", "axis")

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None, dtype=None):
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class Circle(FunctionLoss):
    """The loss `circle`, reduced over the samples.

    Parameters
    ----------
    gamma, margin, remove_diagonal
        As in `circle`.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> loss = keras.losses.Circle(gamma=1.0)
    >>> loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).round(decimals=2)
    tensor(0.5500)
    """

    _saved = ("gamma", "margin", "remove_diagonal")

    def __init__(self, gamma=80.0, margin=0.4, remove_diagonal=True, reduction="sum_over_batch_size", name="circle",
                 dtype=None):
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)
