"""Anomaly mode: backward looks for NaN, and its errors show where the operation was recorded."""
import warnings

from fastnn._tape import anomaly_mode, set_anomaly


class set_detect_anomaly:  # noqa: N801 (PyTorch's name)
    """Anomaly mode on or off: at once, and as a context until its end.

    In this mode an operation whose gradients have NaN raises RuntimeError, and every error in backward comes with a
    warning that has the traceback of the operation. It costs a traceback for each operation. Same as
    torch.autograd.set_detect_anomaly.

    Parameters
    ----------
    mode : bool
    check_nan : bool
        Whether gradients are searched for NaN; default True.

    Examples
    --------
    >>> with fastnn.autograd.set_detect_anomaly(True):
    ...     fastnn.is_anomaly_enabled()
    True
    >>> fastnn.is_anomaly_enabled()
    False
    """

    def __init__(self, mode, check_nan=True):
        self._before = anomaly_mode()
        set_anomaly(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *exc):
        set_anomaly(*self._before)


class detect_anomaly(set_detect_anomaly):  # noqa: N801 (PyTorch's name)
    """Context with anomaly mode on; warns that it is.

    Same as torch.autograd.detect_anomaly; see `set_detect_anomaly`.

    Parameters
    ----------
    check_nan : bool
        Whether gradients are searched for NaN; default True.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     with fastnn.autograd.detect_anomaly():
    ...         fastnn.is_anomaly_enabled()
    True
    """

    def __init__(self, check_nan=True):
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
                      "enabled for debugging.", stacklevel=2)
        self._before, self._check_nan = anomaly_mode(), check_nan

    def __enter__(self):
        self._before = anomaly_mode()
        set_anomaly(True, self._check_nan)


def is_anomaly_enabled():
    """Whether anomaly mode is on.

    Same as torch.is_anomaly_enabled.

    Examples
    --------
    >>> fastnn.is_anomaly_enabled()
    False
    """
    return anomaly_mode()[0]


def is_anomaly_check_nan_enabled():
    """Whether anomaly mode, if it is on, searches for NaN.

    Same as torch.is_anomaly_check_nan_enabled.

    Examples
    --------
    >>> fastnn.is_anomaly_check_nan_enabled()
    True
    """
    return anomaly_mode()[1]
