"""Pooling over windows."""
from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.conv import (output_length, same_padding, standardize_padding, standardize_tuple,
                                      to_channels_first, to_channels_last)
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.layers.volumes import ADAPTIVE_AVERAGES, ADAPTIVE_MAXIMA, AVERAGE_POOLS, MAX_POOLS
from fastnn.nn import functional as F


class BasePooling(Layer):
    """Base of pooling over windows of one to three dimensions; `rank` is their number."""

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
        function = MAX_POOLS[self.rank]
        if self.padding == "same":
            sides = self._sides(x)
            if any(before or after for before, after in sides):
                x = F.pad(x, [n for pair in reversed(sides) for n in pair], value=float("-inf"))
        return function(x, self.pool_size, self.strides)


class _Average:
    def pool(self, x):
        function = AVERAGE_POOLS[self.rank]
        sides = self._sides(x) if self.padding == "same" else ()
        if not any(before or after for before, after in sides):
            return function(x, self.pool_size, self.strides)
        pads = [n for pair in reversed(sides) for n in pair]
        ones = x.new_ones((1, 1, *x.shape[2:]))  # padding does not count
        return function(F.pad(x, pads), self.pool_size, self.strides) / function(F.pad(ones, pads), self.pool_size,
                                                                                 self.strides)


class MaxPooling1D(_Max, BasePooling):
    """Largest value of each window of (batch, steps, channels).

    Parameters
    ----------
    pool_size : int
    strides : int, optional
        Distance of windows; `pool_size` without it.
    padding : {"valid", "same"}
        "same" gives ``ceil(steps / strides)`` windows.
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).flatten()
    tensor([3., 2.])
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 1, padding, data_format, name, **kwargs)


class MaxPooling2D(_Max, BasePooling):
    """Largest value of each window of (batch, height, width, channels).

    Parameters
    ----------
    pool_size : int or pair of int
    strides : int or pair of int, optional
        Distance of windows; `pool_size` without it.
    padding : {"valid", "same"}
        "same" gives ``ceil(size / stride)`` windows along an axis.
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.MaxPooling2D()(np.arange(16.0).reshape(1, 4, 4, 1)).squeeze()
    tensor([[ 5.,  7.],
            [13., 15.]])
    """

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 2, padding, data_format, name, **kwargs)


class AveragePooling1D(_Average, BasePooling):
    """Mean of each window of (batch, steps, channels); padding does not count.

    Parameters
    ----------
    pool_size, strides, padding, data_format
        As in `MaxPooling1D`.

    Examples
    --------
    >>> keras.layers.AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).flatten()
    tensor([2., 1.])
    """

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 1, padding, data_format, name, **kwargs)


class AveragePooling2D(_Average, BasePooling):
    """Mean of each window of (batch, height, width, channels); padding does not count.

    Parameters
    ----------
    pool_size, strides, padding, data_format
        As in `MaxPooling2D`.

    Examples
    --------
    >>> keras.layers.AveragePooling2D(2)(np.arange(16.0).reshape(1, 4, 4, 1)).squeeze()
    tensor([[ 2.5000,  4.5000],
            [10.5000, 12.5000]])
    """

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 2, padding, data_format, name, **kwargs)


class MaxPooling3D(_Max, BasePooling):
    """Largest value of each window of (batch, depth, height, width, channels).

    Parameters
    ----------
    pool_size : int or triple of int
    strides, padding, data_format
        As in `MaxPooling2D`.

    Examples
    --------
    >>> keras.layers.MaxPooling3D(2)(np.ones((1, 4, 4, 6, 2))).shape
    torch.Size([1, 2, 2, 3, 2])
    """

    def __init__(self, pool_size=(2, 2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 3, padding, data_format, name, **kwargs)


class AveragePooling3D(_Average, BasePooling):
    """Mean of each window of (batch, depth, height, width, channels); padding does not count.

    Parameters
    ----------
    pool_size, strides, padding, data_format
        As in `MaxPooling3D`.

    Examples
    --------
    >>> keras.layers.AveragePooling3D(2)(np.ones((1, 4, 4, 6, 2))).shape
    torch.Size([1, 2, 2, 3, 2])
    """

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 3, padding, data_format, name, **kwargs)


class _Adaptive(Layer):
    """Base of pooling to a given number of windows; `rank` is the number of dimensions, `functions` those by rank."""

    def __init__(self, output_size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(output_size, (int, tuple, list)):
            raise TypeError(f"`output_size` must be an integer or a tuple of {self.rank} integers. Received: "
                            f"{output_size} of type {type(output_size)}")
        size = (output_size,) * self.rank if isinstance(output_size, int) else tuple(output_size)
        if len(size) != self.rank:
            raise (ValueError if self.rank == 1 else TypeError)(
                f"`output_size` must be an integer or a tuple of {self.rank} integers. Received: {output_size}")
        self.output_size, self.data_format = size, config.standardize_data_format(data_format)

    def call(self, inputs):
        last = self.data_format == "channels_last"
        size = self.output_size[0] if self.rank == 1 else self.output_size
        y = self.functions[self.rank](to_channels_first(inputs) if last else inputs, size)
        return to_channels_last(y) if last else y

    def compute_output_shape(self, input_shape):
        last = self.data_format == "channels_last"
        return (input_shape[0], *self.output_size, input_shape[-1]) if last else (*input_shape[:2], *self.output_size)

    def get_config(self):
        return {**self._base_config(), "output_size": self.output_size, "data_format": self.data_format}


class AdaptiveAveragePooling1D(_Adaptive):
    """Means of `output_size` windows that cover the steps of (batch, steps, channels).

    Parameters
    ----------
    output_size : int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.AdaptiveAveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).flatten()
    tensor([2., 1.])
    """

    rank, functions = 1, ADAPTIVE_AVERAGES


class AdaptiveAveragePooling2D(_Adaptive):
    """Means of windows that cover images, `output_size` along each axis.

    Parameters
    ----------
    output_size : int or pair of int
    data_format : {"channels_last", "channels_first"}, optional

    Raises
    ------
    TypeError
        `output_size` is neither.

    Examples
    --------
    >>> keras.layers.AdaptiveAveragePooling2D((2, 3))(np.ones((1, 5, 7, 4))).shape
    torch.Size([1, 2, 3, 4])
    """

    rank, functions = 2, ADAPTIVE_AVERAGES


class AdaptiveAveragePooling3D(_Adaptive):
    """Means of windows that cover volumes, `output_size` along each axis.

    Parameters
    ----------
    output_size : int or triple of int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.AdaptiveAveragePooling3D(2)(np.ones((1, 3, 4, 5, 2))).shape
    torch.Size([1, 2, 2, 2, 2])
    """

    rank, functions = 3, ADAPTIVE_AVERAGES


class AdaptiveMaxPooling1D(_Adaptive):
    """Largest values of `output_size` windows that cover the steps of (batch, steps, channels).

    Parameters
    ----------
    output_size : int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.AdaptiveMaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).flatten()
    tensor([3., 2.])
    """

    rank, functions = 1, ADAPTIVE_MAXIMA


class AdaptiveMaxPooling2D(_Adaptive):
    """Largest values of windows that cover images, `output_size` along each axis.

    Parameters
    ----------
    output_size : int or pair of int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.AdaptiveMaxPooling2D((2, 3))(np.ones((1, 5, 7, 4))).shape
    torch.Size([1, 2, 3, 4])
    """

    rank, functions = 2, ADAPTIVE_MAXIMA


class AdaptiveMaxPooling3D(_Adaptive):
    """Largest values of windows that cover volumes, `output_size` along each axis.

    Parameters
    ----------
    output_size : int or triple of int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.AdaptiveMaxPooling3D(2)(np.ones((1, 3, 4, 5, 2))).shape
    torch.Size([1, 2, 2, 2, 2])
    """

    rank, functions = 3, ADAPTIVE_MAXIMA
