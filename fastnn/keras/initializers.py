"""Initial values of weights, as ``keras.initializers``.

An initializer is called with a shape and gives a tensor. Random ones draw from a stream of their own if they have a
seed (the same values at every call), else from the default generator, which `utils.set_random_seed` seeds.
"""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config, random
from fastnn.keras.saving.objects import Family
from fastnn.keras.windows import window as window_of
from fastnn.random import Generator, default_generator


class Initializer:
    """Base of initializers: subclasses define ``__call__(shape, dtype=None)`` and `get_config`.

    Examples
    --------
    >>> class Counting(keras.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return keras.ops.reshape(keras.ops.arange(np.prod(shape), dtype=dtype), shape)
    >>> Counting()((2, 2), dtype="int32")
    tensor([[0, 1],
            [2, 3]], dtype=torch.int32)
    """

    def __call__(self, shape, dtype=None):
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def get_config(self):
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config):
        """An initializer of these arguments."""
        return cls(**config)

    def clone(self):
        return self.from_config(self.get_config())


def _array(shape, dtype):
    return np.empty(tuple(shape), config.torch_dtype(dtype).numpy)


class Zeros(Initializer):
    """All zeros.

    Examples
    --------
    >>> keras.initializers.Zeros()((2,))
    tensor([0., 0.])
    """

    def __call__(self, shape, dtype=None, **kwargs):
        return from_array(np.zeros(tuple(shape), config.torch_dtype(dtype).numpy))


class Ones(Initializer):
    """All ones.

    Examples
    --------
    >>> keras.initializers.Ones()((2,))
    tensor([1., 1.])
    """

    def __call__(self, shape, dtype=None, **kwargs):
        return from_array(np.ones(tuple(shape), config.torch_dtype(dtype).numpy))


class Constant(Initializer):
    """All `value`.

    Parameters
    ----------
    value : number or array

    Examples
    --------
    >>> keras.initializers.Constant(3)((2,))
    tensor([3., 3.])
    """

    def __init__(self, value=0.0):
        self.value = value

    def __call__(self, shape, dtype=None, **kwargs):
        return from_array(np.full(tuple(shape), self.value, config.torch_dtype(dtype).numpy))

    def get_config(self):
        return {"value": self.value}


class Identity(Initializer):
    """Identity matrix times `gain`.

    Parameters
    ----------
    gain : float

    Raises
    ------
    ValueError
        The shape is no matrix.

    Examples
    --------
    >>> keras.initializers.Identity()((2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None, **kwargs):
        if len(shape) != 2:
            raise ValueError(f"Identity matrix initializer can only be used for 2D matrices. Received: shape={shape} "
                             f"of rank {len(shape)}.")
        return from_array(self.gain * np.eye(*shape, dtype=config.torch_dtype(dtype).numpy))

    def get_config(self):
        return {"gain": self.gain}


class RandomInitializer(Initializer):
    """Base of random initializers.

    Parameters
    ----------
    seed : int or SeedGenerator, optional
        With an int every call gives the same values.

    Examples
    --------
    >>> x, y = (keras.initializers.RandomNormal(seed=1)((3,)) for _ in range(2))
    >>> bool((x == y).all())
    True
    """

    def __init__(self, seed=None):
        self.seed = seed

    def generator(self):
        """Where this call's numbers come from."""
        if self.seed is None:
            return default_generator
        seed = self.seed
        if not isinstance(seed, int):
            seed = int(np.asarray(seed.next()).ravel()[1] if hasattr(seed, "next") else seed)
        return Generator().manual_seed(seed & 0x7FFFFFFFFFFFFFFF)

    def normal(self, shape, mean, stddev, dtype):
        return from_array(self.generator().normal(_array(shape, dtype), mean, stddev))

    def uniform(self, shape, low, high, dtype):
        return from_array(self.generator().uniform(_array(shape, dtype), low, high))

    def truncated(self, shape, mean, stddev, dtype):
        return random.truncated(self.generator(), shape, mean, stddev, dtype)

    def get_config(self):
        return {"seed": self.seed}


class RandomNormal(RandomInitializer):
    """Normal random numbers.

    Parameters
    ----------
    mean, stddev : float
    seed : int or SeedGenerator, optional
        With an int every call gives the same values.

    Examples
    --------
    >>> x = keras.initializers.RandomNormal(1.0, 0.1, seed=0)((10000,))
    >>> round(float(x.mean()), 1), round(float(x.std()), 1)
    (1.0, 0.1)
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape, dtype=None, **kwargs):
        return self.normal(shape, self.mean, self.stddev, dtype)

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class TruncatedNormal(RandomNormal):
    """Normal random numbers, those beyond two standard deviations drawn again.

    Parameters
    ----------
    mean, stddev : float
    seed : int or SeedGenerator, optional
        With an int every call gives the same values.

    Examples
    --------
    >>> x = keras.initializers.TruncatedNormal(stddev=1.0, seed=0)((1000,))
    >>> bool((x.abs() <= 2).all())
    True
    """

    def __call__(self, shape, dtype=None, **kwargs):
        return self.truncated(shape, self.mean, self.stddev, dtype)


class RandomUniform(RandomInitializer):
    """Uniform random numbers in [minval, maxval).

    Parameters
    ----------
    minval, maxval : float
    seed : int or SeedGenerator, optional
        With an int every call gives the same values.

    Examples
    --------
    >>> x = keras.initializers.RandomUniform(0.0, 1.0, seed=0)((1000,))
    >>> round(float(x.mean()), 1)
    0.5
    """

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape, dtype=None, **kwargs):
        return self.uniform(shape, self.minval, self.maxval, dtype)

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


def compute_fans(shape, input_axes=None, output_axes=None):
    """Fan-in and fan-out of a weight: sizes of the last two axes, times those of the others (a convolution's kernel).

    Parameters
    ----------
    shape : tuple
    input_axes, output_axes : sequence of int, optional
        Axes whose sizes are multiplied instead.

    Returns
    -------
    (int, int)

    Examples
    --------
    >>> keras.initializers.compute_fans((3, 3, 16, 32))
    (144, 288)
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 1:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    if len(shape) == 2:
        return shape
    receptive = math.prod(shape[:-2])
    return shape[-2] * receptive, shape[-1] * receptive


class VarianceScaling(RandomInitializer):
    """Random numbers of variance ``scale / n``, n the fan-in, the fan-out or their mean.

    Parameters
    ----------
    scale : float
    mode : {"fan_in", "fan_out", "fan_avg"}
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
    seed : int or SeedGenerator, optional
        With an int every call gives the same values.
    input_axes, output_axes : sequence of int, optional
        Axes of inputs and outputs, if they are not the last two.

    Raises
    ------
    ValueError
        `scale` is not positive, or another mode or distribution.

    Examples
    --------
    >>> x = keras.initializers.VarianceScaling(4.0, seed=0)((100, 100))
    >>> round(float(x.std()), 1)
    0.2
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, input_axes=None,
                 output_axes=None):
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: {mode}. Please use one of {{'fan_in', 'fan_out', 'fan_avg'}}")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(f"Invalid `distribution` argument: {distribution}. Please use one of "
                             f"{{'uniform', 'truncated_normal', 'untruncated_normal'}}")
        super().__init__(seed)
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape, dtype=None, **kwargs):
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return self.uniform(shape, -limit, limit, dtype)
        if self.distribution == "untruncated_normal":
            return self.normal(shape, 0.0, math.sqrt(variance), dtype)
        return self.truncated(shape, 0.0, math.sqrt(variance) / 0.87962566103423978, dtype)  # of the truncated normal

    def get_config(self):
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, **self._base_config()}

    def _base_config(self):
        return {"seed": self.seed, "input_axes": self.input_axes, "output_axes": self.output_axes}


def _scaling(name, scale, mode, distribution, text):
    def __init__(self, seed=None, input_axes=None, output_axes=None):
        VarianceScaling.__init__(self, scale, mode, distribution, seed, input_axes, output_axes)
    text = f"""{text}

    Parameters
    ----------
    seed, input_axes, output_axes
        As in `VarianceScaling`.

    Examples
    --------
    >>> keras.initializers.{name}(seed=0)((2, 3)).shape
    torch.Size([2, 3])
    """
    return type(name, (VarianceScaling,), {"__init__": __init__, "__doc__": text, "__module__": __name__,
                                           "get_config": VarianceScaling._base_config})


GlorotUniform = _scaling("GlorotUniform", 1.0, "fan_avg", "uniform",
                         "Uniform random numbers within ``±sqrt(6 / (fan_in + fan_out))`` (Glorot and Bengio, 2010).")
GlorotNormal = _scaling("GlorotNormal", 1.0, "fan_avg", "truncated_normal",
                        "Truncated normal numbers of variance ``2 / (fan_in + fan_out)`` (Glorot and Bengio, 2010).")
HeUniform = _scaling("HeUniform", 2.0, "fan_in", "uniform",
                      "Uniform random numbers within ``±sqrt(6 / fan_in)`` (He et al., 2015).")
HeNormal = _scaling("HeNormal", 2.0, "fan_in", "truncated_normal",
                    "Truncated normal numbers of variance ``2 / fan_in`` (He et al., 2015).")
LecunUniform = _scaling("LecunUniform", 1.0, "fan_in", "uniform",
                        "Uniform random numbers within ``±sqrt(3 / fan_in)`` (LeCun et al., 1998).")
LecunNormal = _scaling("LecunNormal", 1.0, "fan_in", "truncated_normal",
                       "Truncated normal numbers of variance ``1 / fan_in`` (LeCun et al., 1998).")


class Orthogonal(RandomInitializer):
    """Orthogonal matrix times `gain`, from the QR decomposition of normal numbers (Saxe et al., 2013).

    All axes but the last are the rows.

    Parameters
    ----------
    gain : float
    seed : int or SeedGenerator, optional
        With an int every call gives the same values.

    Raises
    ------
    ValueError
        The shape has fewer than two axes.

    Examples
    --------
    >>> q = keras.initializers.Orthogonal(seed=0)((2, 2))
    >>> (q.t() @ q).abs().round(decimals=3)
    tensor([[1., 0.],
            [0., 1.]])
    """

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(f"The tensor to initialize must be at least two-dimensional. Received: shape={shape} of "
                             f"rank {len(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        draws = self.generator().normal(np.empty((max(rows, columns), min(rows, columns))), 0.0, 1.0)
        q, r = np.linalg.qr(draws)
        q = q * np.sign(np.diag(r))
        q = q.T if rows < columns else q
        return from_array((self.gain * q).reshape(shape).astype(config.torch_dtype(dtype).numpy))

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed}


class STFT(Initializer):
    """Kernels (frame length, 1, bins) of a convolution that gives the short-time Fourier transform.

    Parameters
    ----------
    side : {"real", "imag"}
        Cosines or sines.
    window : str, array or None
        Weights of a frame's samples.
    scaling : {"density", "spectrum", None}
        Divide by the root of the sum of squares of the window, or by its sum.
    periodic : bool
        Whether a named window is one period.

    Raises
    ------
    ValueError
        Another side or scaling, or a window of another length.

    Examples
    --------
    >>> keras.initializers.STFT("real", window=None)((4, 1, 3)).squeeze(1).round(decimals=3).abs()
    tensor([[1., 1., 1.],
            [1., 0., 1.],
            [1., 1., 1.],
            [1., 0., 1.]])
    """

    def __init__(self, side="real", window="hann", scaling="density", periodic=False):
        if side not in ("real", "imag"):
            raise ValueError(f"side should be 'real' or 'imag', not {side}")
        if isinstance(window, str):
            window_of(window, 1)
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"Scaling is invalid, it must be `None`, 'density' or 'spectrum'. Received "
                             f"scaling={scaling}")
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape, dtype=None):
        length, _, bins = shape
        phase = -2 * np.pi * np.arange(length)[:, None, None] * np.arange(bins) / ((bins - 1) * 2)
        made = np.cos(phase) if self.side == "real" else np.sin(phase)
        if self.window is not None:
            win = window_of(self.window, length, self.periodic) if isinstance(self.window, str) \
                else np.asarray(self.window)
            if win.shape != (length,):
                raise ValueError(f"The shape of `window` must be equal to [frame_length]. Received: window "
                                 f"shape={win.shape}")
            scale = {"density": np.sqrt((win ** 2).sum()), "spectrum": np.abs(win).sum(), None: 1.0}[self.scaling]
            made = made * win[:, None, None] / scale
        return from_array(made.astype(config.torch_dtype(dtype).numpy))

    def get_config(self):
        return {"side": self.side, "window": self.window, "periodic": self.periodic, "scaling": self.scaling}


STFTInitializer = stft = STFT
OrthogonalInitializer, IdentityInitializer = Orthogonal, Identity
zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_uniform, glorot_normal, he_uniform, he_normal = GlorotUniform, GlorotNormal, HeUniform, HeNormal
lecun_uniform, lecun_normal, variance_scaling, orthogonal = LecunUniform, LecunNormal, VarianceScaling, Orthogonal

_family = Family("initializer", __name__, lambda: {"normal": RandomNormal, "uniform": RandomUniform, "one": Ones,
                                                   "zero": Zeros})
serialize, deserialize = _family.serialize, _family.deserialize


def get(identifier):
    """Initializer of a name, a record, a class or an object; numbers and arrays give `Constant`.

    Parameters
    ----------
    identifier : str, dict, class, Initializer, number, array or None

    Returns
    -------
    Initializer or None

    Raises
    ------
    ValueError
        There is no such initializer.

    Examples
    --------
    >>> keras.initializers.get("ones")((2,))
    tensor([1., 1.])
    >>> keras.initializers.get(0.5)((2,))
    tensor([0.5000, 0.5000])
    """
    if isinstance(identifier, (np.ndarray, float, int)) and not isinstance(identifier, bool):
        return Constant(identifier)
    return _family.get(identifier)
