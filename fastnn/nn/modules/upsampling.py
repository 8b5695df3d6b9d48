"""Resampling, windows as columns, and pixel shuffles as modules."""
from fastnn.nn.modules.module import Module
from fastnn.ops import resample


class _AdaptiveAvgPool(Module):
    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return self._function(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Average pooling of rows of L elements to n windows; window i is x[floor(i L / n)] to x[ceil((i + 1) L / n) - 1].

    Same as torch.nn.AdaptiveAvgPool1d.

    Parameters
    ----------
    output_size : int
        n.

    Shape
    -----
    Input (N, C, L) or (C, L), output (N, C, n) or (C, n).

    Examples
    --------
    >>> nn.AdaptiveAvgPool1d(2)(fastnn.tensor([[1.0, 3.0, 2.0, 5.0, 4.0]]))
    tensor([[2.0000, 3.6667]])
    """

    _function = staticmethod(resample.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Average pooling of images to a given size; windows by the formula of `AdaptiveAvgPool1d` in both dimensions.

    Same as torch.nn.AdaptiveAvgPool2d. ``AdaptiveAvgPool2d(1)`` is global average pooling.

    Parameters
    ----------
    output_size : int or (rows, columns)
        None for a size stands for the input's.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W), output with `output_size` as its last sizes.

    Examples
    --------
    >>> nn.AdaptiveAvgPool2d(1)(fastnn.arange(6.0).reshape(1, 2, 3))
    tensor([[[2.5000]]])
    """

    _function = staticmethod(resample.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Average pooling of volumes to a given size; windows by the formula of `AdaptiveAvgPool1d` in each dimension.

    Same as torch.nn.AdaptiveAvgPool3d.

    Parameters
    ----------
    output_size : int or (depth, rows, columns)
        None for a size stands for the input's.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W), output with `output_size` as its last sizes.

    Examples
    --------
    >>> nn.AdaptiveAvgPool3d((2, 1, 1))(fastnn.arange(8.0).reshape(1, 2, 2, 2)).flatten()
    tensor([1.5000, 5.5000])
    """

    _function = staticmethod(resample.adaptive_avg_pool3d)


class Upsample(Module):
    """Resampling of rows, images or volumes to another size; `functional.interpolate` as a module.

    Same as torch.nn.Upsample.

    Parameters
    ----------
    size : int or tuple of int, optional
        The new size; give this or `scale_factor`.
    scale_factor : float or tuple of float, optional
        New size = floor(old size * factor).
    mode : {"nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact"}
    align_corners : bool, optional
        For the modes "linear" to "trilinear": whether the centres of the first and last elements coincide (True) or
        their outer edges (False, the default).
    recompute_scale_factor : bool, optional
        Whether positions are computed from the rounded sizes instead of the given factors.

    Shape
    -----
    Input (N, C, L), (N, C, H, W) or (N, C, D, H, W); output with the new sizes as its last ones.

    Examples
    --------
    >>> nn.Upsample(scale_factor=2, mode="linear", align_corners=True)(fastnn.tensor([[[0.0, 3.0]]]))
    tensor([[[0., 1., 2., 3.]]])
    """

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input):
        return resample.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                                    self.recompute_scale_factor)

    def extra_repr(self):
        size = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images of another size, each element the nearest one of the input: `Upsample` with mode="nearest".

    Same as torch.nn.UpsamplingNearest2d.

    Parameters
    ----------
    size : int or (rows, columns), optional
    scale_factor : float or (rows, columns), optional
        One of the two; as in `Upsample`.

    Shape
    -----
    Input (N, C, H, W), output (N, C, OH, OW).

    Examples
    --------
    >>> nn.UpsamplingNearest2d(scale_factor=2)(fastnn.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Images of another size by linear interpolation: `Upsample` with mode="bilinear" and align_corners=True.

    Same as torch.nn.UpsamplingBilinear2d.

    Parameters
    ----------
    size : int or (rows, columns), optional
    scale_factor : float or (rows, columns), optional
        One of the two; as in `Upsample`.

    Shape
    -----
    Input (N, C, H, W), output (N, C, OH, OW).

    Examples
    --------
    >>> nn.UpsamplingBilinear2d(size=(1, 4))(fastnn.tensor([[[[0.0, 3.0]]]]))
    tensor([[[[0., 1., 2., 3.]]]])
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class Unfold(Module):
    """Windows of images as columns (im2col).

    Same as torch.nn.Unfold.

    Parameters
    ----------
    kernel_size, dilation, padding, stride : int or (rows, columns)
        As in `Conv2d`.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W), output (N, C * kernel elements, windows) or without N; windows are ordered by rows.

    Examples
    --------
    >>> nn.Unfold(2)(fastnn.arange(6.0).reshape(1, 2, 3))
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input):
        return resample.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")


class Fold(Module):
    """Columns of windows back to images, summed where windows overlap (col2im): the transpose of `Unfold`.

    Same as torch.nn.Fold.

    Parameters
    ----------
    output_size : int or (rows, columns)
        Size of the images.
    kernel_size, dilation, padding, stride : int or (rows, columns)
        As in `Unfold`.

    Shape
    -----
    Input (N, C * kernel elements, windows), output (N, C, *output_size), both perhaps without N.

    Examples
    --------
    >>> nn.Fold((2, 3), 2)(nn.Unfold(2)(fastnn.ones(1, 2, 3)))
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input):
        return resample.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
                f"padding={self.padding}, stride={self.stride}")


class PixelShuffle(Module):
    """Channels to pixels, with r the upscale factor (Shi et al. 2016).

    Same as torch.nn.PixelShuffle.

    Parameters
    ----------
    upscale_factor : int
        r.

    Shape
    -----
    Input (*, C r^2, H, W), output (*, C, H r, W r).

    Examples
    --------
    >>> nn.PixelShuffle(2)(fastnn.arange(4).reshape(4, 1, 1))
    tensor([[[0, 1],
             [2, 3]]])
    """

    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input):
        return resample.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels to channels, the inverse of `PixelShuffle`.

    Same as torch.nn.PixelUnshuffle.

    Parameters
    ----------
    downscale_factor : int
        r.

    Shape
    -----
    Input (*, C, H r, W r), output (*, C r^2, H, W).

    Examples
    --------
    >>> nn.PixelUnshuffle(2)(fastnn.arange(4).reshape(1, 2, 2)).flatten()
    tensor([0, 1, 2, 3])
    """

    def __init__(self, downscale_factor):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input):
        return resample.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self):
        return f"downscale_factor={self.downscale_factor}"
