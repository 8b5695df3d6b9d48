"""The graph between symbolic inputs and outputs, and running it."""
from fastnn._tensor import Tensor
from fastnn.keras import tree
from fastnn.keras.symbolic import KerasTensor


def trace(inputs, outputs):
    """(nodes from the inputs to the outputs, operations in the order of `Model.layers`).

    Raises
    ------
    ValueError
        An output does not come from the inputs alone, or there is a cycle.
    """
    given = {id(x) for x in inputs}
    order, entered, active, operations = [], set(), set(), {}

    def visit(tensor):
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            raise ValueError(f"Graph disconnected: {tensor} does not come from a layer or an `Input`.")
        operation = history.operation
        node = operation._inbound_nodes[history.node_index]
        if id(node) in active:
            raise ValueError(f"Tensor {tensor} from operation '{operation.name}' is part of a cycle.")
        if id(node) in entered:
            return
        operations.setdefault(operation, len(operations))
        entered.add(id(node))
        active.add(id(node))
        if id(tensor) not in given:
            if node.is_input:
                raise ValueError(f"`inputs` not connected to `outputs`: the output depends on the input "
                                 f"'{tensor.name}', which is not among the model's inputs.")
            for source in node.input_tensors:
                visit(source)
        active.discard(id(node))
        order.append(node)

    for tensor in outputs:
        visit(tensor)
    depth, depth_of = {}, {}
    for node in reversed(order):
        own = max(depth.get(id(node), 0), depth_of.get(node.operation, 0))
        depth[id(node)] = own
        depth_of[node.operation] = own
        if not any(id(x) in given for x in node.outputs):
            for source in node.input_tensors:
                parent = source._keras_history.operation._inbound_nodes[source._keras_history.node_index]
                depth[id(parent)] = max(depth.get(id(parent), 0), own + 1)
    for tensor in inputs:
        operation = tensor._keras_history.operation
        if operation not in depth_of:
            depth_of[operation] = 0
            operations[operation] = -1
            order.append(operation._inbound_nodes[tensor._keras_history.node_index])
            depth[id(order[-1])] = 0
    nodes = sorted(order, key=lambda node: -depth[id(node)])
    ranked = sorted(operations, key=lambda operation: (-depth_of[operation], operations[operation]))
    first = [x._keras_history.operation for x in inputs]  # in the order that the inputs were given in
    slots = [i for i, operation in enumerate(ranked) if operation in first]
    for i, operation in zip(slots, sorted((ranked[i] for i in slots), key=first.index)):
        ranked[i] = operation
    return nodes, ranked


class Plan:
    """The steps of a graph: which operation is called with what, and where its results go."""

    def __init__(self, inputs, outputs, nodes):
        given = {id(x) for x in inputs}
        slots = {}

        def slot(x):
            return slots.setdefault(id(x), len(slots))
        self.inputs = [slot(x) for x in inputs]
        self.steps = []
        for node in nodes:
            if node.is_input or all(id(x) in given for x in node.outputs):
                continue
            sources = node.input_tensors
            single = len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], KerasTensor)
            template = None if single else tree.map_structure(
                lambda x: _Slot(slot(x)) if isinstance(x, KerasTensor) else x, [list(node.args), node.kwargs])
            self.steps.append((node.operation, [slot(x) for x in sources], template,
                               [slot(x) for x in node.outputs], node))
        self.outputs = [slots[id(x)] for x in outputs]
        self.size = len(slots)
        self._keep = [x for node in nodes for x in node.outputs]  # an id is its own as long as the tensor lives

    def run(self, inputs, call):
        """The outputs for inputs; ``call(operation, args, kwargs)`` does a step."""
        values = [None] * self.size
        for at, x in zip(self.inputs, inputs):
            values[at] = x
        for operation, sources, template, results, _ in self.steps:
            if template is None:
                found = call(operation, (values[sources[0]],), {})
            else:
                args, kwargs = tree.map_structure(lambda x: values[x.at] if type(x) is _Slot else x, template)
                found = call(operation, tuple(args), dict(kwargs))
            if len(results) == 1 and isinstance(found, (Tensor, KerasTensor)):
                values[results[0]] = found
            else:
                for at, x in zip(results, [x for x in tree.flatten(found) if x is not None]):
                    values[at] = x
        return [values[at] for at in self.outputs]


class _Slot:
    __slots__ = ("at",)

    def __init__(self, at):
        self.at = at
