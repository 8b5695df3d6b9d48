"""Convolution layers for sequences, images and volumes."""
import math
from itertools import chain

from fastnn.nn import functional as F
from fastnn.nn import init
from fastnn.nn.modules.lazy import LazyModuleMixin
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.utils import check_sizes
from fastnn.nn.parameter import Parameter, UninitializedParameter
from fastnn.ops import conv
from fastnn.ops.creation import empty

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What all convolution layers share; PyTorch's attributes and initial values."""

    _spatial = 2
    transposed = False

    def __init__(self, in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
                 padding_mode, device, dtype):
        super().__init__()
        check_sizes(type(self).__name__, in_channels=in_channels, out_channels=out_channels)
        if groups <= 0:
            raise ValueError(f"groups must be a positive integer, got {groups}")
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if value % groups:
                raise ValueError(f"{name} must be divisible by groups, got {value} and {groups}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = self._tuple(kernel_size), self._tuple(stride)
        self.dilation, self.output_padding = self._tuple(dilation), self._tuple(output_padding)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same' and 'valid'")
            if padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
            self.padding = padding
        else:
            self.padding = self._tuple(padding)
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {PADDING_MODES}, but got padding_mode={padding_mode!r}")
        self.groups, self.padding_mode = groups, padding_mode
        self.weight = Parameter(empty(*self._channels(), *self.kernel_size, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _channels(self):
        """The first two sizes of the weight."""
        first, second = self.out_channels, self.in_channels
        first, second = (second, first) if self.transposed else (first, second)
        return first, second // self.groups

    def _tuple(self, value):
        return tuple(value) if hasattr(value, "__iter__") else (value,) * self._spatial

    def reset_parameters(self):
        """New random weights, uniform in +-1 / sqrt(inputs of one output)."""
        if self.weight.numel():
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self):
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            if value != (usual,) * len(value):
                text += f", {name}={value}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _ConvForward(_Conv):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode="zeros", device=None, dtype=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
                         padding_mode, device, dtype)

    def _widths(self):
        """What `pad` adds: before and after, from the last dimension on."""
        if self.padding == "valid":
            return [0] * (2 * self._spatial)
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            return list(chain.from_iterable((total // 2, total - total // 2) for total in reversed(totals)))
        return list(chain.from_iterable((n, n) for n in reversed(self.padding)))

    def forward(self, input):
        return self._convolve(input, False)

    def with_relu(self, input):
        """max(0, y) of the layer's result, as one kernel: for Sequential."""
        return self._convolve(input, True)

    def _convolve(self, input, relu):
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._widths(), mode=self.padding_mode), 0
        return conv.convolve(f"conv{self._spatial}d", self._spatial, input, self.weight, self.bias, self.stride,
                             padding, self.dilation, self.groups, relu)


class Conv1d(_ConvForward):
    """Convolution of sequences: y[o, i] = b[o] + sum over c, k of w[o, c, k] x[c, i * stride + k * dilation].

    Cross-correlation, in fact, as in all frameworks. Same as torch.nn.Conv1d, initial values included.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input and of the output.
    kernel_size, stride, dilation : int
        Elements of a window, step from window to window (default 1), step within a window (1).
    padding : int, 'valid' or 'same'
        Elements added on both sides; 'valid' is 0 (the default), 'same' keeps the length and needs stride 1.
    groups : int
        Channels are divided into so many groups that are convolved separately; default 1.
    bias : bool
        Whether b is added; default True.
    padding_mode : {'zeros', 'reflect', 'replicate', 'circular'}
        What the added elements are.
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, kernel_size)
    bias : Parameter, shape (out_channels,), or None
        Both start uniform in +-1 / sqrt(in_channels / groups * kernel_size).

    Shape
    -----
    Input (N, in_channels, L) or (in_channels, L), output (N, out_channels, out) or (out_channels, out),
    out = (L + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1.

    Raises
    ------
    ValueError
        `groups` does not divide both numbers of channels, or the input's shape does not fit.

    Examples
    --------
    >>> conv = nn.Conv1d(1, 1, 3, bias=False)
    >>> conv.weight.data = fastnn.tensor([[[1.0, 2.0, 3.0]]])
    >>> conv(fastnn.tensor([[1.0, 0.0, 0.0, 1.0]])).tolist()
    [[1.0, 3.0]]
    """

    _spatial = 1


class Conv2d(_ConvForward):
    """Convolution of images: y[o] = b[o] + sum over channels c of the cross-correlation of x[c] and w[o, c].

    Same as torch.nn.Conv2d. Channels may be last in the input's memory; that costs no copy.

    Parameters
    ----------
    in_channels, out_channels, groups, bias, padding_mode, device, dtype
        As in `Conv1d`.
    kernel_size, stride, dilation : int or (rows, columns)
    padding : int, (rows, columns), 'valid' or 'same'
        As in `Conv1d`.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, kernel rows, kernel columns)
    bias : Parameter, shape (out_channels,), or None

    Shape
    -----
    Input (N, in_channels, H, W) or (in_channels, H, W), output (N, out_channels, OH, OW) or (out_channels, OH, OW),
    sizes by the formula of `Conv1d`.

    Examples
    --------
    >>> nn.Conv2d(3, 8, 3, stride=2, padding=1)(fastnn.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 8, 16, 16])
    >>> nn.Conv2d(3, 8, (3, 5), padding="same")(fastnn.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 8, 32, 32])
    """


class Conv3d(_ConvForward):
    """Convolution of volumes: y[o] = b[o] + sum over channels c of the cross-correlation of x[c] and w[o, c].

    Same as torch.nn.Conv3d. It is computed as convolutions of planes, summed over the kernel's depth.

    Parameters
    ----------
    in_channels, out_channels, groups, bias, padding_mode, device, dtype
        As in `Conv1d`.
    kernel_size, stride, dilation : int or (depth, rows, columns)
    padding : int, (depth, rows, columns), 'valid' or 'same'
        As in `Conv1d`.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, kernel depth, kernel rows, kernel columns)
    bias : Parameter, shape (out_channels,), or None

    Shape
    -----
    Input (N, in_channels, D, H, W) or without N, output (N, out_channels, OD, OH, OW) or without N, sizes by the
    formula of `Conv1d`.

    Examples
    --------
    >>> nn.Conv3d(1, 2, (1, 3, 3))(fastnn.zeros(1, 1, 4, 8, 8)).shape
    torch.Size([1, 2, 4, 6, 6])
    """

    _spatial = 3

    def _convolve(self, input, relu):
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._widths(), mode=self.padding_mode), 0
        y = F.conv3d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        return y.relu() if relu else y


class _ConvTranspose(_Conv):
    transposed = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1,
                 bias=True, dilation=1, padding_mode="zeros", device=None, dtype=None):
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups,
                         bias, padding_mode, device, dtype)

    def _extra(self, input, output_size):
        """The output_padding that leads to `output_size`."""
        if output_size is None:
            return self.output_padding
        spatial, name = self._spatial, type(self).__name__
        leading = input.ndim - spatial
        wanted = list(output_size)
        if len(wanted) == leading + spatial:
            wanted = wanted[leading:]
        if len(wanted) != spatial:
            raise ValueError(f"{name}: for {input.ndim}D input, output_size must have {spatial} or {leading + spatial} "
                             f"elements (got {len(wanted)})")
        least = [(size - 1) * step - 2 * margin + spread * (k - 1) + 1 for size, step, margin, spread, k in
                 zip(input.shape[leading:], self.stride, self.padding, self.dilation, self.kernel_size)]
        most = [size + step - 1 for size, step in zip(least, self.stride)]
        if any(not low <= size <= high for low, size, high in zip(least, wanted, most)):
            raise ValueError(f"{name}: requested an output size of {wanted}, but valid sizes range from {least} to "
                             f"{most} (for an input of {list(input.shape[leading:])})")
        return tuple(size - low for size, low in zip(wanted, least))

    def forward(self, input, output_size=None):
        return self._function(input, self.weight, self.bias, self.stride, self.padding,
                              self._extra(input, output_size), self.groups, self.dilation)


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution of sequences, the gradient of `Conv1d` as a layer.

    y[o, i * stride + k * dilation - padding] += w[c, o, k] x[c, i] for all c, i and k, starting with b[o]. Same as
    torch.nn.ConvTranspose1d; called as ``layer(input, output_size=None)``.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, groups, bias, dilation, device, dtype
        As in `Conv1d`.
    padding : int
        Elements taken off the result on both sides.
    output_padding : int
        Elements added to the result on one side, less than the stride or the dilation; ``output_size`` finds it.
    padding_mode : str
        'zeros' alone.

    Attributes
    ----------
    weight : Parameter, shape (in_channels, out_channels / groups, kernel_size)
    bias : Parameter, shape (out_channels,), or None

    Shape
    -----
    Input (N, in_channels, L) or (in_channels, L), output (N, out_channels, out) or (out_channels, out),
    out = (L - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1.

    Raises
    ------
    ValueError
        `output_size` cannot be reached, or `padding_mode` is another.

    Examples
    --------
    >>> layer = nn.ConvTranspose1d(1, 1, 3, stride=2, bias=False)
    >>> layer.weight.data = fastnn.tensor([[[1.0, 2.0, 3.0]]])
    >>> layer(fastnn.tensor([[1.0, 1.0]])).tolist()
    [[1.0, 2.0, 4.0, 2.0, 3.0]]
    """

    _spatial = 1
    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution of images, the gradient of `Conv2d` as a layer.

    Same as torch.nn.ConvTranspose2d; called as ``layer(input, output_size=None)``.

    Parameters
    ----------
    in_channels, out_channels, groups, bias, padding_mode, device, dtype
        As in `ConvTranspose1d`.
    kernel_size, stride, padding, output_padding, dilation : int or (rows, columns)
        As in `ConvTranspose1d`.

    Shape
    -----
    Input (N, in_channels, H, W) or (in_channels, H, W), output (N, out_channels, OH, OW) or (out_channels, OH, OW).

    Examples
    --------
    >>> layer = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1)
    >>> layer(fastnn.zeros(1, 4, 8, 8)).shape, layer(fastnn.zeros(1, 4, 8, 8), output_size=(16, 16)).shape
    (torch.Size([1, 2, 15, 15]), torch.Size([1, 2, 16, 16]))
    """

    _function = staticmethod(F.conv_transpose2d)


class _Lazy(LazyModuleMixin):
    """What the lazy layers share: the channels are those of the first input."""

    def _postpone(self, out_channels, bias, device, dtype):
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self):
        """New random weights, once there are weights."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input, *args, **kwargs):
        """Give the weights their shapes and values."""
        if not self.has_uninitialized_params():
            return
        batched = input.ndim == self._spatial + 2
        if not batched and input.ndim != self._spatial + 1:
            raise RuntimeError(f"Expected {self._spatial + 1}D (unbatched) or {self._spatial + 2}D (batched) input to "
                               f"{type(self).__name__}, but got input of size: {input.shape}")
        self.in_channels = input.shape[1 if batched else 0]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        self.weight.materialize((*self._channels(), *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


class _LazyConv(_Lazy):
    def __init__(self, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode="zeros", device=None, dtype=None):
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._postpone(out_channels, bias, device, dtype)


class _LazyConvTranspose(_Lazy):
    def __init__(self, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True,
                 dilation=1, padding_mode="zeros", device=None, dtype=None):
        super().__init__(0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode,
                         device, dtype)
        self._postpone(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """A `Conv1d` whose `in_channels` are those of its first input; it becomes a `Conv1d` then.

    Same as torch.nn.LazyConv1d.

    Parameters
    ----------
    out_channels, kernel_size, ...
        As in `Conv1d`.

    Examples
    --------
    >>> conv = nn.LazyConv1d(4, 3)
    >>> conv(fastnn.zeros(1, 2, 8)).shape
    torch.Size([1, 4, 6])
    >>> conv
    Conv1d(2, 4, kernel_size=(3,), stride=(1,))
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A `Conv2d` whose `in_channels` are those of its first input; it becomes a `Conv2d` then.

    Same as torch.nn.LazyConv2d.

    Parameters
    ----------
    out_channels, kernel_size, ...
        As in `Conv2d`.

    Examples
    --------
    >>> conv = nn.LazyConv2d(4, 3)
    >>> conv(fastnn.zeros(1, 2, 8, 8)).shape
    torch.Size([1, 4, 6, 6])
    >>> conv.weight.shape
    torch.Size([4, 2, 3, 3])
    """

    cls_to_become = Conv2d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """A `ConvTranspose1d` whose `in_channels` are those of its first input; it becomes a `ConvTranspose1d` then.

    Same as torch.nn.LazyConvTranspose1d.

    Parameters
    ----------
    out_channels, kernel_size, ...
        As in `ConvTranspose1d`.

    Examples
    --------
    >>> layer = nn.LazyConvTranspose1d(4, 3)
    >>> layer(fastnn.zeros(1, 2, 8)).shape
    torch.Size([1, 4, 10])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """A `ConvTranspose2d` whose `in_channels` are those of its first input; it becomes a `ConvTranspose2d` then.

    Same as torch.nn.LazyConvTranspose2d.

    Parameters
    ----------
    out_channels, kernel_size, ...
        As in `ConvTranspose2d`.

    Examples
    --------
    >>> layer = nn.LazyConvTranspose2d(4, 3)
    >>> layer(fastnn.zeros(1, 2, 8, 8)).shape
    torch.Size([1, 4, 10, 10])
    """

    cls_to_become = ConvTranspose2d


_ConvNd = _Conv  # PyTorch's name
