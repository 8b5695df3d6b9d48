"""Convolutions. Images are (batch, height, width, channels), which the engine sees by strides with channels first."""
import numpy as np

from fastnn.keras import activations, config, constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import _weight_config
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.layers.volumes import CONVOLUTIONS
from fastnn.nn import functional as F
from fastnn.ops.conv import convolve


def to_channels_first(x):
    """(batch, ..., channels) -> (batch, channels, ...), a view."""
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def to_channels_last(x):
    """(batch, channels, ...) -> (batch, ..., channels), a view."""
    return x.permute(0, *range(2, x.ndim), 1)


def standardize_tuple(value, n, name, allow_zero=False):
    """`n` whole numbers, of one or of `n`."""
    given = (value,) * n if isinstance(value, (int, np.integer)) else value
    try:
        found = tuple(int(v) for v in given)
    except (TypeError, ValueError):
        found = ()
    if len(found) != n:
        raise ValueError(f"The `{name}` argument must be a tuple of {n} integers. Received: {name}={value}")
    if any(v < 0 or v == 0 and not allow_zero for v in found):
        raise ValueError(f"The `{name}` argument must be a tuple of {n} integers. Received: {name}={value}, including "
                         f"values that do not satisfy `value {'>= 0' if allow_zero else '> 0'}`")
    return found


def standardize_padding(value, allow_causal=False):
    padding = str(value).lower()
    allowed = {"valid", "same", "causal"} if allow_causal else {"valid", "same"}
    if padding not in allowed:
        raise ValueError(f"The `padding` argument must be one of {allowed}. Received: {value}")
    return padding


def output_length(size, kernel, stride, padding, dilation=1):
    """Positions of a window along an axis."""
    if size is None:
        return None
    reach = dilation * (kernel - 1) + 1
    return -(-(size if padding in ("same", "causal") else size - reach + 1) // stride)


def same_padding(size, kernel, stride, dilation=1):
    """(before, after) of the padding "same"."""
    total = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def padded(x, kernel, stride, padding, dilation):
    """(channels-first x, what the engine is to pad itself): uneven padding is added beforehand."""
    if padding == "valid":
        return x, (0,) * len(kernel)
    if padding == "causal":
        return F.pad(x, (dilation[0] * (kernel[0] - 1), 0)), (0,)
    sides = [same_padding(n, k, s, d) for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation)]
    if all(before == after for before, after in sides):
        return x, tuple(before for before, _ in sides)
    return F.pad(x, [n for pair in reversed(sides) for n in pair]), (0,) * len(kernel)


class BaseConv(Layer):
    """Base of convolutions of one to three dimensions; `rank` is their number."""

    def __init__(self, rank, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, trainable=True, name=None, lora_rank=None,
                 lora_alpha=None, **kwargs):
        if lora_rank is not None:
            raise NotImplementedError(f"{type(self).__name__}: lora_rank is not implemented")
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.rank, self.filters, self.groups = rank, filters, groups
        self.kernel_size = standardize_tuple(kernel_size, rank, "kernel_size")
        self.strides = standardize_tuple(strides, rank, "strides")
        self.dilation_rate = standardize_tuple(dilation_rate, rank, "dilation_rate")
        self.padding = standardize_padding(padding, allow_causal=rank == 1)
        self.data_format = config.standardize_data_format(data_format)
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=rank + 2)
        if filters is not None and filters <= 0:
            raise ValueError(f"Invalid value for argument `filters`. Expected a strictly positive value. Received "
                             f"filters={filters}.")
        if groups <= 0:
            raise ValueError(f"The number of groups must be a positive integer. Received: groups={groups}.")
        if filters is not None and filters % groups:
            raise ValueError(f"The number of filters must be evenly divisible by the number of groups. Received: "
                             f"groups={groups}, filters={filters}.")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                             f"strides={self.strides} and dilation_rate={self.dilation_rate}")

    @property
    def _last(self):
        return self.data_format == "channels_last"

    def build(self, input_shape):
        channels = input_shape[-1 if self._last else 1]
        if channels is None:
            raise ValueError(f"The channel dimension of the inputs should be defined. The input_shape received is "
                             f"{input_shape}")
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={-1 if self._last else 1: channels})
        if channels % self.groups:
            raise ValueError(f"The number of input channels must be evenly divisible by the number of groups. Received "
                             f"groups={self.groups}, but the input has {channels} channels (full input shape is "
                             f"{input_shape}).")
        self.compute_output_shape(input_shape)  # says if the kernel is larger than the image
        self.kernel = self.add_weight((*self.kernel_size, channels // self.groups, self.filters),
                                      self.kernel_initializer, name="kernel", regularizer=self.kernel_regularizer,
                                      constraint=self.kernel_constraint)
        self.bias = self.add_weight((self.filters,), self.bias_initializer, name="bias",
                                    regularizer=self.bias_regularizer,
                                    constraint=self.bias_constraint) if self.use_bias else None

    _conv = None  # `keras.ops.conv`; its module stands above this one

    def convolution_op(self, inputs, kernel):
        """The convolution alone, without bias and activation; a subclass may define another one."""
        return self._conv(inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)

    def _call_by_parts(self, inputs):
        """For subclasses with a `convolution_op` of their own."""
        y = self.convolution_op(inputs, self.kernel)
        if self.bias is not None:
            y = y + (self.bias if self._last else self.bias.reshape(-1, *(1,) * self.rank))
        return y if self.activation is activations.linear else self.activation(y)

    def call(self, inputs):
        if type(self).convolution_op is not BaseConv.convolution_op:
            return self._call_by_parts(inputs)
        x = self._floats(inputs)
        x = to_channels_first(x) if self._last else x
        x, padding = padded(x, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        kernel = self.kernel.permute(self.rank + 1, self.rank, *range(self.rank))
        relu = self.activation is activations.relu and self.rank < 3  # computed with the convolution
        if relu:
            y = convolve("conv", self.rank, x, kernel, self.bias, self.strides, padding, self.dilation_rate,
                         self.groups, True)
        else:
            y = CONVOLUTIONS[self.rank](x, kernel, self.bias, self.strides, padding, self.dilation_rate, self.groups)
        y = to_channels_last(y) if self._last else y
        return y if relu or self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape):
        sizes = input_shape[1:-1] if self._last else input_shape[2:]
        found = tuple(output_length(n, k, s, self.padding, d)
                      for n, k, s, d in zip(sizes, self.kernel_size, self.strides, self.dilation_rate))
        if any(n is not None and n <= 0 for n in found):
            raise ValueError(f"Computed output size would be negative. Received: inputs_shape={input_shape}, "
                             f"kernel_size={self.kernel_size}, strides={self.strides}, padding={self.padding}")
        return (input_shape[0], *found, self.filters) if self._last else (input_shape[0], self.filters, *found)

    def get_config(self):
        return {**self._base_config(), "filters": self.filters, "kernel_size": self.kernel_size,
                "strides": self.strides,
                "padding": self.padding, "data_format": self.data_format, "dilation_rate": self.dilation_rate,
                "groups": self.groups, "activation": activations.serialize(self.activation), "use_bias": self.use_bias,
                **_weight_config(self, "kernel", "bias", "activity")}


class Conv1D(BaseConv):
    """Convolution over steps (cross-correlation, as is usual in networks), ``activation(conv(x, kernel) + bias)``.

    Parameters
    ----------
    filters, kernel_size : int
    strides, dilation_rate : int
        Not both greater than 1.
    padding : {"valid", "same", "causal"}
        "causal": a step depends on itself and steps before it alone.
    data_format, groups, activation, use_bias, kernel_initializer, bias_initializer
        As in `Conv2D`.
    kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint
        As in `Conv2D`.

    Shape
    -----
    Inputs (batch, steps, channels), kernel (kernel_size, channels / groups, filters), result (batch, new steps,
    filters).

    Raises
    ------
    ValueError
        As in `Conv2D`.

    Examples
    --------
    >>> layer = keras.layers.Conv1D(1, 2, padding="causal", kernel_initializer="ones")
    >>> layer(np.array([[[1.0], [2.0], [3.0]]])).flatten()
    tensor([1., 3., 5.])
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, groups=1,
                 activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, **kwargs):
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation,
                         use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv2D(BaseConv):
    """Convolution of images (cross-correlation, as is usual in networks), ``activation(conv(x, kernel) + bias)``.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size, strides, dilation_rate : int or pair of int
        Strides and dilation are not both greater than 1.
    padding : {"valid", "same"}
        "same" pads with zeros to an output of ``ceil(size / stride)``.
    data_format : {"channels_last", "channels_first"}, optional
        `config.image_data_format` without it.
    groups : int
        Blocks of channels that are convolved separately; it divides channels and filters.
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, bias_initializer : Initializer or str
    kernel_regularizer, bias_regularizer, activity_regularizer : Regularizer or str, optional
    kernel_constraint, bias_constraint : Constraint or str, optional

    Shape
    -----
    Inputs (batch, height, width, channels), kernel (height, width, channels / groups, filters), result (batch, new
    height, new width, filters).

    Raises
    ------
    ValueError
        Sizes that are not positive, a kernel larger than the image, groups that do not divide the channels.

    Examples
    --------
    >>> keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(np.ones((1, 32, 32, 3))).shape
    torch.Size([1, 16, 16, 8])
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
                 groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation,
                         use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv3D(BaseConv):
    """Convolution of volumes, ``activation(conv(x, kernel) + bias)``.

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or triple of int
    padding, data_format, groups, activation, use_bias, kernel_initializer, bias_initializer
        As in `Conv2D`.
    kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint
        As in `Conv2D`.

    Shape
    -----
    Inputs (batch, depth, height, width, channels), kernel (depth, height, width, channels / groups, filters).

    Raises
    ------
    ValueError
        As in `Conv2D`.

    Examples
    --------
    >>> keras.layers.Conv3D(2, 3)(np.ones((1, 4, 5, 6, 1))).shape
    torch.Size([1, 2, 3, 4, 2])
    """

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), padding="valid", data_format=None,
                 dilation_rate=(1, 1, 1), groups=1, activation=None, use_bias=True,
                 kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 **kwargs):
        super().__init__(3, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation,
                         use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)
