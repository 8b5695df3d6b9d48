"""In-place forms, for operations that have them compiled."""
from fastnn._tensor cimport Tensor

cpdef Tensor changed(str op, Tensor x, object function, tuple args, dict kwargs, bint reads=*)
