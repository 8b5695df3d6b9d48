"""The tape: recorded operations.

A Node points to the record of its operation (an Op, whose rule is a C function pointer or a Python function) and holds
what the rule needs as a tuple; a leaf Tensor is a vertex of the graph itself, so there is no accumulator object and no
reference cycle. Gradients travel as NumPy arrays: backward, in
fastnn._gradients, builds no graph of its own.
"""
cimport numpy as np

import types
import warnings
import weakref

import numpy

from fastnn.kernels cimport elementwise as K

np.import_array()


cdef class Version:
    pass


cdef class Vertex:
    pass


# ---- the records of operations ----

operations = []  # every Op that is declared


cdef class Op:
    """The record of one differentiable operation.

    Declared once, where the operation's rule stands; every node of the operation points to it.

    Parameters
    ----------
    name : str
        The name of the operation's nodes (``tensor.grad_fn.name()``), which is PyTorch's. Several records may have one.
    backward : callable
        The rule, ``backward(grad, *saved)`` on arrays: the gradient of the one input, or a tuple with one (or None) for
        each. Compiled operations give a C function instead, by `declare`.
    saves : str
        The names of the values that a node saves, in their order, separated by spaces.
    reason : str, optional
        Why the operation has no second-order rule.
    listed : bool
        Whether the record is one of `operations`; those are not that a program's own classes bring.

    Notes
    -----
    ``@SOME_OP.second`` declares the second-order rule: ``rule(step, *grads)`` gives the same gradients by operations on
    tensors, which are recorded in turn. `step` (fastnn.autograd.step.Step) has the saved values as attributes.
    """

    def __init__(self, str name, backward, str saves="", str reason=None, bint listed=True):
        self.backward, self.rule = backward, python_rule
        describe(self, name, saves, "")
        self.reason = reason
        if listed:
            operations.append(self)

    def second(self, function):
        """Decorator: `function` is the rule in tensor operations, ``function(step, *grads)``."""
        self.second_order = function
        return function

    def linear(self, function):
        """Decorator, for a rule that is linear in the gradient and reads no input: ``function(array, *saved)`` is its
        transpose, that is the operation itself on an array."""
        def rule(step, g):
            return step.linear(g, lambda array: self.backward(array, *step.saved),
                               lambda array: function(array, *step.saved))
        self.second_order = rule
        return function

    def without_second(self, str reason):
        """There is no second-order rule, for this reason."""
        self.reason = reason
        return self

    def saved_values(self, Node node):
        """{name: value} of what a node saved, its numbers included."""
        found = dict(zip(self.saves, node.saved, strict=True))
        found.update(zip(self.numbers, (node.a, node.b)))
        return found

    def __repr__(self):
        return f"<Op {self.name}({', '.join(self.saves + self.numbers)})>"


cdef object python_rule(Node node, np.ndarray grad):
    result = node.op.backward(grad, *node.saved)
    return result if isinstance(result, (tuple, np.ndarray)) else numpy.asarray(result)  # NumPy's 0-d results


cdef int describe(Op op, str name, str saves, str numbers) except -1:
    op.name, op.saves, op.numbers = name, tuple(saves.split()), tuple(numbers.split())
    return 0


cdef Op declare(str name, Rule rule, str saves="", str numbers=""):
    """The record of an operation whose rule is a C function."""
    cdef Op op = Op.__new__(Op)
    op.rule = rule
    describe(op, name, saves, numbers)
    operations.append(op)
    return op


cdef Op declare_joint(str name, JointRule joint, str saves=""):
    """The same of an operation with several outputs."""
    cdef Op op = Op.__new__(Op)
    op.joint = joint
    describe(op, name, saves, "")
    operations.append(op)
    return op


# ---- nodes ----

cdef object second_time():
    return RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors after they have "
        "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
        "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time "
        "or if you need to access saved tensors after calling backward.")


HARMLESS = (types.BuiltinFunctionType, type(numpy.tril), numpy.ufunc, numpy.dtype, numpy.generic, type)


cdef bint light(object item):
    """Whether it surely keeps no tensor's memory."""
    cdef Py_ssize_t i
    if item is None or isinstance(item, (int, float, str, slice)):
        return True
    if isinstance(item, tuple):
        for i in range(len(<tuple>item)):
            if not light((<tuple>item)[i]):
                return False
        return True
    if isinstance(item, list):
        return light(tuple(item))
    if isinstance(item, types.FunctionType):
        return all([light(cell.cell_contents) for cell in item.__closure__ or ()])
    if isinstance(item, CompiledFunction):
        return "<locals>" not in item.__qualname__  # does not show its closure
    if isinstance(item, Node):  # of a view that was changed in place
        return (<Node>item).keeps_nothing()
    if isinstance(item, np.ndarray):
        return not np.PyArray_ISWRITEABLE(item)  # a table that is kept for all calls
    return isinstance(item, HARMLESS)


cdef class Node(Vertex):
    """A recorded operation (``tensor.grad_fn``)."""

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

    cdef bint keeps_nothing(self):
        """Whether the rule reads no tensor's memory."""
        return self.guard0 is None and light(self.saved) and (self.op.backward is None or light(self.op.backward))

    cdef int release(self) except -1:
        """Let go of what the rule needs; one that reads no tensor's memory may run again."""
        if self.freed or self.keeps_nothing():
            return 0
        self.saved = None
        self.guard0 = self.guard1 = self.guard2 = self.more_guards = None
        self.freed = True
        return 0

    def modified(self, long found, long expected):
        return RuntimeError(
            f"one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"a tensor that {self.name()} needs is at version {found}; expected version {expected} instead.")

    def name(self):
        """The operation's name, as PyTorch calls it."""
        return type(self).__name__ if self.op is None or self.op.name is None else self.op.name

    @property
    def next_functions(self):
        """(node, number of its output) for each input: where this node's gradients go."""
        cdef list found = []
        for vertex in self.edges:
            if isinstance(vertex, Output):
                found.append((owner(<Node>vertex), (<Output>vertex).slot))
            else:
                found.append((vertex if vertex is None or isinstance(vertex, Node) else accumulator(vertex), 0))
        return tuple(found)

    def register_hook(self, hook):
        """Call ``hook(grad_inputs, grad_outputs)`` after this node's backward; it may return other grad_inputs."""
        if self.around is None:
            self.around = [], []
        return Handle(self.around[1], hook)

    def register_prehook(self, hook):
        """Call ``hook(grad_outputs)`` before this node's backward; it may return other grad_outputs."""
        if self.around is None:
            self.around = [], []
        return Handle(self.around[0], hook)

    def __getattr__(self, str name):
        if name.startswith("_saved_") and saved_attribute is not None:
            return saved_attribute(self, name[7:])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self):
        return f"<{self.name()} object at {hex(id(self))}>"


cdef class Output(Node):

    def name(self):
        return owner(self).name()


OUTPUT = declare(None, NULL)
saved_attribute = None  # (node, name) -> what ``node._saved_<name>`` is; set by `autograd.graph`
accumulator = None  # leaf -> its node in ``next_functions``; set by `autograd.graph`


cdef Node owner(Node node):
    """The operation that a tensor's node stands for."""
    return <Node>node.edges[0] if isinstance(node, Output) else node


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


# ---- nodes of Python classes: their method is the rule ----

cdef object method_rule(Node node, np.ndarray grad):
    return (<object>node)._run_backward([grad])


cdef object joint_method_rule(Node node, list grads):
    return (<object>node)._run_backward(grads)


METHOD, JOINT_METHOD = declare(None, method_rule), declare_joint(None, joint_method_rule)
operations.clear()  # these are kinds of nodes, no operations


def keep(Node node, tuple saved):
    """What backward lets go of after the rule has run."""
    node.saved = saved


def kept(Node node):
    """What was given to `keep`; RuntimeError once it is gone."""
    if node.freed:
        raise second_time()
    return node.saved or ()


CompiledFunction = type(kept)


# ---- for fastnn.autograd.recorded, which walks the graph in Python ----

def parts_of(Node node):
    """(op, edges, saved, a, b) of a node that can still run."""
    if node.freed and node.op is not METHOD and node.op is not JOINT_METHOD:
        raise second_time()
    node.check_guards()
    if isinstance(node.op, PackedOp):
        return (<PackedOp>node.op).original, node.edges, unpacker(node.saved), node.a, node.b
    return node.op, node.edges, node.saved, node.a, node.b


def keeps_nothing(Node node):
    """Whether the rule depends on its gradient alone."""
    return node.keeps_nothing()


def edges_of(Node node):
    """The vertices that the node's gradients go to, None where none is needed."""
    return node.edges


def slot_of(Node node):
    """The number of an output beside others, whose node is the edge; None for any other node."""
    return (<Output>node).slot if isinstance(node, Output) else None


def outputs_of(Node node):
    """How many gradients the node's rule takes together; 0 if it is one by itself."""
    return node.outputs


def around(Node node):
    """The node's own hooks, (before, after) its rule."""
    return node.around or ((), ())


def free_node(Node node):
    """Let go of what the rule needs, as backward does."""
    node.release()


# ---- anomaly mode, and saved values that a program keeps in its own form ----

cdef bint looks_for_nan = True
traces = weakref.WeakKeyDictionary()  # node -> where the program recorded it


cdef int trace(Node node) except -1:
    if anomaly & 3:
        import traceback  # only in this mode
        traces[node] = "".join(traceback.format_stack())
    if packer is not None and node.saved:
        saved = packer(node.saved)
        if saved is not node.saved:
            node.saved, node.op = saved, packed_op(node.op)
    return 0


def set_anomaly(bint on, bint check_nan):
    """Watch what is recorded from now on, and backward."""
    global anomaly, looks_for_nan
    anomaly = anomaly & 4 | (0 if not on else 2 if check_nan else 1)
    looks_for_nan = check_nan


def anomaly_mode():
    """(whether backward is watched, whether NaN would be looked for)"""
    return anomaly & 3 > 0, looks_for_nan


packer = None    # saved values -> what a node keeps in their place; None: the values themselves
unpacker = None  # the reverse; set by fastnn.autograd.graph
packed_ops = {}  # operation -> that of its nodes whose values are packed


cdef class PackedOp(Op):
    """An operation of nodes whose saved values are packed."""
    cdef Op original


cdef object packed_rule(Node node, np.ndarray grad):
    cdef PackedOp op = node.op
    cdef tuple packed = node.saved
    node.op, node.saved = op.original, unpacker(packed)
    try:
        return op.original.rule(node, grad)
    finally:
        node.op, node.saved = op, packed


cdef object packed_joint(Node node, list grads):
    cdef PackedOp op = node.op
    cdef tuple packed = node.saved
    node.op, node.saved = op.original, unpacker(packed)
    try:
        return op.original.joint(node, grads)
    finally:
        node.op, node.saved = op, packed


cdef PackedOp packed_op(Op op):
    cdef PackedOp made = packed_ops.get(op)
    if made is None:
        made = packed_ops[op] = PackedOp.__new__(PackedOp)
        made.original, made.backward, made.name, made.reason = op, op.backward, op.name, op.reason
        made.saves, made.numbers, made.second_order = op.saves, op.numbers, op.second_order
        if op.rule != NULL:
            made.rule = packed_rule
        if op.joint != NULL:
            made.joint = packed_joint
    return made


def set_packer(function):
    """Let nodes that are recorded from now on keep ``function(saved)``, which `unpacker` turns back before they run."""
    global anomaly, packer
    packer = function
    anomaly = anomaly & 3 | (0 if function is None else 4)


def tell_origin(Node node):
    """Warn that `node` went wrong, with the place that recorded it."""
    found = traces.get(node)
    warnings.warn(f"Error detected in {node.name()}. " + (
        "No forward pass information available. Enable detect anomaly during forward pass for more information."
        if found is None else f"Traceback of forward call that caused the error:\n{found}"), stacklevel=2)


# ---- arrays that kernels do not know: complex ones, and those of a class of their own, which stand for something else
# than their elements (sparse ones). NumPy or the class knows their sums and copies.

cdef dict kinds = {}


def register_kind(array_class, tensor_class):
    """Tensors on such arrays are of that class."""
    kinds[array_class] = tensor_class


cdef type class_of(np.ndarray array, type plain):
    return kinds.get(type(array), plain)


cdef np.ndarray total(np.ndarray x, np.ndarray y):
    if np.PyArray_CheckExact(x) and np.PyArray_TYPE(x) == np.NPY_VOID:  # of a format: see `fastnn.formats`
        from fastnn import formats
        return formats.total(x, y)
    return K.binary("add", x, y) if are_plain(x, y) else numpy.asanyarray(<object>x + <object>y)


cdef np.ndarray duplicate(np.ndarray array):
    cdef bint known = np.PyArray_CheckExact(array) and np.PyArray_TYPE(array) != np.NPY_FLOAT16
    return K.copy(array) if known else (<object>array).copy()
