"""``torch.accelerator``: there is none."""
from fastnn.compat import _absent


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def current_accelerator(check_available=False):
    """None: programs fall back to the CPU."""
    return None


_absent.fill(globals(), "accelerator",
             refused=["current_device_index", "set_device_index", "current_device_idx", "set_device_idx",
                      "current_stream", "set_stream", "device_index", "synchronize"],
             ignored=["empty_cache"], zero=["memory_allocated", "memory_reserved", "max_memory_allocated"])
