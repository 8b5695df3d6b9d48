"""Convolution and pooling of volumes, by those of planes."""
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors
from fastnn.ops.conv import conv2d
from fastnn.ops.indexing import getitem
from fastnn.ops.pool import _unpool, _unpool_size, max_pool2d
from fastnn.ops.rearrange import pad
from fastnn.ops.shape import stack


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


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolution of volumes: one of planes, whose channels are the channels of all layers that a window sees.

    ``y[n, o] = bias[o] + sum over c, k, l, m of weight[o, c, k, l, m] x[n, c, d + k, h + l, w + m]`` for stride 1.

    Shape: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kD, kH, kW), bias (O,), result
    (N, O, oD, oH, oW) or without N. Sizes are ints or triples, `padding` also ``"same"`` (with stride 1) or
    ``"valid"``.
    """
    need_tensors("conv3d", input, weight)
    if weight.ndim != 5:
        raise ShapeError(f"conv3d: expected a weight of 5 dimensions (O, C / groups, kD, kH, kW), got "
                         f"{tuple(weight.shape)}")
    if input.ndim not in (4, 5):
        raise ShapeError(f"Expected 4D (unbatched) or 5D (batched) input to conv3d, but got input of size: "
                         f"{list(input.shape)}")
    if groups < 1 or weight.shape[0] % groups:
        raise ShapeError(f"conv3d: expected groups that divide the {weight.shape[0]} output channels, got {groups}")
    x = input if input.ndim == 5 else input.unsqueeze(0)
    if x.shape[1] != weight.shape[1] * groups:
        raise ShapeError(f"Given groups={groups}, weight of size {list(weight.shape)}, expected input"
                         f"{list(input.shape)} to have {weight.shape[1] * groups} channels, but got {x.shape[1]} "
                         f"channels instead")
    stride, dilation = _triples("conv3d", stride=stride, dilation=dilation)
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise RuntimeError(f"Invalid padding string: '{padding}'")
        if padding == "same" and max(stride) > 1:
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:])]
        x = pad(x, [n for total in reversed(totals) for n in (total // 2, total - total // 2)])
        padding = 0, 0, 0
    else:
        padding, = _triples("conv3d", padding=padding)
        if min(padding) < 0:
            raise RuntimeError("negative padding is not supported")
        if padding[0]:
            x = pad(x, [0, 0, 0, 0, padding[0], padding[0]])
    if min(*stride, *dilation) < 1:
        raise RuntimeError(f"conv3d: expected stride and dilation above 0, got {stride} and {dilation}")
    batch, channels, depth, height, width = x.shape
    out_channels, _, taps = weight.shape[:3]
    layers = (depth - dilation[0] * (taps - 1) - 1) // stride[0] + 1
    if layers < 1:
        raise ShapeError(f"Calculated padded input size per channel: {[depth, height, width]}. Kernel size: "
                         f"{list(weight.shape[2:])}. Kernel size can't be greater than actual input size")
    seen = [getitem(x, (slice(None), slice(None), slice(k * dilation[0], k * dilation[0] + (layers - 1) * stride[0] + 1,
                                                        stride[0]))) for k in range(taps)]
    planes = stack(seen, 2).permute(0, 3, 1, 2, 4, 5).reshape(batch * layers, channels * taps, height, width)
    flat = weight.reshape(out_channels, -1, *weight.shape[3:])
    y = conv2d(planes, flat, bias, stride[1:], padding[1:], dilation[1:], groups)
    y = y.reshape(batch, layers, *y.shape[1:]).permute(0, 2, 1, 3, 4)
    return y if input.ndim == 5 else y.squeeze(0)
