"""Fractional max pooling (Graham 2014): windows whose positions are drawn so that the sizes shrink by any factor."""
import math

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.ops._common import need_real, need_tensors
from fastnn.ops.declare import operation
from fastnn.ops.sampling import rand
from fastnn.ops.scatter import gather


def _sizes(op, value, n):
    value = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
    if len(value) != n:
        raise ValueError(f"{op}: expected {n} sizes, got {list(value)}")
    return value


def _starts(samples, size, out, kernel):
    """Where the windows begin along an axis, (..., out), from one random number of each plane."""
    if out == 1:
        return np.full((*samples.shape, 1), size - kernel)
    alpha = samples.dtype.type((size - kernel) / (out - 1))
    positions = np.arange(out, dtype=samples.dtype)
    starts = ((positions + samples[..., None]) * alpha).astype(np.int64) - (samples[..., None] * alpha).astype(np.int64)
    starts[..., -1] = size - kernel
    return starts


def _pooled(op, n, input, kernel_size, output_size, output_ratio, samples):
    need_tensors(op, input)
    need_real(op, input)
    if output_size is None and output_ratio is None:
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio")
    kernel = _sizes(op, kernel_size, n)
    if input.ndim not in (n + 1, n + 2) or 0 in input.shape[-n - 1:]:
        raise RuntimeError(f"{op}: Expected {n + 1}D or {n + 2}D tensor with optional 0 dim batch size for input, but "
                           f"got: {list(input.shape)}")
    sizes = tuple(input.shape[-n:])
    out = _sizes(op, output_size, n) if output_size is not None else tuple(
        int(size * ratio) for size, ratio in zip(sizes, _sizes(op, output_ratio, n)))
    for size, wide, length in zip(sizes, kernel, out):
        if length < 1 or wide < 1 or length + wide - 1 > size:
            raise RuntimeError(f"{op}: pool size {list(kernel)} and output size {list(out)} are too large or too small "
                               f"for input size {list(sizes)}")
    batch = input.shape[0] if input.ndim == n + 2 else 1
    if samples is None:
        samples = rand(batch, input.shape[-n - 1], n, dtype=input.dtype)
    drawn = samples.detach().numpy()
    if n == 3 and drawn.ndim == 3:
        drawn = drawn[:batch]  # as in PyTorch there may be more
    if drawn.shape != (batch, input.shape[-n - 1], n):
        raise RuntimeError(f"{op}: expected _random_samples of shape {[batch, input.shape[-n - 1], n]}, got "
                           f"{list(drawn.shape)}")
    planes = drawn.shape[:2]
    positions = np.zeros((*planes, *[1] * (2 * n)), np.int64)  # of the windows' elements, in the plane
    for axis in range(n):  # images' first number is of their columns, volumes' of their depth
        number = drawn[..., n - 1 - axis if n == 2 else axis]
        taps = _starts(number, sizes[axis], out[axis], kernel[axis])[..., None] + np.arange(kernel[axis])
        shape = [1] * (2 * n)
        shape[axis], shape[n + axis] = taps.shape[-2:]
        positions = positions * sizes[axis] + taps.reshape(*planes, *shape)
    windows = positions.reshape(*planes, math.prod(out), math.prod(kernel))
    flat = input.detach().numpy().reshape(*planes, 1, math.prod(sizes))
    first = np.take_along_axis(flat, windows, -1).argmax(-1, keepdims=True)  # of the largest, or of NaN
    indices = np.take_along_axis(windows, first, -1)[..., 0]
    shape = (*input.shape[:-n], *out)
    found = gather(input.reshape(*planes, math.prod(sizes)), 2, from_array(indices))
    return found.reshape(shape), from_array(indices.reshape(shape))


def _declared(n, title, sizes):
    def with_indices(input, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                     _random_samples=None) -> tuple[Tensor, Tensor]:
        return _pooled(f"fractional_max_pool{n}d", n, input, kernel_size, output_size, output_ratio, _random_samples)

    def pool(input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
        made = with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
        return made if return_indices else made[0]
    for function, name in ((with_indices, f"fractional_max_pool{n}d_with_indices"), (pool, f"fractional_max_pool{n}d")):
        function.__name__ = function.__qualname__ = name
        function.__doc__ = f"""The largest elements of windows of {title} at positions that are drawn (Graham 2014).

    Parameters
    ----------
    input : Tensor
        (N, C, {sizes}) or (C, {sizes})
    kernel_size : int or tuple of ints
        Size of the windows.
    output_size : int or tuple of ints, optional
        Of the result, or else `output_ratio`.
    output_ratio : float or tuple of floats, optional
        The result's sizes over the input's.
    return_indices : bool, default False
        Whether the elements' positions in the flattened plane are given too.

    Examples
    --------
    >>> F.{name}(fastnn.ones(1, 1, {', '.join('4' * n)}), 2, 3){'[0]' * name.endswith('s')}.shape
    torch.Size([1, 1, {', '.join('3' * n)}])
    """
        operation("nn")(function)
    return pool


fractional_max_pool2d, fractional_max_pool3d = _declared(2, "images", "H, W"), _declared(3, "volumes", "D, H, W")
