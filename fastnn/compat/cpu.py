"""``torch.cpu``: the device that there is."""
from fastnn import config, kernels
from fastnn.compat import amp  # noqa: F401


def is_available():
    """True."""
    return True


def device_count():
    """1."""
    return 1


def current_device():
    """``"cpu"``"""
    return "cpu"


def synchronize(device=None):
    """Do nothing: operations are done when they return."""


def set_device(device):
    """Do nothing."""


def get_capabilities():
    """The instruction set that kernels use."""
    return {"architecture": kernels.get_isa(), "threads": config.get_num_threads()}
