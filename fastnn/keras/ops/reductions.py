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
    """Sum over axes, all by default."""
    x = tensor(x)
    if x.dtype.name == "bool" or x.dtype.name in ("int8", "int16", "uint8"):
        x = x.to(INT32)
    found = x.sum(axes_of(axis, x.ndim), keepdim=keepdims) if x.ndim else x
    return found.to(x.dtype) if found.dtype is not x.dtype else found


@operation
def mean(x, axis=None, keepdims=False):
    """Mean over axes, all by default."""
    x = floating(x)
    return x.mean(axes_of(axis, x.ndim), keepdim=keepdims) if x.ndim else x


@operation
def var(x, axis=None, keepdims=False):
    """Mean of squared differences from the mean."""
    x = floating(x)
    return x.var(axes_of(axis, x.ndim), correction=0, keepdim=keepdims)


@operation
def std(x, axis=None, keepdims=False):
    """Square root of `var`."""
    x = floating(x)
    return x.std(axes_of(axis, x.ndim), correction=0, keepdim=keepdims)


@operation
def moments(x, axes, keepdims=False, synchronized=False):
    """(mean, variance) over axes."""
    return mean(x, axes, keepdims), var(x, axes, keepdims)


@operation
def prod(x, axis=None, keepdims=False, dtype=None):
    """Product over axes."""
    x = tensor(x, dtype)
    return _flattened(x, axis, keepdims, lambda y, a, k: y.prod(a, keepdim=k).to(y.dtype))


def _extreme(name, text):
    def call(x, axis=None, keepdims=False, initial=None):
        x = tensor(x)
        if x.dtype.name == "bool":
            x = x.to(INT32)
        found = getattr(x, name)(axes_of(axis, x.ndim), keepdim=keepdims)
        if initial is not None:
            other = tensor(np.asarray(initial)).to(found.dtype)
            found = found.maximum(other) if name == "amax" else found.minimum(other)
        return found
    call.__doc__ = text
    return call


max = _extreme("amax", "The largest element over axes.")
min = _extreme("amin", "The smallest element over axes.")
max.__name__, min.__name__ = "max", "min"
max, min = operation(max), operation(min)


@operation
def amax(x, axis=None, keepdims=False):
    """The largest element over axes."""
    return max(x, axis, keepdims)


@operation
def amin(x, axis=None, keepdims=False):
    """The smallest element over axes."""
    return min(x, axis, keepdims)


@operation
def ptp(x, axis=None, keepdims=False):
    """The largest less the smallest."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


@operation
def all(x, axis=None, keepdims=False):
    """Whether all elements hold."""
    return _flattened(tensor(x).bool(), axis, keepdims, lambda y, a, k: y.all(a, keepdim=k))


@operation
def any(x, axis=None, keepdims=False):
    """Whether an element holds."""
    return _flattened(tensor(x).bool(), axis, keepdims, lambda y, a, k: y.any(a, keepdim=k))


@operation
def count_nonzero(x, axis=None):
    """How many elements are not 0."""
    x = tensor(x)
    return (x != 0).sum(axes_of(axis, x.ndim)).to(INT32)


@operation
def argmax(x, axis=None, keepdims=False):
    """The position of the largest element."""
    return _flattened(tensor(x), axis, keepdims, lambda y, a, k: y.argmax(a, keepdim=k)).to(INT32)


@operation
def argmin(x, axis=None, keepdims=False):
    """The position of the smallest element."""
    return _flattened(tensor(x), axis, keepdims, lambda y, a, k: y.argmin(a, keepdim=k)).to(INT32)


@operation
def logsumexp(x, axis=None, keepdims=False):
    """``log(sum(exp(x)))``"""
    x = floating(x)
    return x.logsumexp(axes_of(axis, x.ndim), keepdim=keepdims)


@operation
def average(x, axis=None, weights=None):
    """Weighted mean over axes."""
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
    """The middle element, or the mean of the two middle ones."""
    return quantile(x, 0.5, axis, keepdims=keepdims)


@operation
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The value below which the share q of the elements lies."""
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
    """`quantile` of q percent."""
    return quantile(x, np.asarray(q, np.float32) / 100, axis, method, keepdims)


@operation
def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` of the elements that are not NaN."""
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
    """`nanquantile` of q percent."""
    return nanquantile(x, np.asarray(q, np.float32) / 100, axis, method, keepdims)


@operation
def nanmedian(x, axis=None, keepdims=False):
    """`median` of the elements that are not NaN."""
    return nanquantile(x, 0.5, axis, keepdims=keepdims)


def _without_nan(name, fill, function):
    def call(x, axis=None, keepdims=False):
        x = floating(x)
        return function(fastnn.where(x.isnan(), fastnn.full_like(x, fill), x), axis, keepdims)
    call.__name__, call.__doc__ = name, f"`{name[3:]}` of the elements that are not NaN."
    return operation(call)


nansum, nanprod = _without_nan("nansum", 0.0, sum), _without_nan("nanprod", 1.0, prod)
nanargmax, nanargmin = (_without_nan("nanargmax", float("-inf"), argmax),
                        _without_nan("nanargmin", float("inf"), argmin))


def _all_nan(x, axis, keepdims, found):
    return fastnn.where(all(x.isnan(), axis, keepdims), fastnn.full_like(found, float("nan")), found)


@operation
def nanmax(x, axis=None, keepdims=False):
    """`max` of the elements that are not NaN."""
    x = floating(x)
    found = max(fastnn.where(x.isnan(), fastnn.full_like(x, float("-inf")), x), axis, keepdims)
    return _all_nan(x, axis, keepdims, found)


@operation
def nanmin(x, axis=None, keepdims=False):
    """`min` of the elements that are not NaN."""
    x = floating(x)
    found = min(fastnn.where(x.isnan(), fastnn.full_like(x, float("inf")), x), axis, keepdims)
    return _all_nan(x, axis, keepdims, found)


@operation
def nanmean(x, axis=None, keepdims=False):
    """`mean` of the elements that are not NaN."""
    x = floating(x)
    return nansum(x, axis, keepdims) / sum((~x.isnan()).to(x.dtype), axis, keepdims)


@operation
def nanvar(x, axis=None, keepdims=False):
    """`var` of the elements that are not NaN."""
    x = floating(x)
    return nanmean((x - nanmean(x, axis, True)).square(), axis, keepdims)


@operation
def nanstd(x, axis=None, keepdims=False):
    """`std` of the elements that are not NaN."""
    return nanvar(x, axis, keepdims).sqrt()


@operation
def cumsum(x, axis=None, dtype=None):
    """Sums of the elements up to each."""
    x = tensor(x, dtype)
    return x.reshape(-1).cumsum(0).to(x.dtype) if axis is None else x.cumsum(axis).to(x.dtype)


@operation
def cumprod(x, axis=None, dtype=None):
    """Products of the elements up to each."""
    x = tensor(x, dtype)
    return x.reshape(-1).cumprod(0).to(x.dtype) if axis is None else x.cumprod(axis).to(x.dtype)


@operation
def nancumsum(x, axis=None, dtype=None):
    """`cumsum` with 0 for NaN."""
    return cumsum(tensor(x).nan_to_num(0.0, float("inf"), float("-inf")), axis, dtype)


@operation
def nancumprod(x, axis=None, dtype=None):
    """`cumprod` with 1 for NaN."""
    x = floating(x)
    return cumprod(fastnn.where(x.isnan(), fastnn.ones_like(x), x), axis, dtype)


@operation
def diff(a, n=1, axis=-1):
    """Differences of neighbours, n times."""
    return fastnn.diff(tensor(a), n, axis)


@operation
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The area under a curve by the trapezoidal rule."""
    y = floating(y)
    return fastnn.trapezoid(y, floating(x), dim=axis) if x is not None else fastnn.trapezoid(y, dx=dx, dim=axis)


@operation
def sort(x, axis=-1):
    """Elements in ascending order."""
    x = tensor(x)
    return x.reshape(-1).sort(0)[0] if axis is None else x.sort(axis)[0]


@operation
def argsort(x, axis=-1):
    """The positions of the elements in ascending order."""
    x = tensor(x)
    return (x.reshape(-1).argsort(0, stable=True) if axis is None else x.argsort(axis, stable=True)).to(INT32)


@operation
def argpartition(x, kth, axis=-1):
    """Positions such that the element at `kth` is where sorting would put it."""
    return argsort(x, axis)


@operation
def top_k(x, k, sorted=True):
    """(values, positions) of the k largest along the last axis."""
    values, positions = tensor(x).topk(k, sorted=sorted)
    return values, positions.to(INT32)


@operation
def in_top_k(targets, predictions, k):
    """Whether each target is among the k largest predictions of its row."""
    targets, predictions = tensor(targets).long(), floating(predictions)
    own = predictions.gather(-1, targets.unsqueeze(-1))
    ahead = (predictions > own).sum(-1)
    return (ahead < k) & own.isfinite().squeeze(-1)


@operation
def searchsorted(sorted_sequence, values, side="left"):
    """Where each value would have to be put to keep the order."""
    sequence, values = pair(sorted_sequence, values)
    if sequence.ndim != 1:
        raise ValueError(f"`searchsorted` only supports 1-D sorted sequences. Received: sorted_sequence.shape="
                         f"{tuple(sequence.shape)}")
    return fastnn.searchsorted(sequence, values, side=side).to(INT32)


def unique(x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None,
           fill_value=None):
    """The different elements, in ascending order."""
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
    """How often each whole number occurs; rows of a matrix one by one."""
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
    """(counts, edges) of bins of one width."""
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
    """Sums of the rows of each segment."""
    return _segments(data, segment_ids, num_segments, 0, "sum")


@operation
def segment_prod(data, segment_ids, num_segments=None, sorted=False):
    """Products of the rows of each segment."""
    return _segments(data, segment_ids, num_segments, 1, "prod")


@operation
def segment_max(data, segment_ids, num_segments=None, sorted=False):
    """The largest rows of each segment."""
    return _segments(data, segment_ids, num_segments, _limit(data, -1), "amax")


@operation
def segment_min(data, segment_ids, num_segments=None, sorted=False):
    """The smallest rows of each segment."""
    return _segments(data, segment_ids, num_segments, _limit(data, 1), "amin")


@operation
def corrcoef(x):
    """Correlations of the rows."""
    return fastnn.corrcoef(floating(x))
