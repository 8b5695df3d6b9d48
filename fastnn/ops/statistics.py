"""Statistics: medians, modes, quantiles, histograms, covariances."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.ops import arithmetic, arithmetic_composed, pointwise, reduce, sorting
from fastnn.ops._common import axis_of, complex_rule, need_tensors, room
from fastnn.ops.declare import operation
from fastnn.ops.indexing import narrow
from fastnn.ops.reduce import values_and_indices
from fastnn.ops.sorting import of_nothing, one_of, shared_among, taken_of


class median_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "median"


@operation(out=True)
def median(input, dim=None, keepdim=False) -> Tensor | median_result:
    """The middle value (the lower of two); with `dim` (values, indices) along it. NaN wins.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Dimension; negative ones count from the end.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.

    Examples
    --------
    >>> fastnn.median(fastnn.tensor([3, 1, 2, 4]))
    tensor(2)
    """
    need_tensors("median", input)
    if dim is None:
        if input.numel() == 0:
            return of_nothing(input)
        return shared_among(input, median(input.reshape(-1), 0).values)
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
        values, indices = taken_of(median_result, input, dim, pick, "MedianBackward0")
        return median_result((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))
    return one_of(median_result, input, dim, (size - 1) // 2, keepdim, "MedianBackward0")


@operation()
def bincount(input, weights=None, minlength=0):
    """How often each number 0, 1, ... is there, or the sum of its weights.

    Parameters
    ----------
    input : Tensor of integers
        A vector of numbers that are not negative.
    weights : Tensor, optional
        (n,)
    minlength : int, default 0
        Least size of the result.

    Examples
    --------
    >>> fastnn.bincount(fastnn.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
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
    w = weights.detach().to(dtypes.float32 if weights.dtype is dtypes.float32 else dtypes.float64).numpy()
    if w.shape != x.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    if not x.size:
        return from_array(np.zeros(minlength, np.int64))  # as PyTorch has it, whatever the weights
    return from_array(np.bincount(x, w, minlength).astype(w.dtype, copy=False))


class mode_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "mode"


class nanmedian_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "nanmedian"


@operation(out=True)
def nanmedian(input, dim=None, keepdim=False) -> Tensor | nanmedian_result:
    """``median`` of those that are not NaN; of nothing else NaN.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        Dimension; negative ones count from the end.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.

    Examples
    --------
    >>> fastnn.nanmedian(fastnn.tensor([3.0, float("nan"), 1.0]))
    tensor(1.)
    """
    need_tensors("nanmedian", input)
    if dim is None:
        flat = input.reshape(-1)
        if not flat.numel():
            return sorting.of_nothing(input)
        return sorting.shared_among(input, nanmedian(flat, 0).values)
    dim = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return nanmedian_result((input.clone(), from_array(np.zeros((), np.int64))))
    x = input.detach().numpy()
    if x.shape[dim] == 0:
        raise IndexError(f"nanmedian(): Expected reduction dim {dim} to have non-zero size.")
    order = np.argsort(x, axis=dim, kind="stable")
    count = (~np.isnan(x)).sum(axis=dim, keepdims=True) if x.dtype.kind == "f" else np.full(
        [1 if i == dim else n for i, n in enumerate(x.shape)], x.shape[dim])
    picked = np.take_along_axis(order, np.maximum((count - 1) // 2, 0), dim)
    values, indices = sorting.taken_of(nanmedian_result, input, dim, picked, "NanmedianBackward0")
    return nanmedian_result((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))


@operation(out=True)
def mode(input, dim=-1, keepdim=False) -> mode_result:
    """(values, indices) of the most frequent value along `dim`, the smallest of several.

    Parameters
    ----------
    input : Tensor
    dim : int, default -1
        Dimension; negative ones count from the end.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.

    Examples
    --------
    >>> fastnn.mode(fastnn.tensor([2, 1, 2])).values
    tensor(2)
    """
    need_tensors("mode", input)
    dim = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return mode_result((input.clone(), from_array(np.zeros((), np.int64))))
    if input.shape[dim] == 0:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    x = np.moveaxis(input.detach().numpy(), dim, -1)
    picked = np.zeros(x.shape[:-1], np.int64)
    for place in np.ndindex(x.shape[:-1]):
        row = x[place]
        values, counts = np.unique(row, return_counts=True)
        picked[place] = np.nonzero(row == values[counts.argmax()])[0][-1]
    values, indices = sorting.taken_of(mode_result, input, dim, np.expand_dims(picked, dim), "ModeBackward0")
    return mode_result((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))


def _quantile(op, input, q, dim, keepdim, interpolation, ignore_nan):
    need_tensors(op, input)
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"{op}() input tensor must be either float or double dtype, not {input.dtype}")
    kind = input.detach().numpy().dtype
    q = q if isinstance(q, Tensor) else from_array(np.asarray(q, kind))
    if q.ndim > 1:
        raise RuntimeError(f"{op}() q must be a scalar or 1D tensor")
    if q.dtype is not input.dtype:
        raise RuntimeError(f"{op}() q tensor must be same dtype as the input tensor")
    if ((q.detach().numpy() < 0) | (q.detach().numpy() > 1)).any():
        raise RuntimeError(f"{op}() q values must be in the range [0, 1]")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(f"{op}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
                           f"{interpolation}")
    whole = input.ndim
    if dim is None:
        input, axis = input.reshape(-1), 0
    else:
        axis = axis_of(dim, input.ndim)
        input = input if input.ndim else input.reshape(1)
    if input.numel() == 0:
        raise RuntimeError(f"{op}() input tensor must be non-empty")
    ordered = sorting.sort(input.transpose(axis, -1), -1).values
    x = ordered.detach().numpy()
    size = x.shape[-1]
    nan = np.isnan(x)
    count = size - nan.sum(-1, keepdims=True) if ignore_nan else np.full((*x.shape[:-1], 1), size)
    ranks = q.detach().numpy().reshape(-1) * np.maximum(count - 1, 0)  # (..., number of q)
    ranks = ranks.astype(kind)
    if not ignore_nan:
        ranks = np.where(nan.any(-1, keepdims=True), size - 1, ranks)
    if interpolation == "lower":
        ranks = np.floor(ranks)
    elif interpolation == "higher":
        ranks = np.ceil(ranks)
    elif interpolation == "nearest":
        ranks = np.round(ranks)
    low = np.floor(ranks).astype(np.int64)
    if interpolation == "midpoint":
        weight = from_array(np.full(low.shape, 0.5, kind))
    else:  # of q: it has a gradient
        whole_ranks = arithmetic.mul(q.reshape(-1), from_array(np.maximum(count - 1, 0).astype(kind)))
        weight = arithmetic.add(arithmetic.sub(whole_ranks, whole_ranks.detach()),
                                from_array((ranks - low).astype(kind)))
    values = ordered.gather(-1, from_array(low))
    if interpolation in ("linear", "midpoint"):
        upper = ordered.gather(-1, from_array(np.ceil(ranks).astype(np.int64)))
        values = arithmetic_composed.lerp(values, upper, weight)
    made = values.transpose(axis, -1) if dim is not None else values  # q lies along `axis`
    made = made.movedim(axis, 0)                                       # (q, ...)
    if keepdim:
        sizes = [1] * whole if dim is None else [1 if i == axis else n for i, n in enumerate(input.shape)][:whole]
        made = made.reshape([made.shape[0], *sizes])
    elif dim is not None and whole == 0:
        made = made.reshape(-1)
    return made if q.ndim else made.reshape(tuple(made.shape)[1:])


@operation(out=True)
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The q-th quantiles (q of [0, 1], a number or a vector) of everything or along `dim`.

    Parameters
    ----------
    input : Tensor
    q : float or Tensor
    dim : int, optional
        Dimension; negative ones count from the end.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    interpolation : {"linear", "lower", "higher", "midpoint", "nearest"}, default "linear"
        Between the two elements around a quantile.

    Examples
    --------
    >>> fastnn.quantile(fastnn.tensor([1.0, 2.0, 4.0]), 0.75)
    tensor(3.)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@operation(out=True)
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """``quantile`` of those that are not NaN.

    Parameters
    ----------
    input : Tensor
    q : float or Tensor
    dim : int, optional
        Dimension; negative ones count from the end.
    keepdim : bool, default False
        Whether the reduced dimensions stay, with size 1.
    interpolation : str, default "linear"
        As for ``quantile``.

    Examples
    --------
    >>> fastnn.nanquantile(fastnn.tensor([1.0, float("nan"), 4.0]), 0.5)
    tensor(2.5000)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _check_weights(name, kind, weights, observations):
    if not isinstance(weights, Tensor):
        raise TypeError(f"cov(): argument '{name}' must be Tensor, not {type(weights).__name__}")
    if weights.ndim > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                           f"{weights.ndim} dimensions")
    if weights.dtype.is_floating_point != (kind == "floating point") or weights.dtype is dtypes.bool:
        raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {weights.dtype} dtype")
    if weights.numel() != observations:
        raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the input but "
                           f"got {weights.numel()} != {observations}")
    if (weights < 0).any():
        raise RuntimeError(f"cov(): {name} cannot be negative")


@operation()
def cov(input, *, correction=1, fweights=None, aweights=None):
    """The covariance matrix of variables (rows) over observations (columns).

    Parameters
    ----------
    input : Tensor
    correction : int, default 1
        Taken from the number of observations.
    fweights : Tensor of integers, optional
        How often each observation counts.
    aweights : Tensor, optional
        Weights of the observations.

    Examples
    --------
    >>> fastnn.cov(fastnn.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    need_tensors("cov", input)
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} "
                           f"dimensions")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(dtypes.get_computing_dtype())
    if x.shape[1]:  # distances from one observation: beside a large mean the mean's rounding would count
        x = arithmetic.sub(x, narrow(x.detach(), 1, 0, 1))
    weights = None
    for name, kind, given in (("fweights", "integral", fweights), ("aweights", "floating point", aweights)):
        if given is not None:
            _check_weights(name, kind, given, x.shape[1])
            given = given.to(x.real.dtype)
            weights = given if weights is None else arithmetic.mul(weights, given)
    if weights is None:
        centred = arithmetic.sub(x, x.mean(1, True))
        product, norm = centred @ centred.mH, x.shape[1] - correction
    else:
        total = reduce.sum(weights)
        if total.item() == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        centred = arithmetic.sub(x, arithmetic.div(reduce.sum(arithmetic.mul(x, weights), 1, True), total))
        product = arithmetic.mul(centred, weights) @ centred.mH
        spread = 1.0
        if aweights is not None:
            spread = arithmetic.div(reduce.sum(arithmetic.mul(weights, aweights.to(x.real.dtype))), total)
        norm = arithmetic.sub(total, arithmetic.mul(spread, correction) if isinstance(spread, Tensor) else correction)
    if isinstance(norm, Tensor):
        norm = pointwise.clamp(norm, min=0)
    made = arithmetic.div(product, norm) if isinstance(norm, Tensor) or norm > 0 else arithmetic.mul(product, math.inf)
    return made.squeeze()


@operation()
def corrcoef(input):
    """Correlations of variables (rows) over observations (columns), limited to [-1, 1].

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.corrcoef(fastnn.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if c.ndim == 0:
        return arithmetic.div(c, c)
    scale = pointwise.sqrt(c.diagonal().real)
    made = arithmetic.div(arithmetic.div(c, scale.unsqueeze(1)), scale.unsqueeze(0))
    if made.is_complex():  # real and imaginary parts are limited
        parts = pointwise.clamp(complex_rule("view_as_real")(made), -1.0, 1.0)
        return complex_rule("view_as_complex")(parts)
    return pointwise.clamp(made, -1.0, 1.0)
