"""Convolution, pooling, and rearranging of images."""
from fastnn.keras import config
from fastnn.keras.layers import conv as _conv
from fastnn.keras.layers.conv_kinds import transposed
from fastnn.keras.layers.pooling import (AveragePooling1D, AveragePooling2D, AveragePooling3D, MaxPooling1D,
                                         MaxPooling2D, MaxPooling3D)
from fastnn.keras.layers.volumes import ADAPTIVE_AVERAGES, ADAPTIVE_MAXIMA, CONVOLUTIONS
from fastnn.keras.ops.common import floating, tensor
from fastnn.keras.symbolic import operation
from fastnn.nn import functional as F


def _images(inputs, data_format):
    """(channels-first inputs, whether they were channels-last)"""
    last = config.standardize_data_format(data_format) == "channels_last"
    x = floating(inputs)
    return (_conv.to_channels_first(x) if last else x), last


def _back(y, last):
    return _conv.to_channels_last(y) if last else y


def _tuple(value, n):
    return (value,) * n if isinstance(value, int) else tuple(value)


@operation
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution (cross-correlation, as is usual in networks).

    Parameters
    ----------
    inputs : tensor (batch, ..., channels)
    kernel : tensor (..., channels / groups, filters)
    strides : int or tuple of int
    padding : {"valid", "same", "causal"}
        "causal" for one dimension.
    data_format : {"channels_last", "channels_first"}, optional
    dilation_rate : int or tuple of int

    Returns
    -------
    Tensor (batch, ..., filters)

    Examples
    --------
    >>> keras.ops.conv(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))).shape
    torch.Size([1, 3, 3, 4])
    """
    x, last = _images(inputs, data_format)
    kernel = floating(kernel).to(x.dtype)
    rank = x.ndim - 2
    strides, dilation = _tuple(strides, rank), _tuple(dilation_rate, rank)
    groups = x.shape[1] // kernel.shape[-2]
    x, own = _conv.padded(x, tuple(kernel.shape[:rank]), strides, padding, dilation)
    y = CONVOLUTIONS[rank](x, kernel.permute(rank + 1, rank, *range(rank)), None, strides, own, dilation, groups)
    return _back(y, last)


_conv.BaseConv._conv = staticmethod(conv)


@operation
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of each channel with kernels of its own.

    Parameters
    ----------
    inputs : tensor (batch, ..., channels)
    kernel : tensor (..., channels, multiplier)
    strides : int or tuple of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional
    dilation_rate : int or tuple of int

    Returns
    -------
    Tensor (batch, ..., channels * multiplier)

    Examples
    --------
    >>> keras.ops.depthwise_conv(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 3))).shape
    torch.Size([1, 3, 3, 6])
    """
    kernel = floating(kernel)
    shape = kernel.shape
    return conv(inputs, kernel.reshape(*shape[:-2], 1, shape[-2] * shape[-1]), strides, padding, data_format,
                dilation_rate)


@operation
def separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None,
                   dilation_rate=1):
    """`depthwise_conv`, then a convolution of size 1 across channels.

    Parameters
    ----------
    inputs : tensor (batch, ..., channels)
    depthwise_kernel : tensor (..., channels, multiplier)
    pointwise_kernel : tensor (1, ..., channels * multiplier, filters)
    strides : int or tuple of int
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional
    dilation_rate : int or tuple of int

    Returns
    -------
    Tensor (batch, ..., filters)

    Examples
    --------
    >>> keras.ops.separable_conv(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 3)), np.ones((1, 1, 6, 4))).shape
    torch.Size([1, 3, 3, 4])
    """
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, 1, "valid", data_format)


@operation
def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1):
    """Transposed convolution: the gradient of `conv` with respect to its inputs.

    Parameters
    ----------
    inputs : tensor (batch, ..., channels)
    kernel : tensor (..., filters, channels)
    strides : int or tuple of int
    padding : {"valid", "same"}
    output_padding : int or tuple of int, optional
        Extra positions at the end.
    data_format : {"channels_last", "channels_first"}, optional
    dilation_rate : int or tuple of int

    Returns
    -------
    Tensor (batch, ..., filters)

    Examples
    --------
    >>> keras.ops.conv_transpose(np.ones((1, 4, 2)), np.ones((3, 5, 2)), strides=2).shape
    torch.Size([1, 9, 5])
    """
    x, last = _images(inputs, data_format)
    kernel = floating(kernel).to(x.dtype)
    rank = x.ndim - 2
    strides, dilation = _tuple(strides, rank), _tuple(dilation_rate, rank)
    extra = None if output_padding is None else _tuple(output_padding, rank)
    return _back(transposed(x, kernel, None, strides, padding, extra, dilation), last)


@operation
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """Largest value of each window.

    Parameters
    ----------
    inputs : tensor (batch, ..., channels)
    pool_size : int or tuple of int
    strides : int or tuple of int, optional
        `pool_size` without it.
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.max_pool(np.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([1., 3.], dtype=torch.float64)
    """
    x = tensor(inputs)
    return {3: MaxPooling1D, 4: MaxPooling2D, 5: MaxPooling3D}[x.ndim](pool_size, strides, padding, data_format).call(x)


@operation
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """Mean of each window; padding does not count.

    Parameters
    ----------
    inputs, pool_size, strides, padding, data_format
        As in `max_pool`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.average_pool(np.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0.5000, 2.5000], dtype=torch.float64)
    """
    x = floating(inputs)
    pooling = {3: AveragePooling1D, 4: AveragePooling2D, 5: AveragePooling3D}[x.ndim]
    return pooling(pool_size, strides, padding, data_format).call(x)


@operation
def adaptive_average_pool(inputs, output_size, data_format=None):
    """Means of windows that cover the inputs, `output_size` along each axis.

    Parameters
    ----------
    inputs : tensor (batch, ..., channels)
    output_size : int or tuple of int
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.adaptive_average_pool(np.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0.5000, 2.5000], dtype=torch.float64)
    """
    x, last = _images(inputs, data_format)
    return _back(ADAPTIVE_AVERAGES[x.ndim - 2](x, output_size), last)


@operation
def adaptive_max_pool(inputs, output_size, data_format=None):
    """Largest values of windows that cover the inputs, `output_size` along each axis.

    Parameters
    ----------
    inputs, output_size, data_format
        As in `adaptive_average_pool`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.adaptive_max_pool(np.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([1., 3.], dtype=torch.float64)
    """
    x, last = _images(inputs, data_format)
    return _back(ADAPTIVE_MAXIMA[x.ndim - 2](x, output_size), last)


@operation
def depth_to_space(x, block_size, data_format="channels_last"):
    """Rearranges channels into blocks of pixels: (n, h, w, c) -> (n, h * b, w * b, c / b**2).

    Parameters
    ----------
    x : tensor of images
    block_size : int
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.depth_to_space(np.arange(4.0).reshape(1, 1, 1, 4), 2).squeeze()
    tensor([[0., 1.],
            [2., 3.]], dtype=torch.float64)
    """
    x, last = _images(x, data_format)
    n, c, h, w = x.shape
    b = block_size
    if last:
        y = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    return _back(y.reshape(n, c // (b * b), h * b, w * b), last)


@operation
def space_to_depth(x, block_size, data_format="channels_last"):
    """Rearranges blocks of pixels into channels: the inverse of `depth_to_space`.

    Parameters
    ----------
    x : tensor of images
    block_size : int
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.space_to_depth(np.arange(4.0).reshape(1, 2, 2, 1), 2).flatten()
    tensor([0., 1., 2., 3.], dtype=torch.float64)
    """
    x, last = _images(x, data_format)
    n, c, h, w = x.shape
    b = block_size
    y = x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4)
    return _back(y.reshape(n, c * b * b, h // b, w // b), last)


@operation
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Windows of images as columns.

    Parameters
    ----------
    x : tensor (batch, channels, height, width)
    kernel_size, dilation, padding, stride : int or pair of int

    Returns
    -------
    Tensor (batch, channels * kernel elements, windows)

    Examples
    --------
    >>> keras.ops.unfold(np.ones((1, 2, 4, 4)), 3).shape
    torch.Size([1, 18, 4])
    """
    return F.unfold(tensor(x), kernel_size, dilation, padding, stride)


@operation
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Sums of the columns of `unfold` as images.

    Parameters
    ----------
    x : tensor (batch, channels * kernel elements, windows)
    output_size : pair of int
    kernel_size, dilation, padding, stride : int or pair of int

    Returns
    -------
    Tensor (batch, channels, height, width)

    Examples
    --------
    >>> keras.ops.fold(np.ones((1, 18, 4)), (4, 4), 3).shape
    torch.Size([1, 2, 4, 4])
    """
    return F.fold(tensor(x), output_size, kernel_size, dilation, padding, stride)
