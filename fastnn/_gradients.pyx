"""The backward run, and Tensor's methods that have to do with gradients."""
cimport cython
cimport numpy as np
from cpython.object cimport PyObject
from cpython.ref cimport Py_REFCNT
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

import weakref

import numpy

from fastnn cimport _tape
from fastnn._tape cimport JOINT_METHOD, METHOD, Node, Output, Vertex, are_plain, duplicate, second_time, total
from fastnn._tensor cimport Tensor, edge, needs_grad, set_grad, shape_of, wrap
from fastnn._tape import Handle, tell_origin
from fastnn._tensor import install_methods
from fastnn.dtypes import as_gradient
from fastnn.errors import ShapeError, no_implicit_gradient
from fastnn.kernels cimport _core, elementwise as K

np.import_array()

cdef extern from *:
    """
    /* Whether nobody else can see its numbers: they are its own, or those of an array that only it, a reshaped view
     * of all of it, knows. */
    static int fnn_owns(PyArrayObject *array) {
        if (Py_REFCNT(array) > 1 || !PyArray_CHKFLAGS(array, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_WRITEABLE)) return 0;
        if (PyArray_CHKFLAGS(array, NPY_ARRAY_OWNDATA)) return 1;
        PyObject *base = PyArray_BASE(array);
        return base && PyArray_CheckExact(base) && Py_REFCNT(base) == 1 &&
               PyArray_CHKFLAGS((PyArrayObject *)base, NPY_ARRAY_OWNDATA) &&
               PyArray_SIZE((PyArrayObject *)base) == PyArray_SIZE(array);
    }
    """
    bint fnn_owns(np.ndarray array)


# ---- one run's state ----
# It lies on the vertices, where it costs nothing to find. A run may begin inside another (a hook that calls backward)
# or beside it on another thread: of a vertex that one holds, later ones have the state by themselves, in `apart`.

@cython.freelist(4)
cdef class Run:
    cdef unsigned long number
    cdef Run older               # a run that began before and has not ended
    cdef bint keep_graph
    cdef dict captured           # vertex -> the gradient that is wanted there; None: leaves' grad is filled
    cdef set needed              # with `captured`: the nodes on the way there; no other runs
    cdef dict apart              # vertex -> Vertex that has this run's state
    cdef dict parts              # node with several outputs -> their gradients
    cdef dict tensor_of          # id of an array -> the tensor as which hooks know it


cdef unsigned long runs = 0
cdef Run latest = None           # of those that have not ended
general_backward = None          # `autograd.run.backward`, set by that module


cdef bint claim(Run run, Vertex vertex) except -1:
    """Give a vertex the run's state; False if it has that."""
    cdef Run other
    if vertex.visit == run.number or run.apart is not None and vertex in run.apart:
        return False
    if latest is not run or run.older is not None:
        other = latest
        while other is not None:
            if other.number == vertex.visit:
                if run.apart is None:
                    run.apart = {}
                run.apart[vertex] = Vertex.__new__(Vertex)
                return True
            other = other.older
    vertex.visit = run.number
    vertex.pending = 0
    vertex.arrived = None  # a run that ended with an exception left it
    return True


cdef int deliver(Vertex vertex, np.ndarray grad) except -1:
    """Add a gradient to those that arrived at a vertex."""
    if vertex.arrived is None:
        vertex.arrived, vertex.arrived_is_own = grad, False
    elif vertex.arrived_is_own and are_plain(vertex.arrived, grad):
        K.add_into(vertex.arrived, grad)
    else:
        vertex.arrived, vertex.arrived_is_own = total(vertex.arrived, grad), True
    return 0


cdef inline bint pass_on(Vertex target, object result, Py_ssize_t i) except -1:
    """Give a vertex what a rule made for edge i; True when no more will come."""
    if result is not None:
        if not isinstance(result, tuple):
            deliver(target, <np.ndarray?>result)
        elif <PyObject *>PyTuple_GET_ITEM(result, i) != <PyObject *>None:
            deliver(target, <np.ndarray?>(<object>PyTuple_GET_ITEM(result, i)))
    target.pending -= 1
    return target.pending == 0


# ---- which vertices take part ----

def leading(roots, wanted):
    """The nodes from which a wanted vertex is reached."""
    cdef set found = set(), seen = set()
    cdef list stack = [(root, False) for root in roots]
    while stack:
        vertex, below = stack.pop()
        if below:
            for target in (<Node>vertex).edges:
                if target is not None and (target in wanted or target in found):
                    found.add(vertex)
                    break
        elif vertex not in seen and isinstance(vertex, Node):
            seen.add(vertex)
            stack.append((vertex, True))
            for target in (<Node>vertex).edges:
                if target is not None and target not in seen:
                    stack.append((target, False))
    return found


cdef inline bint skips(Run run, Vertex vertex) except -1:
    """Whether no gradient is wanted at a vertex."""
    return run.needed is not None and vertex not in run.needed and vertex not in run.captured


cdef int discover(Run run, list roots) except -1:
    """Count, for every vertex that takes part, the gradients that it will get."""
    cdef list stack = []
    cdef Vertex vertex, target
    cdef tuple edges
    cdef Py_ssize_t i
    cdef unsigned long number = run.number
    for vertex in roots:
        if claim(run, vertex):
            stack.append(vertex)
    while stack:
        vertex = stack.pop()
        if not isinstance(vertex, Node) or run.needed is not None and vertex not in run.needed:
            continue
        edges = (<Node>vertex).edges
        for i in range(PyTuple_GET_SIZE(edges)):
            if <PyObject *>PyTuple_GET_ITEM(edges, i) == <PyObject *>None:
                continue
            target = <Vertex>PyTuple_GET_ITEM(edges, i)
            if target.visit != number:
                if skips(run, target):
                    continue
                if claim(run, target):
                    stack.append(target)
                if target.visit != number:
                    target = <Vertex>run.apart[target]
            target.pending += 1
    return 0


# ---- hooks ----

cdef np.ndarray replaced(hook, changed, np.ndarray grad):
    """A gradient as a hook left it."""
    if changed is None:
        return grad
    if not isinstance(changed, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(changed).__name__}'")
    cdef np.ndarray new = (<Tensor>changed).array
    cdef str name = getattr(hook, "__name__", type(hook).__name__)
    if np.PyArray_TYPE(new) != np.PyArray_TYPE(grad):
        raise RuntimeError(f"hook '{name}' has changed the type of value (was {wrap(grad).type()} got "
                           f"{wrap(new).type()})")
    if not np.PyArray_SAMESHAPE(new, grad):
        raise RuntimeError(f"hook '{name}' has changed the size of value")
    return new


cdef np.ndarray hooked(Run run, Vertex vertex, np.ndarray grad):
    """The gradient that arrived, as the tensor's hooks leave it."""
    cdef Tensor tensor = None
    if grad is None:
        return None
    if run.tensor_of is not None:
        tensor = run.tensor_of.get(<size_t><void *>grad)
    if tensor is None or tensor.array is not grad:
        tensor = wrap(grad)
    try:
        for hook in list(vertex.hooks):
            changed = hook(tensor)
            if replaced(hook, changed, tensor.array) is not tensor.array:
                tensor = <Tensor>changed
    except Exception:
        if _tape.anomaly & 3 and isinstance(vertex, Node):
            tell_origin(vertex)
        raise
    changed = None
    if tensor.extra is not None or Py_REFCNT(tensor) > 1:  # the program can tell it from another on the same array
        if run.tensor_of is None:
            run.tensor_of = {}
        run.tensor_of[<size_t><void *>tensor.array] = tensor
    if isinstance(vertex, Node) and (<Node>vertex).keeper is not None:
        retain((<Node>vertex).keeper(), wrap(duplicate(tensor.array)))
    return tensor.array


cdef void retain(Tensor tensor, Tensor grad):
    if tensor is not None:
        tensor.grad_ = grad if tensor.grad_ is None else tensor.grad_ + grad


cdef tuple as_tensors(arrays):
    return tuple([None if array is None else wrap(array) for array in arrays])


cdef tuple replaced_all(hook, changed, tuple arrays):
    """Several gradients as a node's hook left them."""
    if changed is None:
        return arrays
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != len(arrays):
        raise RuntimeError(f"hook '{getattr(hook, '__name__', type(hook).__name__)}' has returned an incorrect number "
                           f"of values (got {len(changed)}, but expected {len(arrays)})")
    if any([array is None and tensor is not None for array, tensor in zip(arrays, changed)]):
        raise RuntimeError("can't replace a None gradient with a non-None value")
    return tuple([None if array is None else replaced(hook, tensor, array) for array, tensor in zip(arrays, changed)])


# ---- a node's rule ----

cdef object apply(Run run, Node node, np.ndarray grad):
    if node.freed and node.op is not METHOD:  # a class of the program's own says so itself
        raise second_time()
    node.check_guards()
    if node.around is not None or _tape.anomaly & 3:
        result = watched(node, grad, None)
    else:
        result = node.op.rule(node, grad)
    if not run.keep_graph and node.saved:  # others are spared the call
        node.release()
    return result


cdef object apply_joint(Run run, Node node, np.ndarray grad):
    """The same of a node with several outputs, `grad` that of the first; None if nothing came to any."""
    cdef list grads = None if run.parts is None else run.parts.pop(node, None)
    if grad is None and grads is None:
        return None
    if node.freed and node.op is not JOINT_METHOD:
        raise second_time()
    node.check_guards()
    if grads is None:
        grads = [None] * node.outputs
    if grad is not None:
        grads[0] = grad
    result = watched(node, None, grads)
    if not run.keep_graph:
        node.release()
    return result


cdef object watched(Node node, np.ndarray grad, list grads):
    """The rule with hooks around it, and what anomaly mode looks for."""
    cdef tuple given = (grad,) if grads is None else tuple(grads), results
    try:
        for hook in list(node.around[0]) if node.around is not None else ():
            given = replaced_all(hook, hook(as_tensors(given)), given)
        found = node.op.rule(node, given[0]) if grads is None else node.op.joint(node, list(given))
        results = found if isinstance(found, tuple) else (found,)
        for hook in list(node.around[1]) if node.around is not None else ():
            results = replaced_all(hook, hook(as_tensors(results), as_tensors(given)), results)
        if _tape.anomaly & 2:
            for i, array in enumerate(results):
                if array is not None and numpy.isnan(array).any():
                    raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
        return results
    except Exception:
        if _tape.anomaly & 3:
            tell_origin(node)
        raise


cdef object leave(Run run, Output output, np.ndarray grad):
    """The gradient of one of several outputs waits for the others at their node; nothing is passed on."""
    cdef Node node = <Node>output.edges[0]
    if grad is None:
        return None
    if run.parts is None:
        run.parts = {}
    cdef list grads = run.parts.setdefault(node, [None] * node.outputs)
    grads[output.slot] = grad if grads[output.slot] is None else total(grads[output.slot], grad)
    return None


# ---- the run ----

cdef int accumulate(Tensor leaf, np.ndarray grad) except -1:
    """Add to a leaf's ``grad``. Other threads may do the same: the GIL is kept from looking at ``grad`` to changing it,
    and nothing there could call Python code."""
    cdef Tensor made = None, held
    if leaf.grad_ is None:
        made = wrap(grad if fnn_owns(grad) else duplicate(grad))
    held = <Tensor>leaf.grad_
    if held is None:
        leaf.grad_ = made
    elif not are_plain(held.array, grad):
        leaf.grad_ = wrap(total(held.array, grad))
    else:
        K.add_at_once(held.array, grad)
        held.bump()
    return 0


class AccumulatorHook:
    """A hook of an accumulator (``AccumulateGrad``) among those of its leaf."""

    def __init__(self, hook):
        self.hook = hook

    def call(self, grad):
        self.hook((), (grad,))


def call_after(Tensor leaf, grad):
    """A leaf's hooks after accumulation; those of its accumulator node get the gradient that was added."""
    for hook in list(leaf.after):
        if isinstance(hook, AccumulatorHook):
            hook.call(grad)
        else:
            hook(leaf)


cdef int execute(Run run, list roots, list grads) except -1:
    cdef list ready = []
    cdef Vertex vertex, target, own
    cdef np.ndarray grad
    cdef tuple edges
    cdef Py_ssize_t i
    cdef unsigned long number = run.number
    cdef bint ends, done
    if run.captured is not None:
        run.needed = leading(roots, run.captured)
    discover(run, roots)
    for i in range(len(roots)):
        vertex = roots[i]
        deliver(vertex if vertex.visit == number else <Vertex>run.apart[vertex], grads[i])
    for vertex in roots:
        own = vertex if vertex.visit == number else <Vertex>run.apart[vertex]
        if own.pending == 0:
            own.pending = -1  # a root may be given twice
            ready.append(vertex)
    while ready:
        vertex = ready.pop()
        if vertex.visit == number:
            grad = vertex.arrived
            vertex.arrived = None
        else:
            own = <Vertex>run.apart[vertex]
            grad = own.arrived
            own.arrived = None
        if run.captured is not None and vertex not in run.captured and vertex not in run.needed and len(roots) > 1:
            continue  # one of several outputs, which leads to nothing that is wanted; one alone has its hooks called
        if not isinstance(vertex, Node):
            if grad is None:
                continue
            if vertex.hooks is not None:
                grad = hooked(run, vertex, grad)
            if run.captured is not None:
                run.captured[vertex] = grad
                continue
            accumulate(<Tensor>vertex, grad)
            if (<Tensor>vertex).after is not None:
                call_after(<Tensor>vertex, wrap(grad))
            continue
        if run.captured is not None:
            ends = vertex not in run.needed
            if not ends and vertex in run.captured:
                run.captured[vertex] = grad  # before its hooks, as PyTorch has it
            if vertex.hooks is not None:
                grad = hooked(run, vertex, grad)
            if ends:
                run.captured[vertex] = grad
                continue
        elif vertex.hooks is not None:
            grad = hooked(run, vertex, grad)
        edges = (<Node>vertex).edges
        if (<Node>vertex).op.rule != NULL:
            result = None if grad is None else apply(run, <Node>vertex, grad)
        elif (<Node>vertex).op.joint != NULL:
            result = apply_joint(run, <Node>vertex, grad)
        else:
            result = leave(run, <Output>vertex, grad)
        grad = None
        for i in range(PyTuple_GET_SIZE(edges)):
            if <PyObject *>PyTuple_GET_ITEM(edges, i) == <PyObject *>None:
                continue
            target = <Vertex>PyTuple_GET_ITEM(edges, i)
            if target.visit == number:
                done = pass_on(target, result, i)
            elif skips(run, target):
                continue
            else:
                done = pass_on(<Vertex>run.apart[target], result, i)
            if done:
                ready.append(target)
        result = None
    return 0


cdef int run(list roots, list grads, bint keep_graph, dict captured) except -1:
    """Backward from the roots. `captured` maps vertices to the gradient wanted there; None: fill leaves' grad."""
    global runs, latest
    cdef Run run = Run.__new__(Run), other
    cdef bint mode = set_grad(False)  # hooks and rules of a program's own record nothing
    runs += 1
    run.number, run.keep_graph, run.captured = runs, keep_graph, captured
    run.older, latest = latest, run
    try:
        execute(run, roots, grads)
    finally:
        if latest is run:
            latest = run.older
        else:  # one that began later, on another thread, goes on
            other = latest
            while other.older is not run:
                other = other.older
            other.older = run.older
        run.older = None
        set_grad(mode)
    return 0


# ---- where it begins ----

cdef np.ndarray starting_gradient(Tensor output, object given):
    """The gradient to begin with at one output, checked as PyTorch checks it."""
    cdef np.ndarray grad
    if not needs_grad(output):
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    if given is None:
        if np.PyArray_SIZE(output.array) != 1 or not np.PyArray_ISFLOAT(output.array) and output.dtype.is_complex:
            raise no_implicit_gradient(output.array)
        grad = _core.new_like(output.array, np.PyArray_TYPE(output.array))
        if np.PyArray_TYPE(grad) == np.NPY_FLOAT:
            (<float *>np.PyArray_DATA(grad))[0] = 1
        elif np.PyArray_TYPE(grad) == np.NPY_DOUBLE:
            (<double *>np.PyArray_DATA(grad))[0] = 1
        else:
            grad = as_gradient(numpy.ones_like(output.array, numpy.float32), output.array.dtype)
        return grad
    grad = (<Tensor?>given).array
    if not np.PyArray_SAMESHAPE(grad, output.array):
        raise ShapeError(f"Mismatch in shape: grad_output[0] has a shape of {list(shape_of(grad))} and output[0] "
                         f"has a shape of {list(shape_of(output.array))}.")
    return grad if np.PyArray_TYPE(grad) == np.PyArray_TYPE(output.array) else as_gradient(grad, output.array.dtype)


cdef int start(outputs, grad_outputs, bint keep_graph, dict captured) except -1:
    cdef list grads = [starting_gradient(<Tensor?>output, given)
                       for output, given in zip(outputs, grad_outputs, strict=True)]
    return run([edge(<Tensor>output) for output in outputs], grads, keep_graph, captured)


def backward_from(outputs, grad_outputs, bint keep_graph=False):
    """Gradients of the outputs, summed, into the ``grad`` of every leaf that they depend on."""
    start(outputs, grad_outputs, keep_graph, None)


def gradients(outputs, inputs, grad_outputs, bint keep_graph=False):
    """Gradients of the outputs, summed, with respect to `inputs`; None where there is no path."""
    cdef dict captured = {}
    for item in inputs:
        vertex = edge(<Tensor?>item)
        if vertex is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        captured[vertex] = None
    start(outputs, grad_outputs, keep_graph, captured)
    results = [captured[edge(<Tensor>item)] for item in inputs]
    return tuple([None if grad is None else wrap(duplicate(grad)) for grad in results])


def part_of_run(Tensor tensor not None):
    """(Number of the backward pass that runs, 0 of one that is recorded; whether it computes the tensor's gradient)."""
    cdef Vertex vertex = edge(tensor)
    number = 0 if latest is None else latest.number
    return number, not number or vertex.visit == number or latest.apart is not None and vertex in latest.apart


# ---- methods ----
def backward(self, gradient=None, retain_graph=None, bint create_graph=False, inputs=None) -> None:
    """Compute the gradients of this tensor with respect to the graph's leaves.

    Parameters
    ----------
    gradient : Tensor, optional
        Gradient of some scalar with respect to this tensor; may be left out for a tensor with one element.
    retain_graph : bool, optional
        Keep what backward needs, so that it can run again.
    create_graph : bool
        Record backward itself, so that the gradients can be differentiated; see ``autograd.grad``.
    inputs : sequence of Tensor, optional
        Accumulate into these only.
    """
    if create_graph or inputs is not None:
        return general_backward(self, gradient, retain_graph, create_graph, inputs=inputs)
    cdef np.ndarray first = starting_gradient(<Tensor?>self, gradient)
    run([edge(<Tensor>self)], [first], retain_graph is not None and retain_graph, None)


cdef Tensor hooked_up(object x):
    if not needs_grad(<Tensor?>x):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    return x


def register_hook(self, hook) -> RemovableHandle:
    """Call ``hook(grad)`` when this tensor's gradient is known; what it returns, if anything, replaces it."""
    cdef Vertex vertex = edge(hooked_up(self))
    if vertex.hooks is None:
        vertex.hooks = []
    return Handle(vertex.hooks, hook)


def register_post_accumulate_grad_hook(self, hook) -> RemovableHandle:
    """Call ``hook(tensor)`` after a gradient was added to this leaf's ``grad``."""
    cdef Tensor x = hooked_up(self)
    if x.node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if x.after is None:
        x.after = []
    return Handle(x.after, hook)


def retain_grad(self) -> None:
    """Keep this non-leaf tensor's gradient, as its hooks leave it, in ``grad``."""
    cdef Tensor x = <Tensor?>self
    if not needs_grad(x):
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if x.node is None or x.retains:
        return
    x.retains = True
    x.node.keeper = weakref.ref(x)
    if x.node.hooks is None:
        x.node.hooks = []


install_methods({function.__name__: function for function in (
    backward, register_hook, register_post_accumulate_grad_hook, retain_grad)})


# ---- for fastnn.autograd.recorded, which runs with tensors ----

def gradient_after_hooks(Vertex vertex, grad):
    """A gradient that arrived, a tensor with a history, as hooks leave it."""
    for hook in list(vertex.hooks or ()):
        changed = hook(grad)
        if replaced(hook, changed, (<Tensor>grad).array) is not (<Tensor>grad).array:
            grad = changed
    if isinstance(vertex, Node) and (<Node>vertex).keeper is not None:
        retain((<Node>vertex).keeper(), grad.clone())
    return grad


def values_after_hook(hook, changed, tuple grads):
    """Gradients, tensors with a history, as a node's hook left them."""
    if changed is None:
        return grads
    changed = changed if isinstance(changed, tuple) else (changed,)
    replaced_all(hook, changed, tuple([None if grad is None else (<Tensor>grad).array for grad in grads]))
    return tuple([grad if new is None else new for grad, new in zip(grads, changed)])


def rule_on_arrays(Node node, list grads):
    """What the rule makes of gradients without a history: a tensor, or None, for each edge."""
    cdef list arrays = [None if grad is None else (<Tensor>grad).array for grad in grads]
    found = node.op.joint(node, arrays) if node.op.joint != NULL else node.op.rule(node, arrays[0])
    return as_tensors(found if isinstance(found, tuple) else (found,))


def accumulate_recorded(Tensor leaf, Tensor grad):
    """Add a gradient with a history to a leaf's ``grad``, out of place; see `accumulate`."""
    cdef object before, increased
    while True:
        before = leaf.grad_
        increased = grad if before is None else before + grad
        if leaf.grad_ is before:
            leaf.grad_ = increased
            break
    if leaf.after is not None:
        call_after(leaf, grad)


def tensor_at(np.ndarray array, Vertex vertex):
    """A tensor on a saved array, in the place of the graph that `vertex` says."""
    cdef Tensor tensor
    if isinstance(vertex, Tensor):
        return vertex
    tensor = wrap(array)
    tensor.node = <Node>vertex
    return tensor
