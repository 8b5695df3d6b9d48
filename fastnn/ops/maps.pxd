"""Maps, for the compiled operations that are made of them."""
from fastnn._tape cimport Op
from fastnn._tensor cimport Tensor


cdef class Map(Op):
    cdef readonly str kernel         # its name in elementwise.def
    cdef object number               # its place there
    cdef int index
    cdef bint saves_x, saves_y       # what backward reads
    cdef bint x_will_do              # what backward asks of y it could ask of x


cdef Map map_of(str name)
cdef Tensor apply(str name, object input, double a=*, double b=*)
cdef Tensor apply_map(Map map, str name, Tensor x, double a, double b)
cdef Tensor apply_in_place(str name, object input, double a=*, double b=*)
cdef Tensor whole(function, str name, object input)
