"""Sorting, searching, and sums of segments."""
import numpy as np

import fastnn
from fastnn.keras.ops.common import INT32, floating, pair, tensor
from fastnn.keras.symbolic import operation


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
