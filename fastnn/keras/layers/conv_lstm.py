"""ConvLSTM: an LSTM whose products are convolutions, over sequences of images."""
import numpy as np

from fastnn.keras import config
from fastnn.keras.layers.conv import output_length, padded, standardize_padding, standardize_tuple, to_channels_first, \
    to_channels_last
from fastnn.keras.layers.recurrent import LSTMCell, _Recurrent
from fastnn.keras.layers.rnn import RNN
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.layers.volumes import CONVOLUTIONS
from fastnn.keras.variables import convert
from fastnn.ops.joining import cat


class ConvLSTMCell(LSTMCell):
    """Gates i, f, c, o of ``z = conv(x, kernel) + conv(h, recurrent_kernel) + bias`` (Shi et al., 2015); `rank` is the
    number of spatial dimensions."""

    dropout_mask_count = 4

    def __init__(self, rank, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 activation="tanh", recurrent_activation="sigmoid", use_bias=True, **kwargs):
        super().__init__(filters, activation, recurrent_activation, use_bias, **kwargs)
        self.rank, self.filters = rank, filters
        self.kernel_size = standardize_tuple(kernel_size, rank, "kernel_size")
        self.strides = standardize_tuple(strides, rank, "strides", allow_zero=True)
        self.padding = standardize_padding(padding)
        self.data_format = config.standardize_data_format(data_format)
        self.dilation_rate = standardize_tuple(dilation_rate, rank, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Please provide "
                             f"`strides=1` or `dilation_rate=1`. Received: strides={self.strides} and "
                             f"dilation_rate={self.dilation_rate}")
        self.input_spec = InputSpec(ndim=rank + 2)

    @property
    def _last(self):
        return self.data_format == "channels_last"

    def build(self, inputs_shape, states_shape=None):
        channels, sizes = inputs_shape[-1 if self._last else 1], inputs_shape[1:-1] if self._last else inputs_shape[2:]
        if None in sizes:
            raise ValueError(f"ConvLSTM layers only support static input shapes for the spatial dimension. Received "
                             f"invalid input shape: input_shape={inputs_shape}")
        if channels is None:
            raise ValueError(f"The channel dimension of the inputs (last axis) should be defined. Found None. Full "
                             f"input shape received: input_shape={inputs_shape}")
        self._image_shape = tuple(inputs_shape[1:])
        self.kernel = self.add_weight((*self.kernel_size, channels, 4 * self.filters), self.kernel_initializer,
                                      name="kernel", regularizer=self.kernel_regularizer,
                                      constraint=self.kernel_constraint)
        self.recurrent_kernel = self.add_weight((*self.kernel_size, self.filters, 4 * self.filters),
                                                self.recurrent_initializer, name="recurrent_kernel",
                                                regularizer=self.recurrent_regularizer,
                                                constraint=self.recurrent_constraint)
        self.bias = self.add_weight((4 * self.filters,), self._first_bias, name="bias",
                                    regularizer=self.bias_regularizer,
                                    constraint=self.bias_constraint) if self.use_bias else None

    def _convolve(self, x, kernel, bias, strides, padding, dilation, masks):
        """(batch, channels, ...) of all gates; each gate's input has its own of the `masks`."""
        kernel = kernel.permute(self.rank + 1, self.rank, *range(self.rank))
        convolve = CONVOLUTIONS[self.rank]

        def run(x, kernel, bias):
            x = to_channels_first(x) if self._last else x
            x, sides = padded(x, self.kernel_size, strides, padding, dilation)
            return convolve(x, kernel, bias, strides, sides, dilation)
        if masks is None:
            return run(x, kernel, bias)
        biases = [None] * 4 if bias is None else bias.chunk(4)
        return cat([run(x * mask, k, b) for mask, k, b in zip(masks, kernel.chunk(4), biases)], 1)

    def call(self, inputs, states, training=False):
        h, c = states
        ones = (1,) * self.rank
        masks = self.get_dropout_mask(inputs) if training and self.dropout else None
        recurrent_masks = self.get_recurrent_dropout_mask(h) if training and self.recurrent_dropout else None
        z = self._convolve(inputs, self.kernel, self.bias, self.strides, self.padding, self.dilation_rate, masks) \
            + self._convolve(h, self.recurrent_kernel, None, ones, "same", ones, recurrent_masks)
        i, f, g, o = (to_channels_last(z) if self._last else z).chunk(4, -1 if self._last else 1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def compute_output_shape(self, inputs_shape, states_shape=None):
        sizes = inputs_shape[1:-1] if self._last else inputs_shape[2:]
        sizes = [output_length(n, k, s, self.padding, d)
                 for n, k, s, d in zip(sizes, self.kernel_size, self.strides, self.dilation_rate)]
        shape = (inputs_shape[0], *sizes, self.filters) if self._last else (inputs_shape[0], self.filters, *sizes)
        return shape, [shape, shape]

    def get_initial_state(self, batch_size=None):
        """Zeros."""
        shape = self.compute_output_shape((batch_size, *self._image_shape))[0]
        return [convert(np.zeros(shape, self.compute_dtype)) for _ in range(2)]

    def _own_config(self):
        made = super()._own_config()
        made.pop("units")
        return {"filters": self.filters, "kernel_size": self.kernel_size, "strides": self.strides,
                "padding": self.padding, "data_format": self.data_format, "dilation_rate": self.dilation_rate, **made}

    def get_config(self):
        return {**self._base_config(), **self._own_config()}


class ConvLSTM(_Recurrent):
    """Base of ConvLSTM layers; the arguments are `ConvLSTMCell`'s and `RNN`'s."""

    inner_loop = RNN.inner_loop

    def __init__(self, rank, activity_regularizer=None, return_sequences=False, return_state=False, go_backwards=False,
                 stateful=False, unroll=False, zero_output_for_mask=False, trainable=True, name=None, dtype=None,
                 **kwargs):
        cell = ConvLSTMCell(rank, dtype=dtype, name="conv_lstm_cell", **kwargs)
        RNN.__init__(self, cell, return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask,
                     activity_regularizer=activity_regularizer, trainable=trainable, name=name, dtype=dtype)
        self.__dict__["_spec"] = InputSpec(ndim=rank + 3)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, steps = sequences_shape[:2]
        state = self.cell.compute_output_shape((batch, *sequences_shape[2:]))[0]
        output = (batch, steps, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output


class ConvLSTM1D(ConvLSTM):
    """LSTM whose products are convolutions (Shi et al., 2015), over (batch, steps, size, channels).

    Parameters
    ----------
    filters, kernel_size, strides, dilation_rate : int
    padding : {"valid", "same"}
        Of the inputs' convolution; the states' is "same".
    data_format, activation, recurrent_activation, use_bias, unit_forget_bias
        As in `Conv1D` and `LSTM`.
    kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer
        As in `LSTM`.
    bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint, bias_constraint
        As in `LSTM`.
    dropout, recurrent_dropout, seed, return_sequences, return_state, go_backwards, stateful
        As in `LSTM`.

    Examples
    --------
    >>> keras.layers.ConvLSTM1D(4, 3, padding="same")(np.ones((1, 2, 6, 1))).shape
    torch.Size([1, 6, 4])
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 activation="tanh", recurrent_activation="sigmoid", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", unit_forget_bias=True,
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False,
                 stateful=False, **kwargs):
        super().__init__(1, **_arguments(locals()), **kwargs)


class ConvLSTM2D(ConvLSTM):
    """LSTM whose products are convolutions (Shi et al., 2015), over (batch, steps, height, width, channels).

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or pair of int
    padding, data_format, activation, recurrent_activation, use_bias, unit_forget_bias
        As in `ConvLSTM1D`.
    kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer
        As in `LSTM`.
    bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint, bias_constraint
        As in `LSTM`.
    dropout, recurrent_dropout, seed, return_sequences, return_state, go_backwards, stateful
        As in `LSTM`.

    Examples
    --------
    >>> keras.layers.ConvLSTM2D(4, 3, return_sequences=True)(np.ones((1, 2, 6, 6, 1))).shape
    torch.Size([1, 2, 4, 4, 4])
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 activation="tanh", recurrent_activation="sigmoid", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", unit_forget_bias=True,
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False,
                 stateful=False, **kwargs):
        super().__init__(2, **_arguments(locals()), **kwargs)


class ConvLSTM3D(ConvLSTM):
    """LSTM whose products are convolutions (Shi et al., 2015), over (batch, steps, depth, height, width, channels).

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or triple of int
    padding, data_format, activation, recurrent_activation, use_bias, unit_forget_bias
        As in `ConvLSTM1D`.
    kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer
        As in `LSTM`.
    bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint, bias_constraint
        As in `LSTM`.
    dropout, recurrent_dropout, seed, return_sequences, return_state, go_backwards, stateful
        As in `LSTM`.

    Examples
    --------
    >>> keras.layers.ConvLSTM3D(2, 2)(np.ones((1, 2, 3, 3, 3, 1))).shape
    torch.Size([1, 2, 2, 2, 2])
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 activation="tanh", recurrent_activation="sigmoid", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", unit_forget_bias=True,
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False,
                 stateful=False, **kwargs):
        super().__init__(3, **_arguments(locals()), **kwargs)


def _arguments(found):
    return {name: value for name, value in found.items() if name not in ("self", "kwargs", "__class__")}
