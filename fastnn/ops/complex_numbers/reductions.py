"""Sums, products and spreads of complex tensors, over dimensions and running."""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, to_array
from fastnn.ops import joining
from fastnn.ops._common import axis_of
from fastnn.ops.complex_numbers.arithmetic import absolute
from fastnn.ops.complex_numbers.formula import SUM, Formula, conj, is_complex, real


def axes_of(dim, ndim):
    """Dimensions of an argument ``dim``: None and () mean all."""
    if dim is None or isinstance(dim, (tuple, list)) and not dim:
        return tuple(range(ndim))
    axes = tuple(axis_of(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,)))
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"dim {next(d for d in axes if axes.count(d) > 1)} appears multiple times in the list of "
                           f"dims")
    return axes if ndim else ()


def _of(input, dtype):
    """The tensor in the dtype that is asked for."""
    return input if dtype is None else input.to(dtype)


def _shape(x, axes, keepdim):
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdim or i not in axes)


def sum(input, dim=None, keepdim=False, *, dtype=None):
    """The sum over dimensions."""
    x = _of(input, dtype)
    axes = axes_of(dim, x.ndim)
    return SUM(x, options=(axes, _shape(x, axes, keepdim), tuple(x.shape)))


def mean(input, dim=None, keepdim=False, *, dtype=None):
    """The mean over dimensions."""
    x = _of(input, dtype)
    count = np.prod([x.shape[axis] for axis in axes_of(dim, x.ndim)], dtype=np.int64)
    return sum(x, dim, keepdim) / (int(count) or float("nan"))


def nansum(input, dim=None, keepdim=False, *, dtype=None):
    """Always an error, as PyTorch's."""
    raise RuntimeError("nansum does not support complex inputs")


def prod(input, dim=None, keepdim=False, *, dtype=None):
    """The product over all dimensions, or one: of halves, so that zeros need no rule of their own."""
    x = _of(input, dtype)
    if isinstance(dim, complex) or isinstance(dim, Tensor) and is_complex(dim):
        raise TypeError(f"prod(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
    if not is_complex(x):
        return x.prod() if dim is None else x.prod(dim, keepdim)
    if dim is None:
        x, dim = x.reshape(-1), 0
    elif not x.ndim:
        axis_of(dim, 0)
        return x.clone()
    dim = axis_of(dim, x.ndim)
    size = x.shape[dim]
    if not size:
        made = from_array(np.ones(_shape(x, (dim,), True), to_array(x).dtype)) + sum(x, dim, True)
        return made if keepdim else made.squeeze(dim)
    while size > 1:
        half = size // 2
        pairs = x.narrow(dim, 0, half) * x.narrow(dim, half, half)
        x = pairs if size == 2 * half else joining.cat([pairs, x.narrow(dim, size - 1, 1)], dim)
        size = size - half
    return x.clone() if keepdim else x.squeeze(dim).clone()


def _back(g, z, x, axis):
    return CUMSUM(g.flip(axis), options=(axis,)).flip(axis)


CUMSUM = Formula("CumsumBackward0", lambda x, axis: np.cumsum(x, axis), _back)


def cumsum(input, dim, *, dtype=None):
    """Running sums along `dim`."""
    x = _of(input, dtype)
    axis = axis_of(dim, x.ndim)
    return CUMSUM(x, options=(axis,)) if x.ndim else x.clone()


def cumprod(input, dim, *, dtype=None):
    """Running products along `dim`: each step doubles the length that is multiplied."""
    x = _of(input, dtype)
    axis = axis_of(dim, x.ndim)
    step = 1
    while x.ndim and step < x.shape[axis]:
        rest = x.shape[axis] - step
        x = joining.cat([x.narrow(axis, 0, step), x.narrow(axis, step, rest) * x.narrow(axis, 0, rest)], axis)
        step *= 2
    return x.clone() if step == 1 else x


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The variance, which is real: the mean of |x - mean(x)|^2."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    axes = axes_of(dim, input.ndim)
    count = int(np.prod([input.shape[axis] for axis in axes], dtype=np.int64))
    rest = input - mean(input, axes if input.ndim else None, True)
    found = sum(real(rest * conj(rest)), axes if input.ndim else None, keepdim)
    free = max(count - correction, 0)
    return found / (free if free else float("nan") if count <= 1 else 0.0)


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The square root of the variance."""
    return _root(var(input, dim, unbiased, keepdim, correction=correction))


def _root(x):
    """The square root, with the slope 0 at 0: numbers that are equal have no direction of growth."""
    none = x == 0
    return x.masked_fill(none, 1.0).sqrt().masked_fill(none, 0.0)


def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(variance, mean)."""
    return (var(input, dim, unbiased, keepdim, correction=correction),
            mean(input, None if isinstance(dim, bool) else dim, keepdim))


def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(standard deviation, mean)."""
    found, middle = var_mean(input, dim, unbiased, keepdim, correction=correction)
    return _root(found), middle


def logsumexp(input, dim, keepdim=False):
    """log of the sum of exp(x)."""
    axes = axes_of(dim, input.ndim)
    parts = to_array(input).real
    top = np.max(parts, axis=axes, keepdims=True) if parts.size else np.zeros(_shape(input, axes, True), parts.dtype)
    top = from_array(np.where(np.isfinite(top), top, 0).astype(parts.dtype))
    found = sum((input - top).exp(), axes if input.ndim else None, keepdim).log()
    return found + (top if keepdim else top.reshape(_shape(input, axes, False)))


def softmax(input, dim, *, dtype=None):
    """exp(x) over its sum along `dim`."""
    x = _of(input, dtype)
    return (x - logsumexp(x, dim, True)).exp()


def log_softmax(input, dim, *, dtype=None):
    """log of ``softmax``."""
    x = _of(input, dtype)
    return x - logsumexp(x, dim, True)


def of_sizes(function):
    """A norm of complex numbers is that of their absolute values."""
    def norm(input, *args, **kwargs):
        kind = kwargs.pop("dtype", None)
        x = absolute(input)
        return function(x if kind is None else x.to(dtypes.from_numpy(dtypes.to_real(kind.numpy))), *args, **kwargs)
    norm.__wrapped__ = function
    return norm
