"""Random numbers, as ``keras.random``. A call without a seed draws from the default generator."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.variables import Variable, array_of
from fastnn.random import Generator, default_generator


class SeedGenerator:
    """A source of seeds: every call of `next` gives another.

    Parameters
    ----------
    seed : int, optional
        Drawn from the default generator without it.
    """

    def __init__(self, seed=None, name=None, **kwargs):
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        self.drawn = seed is None  # the default generator decides
        if seed is None:
            seed = make_default_seed()
        if not isinstance(seed, int):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        self._initial_seed = seed
        self.name = name or "seed_generator"
        self.state = Variable(np.array([seed & 0xFFFFFFFF, 0], np.int64), trainable=False, name="seed_generator_state")

    @property
    def seed(self):
        return self._initial_seed

    def next(self, ordered=True):
        """Two numbers: the seed, and how many were drawn before."""
        now = self.state.numpy()
        self.state.assign(now + np.array([0, 1]))
        return from_array(now)

    def generator(self):
        """A stream of its own for one call."""
        seed, count = (int(n) for n in array_of(self.next()))
        return Generator().manual_seed((seed * 0x9E3779B97F4A7C15 + count * 0xD1B54A32D192ED03) & 0x7FFFFFFFFFFFFFFF)

    def get_config(self):
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def make_default_seed():
    """A seed from the default generator."""
    return int(default_generator.random(np.empty(1, np.int64), 0, 2**31 - 1)[0])


def stream(seed):
    """The generator that a `seed` argument means: None, a number or a SeedGenerator."""
    if seed is None:
        return default_generator
    if isinstance(seed, SeedGenerator):
        return seed.generator()
    return Generator().manual_seed(int(np.asarray(array_of(seed)).ravel()[0]) & 0x7FFFFFFFFFFFFFFF)


def _empty(shape, dtype):
    return np.empty(tuple(int(n) for n in shape), config.torch_dtype(dtype).numpy)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal draws."""
    return from_array(stream(seed).normal(_empty(shape, dtype), mean, stddev))


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Uniform draws from ``[minval, maxval)``."""
    return from_array(stream(seed).uniform(_empty(shape, dtype), minval, maxval))


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Zeros at random with probability `rate`, the rest scaled by ``1 / (1 - rate)``."""
    from fastnn.keras.variables import convert
    from fastnn.nn import functional as F
    inputs = convert(inputs)
    if rate >= 1:
        return inputs * 0.0
    shape = tuple(inputs.shape) if noise_shape is None else tuple(
        n if wanted is None else wanted for n, wanted in zip(inputs.shape, noise_shape))
    if shape == tuple(inputs.shape) and (seed is None or isinstance(seed, SeedGenerator) and seed.drawn):
        return F.dropout(inputs, rate)
    kept = stream(seed).uniform(np.empty(shape, np.float32), 0.0, 1.0) >= rate
    return inputs * from_array((kept / (1 - rate)).astype(array_of(inputs).dtype))
