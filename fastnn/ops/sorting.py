"""Order: sort, topk, unique values, counting and cumulative sums."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import cumulate
from fastnn.ops._common import axis_of, in_single, need_tensors, room
from fastnn.ops.reduce import values_and_indices
from fastnn.ops.shape import cast


class sort_result(values_and_indices):  # noqa: N801 (PyTorch's name)
    """(values, indices)."""

    kind = "sort"


class topk_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "topk"


class kthvalue_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "kthvalue"


class median_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "median"


def _order(x, dim, descending, stable=True):
    """Indices that sort, equal elements in their order; NaN counts as the largest."""
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    flipped = np.flip(x, dim)
    return x.shape[dim] - 1 - np.flip(np.argsort(flipped, axis=dim, kind="stable"), dim)


def _put_backward(grad, sizes, dim, indices):
    dx = np.zeros(sizes, grad.dtype)
    np.put_along_axis(dx, indices, grad, dim)
    return dx


def _taken(kind, input, dim, indices, name):
    x = input.detach().numpy()
    places = from_array(np.ascontiguousarray(indices))
    values = record(np.take_along_axis(x, indices, dim), _put_backward, name, (input,),
                    (x.shape, dim, places.numpy()), (places,))
    return kind((values, places))


def sort(input, dim=-1, descending=False, stable=False):
    """(values, indices) in order along `dim`; equal elements keep their order."""
    need_tensors("sort", input)
    dim = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return sort_result((input.clone(), from_array(np.zeros((), np.int64))))
    return _taken(sort_result, input, dim, _order(input.detach().numpy(), dim, descending), "SortBackward0")


def argsort(input, dim=-1, descending=False, stable=False):
    """The indices that ``sort`` gives."""
    return sort(input.detach(), dim, descending).indices


def msort(input):
    """Values in order along dimension 0."""
    return sort(input, 0).values


def topk(input, k, dim=-1, largest=True, sorted=True):
    """(values, indices) of the `k` largest (or smallest) elements along `dim`, in order."""
    need_tensors("topk", input)
    dim = axis_of(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError("selected index k out of range")
    if input.ndim == 0:
        return topk_result((input.clone(), from_array(np.zeros((), np.int64))))
    x = input.detach().numpy()
    order = _order(x, dim, largest)
    return _taken(topk_result, input, dim, np.take(order, np.arange(k), dim), "TopkBackward0")


def kthvalue(input, k, dim=-1, keepdim=False):
    """(values, indices) of the k-th smallest element along `dim`, counted from 1."""
    need_tensors("kthvalue", input)
    dim = axis_of(dim, input.ndim)
    if not 1 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    return _one(kthvalue_result, input, dim, k - 1, keepdim, "KthvalueBackward0")


def _one(kind, input, dim, place, keepdim, name):
    if input.ndim == 0:
        return kind((input.clone(), from_array(np.zeros((), np.int64))))
    order = np.argsort(input.detach().numpy(), axis=dim, kind="stable")
    values, indices = _taken(kind, input, dim, np.take(order, [place], dim), name)
    return kind((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))


def of_nothing(input):
    """The median of no elements: NaN; of integers what C makes of that."""
    dtype, shape = input.detach().numpy().dtype, tuple(input.shape)
    lowest = dtypes.iinfo(dtype).min if dtype.kind == "i" else 0
    found = np.asarray(np.nan if dtype.kind == "f" else lowest, dtype)
    return record(found, lambda grad: np.zeros(shape, grad.dtype), "MedianBackward0", (input,))


def _shared(input, value):
    """`value`, found in `input`, with a gradient that all elements equal to it share."""
    if not input.requires_grad or value.isnan():
        return value
    return input[input.detach() == value.detach()].amax()


def median(input, dim=None, keepdim=False):
    """The middle value (the lower of two); with `dim` (values, indices) along it. NaN wins."""
    need_tensors("median", input)
    if dim is None:
        if input.numel() == 0:
            return of_nothing(input)
        return _shared(input, median(input.reshape(-1), 0).values)
    dim = axis_of(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if size == 0:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    x = input.detach().numpy()
    if x.dtype.kind == "f" and np.isnan(x).any():
        first = np.where(np.isnan(x), np.inf, -np.inf)
        bad = np.isnan(x).any(axis=dim, keepdims=True)
        order = np.argsort(x, axis=dim, kind="stable")
        pick = np.where(bad, np.argmax(first, axis=dim, keepdims=True), np.take(order, [(size - 1) // 2], dim))
        values, indices = _taken(median_result, input, dim, pick, "MedianBackward0")
        return median_result((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))
    return _one(median_result, input, dim, (size - 1) // 2, keepdim, "MedianBackward0")


# ---- counting ----

def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """Different values in order (or slices along `dim`), and if asked where each went and how often each is there."""
    need_tensors("unique", input)
    x = input.detach().numpy()
    if dim is not None:
        dim = axis_of(dim, input.ndim)
        if x.shape[dim] == 0:
            if x.size == 0 and sum(n == 0 for n in x.shape) > 1:
                raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be "
                                   "applied")
            empty = from_array(np.zeros(0, np.int64))
            return _results(from_array(x.copy()), return_inverse and empty, return_counts and empty)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    return _results(from_array(values), return_inverse and from_array(inverse), return_counts and from_array(counts))


def _results(values, *others):
    kept = tuple(other for other in others if other is not False)
    return (values, *kept) if kept else values


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """Runs of equal values shortened to one each."""
    need_tensors("unique_consecutive", input)
    x = input.detach().numpy()
    flat = x.reshape(-1) if dim is None else np.moveaxis(x, axis_of(dim, x.ndim), 0)
    rows = flat.reshape(flat.shape[0], int(np.prod(flat.shape[1:], dtype=np.int64)))
    starts = np.ones(len(rows), bool)
    starts[1:] = (rows[1:] != rows[:-1]).any(1)
    values = flat[starts] if dim is None else np.moveaxis(flat[starts], 0, axis_of(dim, x.ndim))
    inverse = np.cumsum(starts) - 1
    counts = np.bincount(inverse, minlength=int(starts.sum()))
    return _results(from_array(np.ascontiguousarray(values)),
                    return_inverse and from_array(inverse.reshape(x.shape if dim is None else -1)),
                    return_counts and from_array(counts))


def bincount(input, weights=None, minlength=0):
    """How often each number 0, 1, ... is there, or the sum of its weights."""
    need_tensors("bincount", input)
    x = input.numpy()
    if x.dtype.kind not in "iu":
        raise RuntimeError(f"bincount: expected integers, got {input.dtype}")
    if x.ndim != 1 or (x.size and x.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    room("bincount", (max(minlength, int(x.max()) + 1 if x.size else 0),), 8)
    if weights is None:
        return from_array(np.bincount(x, minlength=minlength).astype(np.int64, copy=False))
    need_tensors("bincount", input, weights)
    w = weights.detach().numpy()
    if w.shape != x.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    if not x.size:
        return from_array(np.zeros(minlength, np.int64))  # as PyTorch has it, whatever the weights
    return from_array(np.bincount(x, w, minlength).astype(w.dtype if w.dtype == np.float32 else np.float64, copy=False))


@in_single
def histc(input, bins=100, min=0, max=0):
    """How many elements fall into each of `bins` equal parts of [min, max] (the data's range if both are 0)."""
    need_tensors("histc", input)
    x = input.detach().numpy()
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    room("histc", (bins,), 8)
    kind = x.dtype.type if x.dtype.kind == "f" else np.float64
    low, high = (x.min(), x.max()) if min == max and x.size else (min, max)
    low, high = (float(low) - 1, float(high) + 1) if low == high else (low, high)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"histc: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("max must be larger than min")
    low, high = kind(low), kind(high)
    inside = x[(x >= low) & (x <= high)].astype(kind, copy=False)
    with np.errstate(all="ignore"):
        places = ((inside - low) * kind(bins) / (high - low)).astype(np.int64)  # in the numbers' own precision
    places[places == bins] -= 1  # the last part has its upper end
    return from_array(np.bincount(places, minlength=bins).astype(x.dtype))


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where to insert values in an ordered sequence (the last dimension) so that it stays ordered."""
    sequence = sorted_sequence.detach().numpy()
    scalar = not isinstance(input, Tensor)
    values = np.asarray(input) if scalar else input.detach().numpy()
    how = "right" if right or side == "right" else "left"
    if sequence.ndim == 1:
        found = np.searchsorted(sequence, values, how, None if sorter is None else sorter.numpy())
    else:
        if sequence.shape[:-1] != values.shape[:-1]:
            raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
                               "dimensions of boundaries tensor and input value tensor must match")
        found = np.empty(values.shape, np.int64)
        for place in np.ndindex(sequence.shape[:-1]):
            order = None if sorter is None else sorter.numpy()[place]
            found[place] = np.searchsorted(sequence[place], values[place], how, order)
    return from_array(np.asarray(found, np.int32 if out_int32 else np.int64))


def bucketize(input, boundaries, *, out_int32=False, right=False):
    """``searchsorted`` with its arguments the other way round."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


# ---- cumulative ----

def _cumulated(op, x, dim, reverse=False):
    """`cumulate` of any dtype: float16 by way of float32, integers by NumPy."""
    if x.dtype == np.float16:
        return cumulate(op, x.astype(np.float32), dim, reverse).astype(np.float16)
    if x.dtype.kind == "f":
        return cumulate(op, x, dim, reverse)
    return (np.cumsum if op == "sum" else np.cumprod)(x, dim, dtype=x.dtype)


def _cumsum_backward(grad, dim):
    return _cumulated("sum", grad, dim, True)


@in_single
def cumsum(input, dim, *, dtype=None):
    """Sums of all elements up to each along `dim`; integers are added as int64."""
    need_tensors("cumsum", input)
    dim = axis_of(dim, input.ndim)
    if dtype is not None:
        input = input.to(dtype)
    x = input.detach().numpy()
    if x.ndim == 0:
        return input.clone() if x.dtype.kind == "f" or dtype else cast(input, dtypes.int64, True)
    kind = x.dtype if x.dtype.kind == "f" or dtype is not None else np.int64
    y = _cumulated("sum", x.astype(kind, copy=False), dim)
    return record(y, _cumsum_backward, "CumsumBackward0", (input,), (dim,))


def _cumprod_backward(grad, x, y, dim):
    """By the quotient up to a row's first 0; this gets the products without it, and the rest of the row nothing."""
    zero = x == 0
    with np.errstate(all="ignore"):
        dx = _cumsum_backward(grad * y, dim) / x
        if zero.any():
            zeros = np.cumsum(zero, dim)
            first = zero & (zeros == 1)
            others = _cumulated("prod", np.where(first, x.dtype.type(1), x), dim)
            dx = np.where(zeros == 0, dx, np.where(first, _cumsum_backward(grad * others, dim), x.dtype.type(0)))
    return dx


@in_single
def cumprod(input, dim, *, dtype=None):
    """Products of all elements up to each along `dim`."""
    need_tensors("cumprod", input)
    dim = axis_of(dim, input.ndim)
    if dtype is not None:
        input = input.to(dtype)
    x = input.detach().numpy()
    if x.ndim == 0:
        return input.clone() if x.dtype.kind == "f" or dtype else cast(input, dtypes.int64, True)
    kind = x.dtype if x.dtype.kind == "f" or dtype is not None else np.int64
    y = _cumulated("prod", x.astype(kind, copy=False), dim)
    return record(y, _cumprod_backward, "CumprodBackward0", (input,), (x, y, dim), (input,))
