"""Pooling as modules."""
from fastnn.nn.modules.module import Module, Planned
from fastnn.ops import pool


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
    """The largest element of each window of rows (N, C, L) or (C, L)."""

    _function = staticmethod(pool.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of each window of planes (N, C, H, W) or (C, H, W)."""

    _function = staticmethod(pool.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest element of each window of volumes (N, C, D, H, W) or (C, D, H, W)."""

    _function = staticmethod(pool.max_pool3d)

    def commutes(self):
        return False


class _MaxUnpool(Module):
    def forward(self, input, indices, output_size=None):
        return self._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Zeros, and elements where MaxPool1d with ``return_indices=True`` found them."""

    _function = staticmethod(pool.max_unpool1d)

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.padding = _single(kernel_size), _single(padding)
        self.stride = _single(stride if stride is not None else kernel_size)


class MaxUnpool2d(_MaxUnpool):
    """Zeros, and elements where MaxPool2d with ``return_indices=True`` found them."""

    _function = staticmethod(pool.max_unpool2d)

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.padding = _pair(kernel_size), _pair(padding)
        self.stride = _pair(stride if stride is not None else kernel_size)


class MaxUnpool3d(_MaxUnpool):
    """Zeros, and elements where MaxPool3d with ``return_indices=True`` found them."""

    _function = staticmethod(pool.max_unpool3d)

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.padding = _triple(kernel_size), _triple(padding)
        self.stride = _triple(stride if stride is not None else kernel_size)


class AvgPool1d(Module):
    """The average of each window of rows (N, C, L) or (C, L)."""

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__()
        self.kernel_size, self.padding = _single(kernel_size), _single(padding)
        self.stride = _single(stride if stride is not None else kernel_size)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input):
        return pool.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                               self.count_include_pad)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The average of each window of planes (N, C, H, W) or (C, H, W)."""

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                 divisor_override=None):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride if stride is not None else kernel_size
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input):
        return pool.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
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
    """The p-norm of each window of rows."""

    _function = staticmethod(pool.lp_pool1d)


class LPPool2d(_LPPool):
    """The p-norm of each window of planes."""

    _function = staticmethod(pool.lp_pool2d)


class _AdaptiveMaxPool(Module):
    def __init__(self, output_size, return_indices=False):
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input):
        return self._function(input, self.output_size, self.return_indices)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of as many windows as asked for, evenly spread over rows."""

    _function = staticmethod(pool.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of as many windows as asked for, evenly spread over planes."""

    _function = staticmethod(pool.adaptive_max_pool2d)


class _AdaptiveAvgPool(Module):
    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return self._function(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Averages of as many windows as asked for, evenly spread over rows (N, C, L) or (C, L)."""

    _function = staticmethod(pool.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Averages of as many windows as asked for, evenly spread over planes (N, C, H, W) or (C, H, W)."""

    _function = staticmethod(pool.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Averages of as many windows as asked for, evenly spread over volumes (N, C, D, H, W) or (C, D, H, W)."""

    _function = staticmethod(pool.adaptive_avg_pool3d)
