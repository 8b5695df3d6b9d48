"""HDF5 files of Keras 3 (weights by path) and Keras 2 (whole models), by h5py, an extra."""
import json
import warnings

import numpy as np

from fastnn.errors import FileFormatError
from fastnn.keras import losses, optimizers
from fastnn.keras.models.config import functional_from_config, sequential_from_config
from fastnn.keras.models.functional import Functional
from fastnn.keras.models.sequential import Sequential
from fastnn.keras.saving import objects
from fastnn.serialization.limits import bytes_of, room



def h5py():
    """The package, or an ImportError that says what it is for."""
    try:
        import h5py as found
    except ImportError:
        raise ImportError("HDF5 files (`.keras`, `.h5`, `.weights.h5`) need h5py: pip install h5py; `.safetensors` and "
                          "`.fastnn` files need no other package") from None
    return found


def group(parent, name):
    """A group within a group, or None; links to other files are refused."""
    link = parent.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py().HardLink):
        raise FileFormatError(f"{name!r} is a link, not data")
    found = parent[name]
    if not isinstance(found, h5py().Group):
        raise FileFormatError(f"{name!r} is no group")
    return found


class Arrays:
    """The arrays of a group as a mapping; each is read when it is asked for."""

    def __init__(self, found):
        self.group = found

    def __len__(self):
        return 0 if self.group is None else len(self.group)

    def keys(self):
        return [] if self.group is None else list(self.group)

    def __contains__(self, name):
        return self.group is not None and name in self.group

    def __getitem__(self, name):
        if self.group is None or name not in self.group:
            raise KeyError(name)
        return array(self.group, name)


def array(parent, name):
    """The array of a data set, which must lie in the file itself."""
    package = h5py()
    if not isinstance(parent.get(name, getlink=True), package.HardLink):
        raise FileFormatError(f"{name!r} is a link, not data")
    found = parent[name]
    if not isinstance(found, package.Dataset) or found.external or found.is_virtual:
        raise FileFormatError(f"{name!r} holds no data of its own")
    if found.dtype.kind not in "fiub" or found.shape is None:
        raise FileFormatError(f"{name!r}: {found.dtype} {found.shape} is nothing that a layer has")
    bytes_of(found.shape, found.dtype.itemsize, room(found.id.get_storage_size()))
    return np.asarray(found)


def write_weights(state, file):
    """Write what `state.collect` gives to an open HDF5 file."""
    for path, (name, store) in state.items():
        made = file.create_group(f"{path}/vars" if path else "vars")
        if name:
            made.attrs["name"] = name
        for key, value in store.items():
            made[key] = value


def weights(file):
    """``lookup(path)`` of an open HDF5 file, for `state.restore`."""
    def lookup(path):
        here = file
        for part in [*path.split("/"), "vars"] if path else ["vars"]:
            here = group(here, part)
            if here is None:
                return Arrays(None)
        return Arrays(here)
    return lookup


# ---- Keras 2 ----

def _text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def read_old_model(file, custom_objects, compile):
    """The model of a file that Keras 2 (or Keras 3's ``model.save("x.h5")``) wrote."""
    if "model_config" not in file.attrs:
        raise ValueError("No model config found in the file: it holds weights alone. Make the model, then call "
                         "`load_weights`.")
    record = json.loads(_text(file.attrs["model_config"]))
    kind, config = record["class_name"], record["config"]
    with objects.custom_object_scope(custom_objects or {}):
        if kind == "Sequential":
            model = sequential_from_config(Sequential, config, custom_objects)
        elif kind in ("Functional", "Model"):
            model = functional_from_config(Functional, config, custom_objects)
        else:
            cls = objects.get_registered_object(kind, custom_objects)
            if cls is None:
                raise TypeError(f"Could not locate class '{kind}'. Pass it as `custom_objects`.")
            model = cls.from_config(config)
    read_old_weights(group(file, "model_weights"), model)
    training = file.attrs.get("training_config")
    if compile and training is not None:
        _compile(model, json.loads(_text(training)))
    return model


def _compile(model, config):
    record = config.get("optimizer_config") or config.get("optimizer")
    try:
        optimizer = optimizers.deserialize(record) if isinstance(record, dict) else record
        metrics = config.get("metrics")
        if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list):
            metrics = metrics[0]
        model.compile(optimizer, _made(config.get("loss"), losses.deserialize), config.get("loss_weights"),
                      _made(metrics, lambda record: record["config"]["name"]) or None)
    except (ValueError, TypeError, KeyError) as error:
        warnings.warn(f"The model was not compiled, because its file's training configuration was not understood "
                      f"({error}). Call `compile`.", stacklevel=4)


def _made(value, make):
    """Records within lists and dicts, turned into what they are records of."""
    if isinstance(value, dict):
        return make(value) if "class_name" in value else {key: _made(each, make) for key, each in value.items()}
    return [_made(each, make) for each in value] if isinstance(value, list) else value


def read_old_weights(file, model, by_name=False, skip_mismatch=False):
    """Set the weights of each layer from its group, in order or by name."""
    names = [_text(name) for name in file.attrs["layer_names"]]
    stored = []
    for name in names:
        found = group(file, name)
        keys = [_text(key) for key in found.attrs["weight_names"]]
        if keys:
            stored.append((name, [_deep(found, key) for key in keys]))
    layers = [layer for layer in model.layers if layer.weights]
    if by_name:
        known = {layer.name: layer for layer in layers}
        pairs = [(known[name], arrays) for name, arrays in stored if name in known]
    else:
        if len(layers) != len(stored):
            raise ValueError(f"Layer count mismatch when loading weights from file. Model expected {len(layers)} "
                             f"layers, found {len(stored)} saved layers.")
        pairs = list(zip(layers, [arrays for _, arrays in stored]))
    for layer, arrays in pairs:
        try:
            layer.set_weights(arrays)
        except ValueError:
            if not skip_mismatch:
                raise
            warnings.warn(f"Skipping loading weights for layer {layer.name} due to a mismatch", stacklevel=4)


def _deep(parent, key):
    """An array whose name may go through groups."""
    *parts, last = key.split("/")
    for part in parts:
        parent = group(parent, part)
        if parent is None:
            raise FileFormatError(f"{key!r} is missing")
    return array(parent, last)


def write_old_model(model, file):
    """Write a whole model in the layout of Keras 2."""
    record = objects.serialize_keras_object(model)
    file.attrs["keras_version"] = "3.15.1"
    file.attrs["backend"] = "fastnn"
    file.attrs["model_config"] = json.dumps({"class_name": record["class_name"], "config": record["config"]})
    write_old_weights(model, file.create_group("model_weights"))
    if record.get("compile_config"):
        config = dict(record["compile_config"])
        optimizer = config.pop("optimizer", None)
        if optimizer:
            config["optimizer_config"] = {"class_name": optimizer["class_name"], "config": optimizer["config"]}
        file.attrs["training_config"] = json.dumps(config)


def write_old_weights(model, file):
    """Write the weights of each layer in the layout of Keras 2."""
    file.attrs["layer_names"] = np.array([layer.name.encode() for layer in model.layers], dtype="S")
    for layer in model.layers:
        made = file.create_group(layer.name)
        names = [f"{layer.name}/{weight.name}_{i}" if [w.name for w in layer.weights].count(weight.name) > 1
                 else f"{layer.name}/{weight.name}" for i, weight in enumerate(layer.weights)]
        made.attrs["weight_names"] = np.array([name.encode() for name in names] or [], dtype="S")
        for name, weight in zip(names, layer.weights):
            made[name] = weight.numpy()
