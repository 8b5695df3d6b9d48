"""Random numbers, as ``keras.random``. A call without a seed draws from the default generator."""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.variables import array_of, convert, Variable
from fastnn.nn import functional as F
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


def truncated(generator, shape, mean, stddev, dtype):
    """Normal draws; those beyond two standard deviations are drawn again."""
    kind = config.torch_dtype(dtype).numpy
    count, found = math.prod(shape), []
    while count > 0:  # one draw of 22 is refused
        draws = generator.normal(np.empty(count + count // 20 + 16, kind), 0.0, 1.0)
        found.append(draws[np.abs(draws) <= 2.0][:count])
        count -= len(found[-1])
    values = np.concatenate(found) if found else np.empty(0, kind)
    return from_array((values * stddev + mean).astype(kind).reshape(tuple(shape)))


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal draws of which those beyond two standard deviations are drawn again."""
    return truncated(stream(seed), shape, mean, stddev, dtype)


def _numpy_stream(seed):
    """NumPy's generator, begun with a draw: for the distributions that it has."""
    return np.random.default_rng(int(stream(seed).random(np.empty(1, np.int64), 0, 2**31 - 1)[0]))


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Integers from ``[minval, maxval)``."""
    if not config.is_int(config.standardize_dtype(dtype)):
        raise ValueError(f"`keras.random.randint` requires an integer `dtype`. Received: dtype={dtype} ")
    drawn = _numpy_stream(seed).integers(int(minval), int(maxval), tuple(shape))
    return from_array(np.asarray(drawn, config.torch_dtype(dtype).numpy))


def categorical(logits, num_samples, dtype="int32", seed=None):
    """For each row of `logits` (batch, classes), `num_samples` classes with probabilities softmax(logits)."""
    logits = np.asarray(array_of(logits), np.float64)
    if logits.ndim != 2:
        raise ValueError(f"`logits` should be a 2-D tensor with shape [batch_size, num_classes]. Received: "
                         f"logits={logits}")
    noise = _numpy_stream(seed).gumbel(size=(logits.shape[0], num_samples, logits.shape[1]))
    return from_array((logits[:, None] + noise).argmax(-1).astype(config.torch_dtype(dtype).numpy))


def shuffle(x, axis=0, seed=None):
    """The slices of a tensor along `axis` in random order."""
    array = array_of(x)
    return from_array(np.take(array, _numpy_stream(seed).permutation(array.shape[axis]), axis))


def _distribution(name, shape, parameters, dtype, seed):
    drawn = getattr(_numpy_stream(seed), name)(*(np.asarray(array_of(each)) for each in parameters), tuple(shape))
    return from_array(np.asarray(drawn, config.torch_dtype(dtype).numpy))


def gamma(shape, alpha, dtype=None, seed=None):
    """Draws of the gamma distribution with scale 1; `alpha` broadcasts to `shape`."""
    return _distribution("standard_gamma", shape, [alpha], dtype, seed)


def beta(shape, alpha, beta, dtype=None, seed=None):
    """Draws of the beta distribution; `alpha` and `beta` broadcast to `shape`."""
    return _distribution("beta", shape, [alpha, beta], dtype, seed)


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """How often an event of these `probabilities` comes in `counts` trials."""
    counts = np.asarray(array_of(counts)).astype(np.int64)
    return _distribution("binomial", shape, [counts, probabilities], dtype, seed)


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Zeros at random with probability `rate`, the rest scaled by ``1 / (1 - rate)``."""
    inputs = convert(inputs)
    if rate >= 1:
        return inputs * 0.0
    shape = tuple(inputs.shape) if noise_shape is None else tuple(
        n if wanted is None else wanted for n, wanted in zip(inputs.shape, noise_shape))
    if shape == tuple(inputs.shape) and (seed is None or isinstance(seed, SeedGenerator) and seed.drawn):
        return F.dropout(inputs, rate)
    kept = stream(seed).uniform(np.empty(shape, np.float32), 0.0, 1.0) >= rate
    return inputs * from_array((kept / (1 - rate)).astype(array_of(inputs).dtype))
