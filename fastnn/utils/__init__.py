"""Helpers under the names of ``torch.utils``."""
from fastnn.utils import _pytree, data

__all__ = ["data"]
