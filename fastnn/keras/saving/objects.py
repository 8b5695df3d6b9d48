"""Objects as JSON and back, in Keras 3's form: ``{"module", "class_name", "config", "registered_name"}``.

Classes come from the door's public modules, from `register_keras_serializable` and from ``custom_objects``; nothing is
imported by a name that a file gives, and nothing in a file is executed.
"""
import contextlib
import importlib
import types

import numpy as np

from fastnn import dtypes
from fastnn._tensor import from_array, Tensor
from fastnn.errors import FileFormatError
from fastnn.keras import config as settings, tree
from fastnn.keras.naming import to_snake_case
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import array_of

# The modules whose public classes and functions files may name.
MODULES = ["layers", "models", "initializers", "regularizers", "constraints", "activations", "losses", "metrics",
           "optimizers", "optimizers.schedules", "dtype_policies", "random", "callbacks", "ops", "quantizers"]
_MODULE_OF = {"Functional": "keras.src.models.functional", "Sequential": "keras", "Model": "keras"}  # Keras' own names
# Classes that no public module has, or one that files may not name from: the door's module, and Keras'.
_OTHERS = {"FeatureSpace": ("utils.features", "keras.utils"),
           "LayerScale": ("applications.convnext", "keras.src.applications.convnext"),
           "StochasticDepth": ("applications.convnext", "keras.src.applications.convnext"),
           "CustomScaleLayer": ("applications.inception_resnet_v2", "keras.src.applications.inception_resnet_v2")}
_registered, _registered_names = {}, {}  # "package>name" -> class, and back
_scope = {}


def register_keras_serializable(package="Custom", name=None):
    """Decorates a class or function that records and files may name.

    Parameters
    ----------
    package : str
        The name in records is ``package>name``.
    name : str, optional
        That of the class or function without it.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        A class without `get_config`.

    Examples
    --------
    >>> @keras.saving.register_keras_serializable("docs")
    ... def triple(x):
    ...     return 3 * x
    >>> keras.saving.get_registered_name(triple)
    'docs>triple'
    """
    def decorate(thing):
        registered = f"{package}>{name or thing.__name__}"
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ValueError("Cannot register a class that does not have a get_config() method.")
        _registered[registered], _registered_names[thing] = thing, registered
        return thing
    return decorate


def get_registered_name(thing):
    """Name of a class or function in records.

    Parameters
    ----------
    thing : class or callable

    Returns
    -------
    str

    Examples
    --------
    >>> keras.saving.get_registered_name(keras.layers.Dense)
    'Dense'
    """
    return _registered_names.get(thing) or thing.__name__


def get_registered_object(name, custom_objects=None, module_objects=None):
    """The class or function of a name, or None.

    Parameters
    ----------
    name : str
    custom_objects, module_objects : dict, optional
        Names to look at first, and last.

    Returns
    -------
    class, callable or None

    Examples
    --------
    >>> keras.saving.get_registered_object("f", {"f": abs}) is abs
    True
    """
    return (custom_objects or {}).get(name) or _scope.get(name) or _registered.get(name) or \
        (module_objects or {}).get(name)


def get_custom_objects():
    """The dict of custom objects that are in force, which may be changed.

    Returns
    -------
    dict
        Name -> class or function.

    Examples
    --------
    >>> keras.saving.get_custom_objects().get("unknown") is None
    True
    """
    return _scope


@contextlib.contextmanager
def custom_object_scope(objects):
    """Context within which records and files may name these classes and functions.

    Parameters
    ----------
    objects : dict
        Name -> class or function.

    Examples
    --------
    >>> double = lambda x: 2 * x
    >>> with keras.saving.custom_object_scope({"double": double}):
    ...     keras.activations.get("double") is double
    True
    """
    before = dict(_scope)
    _scope.update(objects)
    try:
        yield
    finally:
        _scope.clear()
        _scope.update(before)


CustomObjectScope = custom_object_scope


def public_name(thing):
    """(module, name) under which the door offers a class or function; None if it does not."""
    own, place = _OTHERS.get(thing.__name__, (None, None))
    if own and thing.__module__ == f"fastnn.keras.{own}":
        return place, thing.__name__
    for module in MODULES:
        found = importlib.import_module(f"fastnn.keras.{module}")
        if getattr(found, thing.__name__, None) is thing:
            return _MODULE_OF.get(thing.__name__, f"keras.{module}"), thing.__name__
    return None


def serialize_keras_object(obj):
    """An object, a function, or nested containers of them, as a structure of JSON's types.

    Parameters
    ----------
    obj : object

    Returns
    -------
    object
        For objects a dict of "module", "class_name", "config" and "registered_name".

    Raises
    ------
    NotImplementedError
        A lambda: records hold no code.

    Examples
    --------
    >>> keras.saving.serialize_keras_object(keras.initializers.Constant(2.0))["config"]
    {'value': 2.0}
    """
    if obj is None or isinstance(obj, (str, bool, int, float)):
        return obj
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("latin-1")}}
    if isinstance(obj, (np.bool_, np.integer, np.floating)):
        return obj.item()
    if isinstance(obj, (list, tuple, types.GeneratorType)):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, KerasTensor):
        history = getattr(obj, "_keras_history", None)
        made = {"class_name": "__keras_tensor__", "config": {"shape": list(obj.shape), "dtype": obj.dtype}}
        if history:
            made["config"]["keras_history"] = [history.operation.name, history.node_index, history.tensor_index]
        return made
    if isinstance(obj, dtypes.dtype):
        return settings.standardize_dtype(obj)
    if isinstance(obj, Tensor):
        return {"class_name": "__tensor__", "config": {"value": array_of(obj).tolist(),
                                                       "dtype": settings.dtype_of(obj)}}
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, types.FunctionType):
        if obj.__name__ == "<lambda>":
            raise NotImplementedError("a lambda cannot be saved: files hold no code. Use a named function and "
                                      "`register_keras_serializable` or `custom_objects`.")
        name = public_name(obj)
        return name[1] if name and name[0] == "keras.activations" else {
            "module": name[0] if name else "builtins", "class_name": "function", "config": get_registered_name(obj),
            "registered_name": _registered_names.get(obj, "function")}
    cls = obj if isinstance(obj, type) else type(obj)
    name = public_name(cls)
    record = {"module": name[0] if name else cls.__module__, "class_name": cls.__name__,
              "config": serialize_keras_object(obj.get_config()) if not isinstance(obj, type) else {},
              "registered_name": None if name else _registered_names.get(cls, cls.__name__)}
    build_config = getattr(obj, "get_build_config", lambda: None)()
    if build_config:
        record["build_config"] = serialize_keras_object(build_config)
    compile_config = getattr(obj, "get_compile_config", lambda: None)() if getattr(obj, "compiled", False) else None
    if compile_config:
        record["compile_config"] = serialize_keras_object(compile_config)
    return record


@contextlib.contextmanager
def errors_of(source):
    """What classes raise when they are made of a damaged `source`, with its name: TypeError and NotImplementedError
    remain such, all else is a FileFormatError."""
    try:
        yield
    except (ImportError, FileNotFoundError):
        raise
    except MemoryError:
        raise FileFormatError(f"{source}: it asks for more memory than there is") from None
    except Exception as error:
        kind = next((kind for kind in (TypeError, NotImplementedError) if isinstance(error, kind)), FileFormatError)
        known = isinstance(error, (kind, ValueError))
        raise kind(f"{source}: {'' if known else type(error).__name__ + ': '}{str(error):.1500}") from error


def is_offered(name, found):
    """Whether a name of a module is the door's own thing, and not something that the module itself uses."""
    return not name.startswith("_") and callable(found) and str(getattr(found, "__module__", "")).startswith("fastnn")


def find_class(record, custom_objects=None):
    """The class or function that a record names.

    Raises
    ------
    TypeError
        It is neither the door's nor registered nor among ``custom_objects``; the message says how to give it.
    """
    name, registered = record["class_name"], record.get("registered_name")
    if name == "function":
        name = record["config"]
    for each in (registered, name):
        found = get_registered_object(each, custom_objects) if isinstance(each, str) and each else None
        if found is not None:
            return found
    module = record.get("module") or ""
    if not isinstance(name, str) or not isinstance(module, str):
        raise TypeError(f"Could not parse config: {str(record)[:500]}")
    if module.startswith("keras") and name in _OTHERS:
        return getattr(importlib.import_module(f"fastnn.keras.{_OTHERS[name][0]}"), name)
    if module.startswith(("keras", "tensorflow.keras", "tf.keras")) or module == "builtins":
        for part in (module.partition("keras.")[2], *MODULES):
            if part.startswith("src."):  # a class that Keras does not make public: operations
                part = part.split(".")[1]
            if part in MODULES:
                found = getattr(importlib.import_module(f"fastnn.keras.{part}"), name, None)
                if found is not None and is_offered(name, found):
                    return found
    raise TypeError(f"Could not locate class '{name}'. Make sure custom classes and functions are decorated with "
                    f"`@keras.saving.register_keras_serializable()` or passed as `custom_objects`. Full object config: "
                    f"{str(record)[:500]}")


def deserialize_keras_object(config, custom_objects=None, safe_mode=True, **kwargs):
    """The object of a record of `serialize_keras_object`.

    Parameters
    ----------
    config : object
        A structure of JSON's types.
    custom_objects : dict, optional
        Name -> class or function, for those that are not registered.
    safe_mode : bool
        Without effect: nothing in a record is executed.

    Returns
    -------
    object

    Raises
    ------
    TypeError
        The record names an unknown class, or is no structure of JSON's types.
    ValueError
        The record holds a lambda.

    Examples
    --------
    >>> record = keras.saving.serialize_keras_object(keras.layers.Dense(2))
    >>> keras.saving.deserialize_keras_object(record).units
    2
    """
    def again(value):
        return deserialize_keras_object(value, custom_objects, safe_mode)
    if config is None or isinstance(config, (str, int, float, bool)):
        found = get_registered_object(config, custom_objects) if isinstance(config, str) else None
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return type(config)(again(item) for item in config)
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {config}")
    if "class_name" not in config or "config" not in config:
        return {key: again(value) for key, value in config.items()}
    name, inner = config["class_name"], config["config"]
    if name == "__bytes__":
        return inner["value"].encode("latin-1")
    if name == "__tuple__":
        return tuple(again(item) for item in inner["value"])
    if name in ("__numpy__", "__tensor__"):
        dtype = np.dtype(inner["dtype"])
        if dtype.kind not in "fiub":
            raise TypeError(f"Could not parse config: {str(config)[:500]}")
        array = np.array(inner["value"], dtype=dtype)
        return array if name == "__numpy__" else _tensor(array)
    if name == "__keras_tensor__":
        return KerasTensor(inner["shape"], inner["dtype"])
    if name == "__slice__":
        return slice(inner["start"], inner["stop"], inner["step"])
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__typespec__":
        return None
    if name == "__lambda__":
        raise ValueError("The file holds a Python `lambda`, which could run anything; it is not loaded. Save the model "
                         "with a named function instead.")
    if name == "function":
        return find_class(config, custom_objects)
    if name == "DType":
        return inner
    cls = find_class(config, custom_objects)
    if not isinstance(cls, type):
        return cls
    with custom_object_scope(custom_objects or {}):
        made = cls.from_config(inner)
    if config.get("build_config") and hasattr(made, "build_from_config") and not getattr(made, "built", False):
        made.build_from_config(_tuples(again(config["build_config"])))
    if config.get("compile_config") and hasattr(made, "compile_from_config"):
        made.compile_from_config(config["compile_config"])
    return made


def _tensor(array):
    return from_array(array)


def _tuples(config):
    """Shapes came back from JSON as lists."""
    if isinstance(config, dict):
        return {key: tuple(value) if tree.is_shape(value) and isinstance(value, list) else _tuples(value)
                for key, value in config.items()}
    if isinstance(config, list):
        return [tuple(item) if tree.is_shape(item) and isinstance(item, list) else _tuples(item) for item in config]
    return config


class Family:
    """Objects of one kind that arguments may give by name: losses, initializers and the like.

    Parameters
    ----------
    kind : str
        For messages.
    module : str
        Module whose public names are known.
    names : callable
        ``names()`` gives a dict of further names, such as abbreviations.

    Examples
    --------
    >>> keras.saving.objects.Family("loss", "fastnn.keras.losses").find("huber") is keras.losses.huber
    True
    """

    def __init__(self, kind, module, names=dict):
        self.kind, self.module, self.names = kind, module, names

    def find(self, name):
        """The class or function of a name; None if there is none."""
        custom = get_registered_object(name)
        if custom is not None:
            return custom
        module = importlib.import_module(self.module)
        names = self.names()
        if name in names:
            return names[name]
        own = {each: thing for each, thing in vars(module).items() if callable(thing) and not each.startswith("_")
               and str(getattr(thing, "__module__", "")).startswith(self.module)}  # not what the module imports
        if name in own and name not in ("get", "serialize", "deserialize"):
            return own[name]
        for each, thing in own.items():
            if isinstance(thing, type) and to_snake_case(each) == name:
                return thing
        return None

    def get(self, identifier):
        """What an argument such as ``loss="mse"`` stands for.

        Parameters
        ----------
        identifier : None, str, dict, class, object or callable
            A name, a record of `serialize`, a class (which is instantiated), or what is wanted itself.

        Returns
        -------
        object, callable or None

        Raises
        ------
        ValueError
            There is nothing of that name.

        Examples
        --------
        >>> keras.losses.get("mse").__name__
        'mean_squared_error'
        >>> keras.initializers.get("zeros")((2,))
        tensor([0., 0.])
        """
        if identifier is None:
            return None
        found = self.deserialize(identifier) if isinstance(identifier, dict) else identifier
        if isinstance(identifier, str):
            found = self.find(identifier)
            if found is None:
                raise ValueError(f"Could not interpret {self.kind} identifier: {identifier}")
        if isinstance(found, type):
            found = found()
        if not callable(found):
            raise ValueError(f"Could not interpret {self.kind} identifier: {identifier}")
        return found

    def serialize(self, obj):
        """Record of an object, as a dict that can be written as JSON; that of a public function is its name.

        Parameters
        ----------
        obj : object or callable

        Returns
        -------
        dict or str

        Examples
        --------
        >>> keras.losses.serialize(keras.losses.Huber(delta=2.0))["config"]["delta"]
        2.0
        >>> keras.losses.serialize(keras.losses.huber)
        'huber'
        """
        record = serialize_keras_object(obj)
        if isinstance(record, dict) and record["class_name"] == "function" and record["module"] != "builtins":
            return record["config"]
        return record

    def deserialize(self, config, custom_objects=None):
        """The object of a record of `serialize`, or of a name.

        Parameters
        ----------
        config : dict or str
        custom_objects : dict, optional
            Name -> class or function, for those that are not registered.

        Returns
        -------
        object or callable

        Raises
        ------
        ValueError
            There is nothing of that name.

        Examples
        --------
        >>> keras.losses.deserialize(keras.losses.serialize(keras.losses.Huber(delta=2.0))).delta
        2.0
        """
        if isinstance(config, str):
            with custom_object_scope(custom_objects or {}):
                return self.get(config)
        if "class_name" in config and "module" not in config:  # older files
            cls = get_registered_object(config["class_name"], custom_objects) or self.find(config["class_name"])
            if cls is None:
                raise ValueError(f"Could not interpret {self.kind} identifier: {config['class_name']}")
            return cls.from_config(config.get("config", {})) if isinstance(cls, type) else cls
        return deserialize_keras_object(config, custom_objects)
