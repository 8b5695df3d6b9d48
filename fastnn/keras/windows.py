"""Windows of short-time Fourier transforms."""
import numpy as np


def window(name, length, periodic=True):
    """Window of an analysis by Fourier transforms.

    Parameters
    ----------
    name : str
        "hann", "hamming", "blackman" and "boxcar"; others by SciPy.
    length : int
    periodic : bool
        Whether the window is one period.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ImportError
        The window needs SciPy.

    Examples
    --------
    >>> window("hann", 4)
    array([0. , 0.5, 1. , 0.5])
    """
    x = np.arange(length) / max(length if periodic else length - 1, 1)
    known = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46), "blackman": (0.42, 0.5, 0.08), "boxcar": (1.0,)}
    if name in known:
        return sum((-1) ** k * a * np.cos(2 * np.pi * k * x) for k, a in enumerate(known[name])) if length > 1 else \
            np.ones(length)
    try:
        from scipy.signal import get_window
    except ImportError:
        raise ImportError(f"the window {name!r} needs SciPy; {', '.join(known)} do not") from None
    return get_window(name, length, periodic)
