"""What other compiled operations share with reductions."""
from fastnn._tensor cimport Tensor


cdef tuple axes_of(object dim, int ndim)
