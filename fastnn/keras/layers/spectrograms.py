"""Spectrograms of signals."""
import math
import warnings

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import config, initializers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.conv import output_length, padded
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.ops.signal import stft
from fastnn.keras.variables import array_of, convert
from fastnn.nn import functional as F
from fastnn.ops.joining import cat

MODES = "log", "magnitude", "psd", "real", "imag", "angle", "stft"


class STFTSpectrogram(Layer):
    """Short-time Fourier transform of (batch, samples, channels), by convolutions with kernels that can be trained.

    Parameters
    ----------
    mode : {"log", "magnitude", "psd", "real", "imag", "angle", "stft"}
        "psd" is the power, "stft" real and imaginary parts.
    frame_length, frame_step, fft_length : int
        Samples of a frame, between frames (half of it by default), and of the transform (a power of 2 by default).
    window, periodic, scaling
        As in `initializers.STFT`.
    padding : {"valid", "same"}
    expand_dims : bool
        Whether frequencies have an axis of their own.
    data_format : {"channels_last", "channels_first"}, optional

    Shape
    -----
    (batch, samples, channels) -> (batch, frames, channels * (fft_length / 2 + 1)).

    Raises
    ------
    ValueError
        Another mode or padding, a step or transform that does not fit the frame.

    Examples
    --------
    >>> keras.layers.STFTSpectrogram(frame_length=16, frame_step=8)(np.ones((1, 64, 1))).shape
    torch.Size([1, 7, 9])
    """

    def __init__(self, mode="log", frame_length=256, frame_step=None, fft_length=None, window="hann", periodic=False,
                 scaling="density", padding="valid", expand_dims=False, data_format=None, **kwargs):
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(f"`frame_step` should be a positive integer not greater than `frame_length`. Received "
                             f"frame_step={frame_step}, frame_length={frame_length}")
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(f"`fft_length` should be not less than `frame_length`. Received fft_length={fft_length}, "
                             f"frame_length={frame_length}")
        if fft_length is not None and fft_length & -fft_length != fft_length:
            warnings.warn(f"`fft_length` is recommended to be a power of two. Received fft_length={fft_length}",
                          stacklevel=2)
        if mode not in MODES:
            raise ValueError(f"Output mode is invalid, it must be one of {', '.join(MODES)}. Received: mode={mode}")
        if padding not in ("valid", "same"):
            raise ValueError(f"Padding is invalid, it should be 'valid', 'same'. Received: padding={padding}")
        self._initializer("real", window, scaling, periodic)  # says what is wrong
        super().__init__(**kwargs)
        self.mode, self.frame_length, self.frame_step, self.fft_length = mode, frame_length, frame_step, fft_length
        self.window, self.periodic, self.scaling, self.padding = window, periodic, scaling, padding
        self.expand_dims, self.data_format = expand_dims, config.standardize_data_format(data_format)
        self._step = frame_step or frame_length // 2
        self._size = fft_length or 2 ** math.ceil(math.log2(frame_length))
        self.input_spec = InputSpec(ndim=3)

    @staticmethod
    def _initializer(side, window, scaling, periodic):
        return initializers.STFT(side, window, scaling, periodic)

    def build(self, input_shape):
        shape = (self.frame_length, 1, self._size // 2 + 1)
        for side in ("real", "imag"):
            if self.mode != {"real": "imag", "imag": "real"}[side]:
                setattr(self, f"{side}_kernel", self.add_weight(
                    shape, self._initializer(side, self.window, self.scaling, self.periodic), name=f"{side}_kernel"))

    def _convolved(self, inputs, kernel):
        """(batch, channels, frequencies, frames)"""
        x = inputs.transpose(1, 2) if self.data_format == "channels_last" else inputs
        batch, channels, samples = x.shape
        x, own = padded(x.reshape(-1, 1, samples), (self.frame_length,), (self._step,), self.padding, (1,))
        y = F.conv1d(x, kernel.permute(2, 1, 0), None, self._step, own)
        return y.reshape(batch, channels, *y.shape[1:])

    def _arranged(self, x):
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return x.permute(0, 3, 2, 1) if last else x.permute(0, 1, 3, 2)
        x = x.reshape(x.shape[0], -1, x.shape[3])
        return x.transpose(1, 2) if last else x

    def call(self, inputs):
        if not inputs.is_floating_point():
            raise TypeError(f"Invalid input type. Expected `float16`, `float32` or `float64`. Received: input "
                            f"type={inputs.dtype}")
        real = None if self.mode == "imag" else self._convolved(inputs, self.real_kernel)
        imag = None if self.mode == "real" else self._convolved(inputs, self.imag_kernel)
        if self.mode in ("real", "imag"):
            return self._arranged(real if imag is None else imag)
        if self.mode == "angle":
            return self._arranged(imag.atan2(real))
        if self.mode == "stft":
            return self._arranged(cat([real, imag], 2))
        power = real.square() + imag.square()
        if self.mode == "psd":  # both halves of the spectrum
            return self._arranged(power + F.pad(power[:, :, 1:-1], (0, 0, 1, 1)))
        found = self._arranged(power.clamp(min=config.epsilon()).sqrt())
        return found if self.mode == "magnitude" else found.clamp(min=config.epsilon()).log()

    def compute_output_shape(self, input_shape):
        last = self.data_format == "channels_last"
        samples, channels = input_shape[1:] if last else input_shape[:0:-1]
        bins = (self._size // 2 + 1) * (2 if self.mode == "stft" else 1)
        frames = output_length(samples, self.frame_length, self._step, self.padding)
        if self.expand_dims:
            return (input_shape[0], frames, bins, channels) if last else (input_shape[0], channels, frames, bins)
        bins *= channels
        return (input_shape[0], frames, bins) if last else (input_shape[0], bins, frames)

    def get_config(self):
        names = ("mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling", "padding",
                 "data_format", "expand_dims")
        return {**self._base_config(), **{name: getattr(self, name) for name in names}}


def _mel(hertz):
    return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)


class MelSpectrogram(Layer):
    """Power of signals in frequency bands of equal width on the mel scale (Stevens et al., 1937).

    Parameters
    ----------
    fft_length, sequence_stride, sequence_length : int
        Samples of a transform, between transforms, and of a window (`fft_length` by default).
    window : str
        As in `ops.stft`.
    sampling_rate : int
        Samples of a second.
    num_mel_bins : int
        Number of bands.
    min_freq, max_freq : float
        Lowest and highest frequency; half of the sampling rate by default.
    power_to_db : bool
        Decibels above `ref_power`, at least the largest less `top_db`.
    top_db : float
    mag_exp : float
        Exponent of the magnitudes: 1 for magnitude, 2 for power.
    min_power, ref_power : float

    Shape
    -----
    (samples,) or (batch, samples) -> (bands, frames) or (batch, bands, frames).

    Raises
    ------
    ValueError
        `fft_length` is less than `sequence_length`.

    Examples
    --------
    >>> layer = keras.layers.MelSpectrogram(fft_length=64, sequence_stride=32, num_mel_bins=8)
    >>> layer(np.ones((2, 320))).shape
    torch.Size([2, 8, 11])
    """

    def __init__(self, fft_length=2048, sequence_stride=512, sequence_length=None, window="hann", sampling_rate=16000,
                 num_mel_bins=128, min_freq=20.0, max_freq=None, power_to_db=True, top_db=80.0, mag_exp=2.0,
                 min_power=1e-10, ref_power=1.0, **kwargs):
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if fft_length < self.sequence_length:
            raise ValueError(f"`fft_length` must be greater than or equal to  `sequence_length`. Received: "
                             f"`sequence_length`={self.sequence_length}, `fft_length`={fft_length}.")
        self.window, self.sampling_rate, self.num_mel_bins = window, sampling_rate, num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def call(self, inputs):
        x = convert(inputs, self.compute_dtype)
        real, imag = stft(x, self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        power = (real.square() + imag.square()).sqrt() ** self.mag_exp
        bands = self.linear_to_mel_weight_matrix(self.num_mel_bins, power.shape[-1], self.sampling_rate, self.min_freq,
                                                 self.max_freq)
        made = power @ from_array(bands.astype(array_of(x).dtype))
        if self.power_to_db:
            made = 10.0 * made.clamp(min=self.min_power).log10()
            made = made - 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
            made = made.maximum(made.max() - self.top_db)
        return made.transpose(-1, -2)

    def linear_to_mel_weight_matrix(self, num_mel_bins=20, num_spectrogram_bins=129, sampling_rate=8000,
                                    lower_edge_hertz=125.0, upper_edge_hertz=3800.0, dtype="float32"):
        """(spectrogram bins, bands): triangles that overlap, by which frequencies are added up."""
        bins = _mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins)[1:])[:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (bins - lower) / (middle - lower), (upper - bins) / (upper - middle)
        return np.pad(np.maximum(0.0, np.minimum(rising, falling)), ((1, 0), (0, 0))).astype(dtype)

    def compute_output_shape(self, input_shape):
        samples = input_shape[-1]
        frames = None if samples is None else (samples + self.sequence_stride + 1) // self.sequence_stride
        return (*input_shape[:-1], self.num_mel_bins, frames)

    def get_config(self):
        names = ("fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins",
                 "min_freq", "max_freq", "power_to_db", "top_db", "mag_exp", "min_power", "ref_power")
        return {**self._base_config(), **{name: getattr(self, name) for name in names}}
