"""``torch.mps``: not available."""
from fastnn.compat import _absent


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


_absent.fill(globals(), "mps", refused=["Event"], ignored=["manual_seed", "seed", "empty_cache", "synchronize"],
             zero=["current_allocated_memory", "driver_allocated_memory"])
