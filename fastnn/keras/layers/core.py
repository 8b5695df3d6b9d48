"""Dense and the layers around it."""
from fastnn.keras import activations, config, constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.random import dropout, SeedGenerator
from fastnn.ops.linear import fused_linear

# Activations that the engine computes in one call with the product; a sigmoid's logits are wanted by cross-entropies.
_FUSED = {getattr(activations, name): fused for name, fused in activations.FUSED.items() if name != "sigmoid"}


class Dense(Layer):
    """``activation(inputs @ kernel + bias)``

    Parameters
    ----------
    units : int
    activation : str or function, optional
        Computed with the product in one call where its slope is a function of its value.
    use_bias : bool
    kernel_initializer, bias_initializer : Initializer or str
    kernel_regularizer, bias_regularizer, activity_regularizer : Regularizer or str, optional
    kernel_constraint, bias_constraint : Constraint or str, optional
    lora_rank
        Not implemented.

    Notes
    -----
    Shape: inputs (..., in), kernel (in, units), result (..., units).
    """

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, lora_rank=None, lora_alpha=None,
                 quantization_config=None, **kwargs):
        if lora_rank is not None or quantization_config is not None:
            raise NotImplementedError("Dense: lora_rank and quantization_config are not implemented")
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"Received an invalid value for `units`, expected a positive integer. Received: "
                             f"units={units}")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units, self.use_bias = units, use_bias
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), self.kernel_initializer, name="kernel",
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias",
                                    regularizer=self.bias_regularizer,
                                    constraint=self.bias_constraint) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs, training=None):
        inputs, activation = self._floats(inputs), self.activation
        fused = _FUSED.get(activation)
        if fused is not None:
            return fused_linear(inputs, self.kernel.t(), self.bias, *fused)
        y = fused_linear(inputs, self.kernel.t(), self.bias, None, 0.0, 0.0)
        return y if activation is activations.linear else activation(y)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**self._base_config(), "units": self.units, "activation": activations.serialize(self.activation),
                "use_bias": self.use_bias, **_weight_config(self, "kernel", "bias"), "quantization_config": None}


def _weight_config(layer, *names):
    """The records of a layer's initializers, regularizers and constraints."""
    made = {}
    for kind, module in (("initializer", initializers), ("regularizer", regularizers), ("constraint", constraints)):
        for name in names:
            if hasattr(layer, f"{name}_{kind}"):
                made[f"{name}_{kind}"] = module.serialize(getattr(layer, f"{name}_{kind}"))
    return made


class Activation(Layer):
    """An activation function as a layer."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activations.get(activation)
        self.built = True

    def call(self, inputs):
        return self.activation(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {"activation": activations.serialize(self.activation), **self._base_config()}


class Flatten(Layer):
    """(batch, ...) -> (batch, product of the rest)."""

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = self.data_format == "channels_first"

    def call(self, inputs):
        if self._channels_first and inputs.ndim > 2:
            inputs = inputs.permute(0, *range(2, inputs.ndim), 1)
        return inputs.reshape(inputs.shape[0], -1)

    def compute_output_shape(self, input_shape):
        size = 1
        for n in input_shape[1:]:
            size = None if n is None or size is None else size * n
        return (input_shape[0], size)

    def get_config(self):
        return {**self._base_config(), "data_format": self.data_format}


class Dropout(Layer):
    """In training, zeros at random with probability `rate`, the rest scaled by ``1 / (1 - rate)``.

    Parameters
    ----------
    rate : float
    noise_shape : tuple, optional
        1 where the choice is the same along an axis.
    seed : int, optional
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. "
                             f"Received: rate={rate}")
        self.rate, self.seed = rate, seed
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs, training=False):
        if training and self.rate > 0:
            return dropout(inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator)
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**self._base_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
