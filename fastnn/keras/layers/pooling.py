"""Pooling over windows."""
from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.conv import (output_length, same_padding, standardize_padding, standardize_tuple,
                                      to_channels_first, to_channels_last)
from fastnn.keras.layers.spec import InputSpec
from fastnn.nn import functional as F


class BasePooling(Layer):
    """Base of pooling over windows of one or two dimensions; `rank` is their number."""

    def __init__(self, pool_size, strides, rank, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.rank = rank
        self.pool_size = standardize_tuple(pool_size, rank, "pool_size")
        self.strides = self.pool_size if strides is None else standardize_tuple(strides, rank, "strides", True)
        self.padding = standardize_padding(padding)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def call(self, inputs):
        last = self.data_format == "channels_last"
        x = to_channels_first(inputs) if last else inputs
        y = self.pool(x)
        return to_channels_last(y) if last else y

    def _sides(self, x):
        return [same_padding(n, k, s) for n, k, s in zip(x.shape[2:], self.pool_size, self.strides)]

    def compute_output_shape(self, input_shape):
        last = self.data_format == "channels_last"
        sizes = input_shape[1:-1] if last else input_shape[2:]
        found = tuple(output_length(n, k, s, self.padding) for n, k, s in zip(sizes, self.pool_size, self.strides))
        if any(n is not None and n <= 0 for n in found):
            raise ValueError(f"Computed output size would be negative. Received: inputs_shape={input_shape}, "
                             f"pool_size={self.pool_size}, strides={self.strides}, padding={self.padding}")
        return (input_shape[0], *found, input_shape[-1]) if last else (*input_shape[:2], *found)

    def get_config(self):
        return {**self._base_config(), "pool_size": self.pool_size, "padding": self.padding, "strides": self.strides,
                "data_format": self.data_format}


class _Max:
    def pool(self, x):
        function = F.max_pool1d if self.rank == 1 else F.max_pool2d
        if self.padding == "same":
            sides = self._sides(x)
            if any(before or after for before, after in sides):
                x = F.pad(x, [n for pair in reversed(sides) for n in pair], value=float("-inf"))
        return function(x, self.pool_size, self.strides)


class _Average:
    def pool(self, x):
        function = F.avg_pool1d if self.rank == 1 else F.avg_pool2d
        sides = self._sides(x) if self.padding == "same" else ()
        if not any(before or after for before, after in sides):
            return function(x, self.pool_size, self.strides)
        pads = [n for pair in reversed(sides) for n in pair]
        ones = x.new_ones((1, 1, *x.shape[2:]))  # padding does not count
        return function(F.pad(x, pads), self.pool_size, self.strides) / function(F.pad(ones, pads), self.pool_size,
                                                                                 self.strides)


class MaxPooling1D(_Max, BasePooling):
    """The largest value of each window of (batch, steps, channels)."""

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 1, padding, data_format, name, **kwargs)


class MaxPooling2D(_Max, BasePooling):
    """The largest value of each window of (batch, height, width, channels)."""

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 2, padding, data_format, name, **kwargs)


class AveragePooling1D(_Average, BasePooling):
    """The mean of each window of (batch, steps, channels); padding does not count."""

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 1, padding, data_format, name, **kwargs)


class AveragePooling2D(_Average, BasePooling):
    """The mean of each window of (batch, height, width, channels); padding does not count."""

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 2, padding, data_format, name, **kwargs)
