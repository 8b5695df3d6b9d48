"""Anomaly mode: accepted, so that programs that switch it on run; fastnn's errors name the operation anyway."""


class detect_anomaly:  # noqa: N801 (PyTorch's name)
    """Context manager under PyTorch's name."""

    def __init__(self, check_nan=True):
        self.check_nan = check_nan

    def __enter__(self):
        self._before = is_anomaly_enabled()
        set_anomaly(True)

    def __exit__(self, *exc):
        set_anomaly(self._before)


class set_detect_anomaly:  # noqa: N801 (PyTorch's name)
    """Switch and context manager under PyTorch's name."""

    def __init__(self, mode, check_nan=True):
        self._before = is_anomaly_enabled()
        set_anomaly(mode)

    def __enter__(self):
        pass

    def __exit__(self, *exc):
        set_anomaly(self._before)


_enabled = [False]


def set_anomaly(mode):
    """Remember the mode."""
    _enabled[0] = bool(mode)


def is_anomaly_enabled():
    """Whether a program has switched anomaly mode on."""
    return _enabled[0]
