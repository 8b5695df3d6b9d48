"""The functions of the top-level namespace, for ``from fastnn.ops.namespace import *``."""
from fastnn.ops.functions import public

_found = public("fastnn")
__all__ = list(_found)
globals().update(_found)
