"""Model: a layer that can be trained, saved and shown."""
import json
import types

from fastnn.keras import saving, tree
from fastnn.keras.layers.base import Layer
from fastnn.keras.models.training import Trainer
from fastnn.keras.symbolic import KerasTensor


above = types.SimpleNamespace()  # what a model needs of the modules above this one; each of them puts its own here


def _is_functional(args, kwargs):
    """Whether a constructor was called with inputs and outputs."""
    return len(args) == 2 or len(args) == 1 and "outputs" in kwargs or "inputs" in kwargs and "outputs" in kwargs


class Model(Trainer, Layer):
    """A model: from symbolic inputs and outputs, or a subclass with layers as attributes and a `call`.

    Parameters
    ----------
    inputs, outputs : KerasTensor, or lists, tuples or dicts of them
        Then the model is a `Functional`.
    name : str, optional
    trainable : bool, optional

    Examples
    --------
    >>> inputs = keras.Input((3,))
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    >>> model.output_shape
    (None, 2)
    >>> class Twice(keras.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = keras.layers.Dense(3)
    ...     def call(self, x):
    ...         return self.dense(self.dense(x))
    >>> Twice()(np.ones((1, 3))).shape
    torch.Size([1, 3])
    """

    def __new__(cls, *args, **kwargs):
        if cls is Model and _is_functional(args, kwargs):  # a subclass may call its own arguments what it likes
            return object.__new__(above.Functional)
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        if _is_functional(args, kwargs):
            _make_functional(type(self))
            above.Functional.__init__(self, *args, **kwargs)
            return
        Layer.__init__(self, *args, **kwargs)
        self._init_trainer()

    def call(self, *args, **kwargs):
        raise NotImplementedError(f"Model {type(self).__name__} does not have a `call()` method implemented.")

    @property
    def layers(self):
        """The layers directly within."""
        return list(self._flatten_layers(include_self=False, recursive=False))

    @layers.setter
    def layers(self, value):
        raise AttributeError("`Model.layers` attribute is reserved and should not be used. Please use another name.")

    def get_layer(self, name=None, index=None):
        """A layer by its name or its index.

        Parameters
        ----------
        name : str, optional
        index : int, optional

        Returns
        -------
        Layer

        Raises
        ------
        ValueError
            There is none, or not exactly one of the arguments was given.

        Examples
        --------
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="top")])
        >>> model.get_layer("top").units
        2
        """
        if index is not None and name is not None:
            raise ValueError(f"Provide only a layer name or a layer index. Received: index={index}, name={name}.")
        if index is not None:
            if len(self.layers) <= index:
                raise ValueError(f"Was asked to retrieve layer at index {index} but model only has {len(self.layers)} "
                                 f"layers.")
            return self.layers[index]
        if name is not None:
            for layer in self.layers:
                if layer.name == name:
                    return layer
            raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in self.layers]}.")
        raise ValueError("Provide either a layer name or layer index at `get_layer`.")

    def summary(self, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
                layer_range=None):
        """Prints a table of the layers, with shapes and numbers of weights.

        Parameters
        ----------
        line_length : int, optional
        positions : list of float, optional
            Shares of the columns.
        print_fn : callable, optional
            Gets the text instead of printing it.
        expand_nested, show_trainable : bool
        layer_range : pair of str, optional
            Names of the first and the last layer.

        Examples
        --------
        >>> lines = []
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> model.summary(print_fn=lambda text, **kwargs: lines.append(text))
        >>> "Total params" in "".join(lines)
        True
        """
        above.print_summary(self, line_length=line_length, positions=positions, print_fn=print_fn,
                            expand_nested=expand_nested, show_trainable=show_trainable, layer_range=layer_range)

    def build(self, input_shape):
        """Make the weights by calling the model on symbolic inputs of this shape."""
        if self.built:
            return
        shapes = input_shape if isinstance(input_shape, (dict, list, tuple)) else (input_shape,)
        x = tree.map_shape_structure(lambda shape: KerasTensor(shape, self.input_dtype), shapes)
        self.compute_output_spec(x)
        self.built = True

    build._is_default = True

    def _lock_state(self):
        """A model's attributes may be set at any time."""

    def get_config(self):
        return Layer.get_config(self)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A model of what `get_config` gave: of a graph, or of the constructor's arguments.

        Raises
        ------
        TypeError
            The constructor has other arguments.
        """
        graph = {"name", "layers", "input_layers", "output_layers"} <= set(config)
        if graph and (cls is Model or cls.__init__ is Model.__init__):
            return above.functional_from_config(cls, config, custom_objects)
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(f"Unable to revive model from config. When overriding the `get_config()` method, make sure "
                            f"that the returned config contains all items used as arguments in the constructor to "
                            f"{cls}, or define `from_config(cls, config)`. Received config={config}. Error "
                            f"encountered during deserialization: {error}") from error

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Saves architecture, weights and the optimizer's state in one file; see `saving.save_model`.

        Parameters
        ----------
        filepath : str or path
            Ends in .keras, .fastnn or .h5.
        overwrite : bool
        zipped : bool, optional
            False is not implemented.

        Examples
        --------
        >>> model.save("model.keras")  # doctest: +SKIP
        """
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Saves the weights alone; see `saving.save_weights`.

        Parameters
        ----------
        filepath : str or path
            Ends in .weights.h5 or .safetensors.
        overwrite : bool

        Examples
        --------
        >>> model.save_weights("model.weights.h5")  # doctest: +SKIP
        """
        saving.save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Sets the weights from a file; see `saving.load_weights`.

        Parameters
        ----------
        filepath : str or path
        skip_mismatch : bool
            Whether to leave out weights that do not fit.

        Examples
        --------
        >>> model.load_weights("model.weights.h5")  # doctest: +SKIP
        """
        saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def to_json(self, **kwargs):
        """Architecture as JSON; `models.model_from_json` makes a model of it.

        Parameters
        ----------
        **kwargs
            Arguments of `json.dumps`.

        Returns
        -------
        str

        Examples
        --------
        >>> keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).to_json()[:13]
        '{"module": "k'
        """
        record = saving.serialize_keras_object(self)
        record.pop("compile_config", None)
        return json.dumps(record, **kwargs)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """Writes the model for inference by other programs, as an ONNX file. Needs the package ``onnx``.

        Sizes that are None stay open. See `fastnn.onnx.export` for what has a form there.

        Parameters
        ----------
        filepath : str or path
        format : str
            "onnx"; Keras' others, its default too, raise NotImplementedError.
        verbose : bool, optional
            Whether a line about the result is printed.
        input_signature : structure of InputSpec, KerasTensor or arrays, optional
            Shapes and dtypes of the inputs; without it those of the model.
        **kwargs
            ``opset_version``, the version of ONNX's operators.

        Raises
        ------
        NotImplementedError
            Another format or option, or an operation that has no form in ONNX here.
        ValueError
            A model without known inputs, and no `input_signature`.

        Examples
        --------
        >>> model.export("model.onnx", format="onnx")  # doctest: +SKIP
        """
        from fastnn.keras.models.exporting import export_model
        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def quantize(self, *args, **kwargs):
        """Not implemented."""
        raise NotImplementedError("Model.quantize is not implemented")


def _make_functional(cls):
    """A subclass of Model whose constructor got inputs and outputs is one of Functional from now on."""
    Functional = above.Functional
    if cls is Functional or cls is object or issubclass(cls, Functional):
        return
    cls.__bases__ = tuple(Functional if base is Model else base for base in cls.__bases__)
    for base in cls.__bases__:
        if base is not Functional:
            _make_functional(base) if isinstance(base, type) and issubclass(base, Model) else None
