"""Random numbers, as ``keras.random``. A call without a seed draws from the default generator."""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.variables import array_of, convert, Variable
from fastnn.nn import functional as F
from fastnn.random import Generator, default_generator


class SeedGenerator:
    """Source of seeds: every use gives another one, in the same order for the same initial seed.

    Parameters
    ----------
    seed : int, optional
        Drawn from the default generator without it.
    name : str, optional

    Raises
    ------
    ValueError
        `seed` is no int, or unknown arguments.

    Examples
    --------
    >>> seed = keras.random.SeedGenerator(1)
    >>> a, b = keras.random.normal((3,), seed=seed), keras.random.normal((3,), seed=seed)
    >>> bool((a == b).all())
    False
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
    """A seed drawn from the default generator, which `utils.set_random_seed` seeds.

    Returns
    -------
    int

    Examples
    --------
    >>> keras.utils.set_random_seed(1)
    >>> seed = keras.random.make_default_seed()
    >>> keras.utils.set_random_seed(1)
    >>> seed == keras.random.make_default_seed()
    True
    """
    return int(default_generator.random(np.empty(1, np.int64), 0, 2**31 - 1)[0])


def stream(seed):
    """Generator of an argument `seed`.

    Parameters
    ----------
    seed : None, int or SeedGenerator
        None: the default generator.

    Returns
    -------
    Generator

    Examples
    --------
    >>> keras.random.stream(None) is keras.random.stream(None)
    True
    """
    if seed is None:
        return default_generator
    if isinstance(seed, SeedGenerator):
        return seed.generator()
    return Generator().manual_seed(int(np.asarray(array_of(seed)).ravel()[0]) & 0x7FFFFFFFFFFFFFFF)


def _empty(shape, dtype):
    return np.empty(tuple(int(n) for n in shape), config.torch_dtype(dtype).numpy)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal random numbers.

    Parameters
    ----------
    shape : tuple
    mean, stddev : float
    dtype : str, optional
        `config.floatx` without it.
    seed : int or SeedGenerator, optional
        An int gives the same numbers at every call; the default generator draws without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> x = keras.random.normal((10000,), 1.0, 0.1, seed=0)
    >>> round(float(x.mean()), 1), round(float(x.std()), 1)
    (1.0, 0.1)
    """
    return from_array(stream(seed).normal(_empty(shape, dtype), mean, stddev))


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Uniform random numbers of [minval, maxval).

    Parameters
    ----------
    shape : tuple
    minval, maxval : float
    dtype, seed
        As in `normal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> x = keras.random.uniform((1000,), 0.0, 1.0, seed=0)
    >>> round(float(x.mean()), 1)
    0.5
    """
    return from_array(stream(seed).uniform(_empty(shape, dtype), minval, maxval))


def truncated(generator, shape, mean, stddev, dtype):
    """Normal random numbers of a generator, those beyond two standard deviations drawn again.

    Parameters
    ----------
    generator : Generator
    shape, mean, stddev, dtype
        As in `normal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.random.truncated(keras.random.stream(0), (3,), 0.0, 1.0, "float32").shape
    torch.Size([3])
    """
    kind = config.torch_dtype(dtype).numpy
    count, found = math.prod(shape), []
    while count > 0:  # one draw of 22 is refused
        draws = generator.normal(np.empty(count + count // 20 + 16, kind), 0.0, 1.0)
        found.append(draws[np.abs(draws) <= 2.0][:count])
        count -= len(found[-1])
    values = np.concatenate(found) if found else np.empty(0, kind)
    return from_array((values * stddev + mean).astype(kind).reshape(tuple(shape)))


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal random numbers, those beyond two standard deviations drawn again.

    Parameters
    ----------
    shape, mean, stddev, dtype, seed
        As in `normal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> bool((keras.random.truncated_normal((1000,), seed=0).abs() <= 2).all())
    True
    """
    return truncated(stream(seed), shape, mean, stddev, dtype)


def _numpy_stream(seed):
    """NumPy's generator, begun with a draw: for the distributions that it has."""
    return np.random.default_rng(int(stream(seed).random(np.empty(1, np.int64), 0, 2**31 - 1)[0]))


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Random whole numbers of [minval, maxval).

    Parameters
    ----------
    shape : tuple
    minval, maxval : int
    dtype : str
    seed : int or SeedGenerator, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        `dtype` is not one of whole numbers.

    Examples
    --------
    >>> keras.random.randint((100,), 0, 3, seed=0).unique()
    tensor([0, 1, 2], dtype=torch.int32)
    """
    if not config.is_int(config.standardize_dtype(dtype)):
        raise ValueError(f"`keras.random.randint` requires an integer `dtype`. Received: dtype={dtype} ")
    drawn = _numpy_stream(seed).integers(int(minval), int(maxval), tuple(shape))
    return from_array(np.asarray(drawn, config.torch_dtype(dtype).numpy))


def categorical(logits, num_samples, dtype="int32", seed=None):
    """Classes drawn with probabilities ``softmax(logits)`` for each row.

    Parameters
    ----------
    logits : tensor (batch, classes)
    num_samples : int
    dtype : str
    seed : int or SeedGenerator, optional

    Returns
    -------
    Tensor (batch, num_samples)

    Raises
    ------
    ValueError
        `logits` has not two axes.

    Examples
    --------
    >>> keras.random.categorical(np.array([[0.0, 100.0]]), 3)
    tensor([[1, 1, 1]], dtype=torch.int32)
    """
    logits = np.asarray(array_of(logits), np.float64)
    if logits.ndim != 2:
        raise ValueError(f"`logits` should be a 2-D tensor with shape [batch_size, num_classes]. Received: "
                         f"logits={logits}")
    noise = _numpy_stream(seed).gumbel(size=(logits.shape[0], num_samples, logits.shape[1]))
    return from_array((logits[:, None] + noise).argmax(-1).astype(config.torch_dtype(dtype).numpy))


def shuffle(x, axis=0, seed=None):
    """Slices of a tensor along `axis` in random order.

    Parameters
    ----------
    x : tensor
    axis : int
    seed : int or SeedGenerator, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.random.shuffle(np.arange(5), seed=0).sort()[0]
    tensor([0, 1, 2, 3, 4])
    """
    array = array_of(x)
    return from_array(np.take(array, _numpy_stream(seed).permutation(array.shape[axis]), axis))


def _distribution(name, shape, parameters, dtype, seed):
    drawn = getattr(_numpy_stream(seed), name)(*(np.asarray(array_of(each)) for each in parameters), tuple(shape))
    return from_array(np.asarray(drawn, config.torch_dtype(dtype).numpy))


def gamma(shape, alpha, dtype=None, seed=None):
    """Random numbers of the gamma distribution with scale 1.

    Parameters
    ----------
    shape : tuple
    alpha : float or array
        It broadcasts to `shape`.
    dtype, seed
        As in `normal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> bool((keras.random.gamma((100,), 2.0, seed=0) > 0).all())
    True
    """
    return _distribution("standard_gamma", shape, [alpha], dtype, seed)


def beta(shape, alpha, beta, dtype=None, seed=None):
    """Random numbers of the beta distribution.

    Parameters
    ----------
    shape : tuple
    alpha, beta : float or array
        They broadcast to `shape`.
    dtype, seed
        As in `normal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> x = keras.random.beta((1000,), 2.0, 2.0, seed=0)
    >>> bool((x > 0).all() and (x < 1).all())
    True
    """
    return _distribution("beta", shape, [alpha, beta], dtype, seed)


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """Numbers of successes in `counts` trials.

    Parameters
    ----------
    shape : tuple
    counts, probabilities : float or array
        They broadcast to `shape`.
    dtype, seed
        As in `normal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.random.binomial((3,), 5, 1.0)
    tensor([5., 5., 5.])
    """
    counts = np.asarray(array_of(counts)).astype(np.int64)
    return _distribution("binomial", shape, [counts, probabilities], dtype, seed)


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Sets entries to 0 with probability `rate` and divides the others by ``1 - rate``.

    Parameters
    ----------
    inputs : tensor
    rate : float
    noise_shape : tuple, optional
        1 along axes where the choice is shared, None for the input's size.
    seed : int or SeedGenerator, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.random.dropout(np.ones(100), 0.5, seed=0).unique()
    tensor([0., 2.], dtype=torch.float64)
    """
    inputs = convert(inputs)
    if rate >= 1:
        return inputs * 0.0
    shape = tuple(inputs.shape) if noise_shape is None else tuple(
        n if wanted is None else wanted for n, wanted in zip(inputs.shape, noise_shape))
    if shape == tuple(inputs.shape) and (seed is None or isinstance(seed, SeedGenerator) and seed.drawn):
        return F.dropout(inputs, rate)
    kept = stream(seed).uniform(np.empty(shape, np.float32), 0.0, 1.0) >= rate
    return inputs * from_array((kept / (1 - rate)).astype(array_of(inputs).dtype))
