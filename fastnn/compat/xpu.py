"""``torch.xpu``: not available."""
from fastnn.compat import _absent


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


_absent.fill(globals(), "xpu", refused=["current_device", "get_device_name", "set_device", "Stream", "Event"],
             ignored=["manual_seed", "manual_seed_all", "seed", "empty_cache", "synchronize"])
