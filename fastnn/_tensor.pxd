"""Tensor and how operations record themselves: for the compiled operations of fastnn.ops."""
cimport numpy as np

from fastnn._operators cimport Operators
from fastnn._tape cimport Node, Op, Version, Vertex


cdef class Tensor(Operators):      # has the array
    cdef Node node               # the operation that made it; None for a leaf
    cdef bint leaf_requires_grad
    cdef object grad_            # Tensor or None
    cdef Version version
    cdef Tensor base             # the tensor that this one is a view of
    cdef long attr_version       # of a view: the version's `rebases` when its history was made
    cdef list after              # of a leaf: called when its grad was accumulated
    cdef bint retains
    cdef dict extra              # attributes that a program adds; PyTorch's tensors have a __dict__
    cdef object __weakref__

    cdef Version version_object(self)
    cdef void bump(self)


cpdef Vertex edge(Tensor x)                      # where its gradient goes; None if it needs none
cdef tuple shape_of(np.ndarray array)
cdef bint grad_enabled() noexcept
cdef bint set_grad(bint on) noexcept             # returns what it was
cdef bint needs_grad(Tensor x) noexcept          # is x part of a graph (whether or not recording is on)
cdef bint recording(Tensor x) noexcept           # needs_grad and grad mode is on

cdef Tensor wrap(np.ndarray array)               # a new leaf without gradient
cdef Tensor wrap_view(np.ndarray array, Tensor base)
# A new tensor for `out`, made by an operation from inputs; call only when one of them is `recording`.
cdef Tensor record1(np.ndarray out, Op op, Tensor x, tuple saved)
cdef Tensor record2(np.ndarray out, Op op, Tensor x, Tensor y, tuple saved)
cdef Tensor record3(np.ndarray out, Op op, Tensor x, Tensor y, Tensor z, tuple saved)
cdef Tensor recordn(np.ndarray out, Op op, tuple inputs, tuple saved)
# `tensor`, changed in place by an operation on itself and the others.
cdef Node rebase(Tensor tensor, Op op, tuple others, tuple saved)
cdef bint repeats(np.ndarray array) noexcept
cdef int check_inplace(Tensor tensor, bint elements=*) except -1
cdef int adopt_node(Tensor tensor, Node node) except -1
cdef int follow_node(Tensor tensor, Node node) except -1    # `tensor` is now what `node` made
cpdef Node set_output(Tensor tensor, Node node, int slot)
