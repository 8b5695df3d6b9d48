"""``keras.preprocessing.sequence``."""
from fastnn.keras.utils import pad_sequences

__all__ = ["pad_sequences"]
