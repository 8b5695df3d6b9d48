"""Noise in training."""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config, random
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import Dropout
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.random import SeedGenerator


class _SpatialDropout(Dropout):
    """Base of dropout of whole features."""

    def __init__(self, rate, seed=None, name=None, dtype=None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)

    def _noise_shape(self, shape):
        return (shape[0], *[1] * (len(shape) - 2), shape[-1])

    def call(self, inputs, training=False):
        if training and self.rate > 0:
            return random.dropout(inputs, self.rate, noise_shape=self._noise_shape(tuple(inputs.shape)),
                                  seed=self.seed_generator)
        return inputs

    def get_config(self):
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole features of (batch, steps, features)."""

    def __init__(self, rate, seed=None, name=None, dtype=None):
        super().__init__(rate, seed, name, dtype)
        self.input_spec = InputSpec(ndim=3)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images."""

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        super().__init__(rate, seed, name, dtype)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=4)

    def _noise_shape(self, shape):
        if self.data_format == "channels_last":
            return super()._noise_shape(shape)
        return (*shape[:2], *[1] * (len(shape) - 2))

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of volumes."""

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        super().__init__(rate, data_format, seed, name, dtype)
        self.input_spec = InputSpec(ndim=5)


class _Noise(Layer):
    """Base: results have the inputs' shape."""

    def _init(self, name, value, seed, most=None):
        if not isinstance(value, (int, float)) or value < 0 or most is not None and value > most:
            raise ValueError(f"Invalid value received for argument `{name}`. Expected a float value "
                             f"{'>= 0' if most is None else f'between 0 and {most}'}. Received: {name}={value}")
        self.seed = seed
        if value > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape


class GaussianNoise(_Noise):
    """In training, adds normal draws of standard deviation `stddev`."""

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev
        self._init("stddev", stddev, seed)

    def call(self, inputs, training=False):
        if training and self.stddev > 0:
            return inputs + random.normal(inputs.shape, 0.0, self.stddev, dtype=self.compute_dtype,
                                          seed=self.seed_generator)
        return inputs

    def get_config(self):
        return {**self._base_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(_Noise):
    """In training, multiplies by normal draws of mean 1 and standard deviation ``sqrt(rate / (1 - rate))``."""

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self._init("rate", rate, seed, 1)

    def call(self, inputs, training=False):
        if training and self.rate > 0:
            stddev = math.sqrt(self.rate / (1.0 - self.rate))
            return inputs * random.normal(inputs.shape, 1.0, stddev, dtype=self.compute_dtype, seed=self.seed_generator)
        return inputs

    def get_config(self):
        return {**self._base_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance of `selu` networks (Klambauer et al., 2017)."""

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.noise_shape = rate, noise_shape
        self._init("rate", rate, seed, 1)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        shape = tuple(inputs.shape) if self.noise_shape is None else tuple(
            n if wanted is None else wanted for n, wanted in zip(inputs.shape, self.noise_shape))
        least = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
        kept = random.stream(self.seed_generator).uniform(np.empty(shape, np.float32), 0.0, 1.0) > self.rate
        kept = from_array(kept).to(inputs.dtype)
        a = 1.0 / math.sqrt((1.0 - self.rate) * (1.0 + self.rate * least ** 2))
        return a * (inputs * kept + least * (1 - kept)) - a * least * self.rate

    def get_config(self):
        return {**self._base_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
