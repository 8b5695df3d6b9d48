"""Backward as a function."""
import warnings

from fastnn import _gradients, _tensor
from fastnn._tensor import Tensor
from fastnn.autograd import recorded
from fastnn.autograd.grad_mode import set_grad_enabled
from fastnn.ops.creation import zeros_like
from fastnn.ops.joining import stack


def _sequence(value):
    return (value,) if value is None or isinstance(value, Tensor) else tuple(value)


def _grads(outputs, given):
    given = _sequence(given)
    if len(given) == 1 and given[0] is None:
        return (None,) * len(outputs)
    if len(given) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(given)} gradients")
    return given


def _recorded(outputs, inputs, grad_outputs, keep_graph):
    """Gradients with a history of their own, one (or None) for each input."""
    vertices = [_tensor.edge(x) for x in inputs]
    if any(vertex is None for vertex in vertices):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    found = recorded.run(outputs, grad_outputs, keep_graph, set(vertices))
    return tuple(found.get(vertex) for vertex in vertices)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """Accumulate the gradients of the sum of tensors into the leaves of the graph, or into `inputs` alone.

    Same as torch.autograd.backward.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
    grad_tensors : Tensor or sequence of Tensor, optional
        Gradients of the tensors; default 1 for tensors of one element.
    retain_graph : bool, optional
        Whether the graph is kept for another backward; default `create_graph`.
    create_graph : bool
        Whether the gradients can be differentiated.
    grad_variables
        Old name of `grad_tensors`.
    inputs : Tensor or sequence of Tensor, optional

    Raises
    ------
    RuntimeError
        A tensor requires no gradient, has several elements without `grad_tensors`, or its graph was freed.

    Examples
    --------
    >>> x = fastnn.ones(2, requires_grad=True)
    >>> fastnn.autograd.backward([(2 * x).sum(), (3 * x).sum()])
    >>> x.grad
    tensor([5., 5.])
    """
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


def _batched(outputs, inputs, grad_outputs, keep_graph, *options, **named):
    """`grad` for each of several gradients of the outputs, stacked."""
    given = [x.unbind() for x in _sequence(grad_outputs) if isinstance(x, Tensor)]
    if len({len(parts) for parts in given}) > 1:
        raise ValueError(f"grad: is_grads_batched=True expects grad_outputs with the same number of rows, got "
                         f"{[len(parts) for parts in given]}")
    rows = [*zip(*given)]
    if not rows:
        raise ValueError("grad: is_grads_batched=True expects grad_outputs with at least one row each")
    found = [grad(outputs, inputs, row, keep_graph or i < len(rows) - 1, *options, **named)
             for i, row in enumerate(rows)]
    return tuple(None if parts[0] is None else stack(parts) for parts in zip(*found))


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
         allow_unused=None, is_grads_batched=False, materialize_grads=False):
    """Gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nothing is accumulated.

    Same as torch.autograd.grad.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensor
    grad_outputs : Tensor or sequence of Tensor, optional
        Gradients of the outputs; default 1 for outputs of one element.
    retain_graph : bool, optional
        Whether the graph is kept for another backward; default `create_graph`.
    create_graph : bool
        Whether the gradients can be differentiated in turn. Where an operation has no rule for it (``scatter_reduce``
        of products) the first gradients are right, and differentiating them raises NotImplementedError that names it.
    only_inputs : bool
        Accepted, without effect.
    allow_unused : bool, optional
        Whether inputs without influence get None.
    is_grads_batched : bool
        Whether `grad_outputs` have one dimension more in front, over which the gradients are stacked: a run for each.
    materialize_grads : bool
        Whether inputs without influence get zeros.

    Raises
    ------
    NotImplementedError
        When gradients are differentiated through an operation without a rule for that, which is named.
    RuntimeError
        An input is not part of the graph, unless ``allow_unused``.

    Examples
    --------
    >>> x = fastnn.tensor(3.0, requires_grad=True)
    >>> slope, = fastnn.autograd.grad(x**3, x, create_graph=True)
    >>> slope.item(), fastnn.autograd.grad(slope, x)
    (27.0, (tensor(18.),))
    """
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
                      "gradient for other parts of the graph, please use torch.autograd.backward.", FutureWarning,
                      stacklevel=2)
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, create_graph if retain_graph is None else retain_graph,
                        create_graph, allow_unused=allow_unused, materialize_grads=materialize_grads)
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         "allow_unused=False.")
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    keep_graph = create_graph if retain_graph is None else retain_graph
    find = _recorded if create_graph else _gradients.gradients
    found = find(outputs, inputs, _grads(outputs, grad_outputs), bool(keep_graph))
    if materialize_grads:
        return tuple(zeros_like(x) if g is None else g for x, g in zip(inputs, found))
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. "
                           "Set allow_unused=True if this is the desired behavior.")
    return found


_gradients.general_backward = backward
