"""Convolution and pooling of volumes (batch, channels, depth, height, width), of the engine's operations on images, and
the tables of functions by the number of dimensions."""
from fastnn.nn import functional as F


def _triple(value):
    return (value,) * 3 if isinstance(value, int) else tuple(value)


def conv_transpose3d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Transposed convolution with a weight (channels, filters, depth, height, width); no padding, one group.

    A transposed convolution of images for all slices of the weight at once; what they give is added up along the depth.
    """
    stride, dilation = _triple(stride), _triple(dilation)
    channels, filters, taps, *size = weight.shape
    n, _, depth, height, width = x.shape
    images = x.transpose(1, 2).reshape(n * depth, channels, height, width)
    y = F.conv_transpose2d(images, weight.reshape(channels, filters * taps, *size), None, stride[1:], 0, 0, 1,
                           dilation[1:])
    y = y.reshape(n, depth, filters, taps, *y.shape[2:]).permute(3, 0, 2, 1, 4, 5)
    last, total = (depth - 1) * stride[0], 0
    for tap, part in enumerate(y.unbind(0)):
        if stride[0] > 1:  # zeros between the slices
            part = F.pad(part.unsqueeze(3), (0, 0, 0, 0, 0, stride[0] - 1))
            part = part.reshape(n, filters, -1, *part.shape[4:]).narrow(2, 0, last + 1)
        total = total + F.pad(part, (0, 0, 0, 0, tap * dilation[0], (taps - 1 - tap) * dilation[0]))
    return total if bias is None else total + bias.reshape(-1, 1, 1, 1)


def avg_pool3d(x, size, stride):
    """The mean of each window: of its planes first, then along the depth."""
    size, stride = _triple(size), _triple(stride)
    n, channels, depth, height, width = x.shape
    y = F.avg_pool2d(x.reshape(n, channels * depth, height, width), size[1:], stride[1:])
    height, width = y.shape[2:]
    y = F.avg_pool2d(y.reshape(n, channels, depth, height * width), (size[0], 1), (stride[0], 1))
    return y.reshape(n, channels, y.shape[2], height, width)


def adaptive_max_pool3d(x, output_size):
    """The largest value of each of as many windows as asked for."""
    depth, height, width = _triple(output_size)
    n, channels, before = x.shape[:3]
    y = F.adaptive_max_pool2d(x.reshape(n, channels * before, *x.shape[3:]), (height, width))
    y = F.adaptive_max_pool2d(y.reshape(n, channels, before, height * width), (depth, height * width))
    return y.reshape(n, channels, depth, height, width)


# By the number of dimensions.
CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: conv_transpose3d}
MAX_POOLS, AVERAGE_POOLS = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}, {1: F.avg_pool1d, 2: F.avg_pool2d,
                                                                               3: avg_pool3d}
ADAPTIVE_AVERAGES = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAXIMA = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: adaptive_max_pool3d}
