"""Helpers under the names of ``torch.utils``."""
from fastnn.utils import _pytree, data, hooks

__all__ = ["data", "hooks"]
