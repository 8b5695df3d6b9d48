"""torch.signal: windows."""
from fastnn.signal import windows

__all__ = ["windows"]
