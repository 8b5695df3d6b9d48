"""Adaptive pooling: windows that cover the input evenly, however many there are to be."""
import functools

import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.errors import ShapeError
from fastnn.ops._common import need_real, need_tensors, room
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.pool import MAX_POOL, row_planes
from fastnn.ops.resample_tables import frozen, resampled


def _with_default(name, output_size, shape, count):
    """The output's sizes; None stands for the input's."""
    sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * count
    if len(sizes) != count:
        raise ShapeError(f"{name}: output_size must be {count}, got {output_size!r}")
    if len(shape) <= count:
        raise ValueError(f"{name}: Input dimension should be at least {count + 1}, got {list(shape)}")
    sizes = tuple(own if size is None else int(size) for size, own in zip(sizes, shape[-count:]))
    room(name, (*shape[:-count], *(max(size, 0) for size in sizes)), 4)
    return sizes


def _adaptive_max(name, input, x, size, return_indices, row):
    y, kept = kernels.adaptive_max_pool_forward(x, size)
    index = kept
    if row:
        y, index = y[..., 0, :], kept[..., 0, :]
    indices = from_array(index)
    out = record(y, MAX_POOL[name], (input,), (kept, x.shape, (), row), (indices,))
    return (out, indices) if return_indices else out


@operation("nn")
def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The largest elements of `output_size` windows that cover a row evenly.

    Shape: input (C, L) or (N, C, L), result (..., output_size).

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple of ints
        Sizes of the result.
    return_indices : bool, default False
        Whether the flat indices of the largest elements are returned too.

    Examples
    --------
    >>> F.adaptive_max_pool1d(fastnn.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[3., 3.]])
    """
    need_tensors("adaptive_max_pool1d", input)
    size = _with_default("adaptive_max_pool1d", output_size, input.shape, 1)
    return _adaptive_max("AdaptiveMaxPool2DBackward0", input, row_planes("adaptive_max_pool1d", input), (1, *size),
                         return_indices, True)


@operation("nn")
def adaptive_max_pool2d(input, output_size, return_indices=False):
    """The largest elements of windows that cover a plane evenly; None in `output_size` keeps the input's.

    Shape: input (C, H, W) or (N, C, H, W), result (..., *output_size).

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple
        Sizes of the result.
    return_indices : bool, default False
        Whether the flat indices of the largest elements are returned too.

    Examples
    --------
    >>> F.adaptive_max_pool2d(fastnn.arange(9.0).reshape(1, 3, 3), 2)
    tensor([[[4., 5.],
             [7., 8.]]])
    """
    need_tensors("adaptive_max_pool2d", input)
    size = _with_default("adaptive_max_pool2d", output_size, input.shape, 2)
    return _adaptive_max("AdaptiveMaxPool2DBackward0", input, input.detach().numpy(), size, return_indices, False)


@functools.lru_cache(maxsize=64)
def _even_windows(n, m, dtype):
    """Averages over windows from floor(i n / m) to ceil((i + 1) n / m)."""
    i = np.arange(m)
    start, end = i * n // m, -(-(i + 1) * n // m)
    tap = np.arange((end - start).max())[:, None]
    inside = start + tap < end
    return frozen(np.where(inside, start + tap, start), np.where(inside, 1 / (end - start), 0).astype(dtype))


def _adaptive_backward(grad, shape, row):
    if row:
        return kernels.adaptive_avg_pool_backward(grad[..., None, :], shape)[..., 0, :]
    return kernels.adaptive_avg_pool_backward(grad, shape)


ADAPTIVE = {name: Op(name, _adaptive_backward, "shape row") for name in (
    "AdaptiveAvgPool1DBackward0", "AdaptiveAvgPool2DBackward0", "MeanBackward1")}


def _adaptive_second(step, g):
    shape, row, own = step.shape, step.row, tuple(g.shape)

    def forward(array):
        if row:
            return kernels.adaptive_avg_pool_forward(array[..., None, :], (1, own[-1]))[..., 0, :]
        return kernels.adaptive_avg_pool_forward(array, own[-2:])
    return step.linear(g, lambda grad: _adaptive_backward(grad, shape, row), forward, step.inputs()[0],
                       shape[:-2] + shape[-1:] if row else shape)


for _op in ADAPTIVE.values():
    _op.second(_adaptive_second)


def _adaptive_avg(name, input, output_size, count):
    need_tensors(name, input)
    need_real(name, input)
    if count == 1 and isinstance(output_size, (tuple, list)) and len(output_size) != 1:
        raise ShapeError(f"{name}: 'output_size' should contain one int, got {output_size!r}")
    shape = tuple(input.shape)
    size = _with_default(name, output_size, shape, count)
    if min(size) < 0:
        raise ShapeError(f"{name}: elements of output_size must be greater than or equal to 0, but got {size}")
    if len(shape) not in (count + 1, count + 2):
        raise ShapeError(f"{name}: Expected {count + 1}D or {count + 2}D tensor, but got {list(shape)}")
    own = shape[-count:]
    if 0 in own or count == 3 and size != (1, 1, 1) and 0 in shape[1:]:  # averages of no channels, as PyTorch's
        raise ShapeError(f"{name}: Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                         f"{list(shape)}")
    x = input.detach().numpy()
    node = "MeanBackward1" if set(size) == {1} else f"AdaptiveAvgPool{count}DBackward0"
    if 0 in size or x.size == 0:
        return record(np.zeros(shape[:-count] + size, x.dtype), constant(node), (input,), (shape,))
    if x.dtype.kind != "f":
        raise RuntimeError(f'"{name}" not implemented for {input.dtype}')
    if count == 1:
        planes = x[..., None, :]
        y = kernels.adaptive_avg_pool_forward(planes, (1, *size))[..., 0, :]
        return record(y, ADAPTIVE[node], (input,), (planes.shape, True))
    if count == 2:
        return record(kernels.adaptive_avg_pool_forward(x, size), ADAPTIVE[node], (input,), (shape, False))
    return resampled(node, input, tuple(_even_windows(n, m, x.dtype) for n, m in zip(own, size)))


@operation("functional")
def adaptive_avg_pool1d(input, output_size):
    """Averages of `output_size` windows that cover a row evenly: window i of m from floor(i L / m) to
    ceil((i + 1) L / m).

    Shape: input (C, L) or (N, C, L), result (..., output_size).

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple of ints
        Sizes of the result.

    Examples
    --------
    >>> F.adaptive_avg_pool1d(fastnn.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[2.0000, 2.5000]])
    """
    return _adaptive_avg("adaptive_avg_pool1d", input, output_size, 1)


@operation("nn")
def adaptive_avg_pool2d(input, output_size):
    """Averages of windows that cover a plane evenly; None in `output_size` keeps the input's.

    Shape: input (C, H, W) or (N, C, H, W), result (..., *output_size).

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple
        Sizes of the result.

    Examples
    --------
    >>> F.adaptive_avg_pool2d(fastnn.arange(9.0).reshape(1, 3, 3), (None, 1))
    tensor([[[1.],
             [4.],
             [7.]]])
    """
    return _adaptive_avg("adaptive_avg_pool2d", input, output_size, 2)


@operation("nn")
def adaptive_avg_pool3d(input, output_size):
    """Averages of windows that cover a volume evenly; None in `output_size` keeps the input's.

    Shape: input (C, D, H, W) or (N, C, D, H, W), result (..., *output_size).

    Parameters
    ----------
    input : Tensor
    output_size : int or tuple
        Sizes of the result.

    Examples
    --------
    >>> F.adaptive_avg_pool3d(fastnn.arange(8.0).reshape(1, 2, 2, 2), 1)
    tensor([[[[3.5000]]]])
    """
    return _adaptive_avg("adaptive_avg_pool3d", input, output_size, 3)
