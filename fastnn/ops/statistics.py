"""Statistics and running extremes: quantiles, NaN-aware sums, differences, distances."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import cumulate
from fastnn.ops import arithmetic, pointwise, products, reduce, sorting
from fastnn.ops._common import axis_of, broadcast_shapes, need_tensors, room
from fastnn.ops.indexing import narrow, where
from fastnn.ops.reduce import values_and_indices
from fastnn.ops.shape import cat


class cummax_result(values_and_indices):  # noqa: N801 (PyTorch's name)
    """(values, indices)."""

    kind = "cummax"


class cummin_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "cummin"


class mode_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "mode"


class nanmedian_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "nanmedian"


class aminmax_result(tuple):  # noqa: N801
    """(min, max)."""

    min = property(lambda self: self[0])
    max = property(lambda self: self[1])

    def __repr__(self):
        return f"torch.return_types.aminmax(\nmin={self[0]!r},\nmax={self[1]!r})"


def _running(kind, op, input, dim, better):
    """Values and indices of the best element so far; of equal ones the last, NaN once it came."""
    need_tensors(op, input)
    dim = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return kind((input.clone(), from_array(np.zeros((), np.int64))))
    x = np.moveaxis(input.detach().numpy(), dim, 0)
    indices = np.zeros(x.shape, np.int64)
    if len(x):
        best = x[0].copy()
        for i in range(1, len(x)):
            new = better(x[i], best) | (np.isnan(x[i]) if x.dtype.kind == "f" else False)
            if x.dtype.kind == "f":
                new &= ~(np.isnan(best) & ~np.isnan(x[i]))
            best = np.where(new, x[i], best)
            indices[i] = np.where(new, i, indices[i - 1])
    indices = np.ascontiguousarray(np.moveaxis(indices, 0, dim))
    values = np.take_along_axis(input.detach().numpy(), indices, dim)

    def backward(grad):
        dx = np.zeros(tuple(input.shape), grad.dtype)
        places = list(np.indices(grad.shape, sparse=True))
        places[dim] = indices
        np.add.at(dx, tuple(places), grad)
        return dx
    found = from_array(indices)
    return kind((record(values, backward, op.capitalize() + "Backward0", (input,), (), (found,)), found))


def cummax(input, dim):
    """(values, indices) of the largest element so far along `dim`."""
    return _running(cummax_result, "cummax", input, dim, np.greater_equal)


def cummin(input, dim):
    """(values, indices) of the smallest element so far along `dim`."""
    return _running(cummin_result, "cummin", input, dim, np.less_equal)


def logcumsumexp(input, dim):
    """log(cumsum(exp(x))) along `dim`, without overflow."""
    need_tensors("logcumsumexp", input)
    if not input.is_floating_point():
        raise NotImplementedError(f'"logcumsumexp_out_cpu" not implemented for {input.dtype}')
    dim = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return input.clone()
    x = input.detach().numpy()
    y = cumulate("logsumexp", x.astype(np.float64), dim)

    def backward(grad):
        """sum over later y of grad exp(x - y), by logarithms of its positive and negative parts."""
        grad = grad.astype(np.float64)
        with np.errstate(all="ignore"):
            def part(size):
                return np.exp(cumulate("logsumexp", np.log(size) - y, dim, True) + x)
            return (part(np.maximum(grad, 0)) - part(np.maximum(-grad, 0))).astype(x.dtype)
    return record(y.astype(x.dtype), backward, "LogcumsumexpBackward0", (input,), (), (input,))


def aminmax(input, *, dim=None, keepdim=False):
    """(min, max) of everything or along `dim`."""
    need_tensors("aminmax", input)
    if dim is None and input.numel() == 0:
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity")
    dims = () if dim is None else dim
    low, high = reduce.amin(input, dims, keepdim), reduce.amax(input, dims, keepdim)
    if dim is None and keepdim:
        low, high = low.reshape((1,) * input.ndim), high.reshape((1,) * input.ndim)
    return aminmax_result((low, high))


def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(variance, mean)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return (reduce.var(input, dim, unbiased, keepdim, correction=correction), reduce.mean(input, dim, keepdim))


def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(standard deviation, mean)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return (reduce.std(input, dim, unbiased, keepdim, correction=correction), reduce.mean(input, dim, keepdim))


def nansum(input, dim=None, keepdim=False, *, dtype=None):
    """The sum; NaN counts as 0."""
    need_tensors("nansum", input)
    if input.is_floating_point():
        input = where(from_array(np.asarray(np.isnan(input.detach().numpy()))), 0.0, input)
    return reduce.sum(input, dim, keepdim, dtype=dtype)


def nanmean(input, dim=None, keepdim=False, *, dtype=None):
    """The mean of those that are not NaN."""
    need_tensors("nanmean", input)
    if not input.is_floating_point():
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}")
    if dtype is not None:
        input = input.to(dtype)
    x = input.detach().numpy()
    count = reduce.sum(from_array(np.asarray(~np.isnan(x)).astype(x.dtype)), dim, keepdim)
    return arithmetic.div(nansum(input, dim, keepdim), count)


def nanmedian(input, dim=None, keepdim=False):
    """``median`` of those that are not NaN; of nothing else NaN."""
    need_tensors("nanmedian", input)
    if dim is None:
        flat = input.reshape(-1)
        if not flat.numel():
            return sorting.of_nothing(input)
        return sorting._shared(input, nanmedian(flat, 0).values)
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
    values, indices = sorting._taken(nanmedian_result, input, dim, picked, "NanmedianBackward0")
    return nanmedian_result((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))


def mode(input, dim=-1, keepdim=False):
    """(values, indices) of the most frequent value along `dim`, the smallest of several."""
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
    values, indices = sorting._taken(mode_result, input, dim, np.expand_dims(picked, dim), "ModeBackward0")
    return mode_result((values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim)))


# ---- quantiles ----

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
        values = products.lerp(values, upper, weight)
    made = values.transpose(axis, -1) if dim is not None else values  # q lies along `axis`
    made = made.movedim(axis, 0)                                       # (q, ...)
    if keepdim:
        sizes = [1] * whole if dim is None else [1 if i == axis else n for i, n in enumerate(input.shape)][:whole]
        made = made.reshape([made.shape[0], *sizes])
    elif dim is not None and whole == 0:
        made = made.reshape(-1)
    return made if q.ndim else made.reshape(tuple(made.shape)[1:])


def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The q-th quantiles (q of [0, 1], a number or a vector) of everything or along `dim`."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """``quantile`` of those that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


# ---- differences and integrals ----

def diff(input, n=1, dim=-1, prepend=None, append=None):
    """Differences of neighbours along `dim`, n times."""
    need_tensors("diff", input)
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return input.clone()
    dim = axis_of(dim, input.ndim)
    parts = [x for x in (prepend, input, append) if x is not None]
    x = cat(parts, dim) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[dim])):
        size = x.shape[dim]
        a, b = narrow(x, dim, min(1, size), max(size - 1, 0)), narrow(x, dim, 0, max(size - 1, 0))
        x = a.logical_xor(b) if x.dtype is dtypes.bool else arithmetic.sub(a, b)
    return x


def _trapezoids(y, x, dx, dim):
    dim = axis_of(dim, y.ndim)
    size = y.shape[dim]
    pairs = arithmetic.add(narrow(y, dim, 1, size - 1), narrow(y, dim, 0, size - 1))
    if x is None:
        return arithmetic.mul(pairs, dx / 2), dim
    if x.ndim == 1 and y.ndim > 1:
        if x.shape[0] != size:
            raise RuntimeError(f"trapezoid: There must be one `x` value for each sample point, got {x.shape[0]} for "
                               f"{size}")
        steps = diff(x).reshape([-1 if i == dim else 1 for i in range(y.ndim)])
    else:
        steps = diff(x, 1, dim - y.ndim)
    return arithmetic.mul(arithmetic.mul(pairs, steps), 0.5), dim


def trapezoid(y, x=None, *, dx=1, dim=-1):
    """The integral along `dim` by the trapezoidal rule."""
    need_tensors("trapezoid", y)
    if y.ndim and y.shape[axis_of(dim, y.ndim)] == 0:
        return reduce.sum(y.detach(), dim)
    parts, dim = _trapezoids(y, x, dx, dim)
    return reduce.sum(parts, dim)


def cumulative_trapezoid(y, x=None, *, dx=1, dim=-1):
    """The running integral along `dim` by the trapezoidal rule."""
    need_tensors("cumulative_trapezoid", y)
    parts, dim = _trapezoids(y, x, dx, dim)
    return sorting.cumsum(parts, dim)


# ---- distances and moments ----

def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """Distances of all rows of two stacks: (..., P, M), (..., R, M) -> (..., P, R)."""
    need_tensors("cdist", x1, x2)
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError(f"cdist only supports at least 2D tensors, X1 got: {x1.ndim}D and X2 got: {x2.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if not (x1.is_floating_point() and x2.is_floating_point()):
        raise RuntimeError(f"cdist only supports floating-point dtypes, X1 got: {x1.dtype}, X2 got: {x2.dtype}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    room("cdist", (*broadcast_shapes(tuple(x1.shape[:-2]), tuple(x2.shape[:-2])), x1.shape[-2], x2.shape[-2],
                   max(x1.shape[-1], 1)), x1.itemsize)
    return products.vector_norm(arithmetic.sub(x1.unsqueeze(-2), x2.unsqueeze(-3)), p, -1)


def renorm(input, p, dim, maxnorm):
    """Slices along `dim` scaled down to the p-norm `maxnorm` where theirs is larger."""
    need_tensors("renorm", input)
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    dim = axis_of(dim, input.ndim)
    sizes = products.vector_norm(input, p, [i for i in range(input.ndim) if i != dim], True)
    factor = where(sizes > maxnorm, arithmetic.mul(pointwise.reciprocal(sizes + 1e-7), float(maxnorm)), 1.0)
    return arithmetic.mul(input, factor)


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


def cov(input, *, correction=1, fweights=None, aweights=None):
    """The covariance matrix of variables (rows) over observations (columns)."""
    need_tensors("cov", input)
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} "
                           f"dimensions")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    if not x.is_floating_point():
        x = x.to(dtypes.get_default_dtype())
    if x.shape[1]:  # distances from one observation: beside a large mean the mean's rounding would count
        x = arithmetic.sub(x, narrow(x.detach(), 1, 0, 1))
    weights = None
    for name, kind, given in (("fweights", "integral", fweights), ("aweights", "floating point", aweights)):
        if given is not None:
            _check_weights(name, kind, given, x.shape[1])
            given = given.to(x.dtype)
            weights = given if weights is None else arithmetic.mul(weights, given)
    if weights is None:
        centred = arithmetic.sub(x, reduce.mean(x, 1, True))
        product, norm = centred @ centred.t(), x.shape[1] - correction
    else:
        total = reduce.sum(weights)
        if total.item() == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        centred = arithmetic.sub(x, arithmetic.div(reduce.sum(arithmetic.mul(x, weights), 1, True), total))
        product = arithmetic.mul(centred, weights) @ centred.t()
        spread = 1.0 if aweights is None else arithmetic.div(reduce.sum(arithmetic.mul(weights, aweights.to(x.dtype))),
                                                             total)
        norm = arithmetic.sub(total, arithmetic.mul(spread, correction) if isinstance(spread, Tensor) else correction)
    if isinstance(norm, Tensor):
        norm = pointwise.clamp(norm, min=0)
    made = arithmetic.div(product, norm) if isinstance(norm, Tensor) or norm > 0 else arithmetic.mul(product, math.inf)
    return made.squeeze()


def corrcoef(input):
    """Correlations of variables (rows) over observations (columns), limited to [-1, 1]."""
    c = cov(input)
    if c.ndim == 0:
        return arithmetic.div(c, c)
    scale = pointwise.sqrt(c.diagonal())
    return pointwise.clamp(arithmetic.div(arithmetic.div(c, scale.unsqueeze(1)), scale.unsqueeze(0)), -1.0, 1.0)
