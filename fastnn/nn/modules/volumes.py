"""Layers of volumes beside those that stand with their families' other dimensions."""
from fastnn.nn import functional as F
from fastnn.nn.modules.conv import Conv3d, _ConvTranspose, _LazyConv, _LazyConvTranspose
from fastnn.nn.modules.pooling import AvgPool2d, _AdaptiveMaxPool, _LPPool


class AvgPool3d(AvgPool2d):
    """Average pooling of volumes: the mean of each window.

    Same as torch.nn.AvgPool3d.

    Parameters
    ----------
    kernel_size, stride, padding : int or (depth, rows, columns)
    ceil_mode, count_include_pad, divisor_override
        As in `AvgPool2d`.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output with (OD, OH, OW), each by the formula of `AvgPool1d`.

    Examples
    --------
    >>> nn.AvgPool3d(2)(fastnn.arange(16.0).reshape(1, 4, 2, 2)).flatten()
    tensor([ 3.5000, 11.5000])
    """

    def forward(self, input):
        return F.avg_pool3d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                                  self.count_include_pad, self.divisor_override)


class LPPool3d(_LPPool):
    """Power-average pooling of volumes: (sum of x^p over the window)^(1 / p).

    Same as torch.nn.LPPool3d.

    Parameters
    ----------
    norm_type : float
        p; not 0.
    kernel_size, stride : int or (depth, rows, columns)
    ceil_mode : bool
        As in `LPPool1d`.

    Examples
    --------
    >>> nn.LPPool3d(2, (2, 1, 1))(fastnn.tensor([[[[3.0]], [[4.0]]]]))
    tensor([[[[5.]]]])
    """

    _function = staticmethod(F.lp_pool3d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Max pooling of volumes to a given size; windows by the formula of `AdaptiveMaxPool1d` in each dimension.

    Same as torch.nn.AdaptiveMaxPool3d.

    Parameters
    ----------
    output_size : int or (depth, rows, columns)
        None for a size stands for the input's.
    return_indices : bool
        Whether the result is (values, int64 positions in the flattened volume).

    Examples
    --------
    >>> nn.AdaptiveMaxPool3d((1, 2, 1))(fastnn.arange(8.0).reshape(1, 2, 2, 2)).flatten()
    tensor([5., 7.])
    """

    _function = staticmethod(F.adaptive_max_pool3d)


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution of volumes, the gradient of `Conv3d` as a layer.

    Same as torch.nn.ConvTranspose3d; called as ``layer(input, output_size=None)``.

    Parameters
    ----------
    in_channels, out_channels, groups, bias, padding_mode, device, dtype
        As in `ConvTranspose1d`.
    kernel_size, stride, padding, output_padding, dilation : int or (depth, rows, columns)
        As in `ConvTranspose1d`.

    Shape
    -----
    Input (N, in_channels, D, H, W) or (in_channels, D, H, W), output (N, out_channels, OD, OH, OW) or without N.

    Examples
    --------
    >>> nn.ConvTranspose3d(4, 2, 3, stride=2, padding=1)(fastnn.zeros(1, 4, 4, 4, 4)).shape
    torch.Size([1, 2, 7, 7, 7])
    """

    _spatial = 3
    _function = staticmethod(F.conv_transpose3d)


class LazyConv3d(_LazyConv, Conv3d):
    """A `Conv3d` whose `in_channels` are those of its first input; it becomes a `Conv3d` then.

    Same as torch.nn.LazyConv3d.

    Parameters
    ----------
    out_channels, kernel_size, ...
        As in `Conv3d`.

    Examples
    --------
    >>> nn.LazyConv3d(4, 3)(fastnn.zeros(1, 2, 8, 8, 8)).shape
    torch.Size([1, 4, 6, 6, 6])
    """

    cls_to_become = Conv3d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """A `ConvTranspose3d` whose `in_channels` are those of its first input; it becomes a `ConvTranspose3d` then.

    Same as torch.nn.LazyConvTranspose3d.

    Parameters
    ----------
    out_channels, kernel_size, ...
        As in `ConvTranspose3d`.

    Examples
    --------
    >>> nn.LazyConvTranspose3d(4, 3)(fastnn.zeros(1, 2, 8, 8, 8)).shape
    torch.Size([1, 4, 10, 10, 10])
    """

    cls_to_become = ConvTranspose3d
