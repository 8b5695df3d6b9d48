"""Backward as a function."""
from fastnn import _gradients
from fastnn._tensor import Tensor


def _sequence(value):
    return (value,) if value is None or isinstance(value, Tensor) else tuple(value)


def _grads(outputs, given):
    given = _sequence(given)
    return (None,) * len(outputs) if given == (None,) else given


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None):
    """Accumulate the gradients of the sum of `tensors` into the graph's leaves."""
    if create_graph:
        raise NotImplementedError("backward: create_graph=True (gradients of gradients) is not implemented")
    tensors = _sequence(tensors)
    if inputs is not None:
        inputs = _sequence(inputs)
        for tensor, found in zip(inputs, grad(tensors, inputs, grad_tensors, retain_graph, allow_unused=True)):
            if found is not None:
                tensor.grad = found if tensor.grad is None else tensor.grad + found
        return
    _gradients.backward_from(tensors, _grads(tensors, grad_tensors), bool(retain_graph))


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=None,
         is_grads_batched=False, materialize_grads=False):
    """Gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nothing is accumulated.

    Raises
    ------
    NotImplementedError
        For ``create_graph`` (gradients of gradients) and ``is_grads_batched``.
    RuntimeError
        If an input is not part of the graph, unless ``allow_unused``.
    """
    if create_graph:
        raise NotImplementedError("grad: create_graph=True (gradients of gradients) is not implemented")
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched=True is not implemented")
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    found = _gradients.gradients(outputs, inputs, _grads(outputs, grad_outputs), bool(retain_graph))
    if materialize_grads:
        from fastnn.ops.creation import zeros_like
        return tuple(zeros_like(x) if g is None else g for x, g in zip(inputs, found))
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. "
                           "Set allow_unused=True if this is the desired behavior.")
    return found
