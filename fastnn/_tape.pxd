"""The tape, for Tensor and the compiled operations."""
cimport numpy as np


cdef class Version:
    """Counts in-place changes of one piece of memory; shared by a tensor, its views and its detached twins."""
    cdef long n
    cdef long rebases            # changes that gave the memory's owner another history: its views' are then stale


cdef class Vertex:
    """Anything that a gradient can arrive at: a Node, or a leaf Tensor."""
    cdef np.ndarray arrived      # sum of the gradients that came so far, during backward
    cdef Py_ssize_t pending      # gradients that are still to come
    cdef unsigned long visit     # the backward run that `pending` belongs to
    cdef bint arrived_is_own     # `arrived` was made by the engine, so it may add to it in place

    cdef int finish(self) except -1
    cdef np.ndarray hooked(self, np.ndarray grad)


# Gradient of the output -> gradient of the one input, or a tuple with one entry per edge (None: no gradient).
ctypedef object (*Rule)(Node node, np.ndarray grad)


cdef class Node(Vertex):
    """One recorded operation: how to take the output's gradient to the inputs'."""
    cdef Rule rule
    cdef str op_name
    cdef tuple edges             # a Vertex per input, None where no gradient is needed
    cdef tuple saved             # whatever the rule needs; None once freed
    cdef double a, b             # numbers that the rule needs, unboxed
    cdef Version guard0, guard1, guard2
    cdef long expected0, expected1, expected2
    cdef list more_guards        # (Version, expected) beyond three
    cdef list pre_hooks          # on the output's gradient: Tensor.register_hook
    cdef list post_hooks         # Node.register_hook
    cdef bint freed
    cdef object __weakref__

    cdef void guard(self, Version version)
    cdef int check_guards(self) except -1


cdef int run(list roots, list grads, bint keep_graph, dict captured) except -1
