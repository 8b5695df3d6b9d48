"""Pooling: the largest elements, averages or norms of windows, and averages of adaptive windows.

A row (1d) is a plane of height 1 to the kernels; a volume is pooled by planes, then across them.
"""
import functools

import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors, room
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.resample_tables import frozen, resampled


def _pair(value):
    """One int for both axes, or two."""
    if isinstance(value, (tuple, list)):
        return tuple(value) * 2 if len(value) == 1 else tuple(value)
    return value, value


def _single(name, value):
    """An int, or a sequence with one."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise ShapeError(f"{name} must be a single int, or a tuple of one int, got {value!r}")
        return value[0]
    return value


def _row_sizes(name, **sizes):
    """Sizes for planes of height 1, with `first` along the height."""
    flat = []
    for key, (value, first) in sizes.items():
        if value is not None and not (isinstance(value, (tuple, list)) and not value):
            value = (first, _single(f"{name}: {key}", value))
        else:
            value = None
        flat.append(value)
    return flat


def _row(name, input):
    """A 1d operation's input as planes."""
    need_tensors(name, input)
    if input.ndim not in (2, 3):
        raise ShapeError(f"{name}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but "
                         f"got: {list(input.shape)}")
    return input.detach().numpy()[..., None, :]


def _is_integer(x):
    return x.dtype.kind in "iu"


def _max_backward(grad, index, shape, sizes, row):
    if row:
        return kernels.max_pool_backward(grad[..., None, :], index, shape, *sizes)[..., 0, :]
    return kernels.max_pool_backward(grad, index, shape, *sizes)


MAX_POOL = {name: Op(name, _max_backward, "index shape sizes row") for name in (
    "MaxPool1DBackward0", "MaxPool2DWithIndicesBackward0", "AdaptiveMaxPool2DBackward0")}


def _places(index, plane, sizes):
    """Numbers within the flat plane for those within windows."""
    if index.dtype == np.int64:
        return index
    kernel, stride, padding, dilation = sizes
    kernel, padding, dilation = _pair(kernel), _pair(padding), _pair(dilation)
    stride = kernel if stride is None or stride == () or stride == [] else _pair(stride)
    tap = np.divmod(index.astype(np.int64), kernel[1])
    at = np.indices(index.shape[-2:])
    row, column = (np.clip(at[i] * stride[i] - padding[i] + tap[i] * dilation[i], 0, plane[i] - 1) for i in range(2))
    return row * plane[1] + column


def _max_second(step, g):
    places, whole, own = _places(step.index, step.shape[-2:], step.sizes), step.shape, tuple(g.shape)
    flat = whole[:-2] + (whole[-2] * whole[-1],)
    lines = places.reshape(places.shape[:-2] + (places.shape[-2] * places.shape[-1],))
    return step.linear(g, lambda grad: _max_backward(grad, *step.saved),
                       lambda array: np.take_along_axis(array.reshape(flat), lines, -1).reshape(own),
                       step.inputs()[0], whole[:-2] + whole[-1:] if step.row else whole)


for _op in MAX_POOL.values():
    _op.second(_max_second)


def _max_pool(name, input, x, sizes, ceil_mode, return_indices, row):
    """The output, with flat indices or not; `x` are the input's planes."""
    form = "flat" if return_indices else "taps" if input.requires_grad else None
    if _is_integer(x):  # exact below 2^53
        y, index = kernels.max_pool_forward(x.astype(np.float64), *sizes, ceil_mode, form)
        y = y.astype(x.dtype)
    else:
        y, index = kernels.max_pool_forward(x, *sizes, ceil_mode, form)
    shape, kept = x.shape, index
    if row:
        y, index = y[..., 0, :], None if index is None else index[..., 0, :]
    if not return_indices:
        return record(y, MAX_POOL[name], (input,), (kept, shape, sizes, row))
    places = from_array(index)
    return record(y, MAX_POOL[name], (input,), (kept, shape, sizes, row), (places,)), places


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of a row; NaN where there is one.

    Shape: input (C, L) or (N, C, L), result (..., n), n = floor((L + 2 padding - dilation (kernel_size - 1) - 1) /
    stride) + 1, with `ceil_mode` rounded up. `stride` None is `kernel_size`. With `return_indices` also where
    the largest are, int64.
    """
    x = _row("max_pool1d", input)
    sizes = _row_sizes("max_pool1d", kernel_size=(kernel_size, 1), stride=(stride, 1), padding=(padding, 0),
                       dilation=(dilation, 1))
    return _max_pool("MaxPool1DBackward0", input, x, sizes, ceil_mode, return_indices, True)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of a plane; NaN where there is one.

    Shape: input (C, H, W) or (N, C, H, W), result (..., oH, oW) as for ``max_pool1d``; sizes are ints or pairs. With
    `return_indices` also where in its plane each one is, h * W + w, int64.
    """
    need_tensors("max_pool2d", input)
    return _max_pool("MaxPool2DWithIndicesBackward0", input, input.detach().numpy(),
                     (kernel_size, stride, padding, dilation), ceil_mode, return_indices, False)


def max_pool1d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                            return_indices=False):
    """``max_pool1d`` with `return_indices`."""
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                            return_indices=False):
    """``max_pool2d`` with `return_indices`."""
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def _avg_backward(grad, shape, kernel_size, stride, padding, count_include_pad, divisor, row):
    options = kernel_size, stride, padding, count_include_pad, divisor
    if row:
        return kernels.avg_pool_backward(grad[..., None, :], shape, *options)[..., 0, :]
    return kernels.avg_pool_backward(grad, shape, *options)


AVG_POOL1D, AVG_POOL2D = (Op(f"AvgPool{dims}DBackward0", _avg_backward, "shape kernel_size stride padding "
                             "count_include_pad divisor row") for dims in (1, 2))


@AVG_POOL1D.second
@AVG_POOL2D.second
def _avg_second(step, g):
    shape, row, own = step.shape, step.row, tuple(g.shape)

    def forward(array):
        planes = array[..., None, :] if row else array
        for ceil_mode in (False, True):
            y = kernels.avg_pool_forward(planes, step.kernel_size, step.stride, step.padding, ceil_mode,
                                         step.count_include_pad, step.divisor)
            y = y[..., 0, :] if row else y
            if y.shape == own:
                return y
    return step.linear(g, lambda grad: _avg_backward(grad, *step.saved), forward, step.inputs()[0],
                       shape[:-2] + shape[-1:] if row else shape)


def _average(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    windows = kernel_size, stride, padding, ceil_mode, count_include_pad
    if not _is_integer(x):
        return kernels.avg_pool_forward(x, *windows, divisor_override)
    ones = np.ones((1, 1, *x.shape[-2:]))  # integers are divided as integers
    divisor = kernels.avg_pool_forward(ones, *windows, 1) / kernels.avg_pool_forward(ones, *windows, divisor_override)
    total = kernels.avg_pool_forward(x.astype(np.float64), *windows, 1)
    return np.trunc(total / np.rint(divisor.reshape(divisor.shape[-2:]))).astype(x.dtype)


@operation("functional")
def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The average of each window of a row; zeros of the padding count unless `count_include_pad` is False.

    Shape: as ``max_pool1d``.
    """
    x = _row("avg_pool1d", input)
    sizes = _row_sizes("avg_pool1d", kernel_size=(kernel_size, 1), stride=(stride, 1), padding=(padding, 0))
    y = _average(x, *sizes, ceil_mode, count_include_pad, None)
    return record(y[..., 0, :], AVG_POOL1D, (input,), (x.shape, *sizes, count_include_pad, None, True))


@operation("functional")
def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The average of each window of a plane; `divisor_override` divides the sums instead of the elements' number.

    Shape: as ``max_pool2d``.
    """
    need_tensors("avg_pool2d", input)
    x = input.detach().numpy()
    y = _average(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return record(y, AVG_POOL2D, (input,),
                  (x.shape, kernel_size, stride, padding, count_include_pad, divisor_override, False))


def _lp_pool(name, pool, max_pool, input, norm_type, kernel_size, stride, ceil_mode, elements):
    need_tensors(name, input)
    if norm_type == float("inf"):
        return max_pool(input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    if norm_type == -float("inf"):
        return -max_pool(-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    mean = pool(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (mean.sign() * mean.abs().relu()).mul(elements).pow(1.0 / norm_type)


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of x^p over each window)^(1/p), p = `norm_type`; a sum below 0 counts as PyTorch's does.

    Shape: as ``max_pool1d`` without padding.
    """
    return _lp_pool("lp_pool1d", avg_pool1d, max_pool1d, input, norm_type, kernel_size, stride, ceil_mode,
                    _single("lp_pool1d: kernel_size", kernel_size))


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """``lp_pool1d`` over windows of planes."""
    height, width = _pair(kernel_size)
    return _lp_pool("lp_pool2d", avg_pool2d, max_pool2d, input, norm_type, kernel_size, stride, ceil_mode,
                    height * width)


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
    places = from_array(index)
    out = record(y, MAX_POOL[name], (input,), (kept, x.shape, (), row), (places,))
    return (out, places) if return_indices else out


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The largest elements of `output_size` windows that cover a row evenly.

    Shape: input (C, L) or (N, C, L), result (..., output_size).
    """
    need_tensors("adaptive_max_pool1d", input)
    size = _with_default("adaptive_max_pool1d", output_size, input.shape, 1)
    return _adaptive_max("AdaptiveMaxPool2DBackward0", input, _row("adaptive_max_pool1d", input), (1, *size),
                         return_indices, True)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """The largest elements of windows that cover a plane evenly; None in `output_size` keeps the input's.

    Shape: input (C, H, W) or (N, C, H, W), result (..., *output_size).
    """
    need_tensors("adaptive_max_pool2d", input)
    size = _with_default("adaptive_max_pool2d", output_size, input.shape, 2)
    return _adaptive_max("AdaptiveMaxPool2DBackward0", input, input.detach().numpy(), size, return_indices, False)


def _unpool_size(name, shape, kernel, stride, padding, output_size):
    usual = [(n - 1) * s + k - 2 * p for n, k, s, p in zip(shape[-len(kernel):], kernel, stride, padding)]
    if output_size is None:
        size = usual
    else:
        size = list(output_size)
        if len(size) == len(kernel) + 2:
            size = size[2:]
        if len(size) != len(kernel):
            raise ValueError(f"{name}: output_size should be a sequence containing {len(kernel)} or {len(kernel) + 2} "
                             f"elements, but it has a length of '{len(size)}'")
        for d, (n, s) in enumerate(zip(usual, stride)):
            if not n - s < size[d] < n + s:
                raise ValueError(f'{name}: invalid output_size "{size}" (dim {d} must be between {n - s} and {n + s})')
    if min(size) < 0:
        raise ShapeError(f"{name}: expected an output_size of at least 0, got {size}")
    return tuple(size)


def _unpool_backward(grad, shape, places, result):
    n = len(places)
    if not n or 0 in shape:
        return np.zeros(shape, grad.dtype)
    return np.take_along_axis(grad.reshape(n, -1), places, 1).reshape(shape)


UNPOOL = Op("MaxUnpool2DBackward0", _unpool_backward, "shape places result")


@UNPOOL.linear
def _unpooled(x, shape, places, result):
    """Of several at one place the last one counts."""
    y, n = np.zeros(result, x.dtype), len(places)
    if n:
        np.put_along_axis(y.reshape(n, -1), places, x.reshape(n, -1), 1)
    return y


def _unpool(name, input, indices, size, dims):
    """Zeros with the input's numbers at their indices, of which the last one counts; by NumPy."""
    need_tensors(name, input, indices)
    if indices.numpy().dtype != np.int64:
        raise RuntimeError(f"{name}: elements in indices should be type int64 but got: {indices.dtype}")
    x, shape, count = input.detach().numpy(), tuple(input.shape), len(dims)
    if input.shape != indices.shape:
        raise ShapeError(f"{name}: Expected shape of indices to be same as that of the input tensor ({list(shape)}) "
                         f"but got indices tensor with shape: {list(indices.shape)}")
    if len(shape) not in (count + 1, count + 2) or 0 in shape[1:]:
        raise ShapeError(f"{name}: Input to {name} should be a {count + 1}d or {count + 2}d Tensor with non-zero "
                         f"dimensions, but got {list(shape)}")
    room(name, (*shape[:-count], *size), x.itemsize)
    n, total = int(np.prod(shape[:-count])), int(np.prod(size))
    places = indices.numpy().reshape(n, -1) if n else np.zeros((0, 1), np.int64)
    if places.size and (places.min() < 0 or places.max() >= total):
        raise ShapeError(f"{name}: Found an invalid max index: expected 0 to {total - 1} (output volumes are of size "
                         f"{'x'.join(map(str, size))}), got {places.min()} to {places.max()}")
    saved = shape, places, shape[:-count] + size
    return record(_unpooled(x, *saved), UNPOOL, (input,), saved, (indices,))


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros, and the input's elements where ``max_pool1d`` found them.

    Shape: input and indices (C, L) or (N, C, L), result (..., (L - 1) stride - 2 padding + kernel_size) or as
    `output_size` says, which may differ by less than a stride.
    """
    kernel, padding = (_single("max_unpool1d: kernel_size", kernel_size),), (_single("max_unpool1d: padding", padding),)
    stride = kernel if stride is None else (_single("max_unpool1d: stride", stride),)
    need_tensors("max_unpool1d", input, indices)
    size = _unpool_size("max_unpool1d", tuple(input.shape), kernel, stride, padding, output_size)
    return _unpool("max_unpool1d", input, indices, size, kernel)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros, and the input's elements where ``max_pool2d`` found them; shapes as for ``max_unpool1d``."""
    kernel, padding = _pair(kernel_size), _pair(padding)
    stride = kernel if stride is None else _pair(stride)
    need_tensors("max_unpool2d", input, indices)
    size = _unpool_size("max_unpool2d", tuple(input.shape), kernel, stride, padding, output_size)
    return _unpool("max_unpool2d", input, indices, size, kernel)


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
    """
    return _adaptive_avg("adaptive_avg_pool1d", input, output_size, 1)


def adaptive_avg_pool2d(input, output_size):
    """Averages of windows that cover a plane evenly; None in `output_size` keeps the input's.

    Shape: input (C, H, W) or (N, C, H, W), result (..., *output_size).
    """
    return _adaptive_avg("adaptive_avg_pool2d", input, output_size, 2)


def adaptive_avg_pool3d(input, output_size):
    """Averages of windows that cover a volume evenly; None in `output_size` keeps the input's.

    Shape: input (C, D, H, W) or (N, C, D, H, W), result (..., *output_size).
    """
    return _adaptive_avg("adaptive_avg_pool3d", input, output_size, 3)


def _triple(value):
    """An int for all axes, or three."""
    if isinstance(value, (tuple, list)):
        return tuple(value) * 3 if len(value) == 1 else tuple(value)
    return value, value, value


def triples_of(name, **sizes):
    found = {key: _triple(value) for key, value in sizes.items()}
    for key, value in found.items():
        if len(value) != 3:
            raise ShapeError(f"{name}: {key} must either be a single int, or a tuple of three ints, got {sizes[key]!r}")
    return found.values()


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of a volume; NaN where there is one.

    Shape: input (C, D, H, W) or (N, C, D, H, W), result (..., oD, oH, oW), sizes as for ``max_pool1d``; ints or
    triples. With `return_indices` also where in its volume each one is, (d * H + h) * W + w, int64.
    """
    need_tensors("max_pool3d", input)
    if input.ndim not in (4, 5) or 0 in input.shape[1:]:
        raise ShapeError(f"max_pool3d: Expected 4D or 5D (batch mode) tensor with optional 0 dim batch size for input, "
                         f"but got: {list(input.shape)}")
    stride = kernel_size if stride is None or isinstance(stride, (tuple, list)) and not stride else stride
    kernel, stride, padding, dilation = triples_of("max_pool3d", kernel_size=kernel_size, stride=stride,
                                                   padding=padding, dilation=dilation)
    *batch, depth, height, width = input.shape
    planes = input.reshape(-1, depth, height, width)
    y, places = max_pool2d(planes, kernel[1:], stride[1:], padding[1:], dilation[1:], ceil_mode, True)
    _, _, rows, columns = y.shape
    y, layers = max_pool2d(y.reshape(-1, 1, depth, rows * columns), (kernel[0], 1), (stride[0], 1), (padding[0], 0),
                           (dilation[0], 1), ceil_mode, True)
    shape = (*batch, y.shape[2], rows, columns)
    y = y.reshape(shape)
    if not return_indices:
        return y
    # A chosen number among (depth, rows * columns) names its layer; there stands where it came from in the plane.
    chosen = layers.reshape(len(planes), -1)
    plane = places.reshape(len(planes), -1).gather(1, chosen)
    layer = chosen.div(rows * columns, rounding_mode="floor")
    return y, (layer * (height * width) + plane).reshape(shape)


def max_pool3d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                            return_indices=False):
    """``max_pool3d`` with `return_indices`."""
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros, and the input's elements where ``max_pool3d`` found them; shapes as for ``max_unpool1d``."""
    kernel, padding = triples_of("max_unpool3d", kernel_size=kernel_size, padding=padding)
    stride = kernel if stride is None else _triple(stride)
    need_tensors("max_unpool3d", input, indices)
    size = _unpool_size("max_unpool3d", tuple(input.shape), kernel, stride, padding, output_size)
    return _unpool("max_unpool3d", input, indices, size, kernel)
