"""Layers around layers: the same for every step, and both directions of a sequence."""
from fastnn.keras import tree
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.basic import Wrapper
from fastnn.keras.saving import objects
from fastnn.ops.joining import cat, stack


class TimeDistributed(Wrapper):
    """A layer applied to every step of (batch, steps, ...).

    Parameters
    ----------
    layer : Layer

    Raises
    ------
    ValueError
        The inputs have fewer than three axes, or a mask does not fit.

    Examples
    --------
    >>> keras.layers.TimeDistributed(keras.layers.Dense(4))(np.ones((2, 5, 3))).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) < 3:
            raise ValueError(f"`TimeDistributed` Layer should be passed an `input_shape` with at least 3 dimensions, "
                             f"received: {input_shape}")
        super().build((input_shape[0], *input_shape[2:]))

    def compute_output_shape(self, input_shape):
        inner = self.layer.compute_output_shape((input_shape[0], *input_shape[2:]))
        return (inner[0], input_shape[1], *inner[1:])

    def call(self, inputs, training=None, mask=None):
        batch, steps = inputs.shape[:2]
        if mask is not None and tuple(mask.shape[:2]) != (batch, steps):
            raise ValueError(f"The `mask` passed to the `TimeDistributed` layer has a shape {tuple(mask.shape)} that "
                             f"is incompatible with the input shape {tuple(inputs.shape)}. The first two dimensions of "
                             f"the mask (batch size and timesteps) must match the input's first two dimensions. "
                             f"Expected mask shape prefix: ({batch}, {steps}).")
        kwargs = {"training": training} if self.layer._call_has_training_arg and training is not None else {}
        masked = mask is not None and self.layer._call_has_mask_arg
        if masked or training and self.layer.non_trainable_weights:  # statistics are those of each step
            return stack([self.layer(inputs[:, t], **kwargs, **({"mask": mask[:, t]} if masked else {}))
                          for t in range(steps)], 1)
        y = self.layer(inputs.reshape(batch * steps, *inputs.shape[2:]), **kwargs)
        return y.reshape(batch, steps, *y.shape[1:])

    def compute_mask(self, inputs, mask=None):
        return mask


class Bidirectional(Layer):
    """A recurrent layer and a copy of it from the last step to the first (Schuster and Paliwal, 1997).

    Parameters
    ----------
    layer : Layer
        The forward one.
    merge_mode : {"concat", "sum", "mul", "ave", None}
        How the outputs are combined; None gives both.
    weights : list of array, optional
        Initial weights of both layers.
    backward_layer : Layer, optional
        The second layer, instead of a copy.

    Raises
    ------
    ValueError
        The layers' settings do not fit, or both have the same direction.

    Examples
    --------
    >>> keras.layers.Bidirectional(keras.layers.LSTM(4))(np.ones((2, 5, 3))).shape
    torch.Size([2, 8])
    """

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(f"Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. Received: "
                             f"{layer}")
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(f"`backward_layer` need to be a `keras.layers.Layer` instance. Received: {backward_layer}")
        if merge_mode not in ("sum", "mul", "ave", "concat", None):
            raise ValueError(f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of "
                             f"{{'sum', 'mul', 'ave', 'concat', None}}")
        super().__init__(**kwargs)
        record = objects.serialize_keras_object(layer)
        record["config"]["name"] = "forward_" + layer.name.removeprefix("forward_")
        self.forward_layer = objects.deserialize_keras_object(record, {type(layer).__name__: type(layer)})
        if backward_layer is None:
            config = dict(layer.get_config())
            config["go_backwards"] = not config["go_backwards"]
            config["name"] = "backward_" + layer.name.removeprefix("backward_")
            self.backward_layer = type(layer).from_config(config)
        else:
            self.backward_layer = backward_layer
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(self.forward_layer, name) != getattr(self.backward_layer, name):
                raise ValueError(f"Forward layer and backward layer should have the same `{name}` value")
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError("Forward layer and backward layer should have different `go_backwards` value.")
        for each in (self.forward_layer, self.backward_layer):
            if hasattr(each, "zero_output_for_mask"):  # for sequences that are merged
                each.zero_output_for_mask = each.return_sequences
        self.merge_mode = merge_mode
        if weights:
            half = len(weights) // 2
            self.forward_layer.initial_weights, self.backward_layer.initial_weights = weights[:half], weights[half:]
        self.stateful, self.return_sequences = layer.stateful, layer.return_sequences
        self.return_state, self.supports_masking = layer.return_state, True
        self.input_spec = layer.input_spec

    def build(self, sequences_shape, initial_state_shape=None):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        states = ()
        if self.return_state:
            shape, *states = shape
            states = tuple(states) * 2
        if self.merge_mode == "concat":
            shape = (*shape[:-1], 2 * shape[-1])
        found = (tuple(shape), tuple(shape)) if self.merge_mode is None else tuple(shape)
        if self.return_state:
            return (*found, *states) if self.merge_mode is None else (found, *states)
        return found

    def call(self, sequences, initial_state=None, mask=None, training=None):
        kwargs = {}
        if training is not None and self.forward_layer._call_has_training_arg:
            kwargs["training"] = training
        if mask is not None:
            kwargs["mask"] = mask
        first, second = dict(kwargs), dict(kwargs)
        if initial_state is not None:
            half = len(initial_state) // 2
            first["initial_state"], second["initial_state"] = initial_state[:half], initial_state[half:]
        y, z = self.forward_layer(sequences, **first), self.backward_layer(sequences, **second)
        states = ()
        if self.return_state:
            states = tuple(y[1:]) + tuple(z[1:])
            y, z = y[0], z[0]
        if self.return_sequences:
            z = z.flip(1)
        if self.merge_mode == "concat":
            merged = cat([y, z], -1)
        elif self.merge_mode == "sum":
            merged = y + z
        elif self.merge_mode == "ave":
            merged = (y + z) / 2
        elif self.merge_mode == "mul":
            merged = y * z
        else:
            merged = (y, z)
        if self.return_state:
            return (*merged, *states) if self.merge_mode is None else (merged, *states)
        return merged

    def reset_state(self):
        """Set the states of both layers to zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    @property
    def states(self):
        """The states of both layers."""
        first, second = self.forward_layer.states, self.backward_layer.states
        return tuple(list(first) + list(second)) if first and second else None

    def compute_mask(self, inputs, mask=None):
        mask = tree.flatten(mask)[0]
        output = mask if self.return_sequences else None
        if self.merge_mode is None:
            output = [output, output]
        if self.return_state:
            states = [None] * (2 * len(self.forward_layer._state_sizes))
            return [*(output if isinstance(output, list) else [output]), *states]
        return output

    def get_config(self):
        return {"merge_mode": self.merge_mode, **self._base_config(),
                "layer": objects.serialize_keras_object(self.forward_layer),
                "backward_layer": objects.serialize_keras_object(self.backward_layer)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["layer"] = objects.deserialize_keras_object(config["layer"], custom_objects)
        if config.get("backward_layer") is not None:
            config["backward_layer"] = objects.deserialize_keras_object(config["backward_layer"], custom_objects)
        return cls(**config)
