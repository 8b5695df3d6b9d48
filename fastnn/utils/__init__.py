"""Helpers under the names of ``torch.utils``."""
from fastnn.utils import data, hooks

__all__ = ["data", "hooks"]
