"""Anomaly mode: backward looks for NaN, and an error in it tells where the operation was recorded."""
import warnings

from fastnn._tape import anomaly_mode, set_anomaly


class set_detect_anomaly:  # noqa: N801 (PyTorch's name)
    """Switch and context manager: ``mode`` turns anomaly mode on or off, ``check_nan`` the search for NaN.

    Within it an operation whose gradients have NaN raises RuntimeError, and every error in backward comes with a
    warning that has the traceback of the operation. It costs a traceback for each operation.
    """

    def __init__(self, mode, check_nan=True):
        self._before = anomaly_mode()
        set_anomaly(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *exc):
        set_anomaly(*self._before)


class detect_anomaly(set_detect_anomaly):  # noqa: N801 (PyTorch's name)
    """``set_detect_anomaly`` as a context manager; warns that it is on."""

    def __init__(self, check_nan=True):
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
                      "enabled for debugging.", stacklevel=2)
        self._before, self._check_nan = anomaly_mode(), check_nan

    def __enter__(self):
        self._before = anomaly_mode()
        set_anomaly(True, self._check_nan)


def is_anomaly_enabled():
    """Whether anomaly mode is on."""
    return anomaly_mode()[0]


def is_anomaly_check_nan_enabled():
    """Whether anomaly mode, if it is on, looks for NaN."""
    return anomaly_mode()[1]
