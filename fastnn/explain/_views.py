"""Parts of a model as functions: from its inputs to a layer, from a layer to its output."""
import fastnn
from fastnn import Tensor
from fastnn.explain import _inputs as common
from fastnn.explain import _steps


def model_of(thing, method):
    """The model whose layers rules are put into: `thing` itself or the one that a view is part of."""
    model = getattr(thing, "model", None) if isinstance(thing, (Head, Tail)) else thing
    if not _steps.is_layer(model):
        raise TypeError(f"{method}: expected a model made of layers, got {type(model).__name__}")
    return model


def evaluate(function, layer, inputs, arguments, attribute_to_layer_input=False, method="attribute"):
    """What a layer gives, or takes, while the model runs: (tensors, whether they came as a tuple)."""
    recorded = []

    def keep(args, kwargs, output):
        values = (*args, *kwargs.values()) if attribute_to_layer_input else output
        many = isinstance(values, (tuple, list))
        copies = [x.clone() if isinstance(x, Tensor) else x for x in (values if many else [values])]
        recorded.append(type(values)(copies) if type(values) in (tuple, list) else tuple(copies) if many else copies[0])
    with _steps.watched(layer, keep), common.recording(function):
        function(*inputs, *arguments)
    if not recorded:
        raise RuntimeError(f"{method}: the layer {type(layer).__name__} did not run")
    found = recorded[-1]
    was_tuple = isinstance(found, tuple) and (not attribute_to_layer_input or len(found) > 1)
    values = tuple(x for x in (found if isinstance(found, (tuple, list)) else (found,)) if isinstance(x, Tensor))
    if not values:
        raise TypeError(f"{method}: expected the layer {type(layer).__name__} to give a tensor")
    return values, was_tuple


class Head:
    """A model up to one of its layers, and there to a neuron.

    Parameters
    ----------
    selector : int, tuple or callable
        Indices and slices after the batch, the latter for the sum of neurons; or a function of the layer's output that
        gives one number a row.
    """

    def __init__(self, model, layer, selector, attribute_to_neuron_input=False, method="attribute"):
        self.model, self.layer, self.selector = model, layer, selector
        self.input, self.method = attribute_to_neuron_input, method

    def __call__(self, *inputs):
        found, was_tuple = evaluate(self.model, self.layer, inputs, (), self.input, self.method)
        value = self.chosen(found, was_tuple)
        return value if callable(self.selector) or value.ndim == 1 else value.flatten(1).sum(1)

    def chosen(self, found, was_tuple=False):
        """The part of a layer's values that the selector means."""
        if callable(self.selector):
            return self.selector(found if was_tuple else found[0])
        selector = self.selector if isinstance(self.selector, tuple) else (self.selector,)
        value = found[0]
        sizes = tuple(value.shape[1:])
        if len(selector) != len(sizes):
            raise ValueError(f"{self.method}: expected neuron_selector to have an index for each dimension of the "
                             f"layer's output after the batch, {sizes}, got {self.selector}")
        for place, size in zip(selector, sizes):
            if not isinstance(place, slice) and not -size <= place < size:
                raise IndexError(f"{self.method}: neuron_selector {self.selector} lies outside of a layer's output of "
                                 f"shape {sizes} after the batch")
        return value[(slice(None), *selector)]


class Tail:
    """A model from one of its layers on: a function of what the layer gives (or takes), with the inputs behind.

    ``tail(*layer_values, *inputs, *arguments)`` runs the model on the inputs and puts the values in the layer's place.
    """

    def __init__(self, model, layer, count, attribute_to_layer_input=False):
        self.model, self.layer, self.count, self.input = model, layer, count, attribute_to_layer_input

    def __call__(self, *values):
        given, inputs = values[:self.count], values[self.count:]
        if self.input:
            def change(args, kwargs):
                left = list(given)
                args = tuple(left.pop(0) if left and isinstance(x, Tensor) else x for x in args)
                return args, {k: left.pop(0) if left and isinstance(x, Tensor) else x for k, x in kwargs.items()}
            around = _steps.prepared(self.layer, change)
        else:
            def put(args, kwargs, output):
                if isinstance(output, Tensor):
                    return given[0]
                left = list(given)
                return type(output)(left.pop(0) if isinstance(x, Tensor) else x for x in output)
            around = _steps.watched(self.layer, put)
        with around:
            return self.model(*inputs)


def layer_values(model, layer, inputs, arguments, attribute_to_layer_input, method):
    """`evaluate` without recording."""
    with fastnn.no_grad():
        found, was_tuple = evaluate(model, layer, common.copies(inputs), common.copies(arguments),
                                    attribute_to_layer_input, method)
    return tuple(x.detach() for x in found), was_tuple
