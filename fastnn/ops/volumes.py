"""Pooling of volumes: planes first, then what is left of the depth."""
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors
from fastnn.ops.pool import _unpool, _unpool_size, max_pool2d


def _triple(value):
    """An int for all axes, or three."""
    if isinstance(value, (tuple, list)):
        return tuple(value) * 3 if len(value) == 1 else tuple(value)
    return value, value, value


def _triples(name, **sizes):
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
    kernel, stride, padding, dilation = _triples("max_pool3d", kernel_size=kernel_size, stride=stride, padding=padding,
                                                 dilation=dilation)
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
    kernel, padding = _triples("max_unpool3d", kernel_size=kernel_size, padding=padding)
    stride = kernel if stride is None else _triple(stride)
    need_tensors("max_unpool3d", input, indices)
    size = _unpool_size("max_unpool3d", tuple(input.shape), kernel, stride, padding, output_size)
    return _unpool("max_unpool3d", input, indices, size, kernel)
