"""Backward as a function."""
from fastnn import _gradients
from fastnn._tensor import Tensor


def _sequence(value):
    return (value,) if value is None or isinstance(value, Tensor) else tuple(value)


def _grads(outputs, given):
    given = _sequence(given)
    return (None,) * len(outputs) if given == (None,) else given


def _recorded(outputs, inputs, grad_outputs, keep_graph):
    """Gradients with a history of their own, one (or None) for each input."""
    from fastnn.autograd import recorded
    vertices = [_gradients.vertex_of(x) for x in inputs]
    if any(vertex is None for vertex in vertices):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    found = recorded.run(outputs, grad_outputs, keep_graph, {id(vertex) for vertex in vertices})
    return tuple(found[id(vertex)][1] if id(vertex) in found else None for vertex in vertices)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None):
    """Accumulate the gradients of the sum of `tensors` into the graph's leaves (or into `inputs` alone)."""
    tensors = _sequence(tensors)
    given = _grads(tensors, grad_tensors)
    if inputs is None and not create_graph:
        _gradients.backward_from(tensors, given, bool(retain_graph))
        return
    keep_graph = create_graph if retain_graph is None else retain_graph
    if inputs is not None:
        inputs = _sequence(inputs)
        if not inputs:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        gradients = _recorded if create_graph else _gradients.gradients
        found = list(zip(inputs, gradients(tensors, inputs, given, bool(keep_graph))))
    else:
        from fastnn.autograd import recorded
        found = list(recorded.run(tensors, given, bool(keep_graph), None).values())
    for tensor, gradient in found:
        if gradient is not None:
            tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient
            if tensor.is_leaf:
                for hook in _gradients.hooks_of(tensor)[1]:
                    hook(tensor)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=None,
         is_grads_batched=False, materialize_grads=False):
    """Gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nothing is accumulated.

    With ``create_graph`` the gradients can be differentiated in turn; this is there for the operations of networks of
    linear layers with smooth activations, and raises NotImplementedError that names the operation for others.

    Raises
    ------
    NotImplementedError
        For ``is_grads_batched``.
    RuntimeError
        If an input is not part of the graph, unless ``allow_unused``.
    """
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched=True is not implemented")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         "allow_unused=False.")
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    keep_graph = create_graph if retain_graph is None else retain_graph
    find = _recorded if create_graph else _gradients.gradients
    found = find(outputs, inputs, _grads(outputs, grad_outputs), bool(keep_graph))
    if materialize_grads:
        from fastnn.ops.creation import zeros_like
        return tuple(zeros_like(x) if g is None else g for x, g in zip(inputs, found))
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. "
                           "Set allow_unused=True if this is the desired behavior.")
    return found
