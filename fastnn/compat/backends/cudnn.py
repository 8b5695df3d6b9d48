"""``torch.backends.cudnn``: not available."""
from fastnn.compat._absent import NoOp

enabled, benchmark, deterministic, allow_tf32, benchmark_limit = True, False, True, True, 10


class flags(NoOp):  # noqa: N801 (PyTorch's name)
    """Context manager without effect: there is no such library."""

    def __init__(self, enabled=False, benchmark=False, benchmark_limit=10, deterministic=False, allow_tf32=True,
                 fp32_precision="none", depthwise_kernel="auto"):
        pass


def is_available():
    """False."""
    return False


def version():
    """None."""
    return None
