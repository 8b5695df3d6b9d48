"""Models as records and back, in Keras 3's form."""
import inspect

from fastnn.keras import dtype_policies, layers, models, ops, tree
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.input import InputLayer
from fastnn.keras.models.functional import Functional
from fastnn.keras.models.model import above
from fastnn.keras.naming import to_snake_case
from fastnn.keras.saving import objects
from fastnn.keras.symbolic import FunctionOperation, KerasTensor


def _is_plain(cls):
    """Whether a class is made by inputs and outputs, as Functional itself."""
    names = list(inspect.signature(cls.__init__).parameters)
    return cls is Functional or names[1:4] == ["inputs", "outputs", "name"] or names[1:] == ["args", "kwargs"]


def _is_model(operation):
    return isinstance(operation, Functional)


def functional_config(model):
    """The layers of a functional model, what each was called with, and its inputs and outputs."""
    if not _is_plain(type(model)):
        return Layer.get_config(model)
    nodes = {id(node) for node in model._nodes}
    kept = {}  # node -> its number among those that belong to the model
    for operation in model._operations:
        own = [node for node in operation._inbound_nodes if id(node) in nodes]
        kept.update({id(node): i for i, node in enumerate(own)})

    def tensor(x):
        if not isinstance(x, KerasTensor):
            return objects.serialize_keras_object(x)
        history = x._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        return {"class_name": "__keras_tensor__", "config": {
            "shape": list(x.shape), "dtype": x.dtype,
            "keras_history": [history.operation.name, kept[id(node)], history.tensor_index]}}

    layers = []
    for operation in model._operations:
        calls = []
        record = function_record(operation) if isinstance(operation, FunctionOperation) \
            else objects.serialize_keras_object(operation)
        for node in operation._inbound_nodes:
            if id(node) in nodes and not node.is_input:
                args, kwargs = list(node.args), node.kwargs
                if isinstance(operation, FunctionOperation):
                    bound = inspect.signature(operation.function).bind(*args, **kwargs).arguments
                    args, kwargs = [x for key, x in bound.items() if key in _OPERANDS or _has_tensor(x)], {}
                calls.append({"args": [tree.map_structure(tensor, x) for x in args],
                              "kwargs": {name: tree.map_structure(tensor, x) for name, x in kwargs.items()}})
        layers.append({**record, "name": operation.name, "inbound_nodes": calls})

    def place(x):
        history = x._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        return [history.operation.name, kept[id(node)] + _is_model(history.operation), history.tensor_index]
    inputs = model._inputs_struct[0] if model._single_input else model._inputs_struct
    return {"name": model.name, "trainable": model.trainable, "layers": layers,
            "input_layers": tree.map_structure(place, [inputs] if isinstance(inputs, KerasTensor) else inputs),
            "output_layers": tree.map_structure(place, [model._outputs_struct] if
                                                isinstance(model._outputs_struct, KerasTensor)
                                                else model._outputs_struct)}


# Arguments that an operation of Keras takes when it is called; all others are its constructor's.
_OPERANDS = {"x", "x1", "x2", "y", "xs", "a", "b", "key", "indices", "condition", "target", "output", "inputs",
             "kernel", "fill_value", "values", "updates", "start_indices", "weights", "targets", "predictions"}


def _has_tensor(x):
    return any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(x))


def function_record(operation):
    """A function in a graph, as Keras' operation of the same name: the tensors are its inputs, the rest its config."""
    node = operation._inbound_nodes[0]
    name = operation.function.__name__
    if getattr(ops, name, None) is None:
        raise NotImplementedError(f"the function {name!r} in the model's graph cannot be saved: use `keras.ops`, or a "
                                  f"layer")
    bound = inspect.signature(operation.function).bind(*node.args, **node.kwargs)
    config = {key: objects.serialize_keras_object(value) for key, value in bound.arguments.items()
              if not _has_tensor(value) and key not in _OPERANDS}
    return {"module": "keras.src.ops", "class_name": operation.class_name,
            "config": {"name": operation.name, **config}, "registered_name": operation.class_name}


def function_from_record(record):
    """The operation of such a record; None if it is none."""
    module = record.get("module") or ""
    if not module.startswith(("keras.src.ops", "keras.ops")):
        return None
    snake = to_snake_case(record["class_name"])
    found = next((getattr(ops, name) for name in (snake, snake.replace("_", ""), record["class_name"].lower())
                  if objects.is_offered(name, getattr(ops, name, None))), None)
    if found is None:
        raise TypeError(f"Could not locate the operation '{record['class_name']}'")
    config = dict(record["config"])
    name = config.pop("name", None)
    config.pop("dtype", None)

    def function(*args):
        if found.__name__ == "get_item" and isinstance(args[1], list):
            args = args[0], tuple(args[1])  # JSON has no tuples
        return found(*args, **config)
    function.__name__ = found.__name__
    return FunctionOperation(function, name=name)


def functional_from_config(cls, config, custom_objects=None):
    """The model of a record."""
    config = dict(config)
    records = config.pop("layers")
    inputs, outputs = config.pop("input_layers"), config.pop("output_layers")
    made, waiting = {}, []
    for record in records:
        operation = function_from_record(record)
        if operation is None:
            operation = objects.deserialize_keras_object(record, custom_objects) if "module" in record \
                else _old_layer(record, custom_objects)
        made[record["name"]] = operation
        waiting += [(operation, call) for call in record["inbound_nodes"]]

    def output_of(name, node_index, tensor_index):
        nodes = made[name]._inbound_nodes
        if node_index >= len(nodes):
            raise IndexError
        return nodes[node_index].outputs[tensor_index]

    def revive(x):
        if isinstance(x, dict) and x.get("class_name") == "__keras_tensor__":
            return output_of(*x["config"]["keras_history"])
        if isinstance(x, dict) and "class_name" not in x:
            return {key: revive(value) for key, value in x.items()}
        if isinstance(x, list):
            return [revive(item) for item in x]
        return objects.deserialize_keras_object(x, custom_objects)

    while waiting:
        later = []
        for operation, call in waiting:
            try:
                if isinstance(call, dict):
                    args, kwargs = [revive(x) for x in call["args"]], {k: revive(x) for k, x in call["kwargs"].items()}
                else:  # older files: a list of [layer, node, tensor, keywords]
                    args = [output_of(*item[:3]) for item in call]
                    args, kwargs = [args[0] if len(args) == 1 else args], dict(call[0][3]) if len(call[0]) > 3 else {}
            except IndexError:
                later.append((operation, call))
                continue
            operation(*args, **kwargs)
        if len(later) == len(waiting):
            raise ValueError(f"Invalid Functional model configuration. The graph of the Functional model either has "
                             f"loops or disconnected nodes. The following nodes failed to be resolved: "
                             f"{[operation.name for operation, _ in later]}")
        waiting = later

    def find(entry):
        if isinstance(entry, (list, tuple)) and len(entry) == 3 and isinstance(entry[0], str):
            name, node_index, tensor_index = entry
            return output_of(name, node_index - _is_model(made[name]), tensor_index)
        if isinstance(entry, dict):
            return {key: find(value) for key, value in entry.items()}
        return [find(item) for item in entry]

    def structure(entries):
        found = find(entries)
        return found[0] if isinstance(found, list) and len(found) == 1 else found
    trainable = config.pop("trainable", None)
    model = cls(inputs=structure(inputs), outputs=structure(outputs), name=config.pop("name", None), **config)
    if trainable is not None and not trainable:
        model.trainable = False
    return model


def _old_layer(record, custom_objects):
    """A layer as files of Keras 2 name it: class and arguments alone."""
    name = {"Functional": "Model"}.get(record["class_name"], record["class_name"])
    cls = objects.get_registered_object(name, custom_objects) or getattr(layers, name, None) \
        or getattr(models, name, None)
    if cls is None:
        raise TypeError(f"Could not locate class '{record['class_name']}'. Pass it as `custom_objects`.")
    return cls.from_config(record["config"])


def sequential_config(model):
    """The layers of a Sequential."""
    stack = model._stack
    return {"name": model.name, "trainable": model.trainable,
            "dtype": dtype_policies.serialize(model._dtype_policy),
            "layers": [objects.serialize_keras_object(layer) for layer in stack],
            **({"build_input_shape": stack[0].batch_shape} if stack and isinstance(stack[0], InputLayer)
               and model.built else {})}


def sequential_from_config(cls, config, custom_objects=None):
    """The model of a record, or of a list of layers' records."""
    if isinstance(config, list):
        config = {"layers": config}
    model = cls(name=config.get("name"))
    for record in config["layers"]:
        layer = objects.deserialize_keras_object(record, custom_objects) if "module" in record \
            else _old_layer(record, custom_objects)
        model.add(layer, rebuild=False)
    model._maybe_rebuild()
    shape = config.get("build_input_shape")
    if shape and not model.built and tree.is_shape(shape):
        model.build(tuple(shape))
    if config.get("trainable") is False:
        model.trainable = False
    return model


above.functional_config, above.functional_from_config = functional_config, functional_from_config
above.sequential_config, above.sequential_from_config = sequential_config, sequential_from_config
