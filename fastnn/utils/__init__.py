"""Helpers under the names of ``torch.utils``."""
from fastnn.utils import data

__all__ = ["data"]
