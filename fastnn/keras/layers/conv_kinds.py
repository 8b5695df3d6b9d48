"""Transposed, depthwise and separable convolutions."""
from fastnn.keras import activations, config, constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.conv import (BaseConv, output_length, padded, standardize_padding, standardize_tuple,
                                      to_channels_first, to_channels_last)
from fastnn.keras.layers.core import _weight_config
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.layers.volumes import TRANSPOSED
from fastnn.nn import functional as F
from fastnn.ops.joining import cat


def transposed_length(size, kernel, stride, padding, output_padding, dilation):
    """Positions of the result of a transposed convolution along an axis."""
    if size is None:
        return None
    reach = dilation * (kernel - 1) + 1
    if output_padding is None:
        return size * stride if padding == "same" else size * stride + max(reach - stride, 0)
    total = reach // 2 * 2 if padding == "same" else 0
    return (size - 1) * stride + reach - total + output_padding


def transposed(x, kernel, bias, strides, padding, output_padding, dilation):
    """Transposed convolution of channels-first x with a kernel (..., filters, channels)."""
    rank = x.ndim - 2
    y = TRANSPOSED[rank](x, kernel.permute(rank + 1, rank, *range(rank)), bias, strides, 0, 0, 1, dilation)
    for i in range(rank):
        size, reach = y.shape[2 + i], dilation[i] * (kernel.shape[i] - 1) + 1
        extra = None if output_padding is None else output_padding[i]
        wanted = transposed_length(x.shape[2 + i], kernel.shape[i], strides[i], padding, extra, dilation[i])
        before = 0
        if padding == "same":  # what TensorFlow leaves out at the start
            pads = strides[i] + reach - 2 if extra is None else reach + reach % 2 - 2 + extra
            before = reach - 1 - min((pads + 1) // 2, reach - 1)
        if before + wanted > size:  # positions that no window reaches
            tail = [0, 0] * (rank - 1 - i) + [0, before + wanted - size]
            y = F.pad(y, tail)
            if bias is not None:
                index = [slice(None)] * y.ndim
                index[2 + i] = slice(size, None)
                shape = [1, -1] + [1] * rank
                part = y[tuple(index)] + bias.reshape(shape)
                y = cat([y.narrow(2 + i, 0, size), part], 2 + i)
        y = y.narrow(2 + i, before, wanted)
    return y


class BaseConvTranspose(BaseConv):
    """Base of transposed convolutions; the kernel is (..., filters, channels)."""

    def __init__(self, rank, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, *args,
                 **kwargs):
        super().__init__(rank, filters, kernel_size, strides, padding, data_format, dilation_rate, 1, *args, **kwargs)
        self.output_padding = None if output_padding is None else \
            standardize_tuple(output_padding, rank, "output_padding", allow_zero=True)
        if self.output_padding is not None and any(extra >= stride for extra, stride in
                                                   zip(self.output_padding, self.strides)):
            raise ValueError(f"Strides must be greater than output padding. Received strides={self.strides}, "
                             f"output_padding={self.output_padding}.")

    def build(self, input_shape):
        channels = input_shape[-1 if self._last else 1]
        if channels is None:
            raise ValueError(f"The channel dimension of the inputs should be defined. The input_shape received is "
                             f"{input_shape}")
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={-1 if self._last else 1: channels})
        self.kernel = self.add_weight((*self.kernel_size, self.filters, channels), self.kernel_initializer,
                                      name="kernel", regularizer=self.kernel_regularizer,
                                      constraint=self.kernel_constraint)
        self.bias = self.add_weight((self.filters,), self.bias_initializer, name="bias",
                                    regularizer=self.bias_regularizer,
                                    constraint=self.bias_constraint) if self.use_bias else None

    def call(self, inputs):
        x = self._floats(inputs)
        x = to_channels_first(x) if self._last else x
        y = transposed(x, self.kernel, self.bias, self.strides, self.padding, self.output_padding, self.dilation_rate)
        y = to_channels_last(y) if self._last else y
        return y if self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape):
        sizes = input_shape[1:-1] if self._last else input_shape[2:]
        extras = self.output_padding or (None,) * self.rank
        found = tuple(transposed_length(n, k, s, self.padding, e, d) for n, k, s, e, d in
                      zip(sizes, self.kernel_size, self.strides, extras, self.dilation_rate))
        return (input_shape[0], *found, self.filters) if self._last else (input_shape[0], self.filters, *found)

    def get_config(self):
        made = super().get_config()
        made.pop("groups")
        return {**made, "output_padding": self.output_padding}


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution of steps: the gradient of `Conv1D` with respect to its input.

    Parameters
    ----------
    filters, kernel_size, strides, dilation_rate : int
    padding, output_padding, data_format, activation, use_bias, kernel_initializer, bias_initializer
        As in `Conv2DTranspose`.
    kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint
        As in `Conv2D`.

    Shape
    -----
    Inputs (batch, steps, channels), kernel (kernel_size, filters, channels), result (batch, new steps, filters).

    Examples
    --------
    >>> keras.layers.Conv1DTranspose(4, 3, strides=2)(np.ones((1, 5, 2))).shape
    torch.Size([1, 11, 4])
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", output_padding=None, data_format=None,
                 dilation_rate=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(1, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution of images: the gradient of `Conv2D` with respect to its input.

    The output size is ``size * stride + max(kernel - stride, 0)`` with "valid" padding, ``size * stride`` with "same".

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or pair of int
    padding : {"valid", "same"}
    output_padding : int or pair of int, optional
        Extra positions at the end; less than the stride.
    data_format, activation, use_bias, kernel_initializer, bias_initializer
        As in `Conv2D`.
    kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint
        As in `Conv2D`.

    Shape
    -----
    Inputs (batch, height, width, channels), kernel (height, width, filters, channels).

    Examples
    --------
    >>> keras.layers.Conv2DTranspose(8, 3, strides=2, padding="same")(np.ones((1, 7, 7, 4))).shape
    torch.Size([1, 14, 14, 8])
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", output_padding=None, data_format=None,
                 dilation_rate=(1, 1), activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of volumes: the gradient of `Conv3D` with respect to its input.

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or triple of int
    padding, output_padding, data_format, activation, use_bias, kernel_initializer, bias_initializer
        As in `Conv2DTranspose`.
    kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint
        As in `Conv2D`.

    Shape
    -----
    Inputs (batch, depth, height, width, channels), kernel (depth, height, width, filters, channels).

    Examples
    --------
    >>> keras.layers.Conv3DTranspose(2, 2, strides=2)(np.ones((1, 2, 3, 4, 1))).shape
    torch.Size([1, 4, 6, 8, 2])
    """

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), padding="valid", data_format=None, output_padding=None,
                 dilation_rate=(1, 1, 1), activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(3, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class _Depthwise(Layer):
    """What depthwise and separable convolutions share."""

    def _init(self, rank, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
              use_bias):
        self.rank, self.depth_multiplier, self.use_bias = rank, depth_multiplier, use_bias
        self.kernel_size = standardize_tuple(kernel_size, rank, "kernel_size")
        self.strides = standardize_tuple(strides, rank, "strides")
        self.dilation_rate = standardize_tuple(dilation_rate, rank, "dilation_rate")
        self.padding, self.data_format = standardize_padding(padding), config.standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.input_spec = InputSpec(min_ndim=rank + 2)
        if depth_multiplier is not None and depth_multiplier <= 0:
            raise ValueError(f"Invalid value for argument `depth_multiplier`. Expected a strictly positive value. "
                             f"Received depth_multiplier={depth_multiplier}.")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                             f"strides={self.strides} and dilation_rate={self.dilation_rate}")

    @property
    def _last(self):
        return self.data_format == "channels_last"

    def _channels(self, input_shape):
        channels = input_shape[-1 if self._last else 1]
        if channels is None:
            raise ValueError(f"The channel dimension of the inputs should be defined. The input_shape received is "
                             f"{input_shape}")
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={-1 if self._last else 1: channels})
        return channels

    def _depthwise(self, x, kernel, bias):
        """Of channels-first x, each channel by kernels of its own (..., channels, multiplier)."""
        x, own = padded(x, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        channels = x.shape[1]
        rank = self.rank
        weight = kernel.permute(rank, rank + 1, *range(rank)).reshape(-1, 1, *self.kernel_size)
        function = F.conv1d if rank == 1 else F.conv2d
        return function(x, weight, bias, self.strides, own, self.dilation_rate, channels)

    def _shape(self, input_shape, filters):
        sizes = input_shape[1:-1] if self._last else input_shape[2:]
        found = tuple(output_length(n, k, s, self.padding, d)
                      for n, k, s, d in zip(sizes, self.kernel_size, self.strides, self.dilation_rate))
        return (input_shape[0], *found, filters) if self._last else (input_shape[0], filters, *found)


class BaseDepthwiseConv(_Depthwise):
    """Base of depthwise convolutions."""

    def __init__(self, rank, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
                 use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
                 activity_regularizer, depthwise_constraint, bias_constraint, trainable=True, name=None, **kwargs):
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self._init(rank, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
                   use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.kernel = self.add_weight((*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer,
                                      name="kernel", regularizer=self.depthwise_regularizer,
                                      constraint=self.depthwise_constraint)
        self.bias = self.add_weight((self.depth_multiplier * channels,), self.bias_initializer, name="bias",
                                    regularizer=self.bias_regularizer, constraint=self.bias_constraint) \
            if self.use_bias else None

    def call(self, inputs):
        x = self._floats(inputs)
        y = self._depthwise(to_channels_first(x) if self._last else x, self.kernel, self.bias)
        y = to_channels_last(y) if self._last else y
        return y if self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape):
        return self._shape(input_shape, self.depth_multiplier * input_shape[-1 if self._last else 1])

    def get_config(self):
        return {**self._base_config(), "depth_multiplier": self.depth_multiplier, "kernel_size": self.kernel_size,
                "strides": self.strides, "padding": self.padding, "data_format": self.data_format,
                "dilation_rate": self.dilation_rate, "activation": activations.serialize(self.activation),
                "use_bias": self.use_bias, **_weight_config(self, "depthwise", "bias", "activity")}


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolution of steps that treats each channel with `depth_multiplier` kernels of its own.

    Parameters
    ----------
    kernel_size, strides, dilation_rate : int
    padding : {"valid", "same"}
    depth_multiplier, data_format, activation, use_bias, depthwise_initializer, bias_initializer
        As in `DepthwiseConv2D`.
    depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint
        As in `DepthwiseConv2D`.

    Shape
    -----
    (batch, steps, channels) -> (batch, new steps, channels * depth_multiplier)

    Examples
    --------
    >>> keras.layers.DepthwiseConv1D(3, depth_multiplier=2)(np.ones((1, 8, 3))).shape
    torch.Size([1, 6, 6])
    """

    def __init__(self, kernel_size, strides=1, padding="valid", depth_multiplier=1, data_format=None, dilation_rate=1,
                 activation=None, use_bias=True, depthwise_initializer="glorot_uniform", bias_initializer="zeros",
                 depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(1, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
                         use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
                         activity_regularizer, depthwise_constraint, bias_constraint, **kwargs)


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolution of images that treats each channel with `depth_multiplier` kernels of its own.

    Parameters
    ----------
    kernel_size, strides, dilation_rate : int or pair of int
    padding : {"valid", "same"}
    depth_multiplier : int
        Output channels for each input channel.
    data_format, activation, use_bias
        As in `Conv2D`.
    depthwise_initializer, bias_initializer : Initializer or str
    depthwise_regularizer, bias_regularizer, activity_regularizer : Regularizer or str, optional
    depthwise_constraint, bias_constraint : Constraint or str, optional

    Shape
    -----
    (batch, height, width, channels) -> (batch, new height, new width, channels * depth_multiplier); kernel (height,
    width, channels, depth_multiplier).

    Examples
    --------
    >>> keras.layers.DepthwiseConv2D(3, depth_multiplier=2)(np.ones((1, 8, 8, 3))).shape
    torch.Size([1, 6, 6, 6])
    """

    def __init__(self, kernel_size, strides=(1, 1), padding="valid", depth_multiplier=1, data_format=None,
                 dilation_rate=(1, 1), activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
                         use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
                         activity_regularizer, depthwise_constraint, bias_constraint, **kwargs)


class BaseSeparableConv(_Depthwise):
    """Base of separable convolutions: depthwise, then across channels."""

    def __init__(self, rank, filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
                 activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
                 depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
                 depthwise_constraint, pointwise_constraint, bias_constraint, trainable=True, name=None, **kwargs):
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.filters = filters
        self._init(rank, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
                   use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer, name="depthwise_kernel",
            regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint)
        self.pointwise_kernel = self.add_weight(
            (*[1] * self.rank, self.depth_multiplier * channels, self.filters), self.pointwise_initializer,
            name="pointwise_kernel", regularizer=self.pointwise_regularizer, constraint=self.pointwise_constraint)
        self.bias = self.add_weight((self.filters,), self.bias_initializer, name="bias",
                                    regularizer=self.bias_regularizer,
                                    constraint=self.bias_constraint) if self.use_bias else None

    def call(self, inputs):
        x = self._floats(inputs)
        y = self._depthwise(to_channels_first(x) if self._last else x, self.depthwise_kernel, None)
        function = F.conv1d if self.rank == 1 else F.conv2d
        rank = self.rank
        y = function(y, self.pointwise_kernel.permute(rank + 1, rank, *range(rank)), self.bias)
        y = to_channels_last(y) if self._last else y
        return y if self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape):
        return self._shape(input_shape, self.filters)

    def get_config(self):
        return {**self._base_config(), "depth_multiplier": self.depth_multiplier, "filters": self.filters,
                "kernel_size": self.kernel_size, "strides": self.strides, "padding": self.padding,
                "data_format": self.data_format, "dilation_rate": self.dilation_rate,
                "activation": activations.serialize(self.activation), "use_bias": self.use_bias,
                **_weight_config(self, "depthwise", "pointwise", "bias", "activity")}


class SeparableConv1D(BaseSeparableConv):
    """Depthwise convolution of steps, then a convolution of size 1 across channels.

    Parameters
    ----------
    filters, kernel_size, strides, dilation_rate : int
    padding, data_format, depth_multiplier, activation, use_bias
        As in `DepthwiseConv1D`.
    depthwise_initializer, pointwise_initializer, bias_initializer : Initializer or str
    depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer : Regularizer or str, optional
    depthwise_constraint, pointwise_constraint, bias_constraint : Constraint or str, optional

    Shape
    -----
    (batch, steps, channels) -> (batch, new steps, filters)

    Examples
    --------
    >>> keras.layers.SeparableConv1D(4, 3)(np.ones((1, 8, 3))).shape
    torch.Size([1, 6, 4])
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
                 pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
                         activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
                         depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs)


class SeparableConv2D(BaseSeparableConv):
    """Depthwise convolution of images, then a convolution of size 1 across channels (Chollet, 2017).

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or pair of int
    padding, data_format, depth_multiplier, activation, use_bias
        As in `DepthwiseConv2D`.
    depthwise_initializer, pointwise_initializer, bias_initializer : Initializer or str
    depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer : Regularizer or str, optional
    depthwise_constraint, pointwise_constraint, bias_constraint : Constraint or str, optional

    Shape
    -----
    (batch, height, width, channels) -> (batch, new height, new width, filters)

    Examples
    --------
    >>> layer = keras.layers.SeparableConv2D(4, 3)
    >>> layer(np.ones((1, 8, 8, 3))).shape
    torch.Size([1, 6, 6, 4])
    >>> [tuple(w.shape) for w in layer.weights]
    [(3, 3, 3, 1), (1, 1, 3, 4), (4,)]
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
                 depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
                 pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
                         activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
                         depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs)
