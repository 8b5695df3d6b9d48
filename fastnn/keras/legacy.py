"""``keras.legacy``: an older name of `saving`."""
from fastnn.keras import saving

__all__ = ["saving"]
