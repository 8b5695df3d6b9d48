"""Models that are a stack of layers."""
from fastnn._tensor import Tensor
from fastnn.keras import tree, variables
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.input import Input, InputLayer
from fastnn.keras.models.functional import Functional
from fastnn.keras.models.model import above, Model
from fastnn.keras.models.training import own_calls
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import mask_of


class Sequential(Model):
    """Layers one after the other.

    Parameters
    ----------
    layers : list of Layer, optional
    trainable : bool
    name : str, optional

    Notes
    -----
    The model is built when it begins with an `Input`, or else at its first call.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
    >>> model.output_shape, model.count_params()
    ((None, 2), 26)
    """

    def __init__(self, layers=None, trainable=True, name=None):
        Layer.__init__(self, trainable=trainable, name=name)
        self._init_trainer()
        d = self.__dict__
        d["_functional"], d["_stack"] = None, []
        self.built = False
        if layers:
            for layer in layers:
                self.add(layer, rebuild=False)
            self._maybe_rebuild()

    def add(self, layer, rebuild=True):
        """Appends a layer.

        Parameters
        ----------
        layer : Layer or KerasTensor of `Input`
        rebuild : bool
            Whether to rebuild the model if its inputs are known.

        Raises
        ------
        ValueError
            It is no layer, its name is taken, or it is an input that does not come first.

        Examples
        --------
        >>> model = keras.Sequential()
        >>> model.add(keras.layers.Dense(2))
        >>> len(model.layers)
        1
        """
        if isinstance(layer, KerasTensor):
            layer = layer._keras_history.operation
            if not isinstance(layer, InputLayer):
                raise ValueError(f"Only instances of `keras.Layer` can be added to a Sequential model. Received: "
                                 f"{layer}")
        if not isinstance(layer, Layer):
            raise ValueError(f"Only instances of `keras.Layer` can be added to a Sequential model. Received: {layer} "
                             f"(of type {type(layer)})")
        shape = getattr(layer, "_input_shape_arg", None)
        if shape is not None and not self._stack:
            self._stack.append(Input(tuple(shape), dtype=layer.input_dtype)._keras_history.operation
                               if not _takes_numbers(layer) else Input(tuple(shape))._keras_history.operation)
        if any(each.name == layer.name for each in self._stack):
            raise ValueError(f"All layers added to a Sequential model should have unique names. Name '{layer.name}' is "
                             f"already the name of a layer in this model. Update the `name` argument to pass a unique "
                             f"name.")
        if isinstance(layer, InputLayer) and self._stack:
            if isinstance(self._stack[0], InputLayer):
                raise ValueError(f"Sequential model '{self.name}' has already been configured to use input shape "
                                 f"{self._stack[0].batch_shape}. You cannot add a different Input layer to it.")
            self._stack.insert(0, layer)
        else:
            self._stack.append(layer)
        if rebuild:
            self._maybe_rebuild()
        else:
            self.built, self.__dict__["_functional"] = False, None

    def pop(self, rebuild=True):
        """Removes the last layer and returns it.

        Parameters
        ----------
        rebuild : bool

        Returns
        -------
        Layer

        Examples
        --------
        >>> model = keras.Sequential([keras.layers.Dense(1), keras.layers.Dense(2)])
        >>> model.pop().units
        2
        """
        layer = self._stack.pop()
        self.built, self.__dict__["_functional"] = False, None
        if rebuild:
            self._maybe_rebuild()
        return layer

    def _maybe_rebuild(self):
        self.built, self.__dict__["_functional"] = False, None
        if len(self._stack) > 1 and isinstance(self._stack[0], InputLayer):
            self.build(self._stack[0].batch_shape)
        elif self._stack and isinstance(self._stack[0], Functional):
            self.build(self._stack[0].input_shape)

    def _lock_state(self):
        """Layers may be added at any time."""

    def build(self, input_shape=None):
        """Build for inputs of this shape."""
        stack = self._stack
        if not stack:
            raise ValueError(f"Sequential model {self.name} cannot be built because it has no layers. Call "
                             f"`model.add(layer)`.")
        if isinstance(stack[0], InputLayer):
            if input_shape is not None and not tree.is_nested(stack[0].batch_shape[:0]) and \
                    tuple(input_shape) != stack[0].batch_shape and len(input_shape) != len(stack[0].batch_shape):
                raise ValueError(f"Sequential model '{self.name}' has already been configured to use input shape "
                                 f"{stack[0].batch_shape}. You cannot build it with input_shape {input_shape}")
        elif isinstance(stack[0], Functional):
            pass
        else:
            if input_shape is None:
                raise ValueError("You must provide an `input_shape` argument.")
            shape = tuple(input_shape)
            dtype = stack[0].compute_dtype if not _takes_numbers(stack[0]) else "float32"
            layer = InputLayer(batch_shape=(None, *shape[1:]), dtype=dtype)
            self.__dict__["_stack"] = stack = [layer, *stack]
        if isinstance(stack[0], InputLayer):
            inputs, rest = stack[0]._inbound_nodes[0].outputs[0], stack[1:]
        else:
            inputs = tree.map_structure(lambda x: Input(batch_shape=x.shape, dtype=x.dtype), stack[0].input)
            rest = stack
        x = inputs
        for layer in rest:
            try:
                x = layer(x)
            except NotImplementedError:
                # a layer whose results cannot be foreseen: the model stays without a graph
                return
            except TypeError as error:
                if "unexpected keyword" in str(error) or "positional" in str(error):
                    raise ValueError(f"Layers added to a Sequential model can only have a single positional argument, "
                                     f"the input tensor. Layer {type(layer).__name__} has more: {error}") from error
                raise
        if rest:
            functional = Functional(inputs, x, name=self.name)
            _forget(functional)
            self.__dict__["_functional"] = functional
        self.built = True

    @property
    def _layers(self):
        return [*self.__dict__.get("_stack", ())]

    @property
    def layers(self):
        stack = self._stack
        return stack[1:] if stack and isinstance(stack[0], InputLayer) else stack[:]

    @layers.setter
    def layers(self, value):
        raise AttributeError("`Model.layers` attribute is reserved and should not be used. Please use another name.")

    def call(self, inputs, training=None, mask=None):
        if self._functional is not None:
            return self._functional.call(inputs, training=training, mask=mask)
        for layer in self.layers:
            kwargs = {}
            if layer._call_has_mask_arg and mask is not None:
                kwargs["mask"] = mask
            inputs = layer(inputs, **kwargs)
            mask = mask_of(inputs) if isinstance(inputs, (Tensor, KerasTensor)) else None
        return inputs

    def __call__(self, *args, **kwargs):
        if "_tried" in self.__dict__ and args and isinstance(args[0], (Tensor, KerasTensor)):
            self._follow(tuple(args[0].shape))
        return super().__call__(*args, **kwargs)

    def _follow(self, shape):
        """Built in a trial of unknown sizes: those sizes that turn out to vary become unknown here too."""
        known = self._stack[0].batch_shape if isinstance(self._stack[0], InputLayer) else ()
        if len(known) != len(shape) or known[-1] != shape[-1] or known[1:] == shape[1:]:
            return
        relaxed = (None, *(size if size == now else None for size, now in zip(known[1:], shape[1:])))
        if relaxed != known:
            self.__dict__.update(_stack=self._stack[1:], _functional=None)
            self.build(relaxed)

    def _maybe_build(self, args, kwargs):
        if variables.state.trial is not None:
            self.__dict__["_tried"] = True
        self.build(tree.map_structure(lambda x: tuple(x.shape), args[0]))

    @property
    def input_spec(self):
        return self._functional.input_spec if self.__dict__.get("_functional") is not None else None

    @input_spec.setter
    def input_spec(self, value):
        pass

    def compute_output_spec(self, inputs, training=None, mask=None):
        if self._functional is not None:
            return self._functional.compute_output_spec(inputs)
        return super().compute_output_spec(inputs, training=training, mask=mask)

    def compute_output_shape(self, input_shape):
        if self._functional is not None:
            return self._functional.compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    compute_output_shape._is_default = True

    def _graph(self, what):
        if self._functional is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")
        return getattr(self._functional, what)

    input = property(lambda self: self._graph("input"))
    output = property(lambda self: self._graph("output"))
    inputs = property(lambda self: self._graph("inputs"))
    outputs = property(lambda self: self._graph("outputs"))
    input_shape = property(lambda self: self._graph("input_shape"))
    output_shape = property(lambda self: self._graph("output_shape"))
    input_names = property(lambda self: self._graph("input_names"))
    output_names = property(lambda self: self._functional.output_names if self._functional is not None else None)

    def get_config(self):
        return above.sequential_config(self)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return above.sequential_from_config(cls, config, custom_objects)


def _forget(functional):
    """The model within a Sequential has no name of its own to count."""
    functional.__dict__["_is_inner"] = True


def _takes_numbers(layer):
    return type(layer).__name__ in ("Embedding",)


own_calls.extend([Sequential.call, Sequential.__call__])
