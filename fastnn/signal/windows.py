"""torch.signal.windows, and the older functions of the top level: ``hann_window`` and its like.

Numbers are computed in float64 and rounded once.
"""
import math
from collections.abc import Iterable

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor
from fastnn.ops._common import room
from fastnn.ops.arguments import int64_of
from fastnn.ops.creation import check_options, finish

__all__ = ["bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming",
           "hann", "kaiser", "nuttall"]
OLDER = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]

_HAMMING, _BLACKMAN = (0.54, 0.46), (0.42, 0.5, 0.08)
_NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)


def _cosines(n, a):
    k = np.arange(n)
    return sum((-1) ** i * value * np.cos(2 * math.pi * i * k / (n - 1)) for i, value in enumerate(a))


def _bartlett(n):
    return 1 - np.abs(2 * np.arange(n) / (n - 1) - 1)


def _finished(op, size, periodic, values, dtype, layout, device, requires_grad):
    """The window of `size` numbers that ``values(n)`` gives; a periodic one lacks the last of n = size + 1."""
    check_options(device, layout)
    size = int64_of(op, "window_length", size)
    room(op, (size,), 8)
    kind = dtypes.to_numpy(dtype)
    if not dtypes.from_numpy(kind).is_floating_point:
        raise RuntimeError(f"{op} expects floating point dtypes, got: {dtype}")
    made = np.ones(size) if size < 2 else np.asarray(values(size + periodic))[:size]
    if kind.kind == "V":
        from fastnn import formats
        made = formats.encoded(made.astype(formats.wide(kind)), kind)
    return finish(made.astype(kind, copy=False), requires_grad)


def _new(op, m, sym, values, dtype, layout, device, requires_grad):
    if m < 0:
        raise ValueError(f"{op} requires non-negative window length, got M={m}")
    if layout is not None and str(layout) != "torch.strided":
        raise ValueError(f"{op} is implemented for strided tensors only, got: {layout}")
    kind = dtypes.get_default_dtype() if dtype is None else dtype
    if kind.name not in ("float32", "float64"):
        raise ValueError(f"{op} expects float32 or float64 dtypes, got: {kind}")
    return _finished(op, m, not sym, values, kind, layout, device, requires_grad)


_PARAMETERS = """M : int
        How many numbers.
{}    sym : bool, default True
        Whether the window is symmetric, for filters; else periodic, for spectra.
    dtype : dtype, optional
        float32 or float64.
    requires_grad : bool, default False
    layout, device : optional
        Taken for PyTorch's sake: there is the CPU alone.

    Raises
    ------
    ValueError
        A negative length, another dtype{}.

    Examples
    --------
    >>> fastnn.signal.windows.{}
    {}
    """


def _documented(text, call, result, parameters="", errors=""):
    def add(function):
        function.__doc__ = f"{text}\n\n    Parameters\n    ----------\n    " + _PARAMETERS.format(
            parameters, errors, call, result)
        return function
    return add


@_documented("w[k] = 1 - |2 k / (M - 1) - 1|: a triangle.", "bartlett(5)",
             "tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])")
def bartlett(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803 (PyTorch's name)
    return _new("bartlett", M, sym, _bartlett, dtype, layout, device, requires_grad)


@_documented("w[k] = 0.42 - 0.5 cos(2 pi k / (M - 1)) + 0.08 cos(4 pi k / (M - 1)).", "blackman(3).round(decimals=4)",
             "tensor([-0., 1., -0.])")
def blackman(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    return _new("blackman", M, sym, lambda n: _cosines(n, _BLACKMAN), dtype, layout, device, requires_grad)


@_documented("w[k] = sin(pi (k + 0.5) / M).", "cosine(2)", "tensor([0.7071, 0.7071])")
def cosine(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    return _new("cosine", M, sym, lambda n: np.sin(math.pi * (np.arange(n) + 0.5) / n), dtype, layout, device,
                requires_grad)


@_documented("w[k] = exp(-|k - center| / tau).", "exponential(3)", "tensor([0.3679, 1.0000, 0.3679])",
             "    center : float, optional\n        Of a periodic window; the middle if not given.\n"
             "    tau : float, default 1.0\n        How slowly it falls.\n",
             ", a center of a symmetric window, tau <= 0")
def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=None,  # noqa: N803
                device=None, requires_grad=False):
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return _new("exponential", M, sym,
                lambda n: np.exp(-np.abs(np.arange(n) - ((n - 1) / 2 if center is None else center)) / tau),
                dtype, layout, device, requires_grad)


@_documented("w[k] = exp(-((k - (M - 1) / 2) / std)^2 / 2).", "gaussian(3)", "tensor([0.6065, 1.0000, 0.6065])",
             "    std : float, default 1.0\n        How slowly it falls.\n", ", std <= 0")
def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _new("gaussian", M, sym, lambda n: np.exp(-((np.arange(n) - (n - 1) / 2) / std) ** 2 / 2), dtype, layout,
                device, requires_grad)


@_documented("w[k] = sum over i of (-1)^i a[i] cos(2 pi i k / (M - 1)).", "general_cosine(3, a=[0.5, 0.5])",
             "tensor([0., 1., 0.])", "    a : iterable of floats\n        Coefficients.\n", ", no coefficients")
def general_cosine(M, *, a, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    a = a.tolist() if isinstance(a, Tensor) else list(a)
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _new("general_cosine", M, sym, lambda n: _cosines(n, a), dtype, layout, device, requires_grad)


@_documented("w[k] = alpha - (1 - alpha) cos(2 pi k / (M - 1)).", "general_hamming(3, alpha=0.75)",
             "tensor([0.5000, 1.0000, 0.5000])", "    alpha : float, default 0.54\n        The constant part.\n")
def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=None, device=None,  # noqa: N803
                    requires_grad=False):
    return _new("general_hamming", M, sym, lambda n: _cosines(n, (alpha, 1 - alpha)), dtype, layout, device,
                requires_grad)


@_documented("w[k] = 0.54 - 0.46 cos(2 pi k / (M - 1)).", "hamming(3)", "tensor([0.0800, 1.0000, 0.0800])")
def hamming(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    return _new("hamming", M, sym, lambda n: _cosines(n, _HAMMING), dtype, layout, device, requires_grad)


@_documented("w[k] = (1 - cos(2 pi k / (M - 1))) / 2.", "hann(3)", "tensor([0., 1., 0.])")
def hann(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    return _new("hann", M, sym, lambda n: _cosines(n, (0.5, 0.5)), dtype, layout, device, requires_grad)


@_documented("w[k] = I0(beta sqrt(1 - (2 k / (M - 1) - 1)^2)) / I0(beta) (Kaiser).", "kaiser(3, beta=2.0)",
             "tensor([0.4387, 1.0000, 0.4387])", "    beta : float, default 12.0\n        How slowly it falls.\n",
             ", beta < 0")
def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _new("kaiser", M, sym, lambda n: np.kaiser(n, beta), dtype, layout, device, requires_grad)


@_documented("Four cosines, the window of least side lobes of its kind (Nuttall 1981).", "nuttall(3)",
             "tensor([3.6280e-04, 1.0000e+00, 3.6280e-04])")
def nuttall(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    return _new("nuttall", M, sym, lambda n: _cosines(n, _NUTTALL), dtype, layout, device, requires_grad)


# ---- the functions of the top level ----

def _old(op, size, periodic, values, dtype, layout, device, requires_grad):
    if size < 0:
        raise RuntimeError(f"{op} requires non-negative window_length, got window_length={size}")
    return _finished(op, size, bool(periodic), values, dtype, layout, device, requires_grad)


def bartlett_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):
    return _old("bartlett_window", window_length, periodic, _bartlett, dtype, layout, device, requires_grad)


def blackman_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):
    return _old("blackman_window", window_length, periodic, lambda n: _cosines(n, _BLACKMAN), dtype, layout, device,
                requires_grad)


def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None, layout=None, device=None,
                   pin_memory=False, requires_grad=False):
    return _old("hamming_window", window_length, periodic, lambda n: _cosines(n, (alpha, beta)), dtype, layout, device,
                requires_grad)


def hann_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                requires_grad=False):
    return _old("hann_window", window_length, periodic, lambda n: _cosines(n, (0.5, 0.5)), dtype, layout, device,
                requires_grad)


def kaiser_window(window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, pin_memory=False,
                  requires_grad=False):
    return _old("kaiser_window", window_length, periodic, lambda n: np.kaiser(n, beta), dtype, layout, device,
                requires_grad)


for _function, _more, _result in (
        (bartlett_window, "", "tensor([0.0000, 0.5000, 1.0000, 0.5000])"),
        (blackman_window, "", "tensor([-1.3878e-17,  3.4000e-01,  1.0000e+00,  3.4000e-01])"),
        (hamming_window, "    alpha : float, default 0.54\n    beta : float, default 0.46\n        Coefficients.\n",
         "tensor([0.0800, 0.5400, 1.0000, 0.5400])"),
        (hann_window, "", "tensor([0.0000, 0.5000, 1.0000, 0.5000])"),
        (kaiser_window, "    beta : float, default 12.0\n        How slowly it falls.\n",
         "tensor([5.2773e-05, 2.1567e-01, 1.0000e+00, 2.1567e-01])")):
    _name = _function.__name__
    _function.__doc__ = f"""``signal.windows.{_name[:-7]}``, periodic if not asked otherwise.

    Parameters
    ----------
    window_length : int
    periodic : bool, default True
        Whether the window is periodic, for spectra; else symmetric, for filters.
{_more}    dtype, layout, device, pin_memory, requires_grad
        As of ``zeros``.

    Examples
    --------
    >>> fastnn.{_name}(4)
    {_result}
    """
