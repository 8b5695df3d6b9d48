"""Backward as a function."""
import warnings

from fastnn import _gradients
from fastnn._tensor import Tensor
from fastnn.autograd.grad_mode import set_grad_enabled


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
    found = recorded.run(outputs, grad_outputs, keep_graph, set(vertices))
    return tuple(found.get(vertex) for vertex in vertices)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """Accumulate the gradients of the sum of `tensors` into the graph's leaves (or into `inputs` alone)."""
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to backward(). "
                               "Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    tensors = _sequence(tensors)
    given = _grads(tensors, grad_tensors)
    if inputs is None and not create_graph:
        _gradients.backward_from(tensors, given, bool(retain_graph))
        return
    keep_graph = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        from fastnn.autograd import recorded
        recorded.run(tensors, given, bool(keep_graph), None)
        return
    inputs = _sequence(inputs)
    if not inputs:
        raise RuntimeError("'inputs' argument to backward() cannot be empty.")
    gradients = _recorded if create_graph else _gradients.gradients
    found = gradients(tensors, inputs, given, bool(keep_graph))
    with set_grad_enabled(create_graph):
        for tensor, gradient in zip(inputs, found):
            if gradient is not None:
                _gradients.accumulate_recorded(tensor, gradient)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
         allow_unused=None, is_grads_batched=False, materialize_grads=False):
    """Gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nothing is accumulated.

    With ``create_graph`` the gradients can be differentiated in turn. Through the few operations that have no rule for
    it (recurrent layers, singular vectors) the first gradients are right, and differentiating them raises
    NotImplementedError that names the operation.

    Raises
    ------
    NotImplementedError
        For ``is_grads_batched``.
    RuntimeError
        If an input is not part of the graph, unless ``allow_unused``.
    """
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
                      "gradient for other parts of the graph, please use torch.autograd.backward.", FutureWarning,
                      stacklevel=2)
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
