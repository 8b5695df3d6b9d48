"""Layers that look up, mask, reshape or apply a function."""
import inspect
import math
import warnings

import numpy as np

from fastnn.keras import config, constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import _weight_config
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.saving import objects
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import convert
from fastnn.nn import functional as F


class Embedding(Layer):
    """Rows of a trained table, chosen by index: ``embeddings[inputs]``.

    Parameters
    ----------
    input_dim, output_dim : int
        Rows and columns of the table.
    embeddings_initializer : Initializer or str
    embeddings_regularizer : Regularizer or str, optional
    embeddings_constraint : Constraint or str, optional
    mask_zero : bool
        Whether index 0 is padding, which gives later layers a mask.
    weights : list of array, optional
        Initial table.
    lora_rank, lora_alpha, quantization_config
        Not implemented.

    Shape
    -----
    Inputs (...) of whole numbers, result (..., output_dim).

    Raises
    ------
    ValueError
        `input_dim` or `output_dim` is no positive integer.
    NotImplementedError
        `lora_rank` or `quantization_config` is given.

    Examples
    --------
    >>> layer = keras.layers.Embedding(3, 2, weights=[np.arange(6.0).reshape(3, 2)])
    >>> layer(np.array([[2, 0]]))
    tensor([[[4., 5.],
             [0., 1.]]])
    """

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None,
                 embeddings_constraint=None, mask_zero=False, weights=None, lora_rank=None, lora_alpha=None,
                 quantization_config=None, **kwargs):
        if lora_rank is not None or quantization_config is not None:
            raise NotImplementedError("Embedding: lora_rank and quantization_config are not implemented")
        length = kwargs.pop("input_length", None)
        if length is not None:
            warnings.warn("Argument `input_length` is deprecated. Just remove it.", stacklevel=2)
        for what, size in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(size, (int, np.integer)) or size <= 0:
                raise ValueError(f"`{what}` must be a positive integer. Received: {what}={size} (of type "
                                 f"{type(size).__name__}).")
        super().__init__(**kwargs)
        self.input_dim, self.output_dim, self.mask_zero = input_dim, output_dim, mask_zero
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self.build()
            if not (isinstance(weights, list) and len(weights) == 1):
                weights = [weights]
            self.set_weights([np.asarray(each) for each in weights])

    def build(self, input_shape=None):
        self._embeddings = self.add_weight((self.input_dim, self.output_dim), self.embeddings_initializer,
                                           name="embeddings", regularizer=self.embeddings_regularizer,
                                           constraint=self.embeddings_constraint)

    @property
    def embeddings(self):
        return self._embeddings

    def call(self, inputs):
        if inputs.is_floating_point() or inputs.dtype.name in ("int8", "int16", "uint8"):
            inputs = inputs.long()
        return F.embedding(inputs, self._embeddings)

    def compute_mask(self, inputs, mask=None):
        return inputs != 0 if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def get_config(self):
        return {**self._base_config(), "input_dim": self.input_dim, "output_dim": self.output_dim,
                **_weight_config(self, "embeddings", "activity"), "mask_zero": self.mask_zero,
                "quantization_config": None}


class ReversibleEmbedding(Embedding):
    """An `Embedding` that, called with ``reverse=True``, projects back: ``x @ embeddings^T``.

    Parameters
    ----------
    input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero
        As in `Embedding`.
    tie_weights : bool
        Whether both directions use one table (Press and Wolf, 2016).
    reverse_dtype : str, optional
        Dtype of the projection.
    logit_soft_cap : float, optional
        Scores become ``cap * tanh(scores / cap)``.

    Shape
    -----
    (...) -> (..., output_dim); reversed (..., output_dim) -> (..., input_dim).

    Examples
    --------
    >>> layer = keras.layers.ReversibleEmbedding(5, 3)
    >>> vectors = layer(np.array([[1, 2]]))
    >>> vectors.shape, layer(vectors, reverse=True).shape
    (torch.Size([1, 2, 3]), torch.Size([1, 2, 5]))
    """

    def __init__(self, input_dim, output_dim, tie_weights=True, embeddings_initializer="uniform",
                 embeddings_regularizer=None, embeddings_constraint=None, mask_zero=False, reverse_dtype=None,
                 logit_soft_cap=None, **kwargs):
        super().__init__(input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint,
                         mask_zero, **kwargs)
        self.tie_weights, self.reverse_dtype, self.logit_soft_cap = tie_weights, reverse_dtype, logit_soft_cap

    def build(self, input_shape=None):
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight((self.output_dim, self.input_dim), self.embeddings_initializer,
                                                      name="reverse_embeddings")

    def call(self, inputs, reverse=False):
        if not reverse:
            made, mask = super().call(inputs), super().compute_mask(inputs)
            if mask is not None:
                made._keras_mask = mask
            return made
        kernel = self.embeddings.transpose(0, 1) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            dtype = config.torch_dtype(self.reverse_dtype)
            inputs, kernel = inputs.to(dtype), kernel.to(dtype)
        scores = inputs @ kernel
        return scores if self.logit_soft_cap is None else (scores / self.logit_soft_cap).tanh() * self.logit_soft_cap

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape, reverse=False):
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs, reverse=False):
        return KerasTensor(self.compute_output_shape(inputs.shape, reverse), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "tie_weights": self.tie_weights, "reverse_dtype": self.reverse_dtype,
                "logit_soft_cap": self.logit_soft_cap}


class Masking(Layer):
    """Masks steps whose features all equal `mask_value`, and sets them to 0.

    Parameters
    ----------
    mask_value : float

    Shape
    -----
    (batch, steps, features) -> the same; the mask is (batch, steps).

    Examples
    --------
    >>> keras.layers.Masking(9.0)(np.array([[[1.0, 9.0], [9.0, 9.0]]]))
    tensor([[[1., 9.],
             [0., 0.]]])
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = True

    def compute_mask(self, inputs, mask=None):
        return (inputs != self.mask_value).any(-1)

    def call(self, inputs):
        kept = (inputs != self.mask_value).any(-1)
        made = inputs * kept.unsqueeze(-1).to(inputs.dtype)
        made._keras_mask = kept
        return made

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**self._base_config(), "mask_value": self.mask_value}


class Lambda(Layer):
    """A function as a layer. It can be saved only if the function has a name and is registered.

    Parameters
    ----------
    function : callable
        Of the inputs; `mask` and `training` are passed if it takes them.
    output_shape : tuple or callable, optional
        Without the batch; inferred if it is not given.
    mask : tensor or callable, optional
        Mask of the result, or a function ``(inputs, mask)`` that makes it.
    arguments : dict, optional
        Further keyword arguments of the function.

    Examples
    --------
    >>> keras.layers.Lambda(lambda x, power: x ** power, arguments={"power": 2})(np.array([1.0, 3.0]))
    tensor([1., 9.])
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        self.arguments, self.function = arguments or {}, function
        if mask is not None:
            self.supports_masking = True
        self.mask, self._output_shape = mask, output_shape
        try:
            self._function_args = list(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            self._function_args = []

    def call(self, inputs, mask=None, training=None):
        kwargs = dict(self.arguments)
        if "mask" in self._function_args and mask is not None:
            kwargs["mask"] = mask
        if "training" in self._function_args and training is not None:
            kwargs["training"] = training
        return self.function(inputs, **kwargs)

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape):
        shape = self._output_shape
        if shape is None:
            return super().compute_output_shape(input_shape)
        return shape(input_shape) if callable(shape) else (input_shape[0], *shape)

    compute_output_shape._is_default = True

    def compute_output_spec(self, *args, **kwargs):
        if self._output_shape is not None and args and isinstance(args[0], KerasTensor):
            return KerasTensor(self.compute_output_shape(args[0].shape), self.compute_dtype)
        return super().compute_output_spec(*args, **kwargs)

    def get_config(self):
        return {**self._base_config(), "function": objects.serialize_keras_object(self.function),
                "arguments": self.arguments}

    @classmethod
    def from_config(cls, config, custom_objects=None, safe_mode=None):
        config = dict(config)
        function = config["function"]
        if isinstance(function, (dict, str)):
            config["function"] = objects.deserialize_keras_object(function, custom_objects)
        return super().from_config(config)


class Identity(Layer):
    """Its inputs, unchanged.

    Parameters
    ----------
    **kwargs
        Those of `Layer`.

    Examples
    --------
    >>> keras.layers.Identity()(np.array([1.0, 2.0]))
    tensor([1., 2.])
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return self._base_config()


class ActivityRegularization(Layer):
    """Identity that adds ``l1 * sum(abs(x)) + l2 * sum(x**2)``, divided by the batch size, to the loss.

    Parameters
    ----------
    l1, l2 : float

    Examples
    --------
    >>> layer = keras.layers.ActivityRegularization(l2=0.5)
    >>> y = layer(np.array([[1.0, 2.0]]))
    >>> layer.losses
    [tensor(2.5000)]
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1, self.l2 = l1, l2
        self.built = True

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        made = self._base_config()
        made.pop("activity_regularizer", None)
        return {**made, "l1": self.l1, "l2": self.l2}


class Reshape(Layer):
    """(batch, ...) -> (batch, *target_shape)

    Parameters
    ----------
    target_shape : tuple of int
        One size may be -1: what the others leave.

    Raises
    ------
    ValueError
        More than one -1, or another number of elements.

    Examples
    --------
    >>> keras.layers.Reshape((3, -1))(np.ones((2, 6))).shape
    torch.Size([2, 3, 2])
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if target_shape.count(-1) > 1:
            raise ValueError(f"The `target_shape` argument must not contain more than one `-1` value. Received: "
                             f"target_shape={target_shape}")
        self.target_shape = target_shape
        self.built = True

    def compute_output_shape(self, input_shape):
        rest, target = input_shape[1:], list(self.target_shape)
        known = math.prod(n for n in target if n != -1)
        if None in rest:
            return (input_shape[0], *[None if n == -1 else n for n in target])
        size = math.prod(rest)
        if -1 in target:
            if known == 0 or size % known:
                raise ValueError(f"The total size of the tensor must be unchanged. Received: input_shape={rest}, "
                                 f"target_shape={self.target_shape}")
            target[target.index(-1)] = size // known
        elif size != known:
            raise ValueError(f"The total size of the tensor must be unchanged. Received: input_shape={rest}, "
                             f"target_shape={self.target_shape}")
        return (input_shape[0], *target)

    def call(self, inputs):
        return inputs.reshape(self.compute_output_shape(tuple(inputs.shape)))

    def get_config(self):
        return {"target_shape": self.target_shape, **self._base_config()}


class Permute(Layer):
    """Permutes the axes behind the batch.

    Parameters
    ----------
    dims : tuple of int
        New order of axes; they count from 1.

    Raises
    ------
    ValueError
        `dims` is no permutation of 1, 2, ...

    Examples
    --------
    >>> keras.layers.Permute((2, 1))(np.ones((5, 2, 3))).shape
    torch.Size([5, 3, 2])
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` "
                             f"must be consecutive and start from 1. Received dims={dims}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)
        self.built = True

    def call(self, inputs):
        return inputs.permute(0, *self.dims)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *[input_shape[dim] for dim in self.dims])

    def get_config(self):
        return {"dims": self.dims, **self._base_config()}


class RepeatVector(Layer):
    """Repeats each vector `n` times: (batch, features) -> (batch, n, features).

    Parameters
    ----------
    n : int

    Raises
    ------
    TypeError
        `n` is no int.
    ValueError
        `n` is not positive.

    Examples
    --------
    >>> keras.layers.RepeatVector(2)(np.array([[1, 2]]))
    tensor([[[1, 2],
             [1, 2]]])
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        if n <= 0:
            raise ValueError(f"Argument `n` should be a positive integer. Received: n={n}")
        self.n = n
        self.input_spec = InputSpec(ndim=2)
        self.built = True

    def call(self, inputs):
        return inputs.unsqueeze(1).repeat(1, self.n, 1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self):
        return {"n": self.n, **self._base_config()}


class Wrapper(Layer):
    """Base of layers around another layer, which is the attribute `layer` and is built with them.

    Parameters
    ----------
    layer : Layer

    Raises
    ------
    ValueError
        `layer` is no layer.

    Examples
    --------
    >>> keras.layers.TimeDistributed(keras.layers.Dense(2)).layer.units
    2
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure wrapped "
                             f"layer is a valid Keras layer.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self):
        return {**self._base_config(), "layer": objects.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        layer = objects.deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, **config)


class UnitNormalization(Layer):
    """``x / sqrt(max(sum(x**2), 1e-12))``: inputs of Euclidean norm 1 along `axis`.

    Parameters
    ----------
    axis : int or list of int

    Raises
    ------
    TypeError
        `axis` is neither.

    Examples
    --------
    >>> keras.layers.UnitNormalization()(np.array([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"Invalid value for `axis` argument: expected an int or a list/tuple of ints. Received: "
                            f"axis={axis}")
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return inputs * inputs.square().sum(self.axis, keepdim=True).clamp(min=1e-12).rsqrt()

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**self._base_config(), "axis": self.axis}


class Rescaling(Layer):
    """``inputs * scale + offset``

    Parameters
    ----------
    scale, offset : float or array

    Examples
    --------
    >>> keras.layers.Rescaling(1 / 255)(np.array([0.0, 255.0]))
    tensor([0., 1.])
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        inputs = inputs if inputs.is_floating_point() else inputs.to(config.torch_dtype(self.compute_dtype))
        scale = self.scale if isinstance(self.scale, (int, float)) \
            else convert(np.asarray(self.scale, self.compute_dtype))
        offset = self.offset if isinstance(self.offset, (int, float)) else \
            convert(np.asarray(self.offset, self.compute_dtype))
        return inputs * scale + offset

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**self._base_config(), "scale": self.scale, "offset": self.offset}
