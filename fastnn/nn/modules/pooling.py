"""Pooling as modules."""
from fastnn.nn import functional as F
from fastnn.nn.modules.module import Module, Planned


def _pair(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _triple(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value, value)


def _single(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


class _MaxPool(Planned):
    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride if stride is not None else kernel_size
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input):
        return self._function(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                              self.return_indices)

    def commutes(self):
        """Whether a growing function is better applied after it: to fewer elements, no window being all padding."""
        return not self.return_indices and max(_single(self.dilation)) == 1 and min(_single(self.stride)) > 1

    def extra_repr(self):
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(_MaxPool):
    """Max pooling of rows: the largest element of each window, y[i] = max over k of x[i * stride + k * dilation].

    Same as torch.nn.MaxPool1d.

    Parameters
    ----------
    kernel_size : int
        Elements of a window.
    stride : int, optional
        Step from window to window; default `kernel_size`.
    padding : int
        Elements of minus infinity on both sides, at most half the kernel; default 0.
    dilation : int
        Step within a window; default 1.
    return_indices : bool
        Whether the result is (values, int64 positions in the row), which `MaxUnpool1d` takes.
    ceil_mode : bool
        Whether the number of windows is rounded up, the last one reaching over the end.

    Shape
    -----
    Input (N, C, L) or (C, L), output (N, C, out) or (C, out),
    out = (L + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1.

    Examples
    --------
    >>> nn.MaxPool1d(2)(fastnn.tensor([[1.0, 3.0, 2.0, 5.0, 4.0]]))
    tensor([[3., 5.]])
    >>> nn.MaxPool1d(2, return_indices=True)(fastnn.tensor([[1.0, 3.0, 2.0, 5.0, 4.0]]))
    (tensor([[3., 5.]]), tensor([[1, 3]]))
    """

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """Max pooling of images: the largest element of each window.

    Same as torch.nn.MaxPool2d.

    Parameters
    ----------
    kernel_size, stride, padding, dilation : int or (rows, columns)
    return_indices, ceil_mode : bool
        As in `MaxPool1d`; indices count in the flattened image.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output with (OH, OW), each by the formula of `MaxPool1d`.

    Examples
    --------
    >>> nn.MaxPool2d(2)(fastnn.arange(16.0).reshape(1, 4, 4))
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """

    _function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """Max pooling of volumes: the largest element of each window.

    Same as torch.nn.MaxPool3d.

    Parameters
    ----------
    kernel_size, stride, padding, dilation : int or (depth, rows, columns)
    return_indices, ceil_mode : bool
        As in `MaxPool1d`; indices count in the flattened volume.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output with (OD, OH, OW), each by the formula of `MaxPool1d`.

    Examples
    --------
    >>> nn.MaxPool3d(2)(fastnn.arange(16.0).reshape(1, 4, 2, 2)).flatten()
    tensor([ 7., 15.])
    """

    _function = staticmethod(F.max_pool3d)

    def commutes(self):
        return False


class _MaxUnpool(Module):
    def forward(self, input, indices, output_size=None):
        return self._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Inverse of `MaxPool1d`: each element at the position that it was taken from, 0 elsewhere.

    Same as torch.nn.MaxUnpool1d; called as ``unpool(input, indices, output_size=None)``.

    Parameters
    ----------
    kernel_size, stride, padding : int
        Those of the pooling.

    Shape
    -----
    Input and int64 indices (N, C, L) or (C, L); output with (L - 1) * stride - 2 * padding + kernel_size elements in a
    row, or `output_size`.

    Examples
    --------
    >>> x = fastnn.tensor([[1.0, 3.0, 2.0, 5.0]])
    >>> nn.MaxUnpool1d(2)(*nn.MaxPool1d(2, return_indices=True)(x))
    tensor([[0., 3., 0., 5.]])
    """

    _function = staticmethod(F.max_unpool1d)

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.padding = _single(kernel_size), _single(padding)
        self.stride = _single(stride if stride is not None else kernel_size)


class MaxUnpool2d(_MaxUnpool):
    """Inverse of `MaxPool2d`: each element at the position that it was taken from, 0 elsewhere.

    Same as torch.nn.MaxUnpool2d; called as ``unpool(input, indices, output_size=None)``.

    Parameters
    ----------
    kernel_size, stride, padding : int or (rows, columns)
        Those of the pooling.

    Shape
    -----
    Input and int64 indices (N, C, H, W) or (C, H, W); output sizes as for `MaxUnpool1d`.

    Examples
    --------
    >>> x = fastnn.tensor([[[1.0, 3.0], [2.0, 0.0]]])
    >>> nn.MaxUnpool2d(2)(*nn.MaxPool2d(2, return_indices=True)(x))
    tensor([[[0., 3.],
             [0., 0.]]])
    """

    _function = staticmethod(F.max_unpool2d)

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.padding = _pair(kernel_size), _pair(padding)
        self.stride = _pair(stride if stride is not None else kernel_size)


class MaxUnpool3d(_MaxUnpool):
    """Inverse of `MaxPool3d`: each element at the position that it was taken from, 0 elsewhere.

    Same as torch.nn.MaxUnpool3d; called as ``unpool(input, indices, output_size=None)``.

    Parameters
    ----------
    kernel_size, stride, padding : int or (depth, rows, columns)
        Those of the pooling.

    Shape
    -----
    Input and int64 indices (N, C, D, H, W) or (C, D, H, W); output sizes as for `MaxUnpool1d`.

    Examples
    --------
    >>> x = fastnn.arange(8.0).reshape(1, 2, 2, 2)
    >>> nn.MaxUnpool3d(2)(*nn.MaxPool3d(2, return_indices=True)(x)).flatten()
    tensor([0., 0., 0., 0., 0., 0., 0., 7.])
    """

    _function = staticmethod(F.max_unpool3d)

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.padding = _triple(kernel_size), _triple(padding)
        self.stride = _triple(stride if stride is not None else kernel_size)


class AvgPool1d(Module):
    """Average pooling of rows: the mean of each window of `kernel_size` elements.

    Same as torch.nn.AvgPool1d.

    Parameters
    ----------
    kernel_size : int
        Elements of a window.
    stride : int, optional
        Step from window to window; default `kernel_size`.
    padding : int
        Zeros on both sides, at most half the kernel; default 0.
    ceil_mode : bool
        Whether the number of windows is rounded up, the last one reaching over the end.
    count_include_pad : bool
        Whether those zeros count in the mean; default True.

    Shape
    -----
    Input (N, C, L) or (C, L), output (N, C, out) or (C, out), out = (L + 2 * padding - kernel_size) // stride + 1.

    Examples
    --------
    >>> nn.AvgPool1d(2)(fastnn.tensor([[1.0, 3.0, 2.0, 5.0, 4.0]]))
    tensor([[2.0000, 3.5000]])
    """

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__()
        self.kernel_size, self.padding = _single(kernel_size), _single(padding)
        self.stride = _single(stride if stride is not None else kernel_size)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input):
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                               self.count_include_pad)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """Average pooling of images: the mean of each window.

    Same as torch.nn.AvgPool2d.

    Parameters
    ----------
    kernel_size, stride, padding : int or (rows, columns)
    ceil_mode, count_include_pad : bool
        As in `AvgPool1d`.
    divisor_override : int, optional
        What sums are divided by instead of the number of elements; not 0.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output with (OH, OW), each by the formula of `AvgPool1d`.

    Examples
    --------
    >>> nn.AvgPool2d(2)(fastnn.arange(16.0).reshape(1, 4, 4))
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                 divisor_override=None):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride if stride is not None else kernel_size
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input):
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                               self.count_include_pad, self.divisor_override)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPool(Module):
    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input):
        return self._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self):
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPool):
    """Power-average pooling of rows: (sum of x^p over the window)^(1 / p).

    Same as torch.nn.LPPool1d; p = 1 is sum pooling, p = infinity max pooling.

    Parameters
    ----------
    norm_type : float
        p; not 0.
    kernel_size : int
        Elements of a window.
    stride : int, optional
        Step from window to window; default `kernel_size`.
    ceil_mode : bool
        Whether the number of windows is rounded up.

    Shape
    -----
    As for `AvgPool1d` without padding.

    Examples
    --------
    >>> nn.LPPool1d(2, 2)(fastnn.tensor([[3.0, 4.0, 5.0, 12.0]]))
    tensor([[ 5., 13.]])
    """

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """Power-average pooling of images: (sum of x^p over the window)^(1 / p).

    Same as torch.nn.LPPool2d.

    Parameters
    ----------
    norm_type : float
        p; not 0.
    kernel_size, stride : int or (rows, columns)
    ceil_mode : bool
        As in `LPPool1d`.

    Shape
    -----
    As for `AvgPool2d` without padding.

    Examples
    --------
    >>> nn.LPPool2d(2, (1, 2))(fastnn.tensor([[[3.0, 4.0], [5.0, 12.0]]]))
    tensor([[[ 5.],
             [13.]]])
    """

    _function = staticmethod(F.lp_pool2d)


class _AdaptiveMaxPool(Module):
    def __init__(self, output_size, return_indices=False):
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input):
        return self._function(input, self.output_size, self.return_indices)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Max pooling of rows of L elements to n windows; window i is x[floor(i L / n)] to x[ceil((i + 1) L / n) - 1].

    Same as torch.nn.AdaptiveMaxPool1d.

    Parameters
    ----------
    output_size : int
        n.
    return_indices : bool
        Whether the result is (values, int64 positions in the row).

    Shape
    -----
    Input (N, C, L) or (C, L), output (N, C, n) or (C, n).

    Examples
    --------
    >>> nn.AdaptiveMaxPool1d(2)(fastnn.tensor([[1.0, 3.0, 2.0, 5.0, 4.0]]))
    tensor([[3., 5.]])
    """

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Max pooling of images to a given size; windows by the formula of `AdaptiveMaxPool1d` in both dimensions.

    Same as torch.nn.AdaptiveMaxPool2d.

    Parameters
    ----------
    output_size : int or (rows, columns)
        None for a size stands for the input's.
    return_indices : bool
        Whether the result is (values, int64 positions in the flattened image).

    Shape
    -----
    Input (N, C, H, W) or (C, H, W), output with `output_size` as its last sizes.

    Examples
    --------
    >>> nn.AdaptiveMaxPool2d((1, None))(fastnn.arange(6.0).reshape(1, 2, 3))
    tensor([[[3., 4., 5.]]])
    """

    _function = staticmethod(F.adaptive_max_pool2d)


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

    _function = staticmethod(F.adaptive_avg_pool1d)


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

    _function = staticmethod(F.adaptive_avg_pool2d)


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

    _function = staticmethod(F.adaptive_avg_pool3d)
