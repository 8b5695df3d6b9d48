"""``keras.preprocessing``: older names of what is in ``keras.utils``."""
from fastnn.keras.preprocessing import sequence
