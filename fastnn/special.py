"""torch.special: what functions declare for it (`fastnn.ops.declare`)."""
from fastnn.errors import no_attribute as _no_attribute
from fastnn.ops.functions import public as _public
from fastnn.ops.activation import sigmoid  # noqa: F401 (not torch.special's, but it was always here)
from fastnn.ops.pointwise import lgamma  # noqa: F401 (the same)

_found = _public("special")
__all__ = [name for name in sorted(_found)]
globals().update(_found)


def __getattr__(name):
    raise _no_attribute(__name__, name, ": this part of torch.special is not implemented")
