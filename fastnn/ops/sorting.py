"""Order: sort, topk, kthvalue, unique values, searches in sorted rows."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.ops._common import axis_of, need_tensors
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.reduce import values_and_indices


class sort_result(values_and_indices):  # noqa: N801 (PyTorch's name)
    """(values, indices)."""

    kind = "sort"


class topk_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "topk"


class kthvalue_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "kthvalue"


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


TAKEN = {name: Op(name, _put_backward, "sizes dim indices") for name in (
    "SortBackward0", "TopkBackward0", "KthvalueBackward0", "MedianBackward0", "NanmedianBackward0", "ModeBackward0")}
for _op in TAKEN.values():
    _op.linear(lambda x, sizes, dim, indices: np.take_along_axis(x, indices, dim))


def taken_of(kind, input, dim, indices, name):
    x = input.detach().numpy()
    index = from_array(np.ascontiguousarray(indices))
    values = record(np.take_along_axis(x, indices, dim), TAKEN[name], (input,),
                    (x.shape, dim, index.numpy()), (index,))
    return kind((values, index))


@operation(out=True)
def sort(input, dim=-1, descending=False, stable=False) -> sort_result:
    """(values, indices) in order along `dim`; equal elements keep their order.

    Parameters
    ----------
    input : Tensor
    dim : int, default -1
        Dimension; negative ones count from the end.
    descending : bool, default False
        Largest first.
    stable : bool, optional
        Equal elements keep their order in any case.

    Examples
    --------
    >>> fastnn.sort(fastnn.tensor([3, 1, 2])).indices
    tensor([1, 2, 0])
    """
    need_tensors("sort", input)
    dim = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return sort_result((input.clone(), from_array(np.zeros((), np.int64))))
    return taken_of(sort_result, input, dim, _order(input.detach().numpy(), dim, descending), "SortBackward0")


@operation(out=True)
def argsort(input, dim=-1, descending=False, stable=False):
    """The indices that ``sort`` gives.

    Parameters
    ----------
    input : Tensor
    dim : int, default -1
        Dimension; negative ones count from the end.
    descending : bool, default False
        Largest first.
    stable : bool, default False
        Equal elements keep their order in any case.

    Examples
    --------
    >>> fastnn.argsort(fastnn.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    return sort(input.detach(), dim, descending).indices


@operation(out=True)
def msort(input):
    """Values in order along dimension 0.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.msort(fastnn.tensor([3, 1, 2]))
    tensor([1, 2, 3])
    """
    return sort(input, 0).values


@operation(out=True)
def topk(input, k, dim=-1, largest=True, sorted=True) -> topk_result:
    """(values, indices) of the `k` largest (or smallest) elements along `dim`, in order.

    Parameters
    ----------
    input : Tensor
    k : int
    dim : int, default -1
        Dimension; negative ones count from the end.
    largest : bool, default True
    sorted : bool, default True
        Without effect: they are always in order.

    Raises
    ------
    RuntimeError
        `k` is larger than the dimension.

    Examples
    --------
    >>> fastnn.topk(fastnn.tensor([3, 1, 2]), 2).values
    tensor([3, 2])
    """
    need_tensors("topk", input)
    dim = axis_of(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError("selected index k out of range")
    if input.ndim == 0:
        return topk_result((input.clone(), from_array(np.zeros((), np.int64))))
    x = input.detach().numpy()
    order = _order(x, dim, largest)
    return taken_of(topk_result, input, dim, np.take(order, np.arange(k), dim), "TopkBackward0")


@operation(out=True)
def kthvalue(input, k, dim=-1, keepdim=False) -> kthvalue_result:
    """(values, indices) of the k-th smallest element along `dim`, counted from 1.

    Parameters
    ----------
    input : Tensor
    k : int
    dim : int, default -1
        Dimension; negative ones count from the end.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.

    Examples
    --------
    >>> fastnn.kthvalue(fastnn.tensor([3, 1, 2]), 2).values
    tensor(2)
    """
    need_tensors("kthvalue", input)
    dim = axis_of(dim, input.ndim)
    if not 1 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    return one_of(kthvalue_result, input, dim, k - 1, keepdim, "KthvalueBackward0")


def one_of(kind, input, dim, place, keepdim, name):
    if input.ndim == 0:
        return kind((input.clone(), from_array(np.zeros((), np.int64))))
    order = np.argsort(input.detach().numpy(), axis=dim, kind="stable")
    values, indices = taken_of(kind, input, dim, np.take(order, [place], dim), name)
    return kind((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))


def of_nothing(input):
    """The median of no elements: NaN; of integers what C makes of that."""
    dtype, shape = input.detach().numpy().dtype, tuple(input.shape)
    lowest = dtypes.iinfo(dtype).min if dtype.kind == "i" else 0
    found = np.asarray(np.nan if dtype.kind == "f" else lowest, dtype)
    return record(found, constant("MedianBackward0"), (input,), (shape,))


def shared_among(input, value):
    """`value`, found in `input`, with a gradient that all elements equal to it share."""
    if not input.requires_grad or value.isnan():
        return value
    return input[input.detach() == value.detach()].amax()


@operation()
def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """Different values in order (or slices along `dim`), and if asked where each went and how often each is there.

    Parameters
    ----------
    input : Tensor
    sorted : bool, default True
        Without effect: they are always in order.
    return_inverse : bool, default False
        Whether each element's index among the result is returned too.
    return_counts : bool, default False
        Whether counts are returned too.
    dim : int, optional
        Slices along it are compared; elements if not given.

    Examples
    --------
    >>> fastnn.unique(fastnn.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
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


@operation()
def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """Runs of equal values shortened to one each.

    Parameters
    ----------
    input : Tensor
    return_inverse : bool, default False
        Whether each element's index among the result is returned too.
    return_counts : bool, default False
        Whether the runs' lengths are returned too.
    dim : int, optional
        Slices along it are compared; elements if not given.

    Examples
    --------
    >>> fastnn.unique_consecutive(fastnn.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
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


@operation("fastnn", out=True)
def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where to insert values in an ordered sequence (the last dimension) so that it stays ordered.

    Parameters
    ----------
    sorted_sequence : Tensor
        (..., n), in order along the last dimension.
    input : Tensor or number
        Values.
    out_int32 : bool, default False
        Indices in int32, not int64.
    right : bool, default False
        Behind equal elements, not in front of them.
    side : {"left", "right"}, optional
        The same.
    sorter : Tensor of int64, optional
        The order of a sequence that has none.

    Examples
    --------
    >>> fastnn.searchsorted(fastnn.tensor([1, 3, 5]), fastnn.tensor([3, 6]))
    tensor([1, 3])
    """
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


@operation(out=True)
def bucketize(input, boundaries, *, out_int32=False, right=False):
    """``searchsorted`` with its arguments the other way round.

    Parameters
    ----------
    input : Tensor or number
        Values.
    boundaries : Tensor
        (n,), in order.
    out_int32 : bool, default False
        Indices in int32, not int64.
    right : bool, default False
        Behind equal boundaries, not in front of them.

    Examples
    --------
    >>> fastnn.bucketize(fastnn.tensor([0, 3, 6]), fastnn.tensor([1, 3, 5]))
    tensor([0, 1, 3])
    """
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
