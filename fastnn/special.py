"""torch.special: what functions declare for it (`fastnn.ops.declare`)."""
from fastnn.ops.functions import public as _public
from fastnn.ops.activation import sigmoid  # noqa: F401 (not torch.special's, but it was always here)
from fastnn.ops.pointwise import lgamma  # noqa: F401 (the same)

_found = _public("special")
__all__ = [name for name in sorted(_found)]
globals().update(_found)


def __getattr__(name):
    raise AttributeError(f"module 'fastnn.special' has no attribute {name!r}: this part of torch.special is not "
                         f"implemented")
