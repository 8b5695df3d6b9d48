"""Copies of models."""
from fastnn.keras import tree
from fastnn.keras.layers.input import Input, InputLayer
from fastnn.keras.models.functional import Functional
from fastnn.keras.models.model import Model, above
from fastnn.keras.models.sequential import Sequential
from fastnn.keras.symbolic import FunctionOperation, KerasTensor


def _copy(layer):
    return type(layer).from_config(layer.get_config())


def rebuild_graph(plan_nodes, inputs, outputs, replace, operation_of=lambda operation: operation):
    """Outputs of the same graph for other inputs; ``operation_of`` may replace an operation by another one.

    Parameters
    ----------
    plan_nodes : list of Node
        In an order in which they can run.
    inputs, outputs : lists of KerasTensor
    replace : list of KerasTensor
        Instead of `inputs`.
    """
    values = {id(x): y for x, y in zip(inputs, replace)}
    for node in plan_nodes:
        if node.is_input or all(id(x) in values for x in node.outputs):
            continue

        def swap(x):
            return values[id(x)] if isinstance(x, KerasTensor) else x
        args, kwargs = tree.map_structure(swap, [list(node.args), node.kwargs])
        found = operation_of(node.operation)(*args, **kwargs)
        for x, y in zip(node.outputs, [y for y in tree.flatten(found) if isinstance(y, KerasTensor)]):
            values[id(x)] = y
    return [values[id(x)] for x in outputs]


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs):
    """A model with the same architecture, and new weights.

    Parameters
    ----------
    model : Model
    input_tensors : KerasTensor or list of them, optional
        Instead of the model's inputs.
    clone_function : callable, optional
        ``clone_function(layer)`` gives the new layer.
    call_function : callable, optional
        ``call_function(layer, *args, **kwargs)`` calls it.
    recursive : bool
        Whether layers of nested models are cloned one by one too.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        `clone_function` with a subclassed model, whose layers are not known.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.models.clone_model(model).output_shape
    (None, 2)
    """
    if not isinstance(model, Model):
        raise ValueError(f"clone_model: expected a Model, got {type(model).__name__}")
    copy = clone_function or _copy

    def cloned(layer):
        if recursive and isinstance(layer, (Functional, Sequential)):
            return clone_model(layer, None, clone_function, call_function, True)
        return copy(layer)
    if isinstance(model, Sequential):
        layers = [cloned(layer) for layer in model.layers]
        first = model._stack[0] if model._stack else None
        made = Sequential(name=model.name, trainable=model.trainable)
        if input_tensors is not None:
            tensor = tree.flatten(input_tensors)[0]
            made.add(tensor if isinstance(tensor._keras_history.operation, InputLayer)
                     else InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype))
        elif isinstance(first, InputLayer):
            made.add(InputLayer(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name))
        for layer in layers:
            made.add(layer)
        return made
    if isinstance(model, Functional):
        inputs = model._inputs
        if input_tensors is None:
            new = [Input(batch_shape=x.shape, dtype=x.dtype, name=x._keras_history.operation.name) for x in inputs]
        else:
            new = tree.flatten(input_tensors)
        known = {}

        def operation_of(operation):
            if operation not in known:
                known[operation] = operation if isinstance(operation, FunctionOperation) else cloned(operation)
            made = known[operation]
            return made if call_function is None else lambda *args, **kw: call_function(made, *args, **kw)
        outputs = rebuild_graph(model._nodes, inputs, model._outputs, new, operation_of)
        structure = model._inputs_struct[0] if model._single_input else model._inputs_struct
        return Functional(tree.pack_sequence_as(structure, new), tree.pack_sequence_as(model._outputs_struct, outputs),
                          name=model.name)
    if clone_function is not None or input_tensors is not None:
        raise ValueError("Arguments `clone_function` and `input_tensors` are only supported for Sequential models or "
                         f"Functional models. Received model of type '{type(model).__name__}'")
    return _copy(model)


above.rebuild_graph = rebuild_graph
