"""Models that are the graph between their inputs and outputs."""
import warnings
from collections import Counter

from fastnn._tensor import Tensor
from fastnn.keras import config, tree
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.input import Input, InputLayer
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.layers.strings import strings_of
from fastnn.keras.layers.weights import changes
from fastnn.keras.models.graph import Plan, trace
from fastnn.keras.models.model import above, Model
from fastnn.keras.models.training import own_calls
from fastnn.keras.symbolic import infer, KerasTensor
from fastnn.keras.variables import convert, mask_of

_dtype_of = Tensor.dtype.__get__


class Functional(Model):
    """A model from symbolic inputs and outputs: what ``Model(inputs, outputs)`` makes.

    Parameters
    ----------
    inputs, outputs : KerasTensor, or lists, tuples or dicts of them
        Inputs may be any tensors of a graph: the model is then the part behind them.
    name : str, optional
    trainable : bool, optional

    Raises
    ------
    ValueError
        Something else than symbolic tensors, outputs that depend on other inputs, or a layer's name that occurs twice.

    Examples
    --------
    >>> x = keras.Input((4,))
    >>> model = keras.Model(x, keras.layers.Dense(2)(keras.layers.Dense(3)(x)))
    >>> [layer.units for layer in model.layers[1:]]
    [3, 2]
    """

    def __init__(self, inputs, outputs, name=None, trainable=None, **kwargs):
        if isinstance(inputs, dict):
            for key, x in inputs.items():
                if isinstance(x, KerasTensor) and key != x.name:
                    warnings.warn(f"When providing `inputs` as a dict, all keys in the dict must match the names of "
                                  f"the corresponding tensors. Received key '{key}' mapping to value {x} which has "
                                  f"name '{x.name}'. Change the tensor name to '{key}' (via `Input(..., "
                                  f"name='{key}')`)",
                                  stacklevel=3)
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            for x in tree.flatten(structure):
                if not isinstance(x, KerasTensor):
                    raise ValueError(f"All `{what}` values must be KerasTensors. Received: {what}={structure} "
                                     f"including invalid value {x} of type {type(x)}")
        Layer.__init__(self, name=name, **kwargs)
        self._init_trainer()
        self._init_graph(inputs, outputs)
        if trainable is not None:
            self.trainable = trainable

    def _init_graph(self, inputs, outputs):
        d = self.__dict__
        # A single tensor in a list is the same as the tensor itself.
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1 and isinstance(inputs[0], KerasTensor):
            d["_inputs_struct"] = [inputs[0]]
        else:
            d["_inputs_struct"] = [inputs] if isinstance(inputs, KerasTensor) else inputs
        d["_single_input"] = isinstance(inputs, KerasTensor)
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1 and isinstance(outputs[0], KerasTensor):
            outputs = outputs[0]
        d["_outputs_struct"] = outputs
        flat_inputs, flat_outputs = tree.flatten(inputs), tree.flatten(outputs)
        if not all(isinstance(x._keras_history.operation, InputLayer) for x in flat_inputs):
            # part of a larger graph: the same operations, from inputs of their own
            own = [x if isinstance(x._keras_history.operation, InputLayer) else
                   Input(batch_shape=x.shape, dtype=x.dtype) for x in flat_inputs]
            found = above.rebuild_graph(trace(flat_inputs, flat_outputs)[0], flat_inputs, flat_outputs, own)
            self._init_graph(tree.pack_sequence_as(inputs, own), tree.pack_sequence_as(outputs, found))
            return
        d["_inputs"], d["_outputs"] = flat_inputs, flat_outputs
        nodes, operations = trace(flat_inputs, flat_outputs)
        for name, count in Counter(operation.name for operation in operations).items():
            if count > 1:
                raise ValueError(f'The name "{name}" is used {count} times in the model. All operation names should be '
                                 f"unique.")
        d["_nodes"], d["_operations"] = nodes, operations
        d["_plan"] = Plan(flat_inputs, flat_outputs, nodes)
        d["_graph_layers"] = [operation for operation in operations if isinstance(operation, Layer)]
        self.output_names = [x._keras_history.operation.name for x in flat_outputs]
        self.input_names = [x._keras_history.operation.name for x in flat_inputs]
        d["_masked"] = any(mask_of(x) is not None for node in nodes for x in node.outputs)
        d["_direct"] = 0, {}
        self.built = True
        d["_convert_input_args"], d["_allow_non_tensor_positional_args"] = False, True

    @property
    def _layers(self):
        known = dict.fromkeys(self.__dict__.get("_graph_layers", ()))
        known.update(dict.fromkeys(super()._layers))
        return list(known)

    @property
    def layers(self):
        return list(self._graph_layers)

    @property
    def inputs(self):
        return list(self._inputs)

    @property
    def outputs(self):
        return list(self._outputs)

    @property
    def input(self):
        return self._inputs[0] if len(self._inputs) == 1 and not isinstance(self._inputs_struct, dict) \
            else self._inputs_struct

    @property
    def output(self):
        return self._outputs_struct

    @property
    def input_shape(self):
        shapes = [x.shape for x in self._inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self):
        shapes = [x.shape for x in self._outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input_spec(self):
        names = list(self._inputs_struct) if isinstance(self._inputs_struct, dict) else None
        if names is not None:
            names = sorted(names)
        specs = []
        for i, x in enumerate(self._inputs):
            layer = x._keras_history.operation
            specs.append(InputSpec(shape=(None, *x.shape[1:]), allow_last_axis_squeeze=True,
                                   name=names[i] if names else layer.name,
                                   optional=isinstance(layer, InputLayer) and layer.optional))
        return specs

    @input_spec.setter
    def input_spec(self, value):
        pass

    def build(self, input_shape=None):
        self.built = True

    def _lock_state(self):
        """A functional model's attributes may be set at any time."""

    # -- the call --
    def _flat_inputs(self, inputs):
        struct = self._inputs_struct
        if isinstance(inputs, dict) and not isinstance(struct, dict):
            missing = [name for name in self.input_names if name not in inputs]
            if missing:
                raise ValueError(f"The structure of `inputs` doesn't match the expected structure.\nExpected: "
                                 f"{self.input_names}\nReceived: inputs={list(inputs)}")
            flat = [inputs[name] for name in self.input_names]
        elif isinstance(struct, dict) and isinstance(inputs, dict):
            try:
                flat = [inputs[key] for key in sorted(struct)]
            except KeyError as error:
                raise ValueError(f"Missing data for input {error}. You passed a data dictionary with keys "
                                 f"{list(inputs)}. Expected the following keys: {list(struct)}") from None
        else:
            flat = tree.flatten(inputs)
        if len(flat) != len(self._inputs):
            raise ValueError(f"Layer '{self.name}' expected {len(self._inputs)} input(s). Received {len(flat)} "
                             f"instead.")
        return [self._fitted(x, expected) for x, expected in zip(flat, self._inputs)]

    def _fitted(self, x, expected):
        """An input as a tensor of the expected type and rank."""
        if x is None:
            return None
        if not isinstance(x, KerasTensor):
            mask = mask_of(x)
            x = strings_of(x) if expected.dtype == "string" else convert(x, expected.dtype)
            if mask is not None:
                x._keras_mask = mask
        rank, wanted = len(x.shape), len(expected.shape)
        if rank != wanted:
            if rank == wanted + 1 and x.shape[-1] == 1:
                x = x.squeeze(-1) if isinstance(x, Tensor) else x[..., 0]
            elif rank == wanted - 1 and expected.shape[-1] == 1:
                x = x.unsqueeze(-1) if isinstance(x, Tensor) else x[..., None]
            else:
                raise ValueError(f"Invalid input shape for input {x} with name '{expected.name}'. Expected shape "
                                 f"{expected.shape}, but input has incompatible shape {tuple(x.shape)}")
        return x

    def call(self, inputs, training=None, mask=None, **kwargs):
        flat = self._flat_inputs(inputs)
        if mask is not None:
            for x, each in zip(flat, tree.flatten(mask)):
                if each is not None:
                    x._keras_mask = each
        masked = self._masked or any(mask_of(x) is not None for x in flat)
        if not masked and all(isinstance(x, Tensor) for x in flat):
            chain = self._chain() if len(flat) == 1 else None
            outputs = [run_chain(chain, flat[0], training)] if chain is not None else self._run_direct(flat, training)
        else:
            outputs = self._plan.run(flat, lambda operation, args, kw: operation(*args, **kw))
        if isinstance(self._outputs_struct, KerasTensor):
            return outputs[0]
        return tree.pack_sequence_as(self._outputs_struct, outputs)

    def _chain(self):
        """The steps of a graph that is a chain of the door's own layers, as pairs (function, whether it takes
        ``training``); None for other graphs."""
        found = self.__dict__.get("_chained")
        if found is not None and found[0] == changes():
            return found[1]
        chain, last = [], self._plan.inputs[0] if len(self._plan.inputs) == 1 and not self._masked else None
        for operation, sources, template, results, _ in self._plan.steps:
            how = _how(operation)
            if template is not None or sources != [last] or len(results) != 1 or not how:
                chain = None
                break
            chain.append((operation.call, how == 2))
            last = results[0]
        if last is None or chain is not None and self._plan.outputs != [last]:
            chain = None
        self.__dict__["_accepted"] = self._accepts() if chain is not None else None
        self.__dict__["_chained"] = changes(), chain
        return chain

    def _functional_chain(self):
        """The layers of `_chain`, or None."""
        chain = self._chain()
        return None if chain is None else [function.__self__ for function, _ in chain]

    def _accepts(self):
        """What `_quick` takes: dtype, the sizes behind the first where all are fixed, the shape."""
        expected = self._inputs[0]
        if expected.dtype == "string" or not isinstance(self._outputs_struct, KerasTensor):
            return None
        sizes = tuple(expected.shape)
        return config.torch_dtype(expected.dtype), None if None in sizes[1:] else sizes[1:], sizes

    def _quick(self, x, training):
        """`x` through a chain, if nothing of what a call does besides is wanted; None if it is, or x does not fit."""
        chain, accepted = self._chain(), self._accepted
        if accepted is None or type(x) is not Tensor or mask_of(x) is not None:
            return None
        dtype, fixed, sizes = accepted
        shape = tuple(x.shape)
        if _dtype_of(x) is not dtype or len(shape) != len(sizes) \
                or (shape[1:] != fixed if fixed is not None else not _fits(shape, sizes)):
            return None
        return run_chain(chain, x, training)

    def _run_direct(self, flat, training):
        """Without masks: the door's own layers need no more than their `call`."""
        if self._direct[0] != changes():
            self.__dict__["_direct"] = changes(), {}
        direct = self._direct[1]

        def call(operation, args, kwargs):
            how = direct.get(operation)
            if how is None:
                how = direct[operation] = _how(operation)
            if how == 0:
                return operation(*args, **kwargs)
            if how == 1 or training is None or "training" in kwargs:
                return operation.call(*args, **kwargs)
            return operation.call(*args, training=training, **kwargs)
        return self._plan.run(flat, call)

    def compute_output_spec(self, inputs, training=None, mask=None):
        flat = self._flat_inputs(inputs)
        outputs = self._plan.run(flat, lambda operation, args, kw: _spec_of(operation, args, kw))
        if isinstance(self._outputs_struct, KerasTensor):
            return outputs[0]
        return tree.pack_sequence_as(self._outputs_struct, outputs)

    def compute_output_shape(self, input_shape):
        shapes = tree.map_shape_structure(lambda shape: KerasTensor(shape, config.floatx()), input_shape)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(shapes))

    compute_output_shape._is_default = True

    def add_loss(self, loss):
        raise NotImplementedError("add_loss: a functional model's losses come from its layers' `call`")

    def get_config(self):
        return above.functional_config(self)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return above.functional_from_config(cls, config, custom_objects)


def _fits(shape, sizes):
    return all(wanted is None or n == wanted for n, wanted in zip(shape[1:], sizes[1:]))


def run_chain(chain, x, training):
    """One layer after the other."""
    for function, takes_training in chain:
        x = function(x, training=training) if takes_training and training is not None else function(x)
    return x


def _how(operation):
    """0: call it in full; 1: its `call`; 2: its `call`, which takes `training`."""
    if isinstance(operation, Layer):
        own = type(operation).__module__.startswith("fastnn.keras.layers.") and operation.built
        if not own or operation.activity_regularizer is not None or operation._losses or "call" in operation.__dict__ \
                or operation.compute_dtype != config.floatx():
            return 0
        return 2 if operation._call_has_training_arg else 1
    return 0


def _spec_of(operation, args, kwargs):
    """Symbolic results without a new node of the graph."""
    if isinstance(operation, Layer):
        kwargs = dict(kwargs)
        operation._masks(args, kwargs)
        if not operation.built:
            operation._maybe_build(args, kwargs)
        outputs = operation.compute_output_spec(*args, **kwargs)
        if operation.supports_masking:
            operation._set_masks(args[0] if args else None, outputs, operation._masks(args, dict(kwargs)))
        return outputs
    return infer(operation.function, args, kwargs)


above.Functional = Functional
own_calls.append(Functional.call)
