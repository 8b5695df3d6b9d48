"""Convolution of volumes, by that of planes."""
from fastnn.errors import ShapeError
from fastnn.ops._common import need_tensors
from fastnn.ops.conv import conv2d
from fastnn.ops.declare import operation
from fastnn.ops.indexing import getitem
from fastnn.ops.padding import pad
from fastnn.ops.pool import triples_of
from fastnn.ops.joining import stack


@operation("fastnn functional")
def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolution of volumes: one of planes, whose channels are the channels of all layers that a window sees.

    ``y[n, o] = bias[o] + sum over c, k, l, m of weight[o, c, k, l, m] x[n, c, d + k, h + l, w + m]`` for stride 1.

    Shape: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kD, kH, kW), bias (O,), result
    (N, O, oD, oH, oW) or without N. Sizes are ints or triples, `padding` also ``"same"`` (with stride 1) or
    ``"valid"``.

    Parameters
    ----------
    input : Tensor
    weight : Tensor
        (o, c / groups, kd, kh, kw)
    bias : Tensor, optional
        (o,)
    stride : int or tuple of ints, default 1
        Steps between windows.
    padding : int, tuple of ints or str, default 0
        Zeros at both borders, or "same" or "valid".
    dilation : int or tuple of ints, default 1
        Steps between the elements of a window.
    groups : int, default 1
        Channels are divided into so many groups.

    Examples
    --------
    >>> F.conv3d(fastnn.ones(1, 2, 3, 3, 3), fastnn.ones(4, 2, 2, 2, 2)).shape
    torch.Size([1, 4, 2, 2, 2])
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
    stride, dilation = triples_of("conv3d", stride=stride, dilation=dilation)
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise RuntimeError(f"Invalid padding string: '{padding}'")
        if padding == "same" and max(stride) > 1:
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:])]
        x = pad(x, [n for total in reversed(totals) for n in (total // 2, total - total // 2)])
        padding = 0, 0, 0
    else:
        padding, = triples_of("conv3d", padding=padding)
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
    extent = (layers - 1) * stride[0] + 1
    slices = [getitem(x, (slice(None), slice(None), slice(k * dilation[0], k * dilation[0] + extent, stride[0])))
              for k in range(taps)]
    planes = stack(slices, 2).permute(0, 3, 1, 2, 4, 5).reshape(batch * layers, channels * taps, height, width)
    flat = weight.reshape(out_channels, -1, *weight.shape[3:])
    y = conv2d(planes, flat, bias, stride[1:], padding[1:], dilation[1:], groups)
    y = y.reshape(batch, layers, *y.shape[1:]).permute(0, 2, 1, 3, 4)
    return y if input.ndim == 5 else y.squeeze(0)
