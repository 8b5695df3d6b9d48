"""Columns of tables as one vector of numbers."""
import numpy as np

from fastnn._tensor import Tensor
from fastnn.keras import config, layers, naming, ops, tree
from fastnn.keras.layers.strings import is_strings, strings_of
from fastnn.keras.saving import objects, save_model
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.utils.pipeline import Dataset
from fastnn.keras.variables import convert

_PLACE = "keras.src.layers.preprocessing.feature_space"  # where Keras' own records say that these classes are


def _record(thing):
    return {"module": _PLACE, "class_name": type(thing).__name__, "config": thing.get_config(),
            "registered_name": type(thing).__name__}


class Cross:
    """Combinations of several features as numbers of `crossing_dim` bins."""

    def __init__(self, feature_names, crossing_dim, output_mode="one_hot"):
        if output_mode not in ("int", "one_hot"):
            raise ValueError(f"Invalid value for argument `output_mode`. Expected one of {{'int', 'one_hot'}}. "
                             f"Received: output_mode={output_mode}")
        self.feature_names, self.crossing_dim, self.output_mode = tuple(feature_names), crossing_dim, output_mode

    @property
    def name(self):
        return "_X_".join(self.feature_names)

    def get_config(self):
        return {"feature_names": list(self.feature_names), "crossing_dim": self.crossing_dim,
                "output_mode": self.output_mode}


class Feature:
    """A column: its type, the layer that prepares it, and what becomes of the result."""

    def __init__(self, dtype, preprocessor, output_mode):
        if output_mode not in ("int", "one_hot", "float"):
            raise ValueError(f"Invalid value for argument `output_mode`. Expected one of {{'int', 'one_hot', "
                             f"'float'}}. Received: output_mode={output_mode}")
        if isinstance(preprocessor, dict):
            preprocessor = _layer(preprocessor)
        self.dtype, self.preprocessor, self.output_mode = dtype, preprocessor, output_mode

    def get_config(self):
        return {"dtype": self.dtype, "preprocessor": objects.serialize_keras_object(self.preprocessor),
                "output_mode": self.output_mode}


def _layer(record):
    if record["class_name"] == "TFDIdentity":  # Keras' own name of it
        return layers.Identity(name=record["config"].get("name"), dtype="float32")
    return objects.deserialize_keras_object(record)


class FeatureSpace(layers.Layer):
    """Prepares the columns of a table, each in its way, and joins them.

    Parameters
    ----------
    features : dict
        Name of a column -> "float", "float_normalized", "float_rescaled", "float_discretized", "integer_categorical",
        "string_categorical", "integer_hashed", "string_hashed", or what the class methods of these names give.
    output_mode : "concat" or "dict"
        One vector, or one for each column.
    crosses : list, optional
        Tuples of names, or `cross`: combinations as further columns.
    crossing_dim, hashing_dim, num_discretization_bins : int
        Bins of crosses, of hashed columns and of discretized ones that do not say it.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> data = {"age": np.array([20.0, 30.0, 40.0]), "color": np.array(["red", "blue", "red"])}
    >>> space = FeatureSpace({"age": "float_rescaled", "color": FeatureSpace.string_categorical(num_oov_indices=0)})
    >>> space.adapt(data)
    >>> space({"age": 20.0, "color": "red"}).tolist()
    [20.0, 1.0, 0.0]
    """

    def __init__(self, features, output_mode="concat", crosses=None, crossing_dim=32, hashing_dim=32,
                 num_discretization_bins=32, name=None):
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        if output_mode not in ("dict", "concat"):
            raise ValueError(f"Invalid value for argument `output_mode`. Expected one of {{'dict', 'concat'}}. "
                             f"Received: output_mode={output_mode}")
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins, self.output_mode = num_discretization_bins, output_mode
        self.features = {key: self._standardized(key, value) for key, value in features.items()}
        self.crosses = [self._crossed(each) for each in crosses or []]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name)
                         for cross in self.crosses}
        self.inputs = {key: layers.Input(shape=(1,), dtype=feature.dtype, name=key)
                       for key, feature in self.features.items()}
        self.one_hot_encoders, self.encoded_features, self._is_adapted, self.built = {}, None, False, False

    # -- kinds of columns --
    @classmethod
    def cross(cls, feature_names, crossing_dim, output_mode="one_hot"):
        """Combinations of several columns."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype, preprocessor, output_mode):
        """A column that a layer of the program's prepares."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name=None):
        """Numbers as they are."""
        return cls._of(layers.Identity, "float", name, "float32", "float")

    @classmethod
    def float_rescaled(cls, scale=1.0, offset=0.0, name=None):
        """Numbers by `Rescaling`."""
        return cls._of(layers.Rescaling, "float_rescaled", name, "float32", "float", scale=scale, offset=offset)

    @classmethod
    def float_normalized(cls, name=None):
        """Numbers by `Normalization`, which learns from `adapt`."""
        return cls._of(layers.Normalization, "float_normalized", name, "float32", "float", axis=-1)

    @classmethod
    def float_discretized(cls, num_bins, bin_boundaries=None, output_mode="one_hot", name=None):
        """Numbers by `Discretization`; with boundaries `num_bins` is not looked at."""
        return cls._of(layers.Discretization, "float_discretized", name, "float32", output_mode,
                       num_bins=num_bins if bin_boundaries is None else None, bin_boundaries=bin_boundaries)

    @classmethod
    def integer_categorical(cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None):
        """Whole numbers by `IntegerLookup`."""
        return cls._of(layers.IntegerLookup, "integer_categorical", name, "int32", output_mode, max_tokens=max_tokens,
                       num_oov_indices=num_oov_indices)

    @classmethod
    def string_categorical(cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None):
        """Strings by `StringLookup`."""
        return cls._of(layers.StringLookup, "string_categorical", name, "string", output_mode, max_tokens=max_tokens,
                       num_oov_indices=num_oov_indices)

    @classmethod
    def string_hashed(cls, num_bins, output_mode="one_hot", name=None):
        """Strings by `Hashing`."""
        return cls._of(layers.Hashing, "string_hashed", name, "string", output_mode, num_bins=num_bins)

    @classmethod
    def integer_hashed(cls, num_bins, output_mode="one_hot", name=None):
        """Whole numbers by `Hashing`."""
        return cls._of(layers.Hashing, "integer_hashed", name, "int32", output_mode, num_bins=num_bins)

    @classmethod
    def _of(cls, kind, kind_name, name, dtype, output_mode, **options):
        name = name or naming.auto_name(kind_name)
        return Feature(dtype, kind(name=f"{name}_preprocessor", **options), output_mode)

    def _standardized(self, name, feature):
        if isinstance(feature, Feature):
            return feature
        if isinstance(feature, dict):
            return Feature(**feature["config"])
        sizes = {"float_discretized": (self.num_discretization_bins,), "integer_hashed": (self.hashing_dim,),
                 "string_hashed": (self.hashing_dim,)}
        if feature not in ("float", "float_normalized", "float_rescaled", "integer_categorical", "string_categorical",
                           *sizes):
            raise ValueError(f"Invalid feature type: {feature}")
        return getattr(self, feature)(*sizes.get(feature, ()), name=name)

    def _crossed(self, cross):
        if isinstance(cross, Cross):
            return cross
        if isinstance(cross, dict):
            return Cross(**cross["config"])
        if not self.crossing_dim:
            raise ValueError("When specifying `crosses`, the argument `crossing_dim` (dimensionality of the crossing "
                             "space) should be specified as well.")
        if any(key not in self.features for key in cross):
            raise ValueError(f"All features referenced in the `crosses` argument should be present in the `features` "
                             f"dict. Received unknown features: {cross}")
        return Cross(cross, self.crossing_dim)

    # -- learning --
    def _adaptable(self):
        for name, layer in self.preprocessors.items():
            known = isinstance(layer, layers.Normalization) and layer.input_mean is not None
            if hasattr(layer, "adapt") and not known and not (
                    isinstance(layer, layers.Discretization) and layer.bin_boundaries is not None):
                yield name

    def adapt(self, dataset):
        """Learn what columns need to be known for: a dict of arrays, or a data set of dicts.

        Raises
        ------
        ValueError
            `dataset` is neither.
        """
        if isinstance(dataset, dict):
            dataset = Dataset.from_tensor_slices(dataset)
        if not isinstance(dataset, Dataset):
            raise ValueError(f"`adapt()` can only be called on a tf.data.Dataset or a dict of arrays/lists. Received "
                             f"instead: {dataset} (of type {type(dataset)})")
        for name in self._adaptable():
            column = dataset.map(lambda x, name=name: x[name])
            rank = len(getattr(next(iter(column)), "shape", ()))
            column = column.batch(32) if rank == 0 else column
            self.preprocessors[name].adapt(_column(x) for x in column)
        self._is_adapted = True
        self.get_encoded_features()

    def _check_adapted(self):
        if not self._is_adapted and any(True for _ in self._adaptable()):
            raise ValueError("You need to call `.adapt(dataset)` on the FeatureSpace before you can start using it.")
        self._is_adapted = True

    def get_inputs(self):
        """The symbolic inputs, by name."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self):
        """What becomes of the symbolic inputs."""
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
            self.built = True
        return self.encoded_features

    # -- the way of the columns --
    def _encoded(self, columns):
        found = {name: self.preprocessors[name](x) for name, x in columns.items()}
        crossed = {cross.name: self.crossers[cross.name]([found[key] for key in cross.feature_names])
                   for cross in self.crosses}
        made = {}
        for name in [*sorted(found), *sorted(crossed)]:
            x = found[name] if name in found else crossed[name]
            spec = self.features.get(name) or self.crosses_by_name[name]
            if spec.output_mode == "one_hot":
                x = self._one_hot(name, x)
            if self.output_mode == "concat" and not config.is_float(config.dtype_of(x)):
                raise ValueError(f"Cannot concatenate features because feature '{name}' has not been encoded (it has "
                                 f"dtype {config.dtype_of(x)}). Consider using `output_mode='dict'`.")
            made[name] = x
        if self.output_mode == "dict":
            return made
        return ops.concatenate(list(made.values()), axis=-1)

    def _one_hot(self, name, x):
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers.get(name)
            if not config.is_int(config.dtype_of(x)):
                raise ValueError(f"Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor should return "
                                 f"an integer dtype. Instead it returns a {config.dtype_of(x)} dtype.")
            if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
                count = layer.vocabulary_size()
            elif isinstance(layer, layers.CategoryEncoding):
                count = layer.num_tokens
            elif isinstance(layer, (layers.Discretization, layers.HashedCrossing, layers.Hashing)):
                count = layer.num_bins or len(layer.bin_boundaries) + 1
            else:
                raise ValueError(f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard feature "
                                 f"and the dimensionality of its output space is not known, thus it cannot be one-hot "
                                 f"encoded. Try using `output_mode='int'`.")
            self.one_hot_encoders[name] = layers.CategoryEncoding(num_tokens=count, output_mode="multi_hot")
        return self.one_hot_encoders[name](x)

    def __call__(self, data):
        """A dict of columns as vectors; of single values as one vector."""
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(f"A FeatureSpace can only be called with a dict. Received: data={data} (of type "
                             f"{type(data)}")
        if any(isinstance(x, KerasTensor) for x in data.values()):
            return self._encoded({name: data[name] for name in self.features})
        alone = any(len(getattr(x, "shape", ())) == 0 and not isinstance(x, (list, tuple)) for x in data.values())
        made = self._encoded({name: _column(data[name]) for name in self.features})
        return tree.map_structure(lambda x: x[0] if len(x.shape) == 2 and x.shape[0] == 1 else x, made) if alone \
            else made

    # -- records --
    def get_config(self):
        return {"features": {name: _record(feature) for name, feature in self.features.items()},
                "output_mode": self.output_mode, "crosses": [_record(cross) for cross in self.crosses],
                "crossing_dim": self.crossing_dim, "hashing_dim": self.hashing_dim,
                "num_discretization_bins": self.num_discretization_bins}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def get_build_config(self):
        return {name: feature.preprocessor.get_build_config() for name, feature in self.features.items()}

    def build_from_config(self, config):
        for name, own in config.items():
            if not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(own)
        self._is_adapted = True

    def save(self, filepath):
        """Write it to a file, with what it learned; `load_model` reads it."""
        save_model(self, filepath)


def _column(x):
    """Values as a column (rows, 1)."""
    if isinstance(x, (str, bytes)) or not isinstance(x, Tensor) and is_strings(np.asarray(x)):
        x = strings_of(x)
    else:
        x = convert(x)
    return x.reshape(-1, 1) if len(x.shape) < 2 else x
