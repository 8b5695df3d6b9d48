"""Models, as ``keras.models``."""
from fastnn.keras.models.functional import Functional
from fastnn.keras.models.model import Model
from fastnn.keras.models.sequential import Sequential
