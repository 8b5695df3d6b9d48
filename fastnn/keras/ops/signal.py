"""Fourier transforms. Complex numbers are pairs of tensors, (real parts, imaginary parts), as in Keras."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.autograd import Function
from fastnn.keras.ops.common import floating, tensor
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of
from fastnn.keras.windows import window
from fastnn.nn import functional as F
from fastnn.ops.joining import stack


class _Linear(Function):
    """A linear map of one array that NumPy computes, whose gradient is its adjoint."""

    @staticmethod
    def forward(ctx, x, forward, adjoint):
        array = array_of(x)
        ctx.adjoint, ctx.shape, ctx.dtype = adjoint, array.shape, array.dtype
        return from_array(np.ascontiguousarray(forward(array)).astype(array.dtype, copy=False))

    @staticmethod
    def backward(ctx, grad):
        found = ctx.adjoint(array_of(grad), ctx.shape)
        return from_array(np.ascontiguousarray(found).astype(ctx.dtype, copy=False)), None, None


def _pair(x):
    """A pair as one tensor with a last axis of 2."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"Input `x` should be a tuple of two tensors - real and imaginary. Received: x={x}")
    real, imag = (tensor(each) for each in x)
    if tuple(real.shape) != tuple(imag.shape):
        raise ValueError(f"Input `x` should be a tuple of two tensors - real and imaginary. Both the real and "
                         f"imaginary parts should have the same shape. Received: x[0].shape = {tuple(real.shape)}, "
                         f"x[1].shape = {tuple(imag.shape)}")
    if not real.is_floating_point() or not imag.is_floating_point():
        raise ValueError(f"At least one tensor in input `x` is not of type float. Received: x={x}.")
    return stack([real, imag], -1)


def _complex(x):
    return x[..., 0] + 1j * x[..., 1]


def _parts(z):
    return np.stack([z.real, z.imag], -1)


def _split(x):
    return x[..., 0], x[..., 1]


def _transform(x, forward, adjoint):
    made = _Linear.apply(_pair(x), lambda a: _parts(forward(_complex(a))),
                         lambda g, shape: _parts(adjoint(_complex(g))))
    return _split(made)


@operation
def fft(x):
    """Discrete Fourier transform along the last axis, ``sum(x[n] * exp(-2 pi i k n / N))``.

    Parameters
    ----------
    x : pair of tensor
        Real and imaginary parts.

    Returns
    -------
    (Tensor, Tensor)

    Raises
    ------
    ValueError
        No pair of floating tensors of one shape.

    Examples
    --------
    >>> real, imag = keras.ops.fft((np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(4)))
    >>> real
    tensor([1., 1., 1., 1.], dtype=torch.float64)
    """
    return _transform(x, np.fft.fft, lambda g: np.fft.ifft(g, norm="forward"))


@operation
def fft2(x):
    """Discrete Fourier transform along the last two axes.

    Parameters
    ----------
    x : pair of tensor
        Real and imaginary parts.

    Returns
    -------
    (Tensor, Tensor)

    Examples
    --------
    >>> keras.ops.fft2((np.ones((2, 2)), np.zeros((2, 2))))[0]
    tensor([[4., 0.],
            [0., 0.]], dtype=torch.float64)
    """
    return _transform(x, np.fft.fft2, lambda g: np.fft.ifft2(g, norm="forward"))


@operation
def ifft2(x):
    """Inverse of `fft2`.

    Parameters
    ----------
    x : pair of tensor
        Real and imaginary parts.

    Returns
    -------
    (Tensor, Tensor)

    Examples
    --------
    >>> keras.ops.ifft2((np.array([[4.0, 0.0], [0.0, 0.0]]), np.zeros((2, 2))))[0]
    tensor([[1., 1.],
            [1., 1.]], dtype=torch.float64)
    """
    return _transform(x, np.fft.ifft2, lambda g: np.fft.fft2(g, norm="forward"))


@operation
def rfft(x, fft_length=None):
    """First half of the Fourier transform of real numbers, ``N

    2 + 1`` values.

    Parameters
    ----------
    x : tensor
    fft_length : int, optional
        Cut or pad with zeros to it.

    Returns
    -------
    (Tensor, Tensor)

    Examples
    --------
    >>> keras.ops.rfft(np.array([1.0, 0.0, 0.0, 0.0]))[0]
    tensor([1., 1., 1.], dtype=torch.float64)
    """
    x = floating(x)
    size, length = x.shape[-1], x.shape[-1] if fft_length is None else int(fft_length)

    def adjoint(grad, shape):
        g = _complex(grad)
        full = np.zeros((*g.shape[:-1], length), g.dtype)
        full[..., :g.shape[-1]] = g
        found = np.fft.ifft(full, norm="forward").real[..., :size]
        return np.concatenate([found, np.zeros((*found.shape[:-1], size - found.shape[-1]), found.dtype)], -1)
    return _split(_Linear.apply(x, lambda a: _parts(np.fft.rfft(a, length)), adjoint))


@operation
def irfft(x, fft_length=None):
    """Real numbers of the first half of their Fourier transform; the inverse of `rfft`.

    Parameters
    ----------
    x : pair of tensor
        Real and imaginary parts.
    fft_length : int, optional
        Number of values; ``2 * (bins - 1)`` without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.irfft((np.ones(3), np.zeros(3)))
    tensor([1., 0., 0., 0.], dtype=torch.float64)
    """
    z = _pair(x)
    bins = z.shape[-2]
    length = 2 * (bins - 1) if fft_length is None else int(fft_length)

    def adjoint(grad, shape):
        g = np.fft.rfft(grad, length) / length
        twice = np.full(g.shape[-1], 2.0)
        twice[0] = 1.0
        if length % 2 == 0:
            twice[-1] = 1.0
        found = np.zeros(shape, grad.dtype)
        count = min(bins, g.shape[-1])
        found[..., :count, :] = _parts(g * twice)[..., :count, :]
        return found
    return _Linear.apply(z, lambda a: np.fft.irfft(_complex(a), length), adjoint)


def _window(given, length, dtype):
    """A window as an array; None without one."""
    if given is None:
        return None
    if isinstance(given, str):
        if given not in ("hann", "hamming"):
            raise ValueError(f'If a string is passed to `window`, it must be one of `"hann"`, `"hamming"`. Received: '
                             f"window={given}")
        return window(given, length).astype(dtype)
    made = array_of(tensor(given)).astype(dtype)
    if made.shape != (length,):
        raise ValueError(f"The shape of `window` must be equal to [sequence_length]. Received: window "
                         f"shape={made.shape}")
    return made


def _checked(sequence_stride):
    if not isinstance(sequence_stride, int) or sequence_stride <= 0:
        raise ValueError(f"`sequence_stride` must be a positive integer. Received: sequence_stride={sequence_stride}")


def _centred(win, length):
    before = (length - len(win)) // 2
    return np.pad(win, (before, length - len(win) - before))


@operation
def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """Short-time Fourier transform: transforms of windows of a signal.

    Parameters
    ----------
    x : tensor (..., samples)
    sequence_length, sequence_stride : int
        Samples of a window, and between windows.
    fft_length : int
        What windows are padded to.
    window : {"hann", "hamming"}, array or None
        Weights of a window's samples.
    center : bool
        Whether window t is centred at sample ``t * sequence_stride``; the signal is mirrored at its ends.

    Returns
    -------
    (Tensor, Tensor)
        Real and imaginary parts (..., windows, fft_length // 2 + 1).

    Raises
    ------
    TypeError
        The signal is not floating.
    ValueError
        Lengths or a window that do not fit.

    Examples
    --------
    >>> real, imag = keras.ops.stft(np.ones(32), 8, 4, 8)
    >>> real.shape
    torch.Size([9, 5])
    """
    _checked(sequence_stride)
    x = tensor(x)
    if not x.is_floating_point():
        raise TypeError(f"Invalid input type. Expected `float32` or `float64`. Received: input type={x.dtype}")
    if fft_length < sequence_length:
        raise ValueError(f"`fft_length` must equal or larger than `sequence_length`. Received: "
                         f"sequence_length={sequence_length}, fft_length={fft_length}")
    dtype = array_of(x).dtype
    win = _window(window, sequence_length, dtype)
    win = np.ones(sequence_length, dtype) if win is None else win
    shape, side = tuple(x.shape[:-1]), fft_length // 2
    x = x.reshape(1, -1, x.shape[-1])
    if center:
        x = F.pad(x, (side, side), mode="reflect")
    if x.shape[-1] < fft_length:
        raise ValueError(f"stft: the signal has {x.shape[-1]} samples, fewer than fft_length={fft_length}")
    frames = x.unfold(-1, fft_length, sequence_stride) * from_array(_centred(win, fft_length))
    return tuple(part.reshape(*shape, *part.shape[-2:]) for part in rfft(frames))


def _overlapped(frames, stride):
    """The sum of windows (batch, windows, length), each `stride` behind the one before."""
    batch, count, length = frames.shape
    steps = -(-length // stride)
    frames = F.pad(frames, (0, steps * stride - length))
    total = 0
    for step in range(steps):
        part = frames[..., step * stride:(step + 1) * stride].reshape(batch, count * stride)
        total = total + F.pad(part, (step * stride, (steps - 1 - step) * stride))
    return total[:, :stride * (count - 1) + length]


@operation
def istft(x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    """Signal of the transforms of its windows; the inverse of `stft`.

    Parameters
    ----------
    x : pair of tensor
        Real and imaginary parts (..., windows, bins).
    sequence_length, sequence_stride, fft_length, window, center
        As in `stft`.
    length : int, optional
        Samples of the signal.

    Returns
    -------
    Tensor (..., samples)

    Raises
    ------
    ValueError
        Lengths or a window that do not fit.

    Examples
    --------
    >>> x = np.arange(32.0)
    >>> y = keras.ops.istft(keras.ops.stft(x, 8, 4, 8), 8, 4, 8)
    >>> bool((abs(y - x) < 1e-9).all())
    True
    """
    _checked(sequence_stride)
    frames = irfft(x, fft_length)
    dtype, shape = array_of(frames).dtype, tuple(frames.shape[:-2])
    win = _window(window, sequence_length, dtype)
    frames = frames.reshape(-1, *frames.shape[-2:])
    weight = None
    if win is not None:
        win = _centred(win, fft_length)
        if sequence_length == fft_length and center:  # the windows that there are
            squares = np.broadcast_to(win ** 2, (1, frames.shape[1], fft_length))
            weight = _overlapped(from_array(np.ascontiguousarray(squares)), sequence_stride)
            frames = frames * from_array(win)
        else:  # as if there were windows without end
            steps = -(-fft_length // sequence_stride)
            squares = np.pad(win ** 2, (0, steps * sequence_stride - fft_length)).reshape(steps, sequence_stride)
            frames = frames * from_array((win / np.tile(squares.sum(0), steps)[:fft_length]).astype(dtype))
    signal = _overlapped(frames, sequence_stride)
    first = fft_length // 2 if center else 0
    last = first + length if length is not None else signal.shape[-1] - (fft_length // 2 if center else 0)
    missing = max(last - signal.shape[-1], 0)
    signal = signal[:, first:min(last, signal.shape[-1])]
    if weight is not None:
        signal = signal / weight[:, first:min(last, weight.shape[-1])]
    if missing:
        signal = F.pad(signal, (0, missing))
    return signal.reshape(*shape, signal.shape[-1])
