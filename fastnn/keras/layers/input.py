"""Where graphs begin."""
from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.symbolic import KerasTensor, Node


class InputLayer(Layer):
    """Layer that stands for an `Input` in a model.

    Parameters
    ----------
    shape, batch_size, dtype, sparse, ragged, batch_shape, optional, name
        As in `Input`.
    input_tensor : KerasTensor, optional
        Instead of a shape.

    Raises
    ------
    ValueError
        No shape, or both `shape` and `batch_shape`.

    Examples
    --------
    >>> keras.layers.InputLayer(shape=(4,), batch_size=2).batch_shape
    (2, 4)
    """

    def __init__(self, shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None,
                 input_tensor=None, optional=False, name=None, **kwargs):
        if sparse or ragged:
            raise NotImplementedError(f"InputLayer: sparse={sparse}, ragged={ragged} is not implemented")
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
        if "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape")
        kwargs.pop("trainable", None)
        if shape is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ValueError(f"Argument `input_tensor` must be a KerasTensor. Received invalid type: "
                                 f"input_tensor={input_tensor} (of type {type(input_tensor)})")
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument.")
        if shape is not None:
            shape = (shape,) if isinstance(shape, int) else tuple(shape)
            batch_shape = (batch_size, *shape)
        super().__init__(name=name, **kwargs)
        self.batch_shape = tuple(batch_shape)
        self._input_dtype = config.standardize_dtype(dtype)
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        output = input_tensor
        if output is None:
            output = KerasTensor(self.batch_shape, self._input_dtype, name=self.name)
        self.built = True
        Node(self, (), {}, output)

    def call(self):
        return None

    @property
    def dtype(self):
        return self._input_dtype

    def get_config(self):
        return {"batch_shape": self.batch_shape, "dtype": self._input_dtype, "sparse": self.sparse,
                "ragged": self.ragged, "name": self.name, "optional": self.optional}


def Input(shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None, name=None, tensor=None,
          optional=False):
    """Symbolic tensor: an input of a functional model.

    Parameters
    ----------
    shape : tuple
        Without the batch; None for sizes that may vary.
    batch_size : int, optional
    dtype : str, optional
        `config.floatx` without it.
    sparse, ragged : bool, optional
        True is not implemented.
    batch_shape : tuple, optional
        Instead of `shape` and `batch_size`.
    name : str, optional
    tensor : KerasTensor, optional
        Instead of a shape.
    optional : bool
        Whether None may be given.

    Returns
    -------
    KerasTensor

    Raises
    ------
    ValueError
        No shape, or both `shape` and `batch_shape`.

    Examples
    --------
    >>> x = keras.Input((4,))
    >>> model = keras.Model(x, keras.layers.Dense(2)(x))
    >>> model.output_shape
    (None, 2)
    """
    layer = InputLayer(shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged,
                       batch_shape=batch_shape, name=name, input_tensor=tensor, optional=optional)
    return layer._inbound_nodes[0].outputs[0]
