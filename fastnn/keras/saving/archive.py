"""Whole models in one file: a zip of the architecture as JSON and the weights."""
import contextlib
import datetime
import importlib.util
import io
import json
import os
import zipfile

from fastnn.errors import FileFormatError
from fastnn.keras.layers.base import Layer
from fastnn.keras.saving import hdf5, objects
from fastnn.keras.saving.state import collect, restore, walk
from fastnn.keras.variables import at_most
from fastnn.serialization import load_file, save_file
from fastnn.serialization.files import Reader, replacing
from fastnn.serialization.limits import damaged, room

H5, SAFE = "model.weights.h5", "model.weights.safetensors"


def _suffix(filepath):
    name = os.fspath(filepath).lower()
    known = ".weights.h5", ".keras", ".fastnn", ".h5", ".hdf5", ".safetensors"
    return next((end for end in known if name.endswith(end)), "")


@contextlib.contextmanager
def _reading(filepath):
    """What a file makes is bounded by its size, and what it makes classes raise names it."""
    path = os.fspath(filepath)
    with objects.errors_of(path), at_most(room(os.path.getsize(path))):
        yield


def _may_write(filepath, overwrite):
    if not overwrite and os.path.exists(filepath):
        raise FileExistsError(f"{filepath} exists already; pass `overwrite=True` to replace it")


def _has_h5py():
    return importlib.util.find_spec("h5py") is not None


# ---- weights by themselves ----

def _flat(state):
    return {f"{path}/vars/{key}" if path else f"vars/{key}": value
            for path, (_, store) in state.items() for key, value in store.items()}


def _safe_bytes(model):
    buffer = io.BytesIO()
    save_file(_flat(collect(model)), buffer, {"format": "fastnn.keras"})
    return buffer.getvalue()


def _safe_lookup(arrays):
    tree = {}
    for key, value in arrays.items():
        path, _, name = key.rpartition("/")
        tree.setdefault(path, {})[name] = value
    return lambda path: tree.get(f"{path}/vars" if path else "vars", {})


def _h5_bytes(model):
    buffer = io.BytesIO()
    with hdf5.h5py().File(buffer, "w") as file:
        hdf5.write_weights(collect(model), file)
    return buffer.getvalue()


def save_weights(model, filepath, overwrite=True, **kwargs):
    """Writes the weights alone.

    Parameters
    ----------
    model : Model
    filepath : str or path
        ``.weights.h5`` as Keras does (needs h5py), or ``.safetensors``.
    overwrite : bool

    Raises
    ------
    ValueError
        The model has no weights yet, or another ending.

    Examples
    --------
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.saving.save_weights(model, path)
    >>> os.path.exists(path)
    True
    """
    if kwargs:
        raise NotImplementedError(f"save_weights: {', '.join(kwargs)} is not implemented")
    _may_write(filepath, overwrite)
    suffix = _suffix(filepath)
    if suffix not in (".weights.h5", ".safetensors", ".h5"):
        raise ValueError(f"The filename must end in `.weights.h5` or `.safetensors`. Received: filepath={filepath}")
    if not model.built:
        raise ValueError(f"The model {model.name} has no weights yet: build it, or call it on data, before saving them")
    data = _safe_bytes(model) if suffix == ".safetensors" else _h5_bytes(model)
    with replacing(os.path.realpath(filepath), "save_weights") as file:
        file.write(data)


def load_weights(model, filepath, skip_mismatch=False, by_name=False, **kwargs):
    """Sets the weights from a file of `save_weights`, of Keras 3, of Keras 2, or from a whole model's file.

    Parameters
    ----------
    model : Model
    filepath : str or path
    skip_mismatch : bool
        Whether to leave out weights that do not fit.
    by_name : bool
        For files of Keras 2: by the layers' names.

    Raises
    ------
    ValueError
        Another ending, or weights that do not fit.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.save_weights(path)
    >>> keras.saving.load_weights(model, path)
    """
    if kwargs:
        raise NotImplementedError(f"load_weights: {', '.join(kwargs)} is not implemented")
    suffix = _suffix(filepath)
    if suffix not in (".safetensors", ".keras", ".fastnn", ".weights.h5", ".h5", ".hdf5"):
        raise ValueError(f"File format not supported: filepath={filepath}. Keras weights are `.weights.h5`, "
                         f"`.safetensors`, `.keras`, `.fastnn` or `.h5` files.")
    with _reading(filepath):
        if suffix == ".safetensors":
            restore(model, _safe_lookup(load_file(filepath, as_numpy=True)), skip_mismatch)
        elif suffix in (".keras", ".fastnn"):
            with _Archive(filepath) as archive:
                archive.restore(model, skip_mismatch)
        else:
            with _open_h5(filepath) as file:
                if "layer_names" in file.attrs or "model_weights" in file:
                    hdf5.read_old_weights(hdf5.group(file, "model_weights") if "model_weights" in file else file,
                                          model, by_name, skip_mismatch)
                else:
                    restore(model, hdf5.weights(file), skip_mismatch)


def _open_h5(filepath):
    package = hdf5.h5py()
    try:
        return package.File(filepath, "r")
    except OSError as error:
        raise FileFormatError(f"no HDF5 file, or damaged: {error}") from None


# ---- whole models ----

def save_model(model, filepath, overwrite=True, zipped=None, include_optimizer=True, save_format=None, **kwargs):
    """Writes architecture, weights and the optimizer's state into one file.

    Parameters
    ----------
    model : Model
    filepath : str or path
        ``.keras``: the format of Keras 3 if h5py is installed, else with the weights as safetensors. ``.fastnn``:
        always with safetensors. ``.h5``: the layout of Keras 2.
    overwrite : bool
    zipped : bool, optional
        False is not implemented.
    include_optimizer : bool
        Whether to write what `compile` was given.
    save_format
        Accepted.

    Raises
    ------
    ValueError
        Another ending.
    FileExistsError
        The file exists and `overwrite` is False.

    Examples
    --------
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.fastnn")
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.saving.save_model(model, path)
    >>> keras.saving.load_model(path).output_shape
    (None, 2)
    """
    if zipped is False or kwargs:
        raise NotImplementedError(f"save_model: {', '.join(kwargs) or 'zipped=False'} is not implemented")
    _may_write(filepath, overwrite)
    suffix = _suffix(filepath)
    if suffix in (".h5", ".hdf5"):
        with replacing(os.path.realpath(filepath), "save_model") as target:
            buffer = io.BytesIO()
            with hdf5.h5py().File(buffer, "w") as file:
                hdf5.write_old_model(model, file)
            target.write(buffer.getvalue())
        return
    if suffix not in (".keras", ".fastnn"):
        raise ValueError(f"Invalid filepath extension for saving. Please add either a `.keras` extension for the "
                         f"native Keras format (recommended) or a `.h5` extension. Received: filepath={filepath}.")
    record = objects.serialize_keras_object(model)
    if not include_optimizer:
        record.pop("compile_config", None)
    metadata = {"keras_version": "3.15.1", "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    name, data = (H5, _h5_bytes(model)) if suffix == ".keras" and _has_h5py() else (SAFE, _safe_bytes(model))
    with replacing(os.path.realpath(filepath), "save_model") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(record, default=_plain))
        archive.writestr(name, data)
        for path, each in walk(model):
            texts = {}
            if hasattr(each, "save_assets"):
                each.save_assets(texts)
            for text_name, text in texts.items():
                archive.writestr(f"assets/{path}/{text_name}", text)


def _plain(value):
    raise TypeError(f"save_model: {type(value).__name__} in the configuration is nothing that JSON holds")


class _Archive:
    """A model's zip file, for reading."""

    def __init__(self, filepath):
        self.path = os.fspath(filepath)
        self.left = room(os.path.getsize(self.path))  # bytes that its members may still take

    def __enter__(self):
        try:
            self.file = Reader(self.path)
            self.zip = zipfile.ZipFile(self.file)
        except (zipfile.BadZipFile, OSError) as error:
            raise FileFormatError(f"no archive of a model, or damaged: {error}") from None
        return self

    def __exit__(self, *exception):
        self.zip.close()
        self.file.close()

    def _read(self, name):
        if name not in self.zip.namelist():
            raise FileFormatError(f"{name} is missing")
        with damaged(name):
            info = self.zip.getinfo(name)
            self.left -= info.file_size
            if self.left < 0:
                raise FileFormatError(f"{name} of {info.file_size} bytes is too large")
            return self.zip.read(info)

    def config(self):
        with damaged("config.json"):
            return json.loads(self._read("config.json"))

    def _restore_assets(self, model, names):
        """Vocabularies, which are texts beside the arrays."""
        for path, each in walk(model):
            if hasattr(each, "load_assets"):
                start = f"assets/{path}/"
                each.load_assets({name.removeprefix(start): self._read(name).decode("utf-8", "replace")
                                  for name in names if name.startswith(start) and "/" not in name.removeprefix(start)})

    def restore(self, model, skip_mismatch=False):
        names = self.zip.namelist()
        self._restore_assets(model, names)
        if SAFE in names:
            restore(model, _safe_lookup(load_file(io.BytesIO(self._read(SAFE)), as_numpy=True)), skip_mismatch)
            return
        data = io.BytesIO(self._read(H5))
        try:
            file = hdf5.h5py().File(data, "r")
        except OSError as error:
            raise FileFormatError(f"{H5} is damaged: {error}") from None
        with file:
            restore(model, hdf5.weights(file), skip_mismatch)


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model of a file of `save_model`, of Keras 3 (``.keras``) or of Keras 2 (``.h5``).

    Parameters
    ----------
    filepath : str or path
    custom_objects : dict, optional
        Classes and functions that the file may name.
    compile : bool
        Whether to compile the model as it was.
    safe_mode : bool
        False is not implemented: nothing in a file is executed.

    Returns
    -------
    Model

    Raises
    ------
    FileFormatError
        The file is damaged, of another kind, or asks for more than it can hold (a ValueError).
    TypeError
        It names an unknown class, or gives a class what it does not take.
    NotImplementedError
        It uses a part of Keras that is not here.

    Examples
    --------
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.fastnn")
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.save(path)
    >>> x = np.ones((1, 3))
    >>> bool((keras.models.load_model(path)(x) == model(x)).all())
    True
    """
    if not safe_mode:
        raise NotImplementedError("load_model: safe_mode=False is not implemented: nothing in a file is executed")
    if not os.path.exists(filepath):
        if _suffix(filepath) in (".h5", ".hdf5"):
            raise FileNotFoundError(f"{filepath}: there is no such file")
        raise ValueError(f"File not found: filepath={filepath}. Please ensure the file is an accessible `.keras` zip "
                         f"file.")
    with _reading(filepath):
        if _suffix(filepath) in (".h5", ".hdf5"):
            with _open_h5(filepath) as file:
                return hdf5.read_old_model(file, custom_objects, compile)
        with _Archive(filepath) as archive:
            record = archive.config()
            if not isinstance(record, dict):
                raise FileFormatError(f"config.json holds a {type(record).__name__}")
            if not compile:
                record.pop("compile_config", None)
            model = objects.deserialize_keras_object(record, custom_objects)
            if not isinstance(model, Layer):
                raise FileFormatError(f"config.json describes a {type(model).__name__}, no model")
            archive.restore(model)
    return model
