"""The tape: recorded operations and the backward run over them.

A Node holds its rule as a C function pointer and what the rule needs as a tuple; a leaf Tensor is a vertex of the graph
itself, so there is no accumulator object and no reference cycle. Gradients travel as NumPy arrays: backward builds no
graph of its own.
"""
cimport numpy as np
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

from fastnn.kernels cimport elementwise as K

np.import_array()

cdef unsigned long visits = 0
cdef object from_array, to_array  # set by fastnn._tensor, which stands above this module


def connect(make, take):
    """How hooks, which see tensors, get from arrays to tensors and back."""
    global from_array, to_array
    from_array, to_array = make, take


cdef class Version:
    pass


cdef class Vertex:
    cdef int finish(self) except -1:
        """All gradients have arrived at a leaf."""
        return 0

    cdef np.ndarray hooked(self, np.ndarray grad):
        """The gradient that arrived, as the tensor's hooks leave it."""
        return grad


cdef class Node(Vertex):
    """A recorded operation (``tensor.grad_fn``)."""

    cdef np.ndarray hooked(self, np.ndarray grad):
        if self.pre_hooks is not None and grad is not None:
            for hook in list(self.pre_hooks):
                grad = hook(grad)
        return grad

    cdef void guard(self, Version version):
        """The rule will read memory that this version counts the changes of: they must not happen before backward."""
        if self.guard0 is None:
            self.guard0, self.expected0 = version, version.n
        elif self.guard1 is None:
            self.guard1, self.expected1 = version, version.n
        elif self.guard2 is None:
            self.guard2, self.expected2 = version, version.n
        elif self.more_guards is None:
            self.more_guards = [(version, version.n)]
        else:
            self.more_guards.append((version, version.n))

    cdef int check_guards(self) except -1:
        if self.guard0 is not None and self.guard0.n != self.expected0:
            raise self.modified(self.guard0.n, self.expected0)
        if self.guard1 is not None and self.guard1.n != self.expected1:
            raise self.modified(self.guard1.n, self.expected1)
        if self.guard2 is not None and self.guard2.n != self.expected2:
            raise self.modified(self.guard2.n, self.expected2)
        if self.more_guards is not None:
            for version, expected in self.more_guards:
                if (<Version>version).n != expected:
                    raise self.modified((<Version>version).n, expected)
        return 0

    def modified(self, long found, long expected):
        return RuntimeError(
            f"one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"a tensor that {self.op_name} needs is at version {found}; expected version {expected} instead.")

    def name(self):
        """The operation's name, as PyTorch calls it."""
        return self.op_name

    @property
    def next_functions(self):
        """The nodes (leaf tensors, in place of PyTorch's AccumulateGrad) that this node's gradients go to."""
        return tuple([(vertex, 0) for vertex in self.edges])

    def register_hook(self, hook):
        """Call ``hook(grad_inputs, grad_outputs)`` after this node's backward; it may return other grad_inputs."""
        if self.post_hooks is None:
            self.post_hooks = []

        def on_arrays(results, grad):
            inputs = tuple([None if array is None else from_array(array) for array in results])
            changed = hook(inputs, (from_array(grad),))
            if changed is None:
                return results
            changed = changed if isinstance(changed, tuple) else (changed,)
            return tuple([None if tensor is None else to_array(tensor) for tensor in changed])
        return Handle(self.post_hooks, on_arrays)

    def __repr__(self):
        return f"<{self.op_name} object at {hex(id(self))}>"


class Handle:
    """What registering a hook returns: ``remove()`` takes the hook off again."""

    def __init__(self, hooks, hook):
        hooks.append(hook)
        self.hooks, self.hook = hooks, hook

    def remove(self):
        if self.hook in self.hooks:
            self.hooks.remove(self.hook)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


cdef int deliver(Vertex vertex, np.ndarray grad) except -1:
    """Add a gradient to those that arrived at a vertex."""
    if vertex.arrived is None:
        vertex.arrived = grad
        vertex.arrived_is_own = False
    elif vertex.arrived_is_own:
        K.add_into(vertex.arrived, grad)
    else:
        vertex.arrived = K.binary("add", vertex.arrived, grad)
        vertex.arrived_is_own = True
    return 0


cdef int discover(list roots) except -1:
    """Count, for every vertex that the roots reach, the gradients it will get in this run."""
    global visits
    cdef list stack = []
    cdef Vertex vertex, target
    cdef tuple edges
    cdef Py_ssize_t i
    visits += 1
    for vertex in roots:
        if vertex.visit != visits:
            vertex.visit = visits
            vertex.pending = 0
            vertex.arrived = None
            stack.append(vertex)
    while stack:
        vertex = stack.pop()
        if not isinstance(vertex, Node):
            continue
        if (<Node>vertex).freed:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have "
                "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
                "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time "
                "or if you need to access saved tensors after calling backward.")
        edges = (<Node>vertex).edges
        for i in range(PyTuple_GET_SIZE(edges)):
            if <PyObject *>PyTuple_GET_ITEM(edges, i) == <PyObject *>None:
                continue
            target = <Vertex>PyTuple_GET_ITEM(edges, i)
            if target.visit != visits:
                target.visit = visits
                target.pending = 0
                target.arrived = None
                stack.append(target)
            target.pending += 1
    return 0


cdef object apply(Node node, np.ndarray grad, bint keep_graph):
    """One node's rule with its hooks on the results."""
    node.check_guards()
    result = node.rule(node, grad)
    if node.post_hooks is not None:
        result = result if isinstance(result, tuple) else (result,)
        for hook in list(node.post_hooks):
            result = hook(result, grad)
    if not keep_graph:
        node.saved = None
        node.guard0 = node.guard1 = node.guard2 = node.more_guards = None
        node.freed = True
    return result


cdef int run(list roots, list grads, bint keep_graph, dict captured) except -1:
    """Backward from the roots. `captured` maps vertices to the gradient wanted there; None: fill leaves' grad."""
    cdef list ready = []
    cdef Vertex vertex, target
    cdef np.ndarray grad
    cdef tuple edges
    cdef Py_ssize_t i, count
    discover(roots)
    for i in range(len(roots)):
        deliver(roots[i], grads[i])
    for vertex in roots:
        if vertex.pending == 0:
            vertex.pending = -1  # a root may be given twice
            ready.append(vertex)
    while ready:
        vertex = ready.pop()
        if isinstance(vertex, Node):
            vertex.arrived = vertex.hooked(vertex.arrived)
        if captured is not None and vertex in captured:
            if not isinstance(vertex, Node):
                vertex.arrived = vertex.hooked(vertex.arrived)
            captured[vertex] = vertex.arrived
        if not isinstance(vertex, Node):
            if vertex.arrived is not None and captured is None:
                vertex.finish()
            vertex.arrived = None
            continue
        grad = vertex.arrived
        vertex.arrived = None
        edges = (<Node>vertex).edges
        count = PyTuple_GET_SIZE(edges)
        result = None if grad is None else apply(<Node>vertex, grad, keep_graph)
        grad = None
        for i in range(count):
            if <PyObject *>PyTuple_GET_ITEM(edges, i) == <PyObject *>None:
                continue
            target = <Vertex>PyTuple_GET_ITEM(edges, i)
            if result is not None:
                if not isinstance(result, tuple):
                    deliver(target, <np.ndarray?>result)
                elif <PyObject *>PyTuple_GET_ITEM(result, i) != <PyObject *>None:
                    deliver(target, <np.ndarray?>(<object>PyTuple_GET_ITEM(result, i)))
            target.pending -= 1
            if target.pending == 0:
                ready.append(target)
        result = None
    return 0
