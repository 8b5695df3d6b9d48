"""Backward from tensors, and Tensor's methods that have to do with gradients."""
cimport numpy as np

from fastnn._tape cimport Node, Vertex, run
from fastnn._tensor cimport Tensor, edge, needs_grad, shape_of, wrap
from fastnn._tape import Handle
from fastnn._tensor import install_methods
from fastnn.errors import ShapeError
from fastnn.kernels cimport _core
from fastnn.kernels import elementwise as kernels

np.import_array()


cdef np.ndarray starting_gradient(Tensor output, object given):
    """The gradient to begin with at one output, checked as PyTorch checks it."""
    cdef np.ndarray grad
    if not needs_grad(output):
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    if given is None:
        if np.PyArray_SIZE(output.array) != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        grad = _core.new_like(output.array, np.PyArray_TYPE(output.array))
        if np.PyArray_TYPE(grad) == np.NPY_FLOAT:
            (<float *>np.PyArray_DATA(grad))[0] = 1
        elif np.PyArray_TYPE(grad) == np.NPY_DOUBLE:
            (<double *>np.PyArray_DATA(grad))[0] = 1
        else:
            grad.fill(1)
        return grad
    grad = (<Tensor?>given).array
    if not np.PyArray_SAMESHAPE(grad, output.array):
        raise ShapeError(f"Mismatch in shape: grad_output[0] has a shape of {list(shape_of(grad))} and output[0] "
                         f"has a shape of {list(shape_of(output.array))}.")
    return grad if np.PyArray_TYPE(grad) == np.PyArray_TYPE(output.array) else grad.astype(output.array.dtype)


cdef int start(outputs, grad_outputs, bint keep_graph, dict captured) except -1:
    cdef list roots = [], grads = []
    for output, given in zip(outputs, grad_outputs, strict=True):
        grads.append(starting_gradient(<Tensor?>output, given))
        roots.append(edge(<Tensor>output))
    return run(roots, grads, keep_graph, captured)


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
    return tuple([None if grad is None else wrap(kernels.copy(grad)) for grad in results])


# ---- methods ----

def backward(self, gradient=None, retain_graph=None, bint create_graph=False, inputs=None):
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
        from fastnn.autograd.run import backward as general
        return general(self, gradient, retain_graph, create_graph, inputs)
    cdef np.ndarray first = starting_gradient(<Tensor?>self, gradient)
    run([edge(<Tensor>self)], [first], retain_graph is not None and retain_graph, None)


def register_hook(self, hook):
    """Call ``hook(grad)`` when this tensor's gradient is known; what it returns, if anything, replaces it."""
    cdef Tensor x = <Tensor?>self
    if not needs_grad(x):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")

    def on_arrays(grad):
        changed = hook(wrap(grad))
        return grad if changed is None else (<Tensor?>changed).array
    on_arrays.hook = hook
    if x.node is None:
        if x.hooks is None:
            x.hooks = []
        return Handle(x.hooks, on_arrays)
    if x.node.pre_hooks is None:
        x.node.pre_hooks = []
    return Handle(x.node.pre_hooks, on_arrays)


def register_post_accumulate_grad_hook(self, hook):
    """Call ``hook(tensor)`` after a gradient was added to this leaf's ``grad``."""
    cdef Tensor x = <Tensor?>self
    if not needs_grad(x):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if x.node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if x.after is None:
        x.after = []
    return Handle(x.after, hook)


def retain_grad(self):
    """Keep this non-leaf tensor's gradient in ``grad``."""
    cdef Tensor x = <Tensor?>self
    if not needs_grad(x):
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if x.node is None or x.retains:
        return
    x.retains = True

    def keep(grad):
        copied = wrap(kernels.copy((<Tensor>grad).array))
        x.grad_ = copied if x.grad_ is None else x.grad_ + copied
    register_hook(x, keep)


install_methods({function.__name__: function for function in (
    backward, register_hook, register_post_accumulate_grad_hook, retain_grad)})


# ---- for fastnn.autograd.recorded, which walks the graph in Python ----

def parts_of(Node node):
    """(name, edges, saved, a, b, hooks) of a node that can still run."""
    if node.freed:
        raise RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors after they have "
            "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
            "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time "
            "or if you need to access saved tensors after calling backward.")
    node.check_guards()
    return node.op_name, node.edges, node.saved, node.a, node.b, node.pre_hooks or ()


def hooks_of(Tensor leaf):
    """A leaf's hooks: on its gradient, and after accumulation."""
    return leaf.hooks or (), leaf.after or ()


def vertex_of(Tensor tensor):
    """Where the tensor's gradient goes: a node, the tensor itself, or None."""
    return edge(tensor)


def tensor_at(np.ndarray array, Vertex vertex):
    """A tensor on a saved array, in the place of the graph that `vertex` says."""
    cdef Tensor tensor
    if isinstance(vertex, Tensor):
        return vertex
    tensor = wrap(array)
    tensor.node = <Node>vertex
    return tensor


def free_node(Node node):
    """Let go of what the rule needs, as backward does."""
    node.saved = None
    node.guard0 = node.guard1 = node.guard2 = None
    node.freed = True
