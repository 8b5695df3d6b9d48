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
    cdef unsigned long visit     # the backward run that both belong to
    cdef bint arrived_is_own     # `arrived` was made by the engine, so it may add to it in place
    cdef list hooks              # on the gradient: Tensor.register_hook


# Gradient of the output -> gradient of the one input, or a tuple with one entry per edge (None: no gradient).
ctypedef object (*Rule)(Node node, np.ndarray grad)
# The same of a node with several outputs; a gradient is None if nothing came.
ctypedef object (*JointRule)(Node node, list grads)


cdef class Op:
    """The record of one differentiable operation, which all of its nodes point to."""
    cdef Rule rule
    cdef JointRule joint         # in place of `rule`, of an operation with several outputs
    cdef readonly object backward      # the rule if it is written in Python: backward(grad, *saved)
    cdef readonly str name             # of its nodes, as PyTorch calls them; None: that of the node's class
    cdef readonly tuple saves          # the names of a node's saved values, in their order
    cdef readonly tuple numbers        # the names of a node's a and b, where they are used
    cdef readonly object second_order  # the rule in tensor operations: second_order(step, *grads)
    cdef readonly str reason           # why there is no second-order rule


cdef Op declare(str name, Rule rule, str saves=*, str numbers=*)
cdef Op declare_joint(str name, JointRule joint, str saves=*)
cdef int describe(Op op, str name, str saves, str numbers) except -1


cdef class Node(Vertex):
    """One recorded operation: how to take the output's gradient to the inputs'."""
    cdef readonly Op op         # the record of the operation
    cdef int outputs             # of a joint rule
    cdef tuple edges             # a Vertex per input, None where no gradient is needed
    cdef tuple saved             # whatever the rule needs, by names in op.saves; None once freed
    cdef double a, b             # numbers that the rule needs, unboxed
    cdef Version guard0, guard1, guard2
    cdef long expected0, expected1, expected2
    cdef list more_guards        # (Version, expected) beyond three
    cdef object keeper           # weak reference to the tensor that retains its gradient; `hooks` is a list then
    cdef tuple around            # (hooks before, hooks after) the rule: Node.register_prehook, Node.register_hook
    cdef bint freed
    cdef object __weakref__

    cdef void guard(self, Version version)
    cdef int check_guards(self) except -1
    cdef bint keeps_nothing(self)
    cdef int release(self) except -1


cdef class Output(Node):
    """Output number `slot` of the node edges[0], which has several: their gradients meet there."""
    cdef int slot


cdef Node owner(Node node)
cdef object second_time()
cdef Op METHOD, JOINT_METHOD     # of nodes of Python classes: their method is the rule
cdef Op OUTPUT                   # of an Output, which has no rule

cdef int anomaly                 # whether backward is watched: 1, with a search for NaN 2


cdef int trace(Node node) except -1

# Arrays of a class of their own, which stand for sparse tensors and gradients.
cdef type class_of(np.ndarray array, type plain)             # of the array's tensor; `plain` for arrays of numbers
cdef np.ndarray total(np.ndarray x, np.ndarray y)            # x + y, of gradients
cdef np.ndarray duplicate(np.ndarray array)


cdef inline bint are_plain(np.ndarray x, np.ndarray y) noexcept:
    return np.PyArray_CheckExact(x) and np.PyArray_CheckExact(y) \
        and (np.PyArray_TYPE(x) == np.NPY_FLOAT or np.PyArray_TYPE(x) == np.NPY_DOUBLE)
