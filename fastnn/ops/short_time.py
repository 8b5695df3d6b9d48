"""Short-time Fourier transforms: of windows of a signal, and back."""
import warnings

import numpy as np

from fastnn import dtypes
from fastnn.ops import padding, shape
from fastnn.ops._common import complex_rule, need_tensors
from fastnn.ops.creation import ones
from fastnn.ops.declare import operation


def _sizes(op, n_fft, hop_length, win_length):
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if hop <= 0:
        raise RuntimeError(f"{op}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < size <= n_fft:
        raise RuntimeError(f"{op}: expected 0 < win_length <= n_fft, but got win_length={size}, n_fft={n_fft}")
    return hop, size


def _window(op, window, size, n_fft, dtype):
    """The window with zeros at both ends, n_fft numbers."""
    if window is None:
        window = ones(size, dtype=dtype)
    elif window.ndim != 1 or window.shape[0] != size:
        raise RuntimeError(f"{op}: expected a 1D window tensor of size equal to win_length={size}, but got window with "
                           f"size {list(window.shape)}")
    before = (n_fft - size) // 2
    return padding.pad(window, (before, n_fft - size - before)) if size < n_fft else window


@operation()
def stft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect",
         normalized=False, onesided=None, return_complex=None, align_to_window=None):
    """Fourier transforms of windows of a signal, one each `hop_length` samples.

    Parameters
    ----------
    input : Tensor
        (samples) or (batch, samples), real or complex.
    n_fft : int
        Points of a transform.
    hop_length : int, optional
        Samples between windows; n_fft // 4 if not given.
    win_length : int, optional
        Samples of a window, n_fft if not given; transforms are filled up with zeros at both ends.
    window : Tensor, optional
        (win_length), ones if not given.
    center : bool, default True
        Whether window t is centred at sample t * hop_length; the signal is padded by n_fft // 2 at both ends.
    pad_mode : str, default "reflect"
        How, as in ``nn.functional.pad``.
    normalized : bool, default False
        Whether transforms are divided by the square root of n_fft.
    onesided : bool, optional
        Whether the half that conjugates is left out; True of real numbers if not given.
    return_complex : bool
        Whether the result is complex; pairs of real numbers otherwise. Needed for real input.
    align_to_window : bool, optional
        Not implemented.

    Returns
    -------
    Tensor
        (batch, n_fft // 2 + 1 or n_fft, windows), without the batch if the input has none.

    Raises
    ------
    RuntimeError
        Sizes that do not fit, `return_complex` not given for real input.

    Examples
    --------
    >>> fastnn.stft(fastnn.ones(16), 8, window=fastnn.hann_window(8), return_complex=True).shape
    torch.Size([5, 9])
    """
    need_tensors("stft", input)
    if align_to_window:
        raise NotImplementedError("stft: align_to_window is not implemented")
    if window is None:
        warnings.warn("A window was not provided. A rectangular window will be applied, which is known to cause "
                      "spectral leakage. Other windows such as torch.hann_window or torch.hamming_window are "
                      "recommended to reduce spectral leakage.", stacklevel=3)
    hop, size = _sizes("stft", n_fft, hop_length, win_length)
    if not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(f"stft: expected a tensor of floating point or complex values, got {input.dtype}")
    if window is not None:
        need_tensors("stft", input, window)
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, got {input.ndim}D")
    numbers = input.is_complex() or window is not None and window.is_complex()
    if return_complex is None:
        if not numbers:
            raise RuntimeError("stft requires the return_complex parameter be given for real inputs, and will further "
                               "require that return_complex=True in a future PyTorch release.")
        return_complex = True
    onesided = not numbers if onesided is None else onesided
    if onesided and numbers:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    x = input.unsqueeze(0) if input.ndim == 1 else input
    if center:
        side = n_fft // 2
        x = padding.pad(x.unsqueeze(0), (side, side), pad_mode).squeeze(0)
    if not 0 < n_fft <= x.shape[-1]:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {x.shape[-1]}, but got n_fft={n_fft}")
    frames = x.unfold(-1, n_fft, hop) * _window("stft", window, size, n_fft, x.dtype)
    scale = "ortho" if normalized else "none"
    made = complex_rule("r2c" if onesided else "c2c")(frames, (2,), scale, True)
    made = shape.transpose(made, 1, 2)
    made = made.squeeze(0) if input.ndim == 1 else made
    return made if return_complex else complex_rule("view_as_real")(made)


def _overlapped(frames, hop):
    """The sum of windows (batch, windows, length), each `hop` behind the one before."""
    batch, count, length = frames.shape
    steps = -(-length // hop)
    frames = padding.pad(frames, (0, steps * hop - length))
    total = 0
    for step in range(steps):
        part = frames[..., step * hop:(step + 1) * hop].reshape(batch, count * hop)
        total = total + padding.pad(part, (step * hop, (steps - 1 - step) * hop))
    return total[:, :hop * (count - 1) + length]


@operation()
def istft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None,
          length=None, return_complex=False):
    """The signal of transforms of its windows: the inverse of ``stft``, by least squares (Griffin and Lim 1984).

    Parameters
    ----------
    input : Tensor
        (bins, windows) or (batch, bins, windows), complex.
    n_fft, hop_length, win_length, window, center, normalized, onesided
        As of ``stft``.
    length : int, optional
        Samples of the signal.
    return_complex : bool, default False
        Whether the signal is complex; the transforms must be two-sided then.

    Returns
    -------
    Tensor
        (samples) or (batch, samples).

    Raises
    ------
    RuntimeError
        Sizes that do not fit, a real input, samples that no window sees.

    Examples
    --------
    >>> x, window = fastnn.arange(16.0), fastnn.hann_window(8)
    >>> y = fastnn.istft(fastnn.stft(x, 8, window=window, return_complex=True), 8, window=window)
    >>> fastnn.allclose(x, y, atol=1e-5)
    True
    """
    need_tensors("istft", input)
    if not input.is_complex():
        raise RuntimeError("istft requires a complex-valued input tensor matching the output from stft with "
                           "return_complex=True.")
    hop, size = _sizes("istft", n_fft, hop_length, win_length)
    if input.ndim not in (2, 3) or not input.numel():
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions that is not empty, got "
                           f"{list(input.shape)}")
    bins = input.shape[-2]
    onesided = bins != n_fft if onesided is None else onesided
    wanted = n_fft // 2 + 1 if onesided else n_fft
    if bins != wanted:
        raise RuntimeError(f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match "
                           f"n_fft{' / 2 + 1' if onesided else ''} when onesided={onesided}, but got {bins}")
    if onesided and return_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if window is not None:
        need_tensors("istft", input, window)
    if window is not None and window.is_complex() and not return_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    x = shape.transpose(input.unsqueeze(0) if input.ndim == 2 else input, 1, 2)
    scale = "ortho" if normalized else "by_n"
    if return_complex:
        frames = complex_rule("c2c")(x, (2,), scale, False)
    else:
        frames = complex_rule("c2r")(x.narrow(2, 0, n_fft // 2 + 1), (2,), scale, n_fft, False)
    part = dtypes.from_numpy(dtypes.to_real(input.detach().numpy().dtype))
    weights = _window("istft", window, size, n_fft, part)
    signal = _overlapped(frames * weights, hop)
    squares = _overlapped((weights * weights).expand(1, x.shape[1], n_fft), hop)
    first, total = n_fft // 2 if center else 0, signal.shape[-1]
    last = first + length if length is not None else total - first
    end = min(last, total)
    signal, squares = signal[:, first:end], squares[:, first:end]
    least = np.abs(squares.detach().numpy()).min(initial=np.inf)
    if least < 1e-11:
        raise RuntimeError(f"istft: window overlap add min: {least}")
    signal = signal / squares
    if last > total:
        warnings.warn("The length of signal is shorter than the length parameter. Result is being padded with zeros in "
                      "the tail. Please check your center and hop_length settings.", stacklevel=3)
        signal = padding.pad(signal, (0, last - total))
    return signal.squeeze(0) if input.ndim == 2 else signal
