"""Running sums, products and extremes along a dimension; differences and trapezoids of neighbours."""
import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import cumulate
from fastnn.ops import arithmetic, reduce
from fastnn.ops._common import complex_rule, axis_of, need_tensors
from fastnn.ops.declare import operation
from fastnn.ops.indexing import narrow
from fastnn.ops.reduce import values_and_indices
from fastnn.ops.joining import cat
from fastnn.ops.shape import cast


def _cumulated(op, x, dim, reverse=False):
    """`cumulate` of any dtype: integers by NumPy."""
    if x.dtype.kind == "f":
        return cumulate(op, x, dim, reverse)
    return (np.cumsum if op == "sum" else np.cumprod)(x, dim, dtype=x.dtype)


def _cumsum_backward(grad, dim):
    return _cumulated("sum", grad, dim, True)


CUMSUM = Op("CumsumBackward0", _cumsum_backward, "dim")
CUMSUM.linear(lambda x, dim: _cumulated("sum", x, dim))


@operation(inplace=True, out=True)
def cumsum(input, dim, *, dtype=None):
    """Sums of all elements up to each along `dim`; integers are added as int64.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.cumsum(fastnn.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    need_tensors("cumsum", input)
    dim = axis_of(dim, input.ndim)
    if dtype is not None:
        input = input.to(dtype)
    x = input.detach().numpy()
    if x.dtype.kind == "c":
        return complex_rule("cumsum")(input, dim)
    if x.ndim == 0:
        return input.clone() if x.dtype.kind == "f" or dtype else cast(input, dtypes.int64, True)
    kind = x.dtype if x.dtype.kind == "f" or dtype is not None else np.int64
    y = _cumulated("sum", x.astype(kind, copy=False), dim)
    return record(y, CUMSUM, (input,), (dim,))


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


CUMPROD = Op("CumprodBackward0", _cumprod_backward, "x y dim")


@CUMPROD.second
def _cumprod_second(step, g):
    """By the quotient where no element is 0; else each gradient by the products without its element."""
    x, dim, n = step.input(step.x, 0), step.dim, step.x.shape[step.dim]
    if step.x.all():
        return (g * step.output(step.y)).flip(dim).cumsum(dim).flip(dim) / x
    one = from_array(np.ones_like(step.x)).narrow(dim, 0, 1)
    found = []
    for k in range(n):
        before = x.narrow(dim, 0, k).prod(dim, keepdim=True)
        products = cat((one, x.narrow(dim, k + 1, n - k - 1)), dim).cumprod(dim)
        found.append(before * (g.narrow(dim, k, n - k) * products).sum(dim, keepdim=True))
    return cat(found, dim)


@operation(inplace=True, out=True)
def cumprod(input, dim, *, dtype=None):
    """Products of all elements up to each along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.
    dtype : dtype, optional
        Of the result.

    Examples
    --------
    >>> fastnn.cumprod(fastnn.tensor([1, 2, 3]), 0)
    tensor([1, 2, 6])
    """
    need_tensors("cumprod", input)
    dim = axis_of(dim, input.ndim)
    if dtype is not None:
        input = input.to(dtype)
    x = input.detach().numpy()
    if x.dtype.kind == "c":
        return complex_rule("cumprod")(input, dim)
    if x.ndim == 0:
        return input.clone() if x.dtype.kind == "f" or dtype else cast(input, dtypes.int64, True)
    kind = x.dtype if x.dtype.kind == "f" or dtype is not None else np.int64
    y = _cumulated("prod", x.astype(kind, copy=False), dim)
    return record(y, CUMPROD, (input,), (x, y, dim), (input,))


class cummax_result(values_and_indices):  # noqa: N801 (PyTorch's name)
    """(values, indices)."""

    kind = "cummax"


class cummin_result(values_and_indices):  # noqa: N801
    """(values, indices)."""

    kind = "cummin"


def _running_backward(grad, shape, dim, indices):
    dx = np.zeros(shape, grad.dtype)
    index = list(np.indices(grad.shape, sparse=True))
    index[dim] = indices
    np.add.at(dx, tuple(index), grad)
    return dx


def _running_forward(x, shape, dim, indices):
    return np.take_along_axis(x, indices, dim)


CUMMAX = Op("CummaxBackward0", _running_backward, "shape dim indices")
CUMMIN = Op("CumminBackward0", _running_backward, "shape dim indices")
CUMMAX.linear(_running_forward)
CUMMIN.linear(_running_forward)


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
    found = from_array(indices)
    made = record(values, CUMMAX if op == "cummax" else CUMMIN, (input,), (tuple(input.shape), dim, indices), (found,))
    return kind((made, found))


@operation(out=True)
def cummax(input, dim) -> cummax_result:
    """(values, indices) of the largest element so far along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.cummax(fastnn.tensor([1, 3, 2]), 0).values
    tensor([1, 3, 3])
    """
    return _running(cummax_result, "cummax", input, dim, np.greater_equal)


@operation(out=True)
def cummin(input, dim) -> cummin_result:
    """(values, indices) of the smallest element so far along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.cummin(fastnn.tensor([3, 1, 2]), 0).indices
    tensor([0, 1, 1])
    """
    return _running(cummin_result, "cummin", input, dim, np.less_equal)


def _logcumsumexp_backward(grad, x, y, dim):
    """sum over later y of grad exp(x - y), by logarithms of its positive and negative parts; y in float64."""
    grad = grad.astype(np.float64)
    with np.errstate(all="ignore"):
        def part(size):
            return np.exp(cumulate("logsumexp", np.log(size) - y, dim, True) + x)
        return (part(np.maximum(grad, 0)) - part(np.maximum(-grad, 0))).astype(x.dtype)


LOGCUMSUMEXP = Op("LogcumsumexpBackward0", _logcumsumexp_backward, "x y dim")


@LOGCUMSUMEXP.second
def _logcumsumexp_second(step, g):
    """The same sum by all pairs of positions."""
    x, y = (t.movedim(step.dim, -1) for t in (step.input(step.x, 0), step.output(step.y.astype(step.x.dtype))))
    later = from_array(np.tri(x.shape[-1], dtype=bool).T.copy())
    shares = step.where(later, x.unsqueeze(-1) - y.unsqueeze(-2), -np.inf).exp()
    return (shares * g.movedim(step.dim, -1).unsqueeze(-2)).sum(-1).movedim(-1, step.dim)


@operation(out=True)
def logcumsumexp(input, dim):
    """log(cumsum(exp(x))) along `dim`, without overflow.

    Parameters
    ----------
    input : Tensor
    dim : int
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.logcumsumexp(fastnn.zeros(3), 0)
    tensor([0.0000, 0.6931, 1.0986])
    """
    need_tensors("logcumsumexp", input)
    if not input.is_floating_point():
        raise NotImplementedError(f'"logcumsumexp_out_cpu" not implemented for {input.dtype}')
    dim = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return input.clone()
    x = input.detach().numpy()
    y = cumulate("logsumexp", x.astype(np.float64), dim)
    return record(y.astype(x.dtype), LOGCUMSUMEXP, (input,), (x, y, dim), (input,))


@operation(out=True)
def diff(input, n=1, dim=-1, prepend=None, append=None):
    """Differences of neighbours along `dim`, n times.

    Parameters
    ----------
    input : Tensor
    n : int, default 1
    dim : int, default -1
        Dimension; negative ones count from the end.
    prepend : Tensor, optional
        Put in front before differences are taken.
    append : Tensor, optional
        Put behind before differences are taken.

    Examples
    --------
    >>> fastnn.diff(fastnn.tensor([1, 4, 9]))
    tensor([3, 5])
    """
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


@operation("fastnn", aliases="trapz")
def trapezoid(y, x=None, *, dx=1, dim=-1):
    """The integral along `dim` by the trapezoidal rule.

    Parameters
    ----------
    y : Tensor
    x : Tensor, optional
        Coordinates.
    dx : number, default 1
        Distance of neighbours, without `x`.
    dim : int, default -1
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.trapezoid(fastnn.tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    need_tensors("trapezoid", y)
    if y.ndim and y.shape[axis_of(dim, y.ndim)] == 0:
        return reduce.sum(y.detach(), dim)
    parts, dim = _trapezoids(y, x, dx, dim)
    return reduce.sum(parts, dim)


@operation("fastnn")
def cumulative_trapezoid(y, x=None, *, dx=1, dim=-1):
    """The running integral along `dim` by the trapezoidal rule.

    Parameters
    ----------
    y : Tensor
    x : Tensor, optional
        Coordinates.
    dx : number, default 1
        Distance of neighbours, without `x`.
    dim : int, default -1
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.cumulative_trapezoid(fastnn.tensor([1.0, 2.0, 3.0]))
    tensor([1.5000, 4.0000])
    """
    need_tensors("cumulative_trapezoid", y)
    parts, dim = _trapezoids(y, x, dx, dim)
    return cumsum(parts, dim)


def _slope(x, spacing, dim, edge_order):
    """The derivative along `dim`: within, that of the parabola through a point and its neighbours; at an end, that of
    the line or the parabola through what is nearest."""
    size = x.shape[dim]
    if size <= edge_order:
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    shares = 0.5, 0.5
    if isinstance(spacing, Tensor):
        if spacing.ndim != 1:
            raise RuntimeError(f"torch.gradient expected each element of spacing to have one dimension, but got an "
                               f"element with {spacing.ndim} dimensions!")
        if spacing.shape[0] != size:
            raise RuntimeError(f"torch.gradient expected {size} coordinates along dimension {dim}, but got "
                               f"{spacing.shape[0]}")
        spacing = diff(spacing.to(x.dtype)).reshape([-1 if i == dim else 1 for i in range(x.ndim)])
        behind, ahead = narrow(spacing, dim, 0, size - 2), narrow(spacing, dim, 1, size - 2)
        shares = ahead / (behind + ahead), behind / (behind + ahead)
    slopes = arithmetic.div(diff(x, 1, dim), spacing)
    parts = []
    first, last = narrow(slopes, dim, 0, 1), narrow(slopes, dim, size - 2, 1)
    if size > 2:
        inner = narrow(slopes, dim, 0, size - 2) * shares[0] + narrow(slopes, dim, 1, size - 2) * shares[1]
        parts.append(inner)
        if edge_order == 2:
            first = 2 * first - narrow(inner, dim, 0, 1)
            last = 2 * last - narrow(inner, dim, size - 3, 1)
    return cat([first, *parts, last], dim)


@operation("fastnn")
def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """The derivatives of a function given by its values on a grid, one tensor for each dimension.

    Parameters
    ----------
    input : Tensor
        The values.
    spacing : number, list of numbers or of Tensors, default 1 (None is 1 too)
        The distance of neighbours, for all dimensions or for each; or each one's coordinates.
    dim : int or tuple of int, optional
        Dimensions; by default all.
    edge_order : 1 or 2, default 1
        At the ends, slopes of lines or of parabolas.

    Examples
    --------
    >>> fastnn.gradient(fastnn.tensor([1.0, 4.0, 9.0, 16.0]))
    (tensor([3., 4., 6., 7.]),)
    >>> fastnn.gradient(fastnn.tensor([1.0, 4.0, 9.0, 16.0]), edge_order=2)
    (tensor([2., 4., 6., 8.]),)
    """
    need_tensors("gradient", input)
    spacing = 1 if spacing is None else spacing
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if input.dtype is dtypes.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    dims = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    dims = [axis_of(d, input.ndim) for d in dims]
    for d in dims:
        if dims.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    if not isinstance(spacing, (list, tuple)):
        spacing = [spacing] * len(dims)
    elif len(spacing) != len(dims):
        if dim is None:
            raise RuntimeError(f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
                               f"equal to 'self.dim() = {input.ndim}', since dim argument was not given, but got "
                               f"a list of length {len(spacing)}")
        raise RuntimeError(f"torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim "
                           f"arguments to have the same length, but got a spacing argument of length {len(spacing)} "
                           f"and a dim argument of length {len(dims)}.")
    if input.dtype is dtypes.bool:
        raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                           "`logical_xor()` operator instead.")
    exact = not (input.is_floating_point() or input.is_complex())
    x = input.to(dtypes.get_computing_dtype()) if exact else input
    return tuple(_slope(x, step, d, edge_order) for step, d in zip(spacing, dims))
