"""Files of tensors and of nested state, `save` and `load`; they are safetensors files.

`save` keeps the structure of nested dicts, lists and numbers as JSON in the metadata; the tensors of a ``state_dict``
stay readable for every other safetensors reader under their own names. `load` reads the files of PyTorch's own
``torch.save`` too. Nothing that is read here can execute code, unless the caller says ``weights_only=False``.
"""
import collections
import json
import os

from fastnn.errors import FileFormatError, UnsafeFileError
from fastnn.serialization import files, safetensors
from fastnn.serialization.limits import damaged, short
from fastnn.serialization.structure import NotPlain, Packer, Pickled, Unpacker, tensor

__all__ = ["FileFormatError", "UnsafeFileError", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load",
           "load_file", "safe_globals", "save", "save_file"]

STRUCTURE = "fastnn"  # the metadata key of the structure that `save` writes
VERSION = 1
DEFAULT_PROTOCOL = 2  # PyTorch's names, which libraries write as defaults and in annotations
MAP_LOCATION = object
_safe_globals = []


def add_safe_globals(safe_globals):
    """Register classes and functions as safe, as programs for PyTorch do before they load.

    Here it decides nothing: arrays, dtypes and plain containers load without being named, and what would have to be
    called needs ``weights_only=False`` whether it is registered or not. Same call as
    torch.serialization.add_safe_globals.

    Parameters
    ----------
    safe_globals : list

    Examples
    --------
    >>> fastnn.serialization.add_safe_globals([set])
    >>> fastnn.serialization.get_safe_globals()
    [<class 'set'>]
    >>> fastnn.serialization.clear_safe_globals()
    """
    _safe_globals.extend(each for each in safe_globals if each not in _safe_globals)


def get_safe_globals():
    """The list of what is registered as safe; see `add_safe_globals`.

    Examples
    --------
    >>> fastnn.serialization.get_safe_globals()
    []
    """
    return list(_safe_globals)


def clear_safe_globals():
    """Remove all that is registered as safe; see `add_safe_globals`.

    Examples
    --------
    >>> fastnn.serialization.clear_safe_globals()
    """
    _safe_globals.clear()


class safe_globals:  # noqa: N801
    """Context in which classes and functions are registered as safe; see `add_safe_globals`.

    Parameters
    ----------
    safe_globals : list

    Examples
    --------
    >>> with fastnn.serialization.safe_globals([set]):
    ...     fastnn.serialization.get_safe_globals()
    [<class 'set'>]
    """

    def __init__(self, safe_globals):
        self.safe_globals = safe_globals

    def __enter__(self):
        self.before = get_safe_globals()
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exception):
        _safe_globals[:] = self.before


def save_file(tensors, filename, metadata=None):
    """Write a dict of tensors as a safetensors file.

    Same as safetensors.torch.save_file.

    Parameters
    ----------
    tensors : dict of str to Tensor or ndarray
    filename : path or binary file
        A path is written atomically: to a temporary file in the same folder, which is then renamed.
    metadata : dict of str to str, optional

    Raises
    ------
    TypeError
        A name is not a string, a value no tensor, or the format lacks its dtype.
    ValueError
        The file is closed, or a name is ``__metadata__``.
    OSError
        The path cannot be written.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> fastnn.serialization.save_file({"x": fastnn.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> fastnn.serialization.load_file(file)
    {'x': tensor([1., 1.])}
    """
    if not isinstance(tensors, collections.abc.Mapping):
        raise TypeError(f"save_file: expected a dict of tensors, got {type(tensors).__name__}")
    for name in tensors:
        if not isinstance(name, str):
            raise TypeError(f"save_file: expected names that are strings, got {name!r}")
        if name == "__metadata__":
            raise ValueError("save_file: '__metadata__' cannot be the name of a tensor")
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"save_file: expected metadata of strings, got {key!r}: {value!r}")
    arrays = {name: safetensors.to_array(value, f"save_file: {name!r}") for name, value in tensors.items()}
    files.write(safetensors.pieces(arrays, dict(metadata or {})), filename, "save_file")


def load_file(filename, device=None, *, as_numpy=False):
    """Read a safetensors file.

    Same as safetensors.torch.load_file.

    Parameters
    ----------
    filename : path or binary file
    device : optional
        Accepted for compatibility; everything is on the CPU.
    as_numpy : bool
        Whether arrays are returned instead of Tensors.

    Returns
    -------
    dict of str to Tensor
        In the order of the file.

    Raises
    ------
    ValueError
        Not a well-formed safetensors file: names the file and the reason.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> fastnn.serialization.save_file({"x": np.arange(3)}, file)
    >>> _ = file.seek(0)
    >>> fastnn.serialization.load_file(file, as_numpy=True)
    {'x': array([0, 1, 2])}
    """
    def parse(file, size):
        arrays, _ = safetensors.read(file, size)
        return arrays if as_numpy else {name: tensor(array) for name, array in arrays.items()}
    return files.read(filename, "load_file", parse)


def save(obj, f, pickle_module=None, pickle_protocol=2, _use_new_zipfile_serialization=True):
    """Save nested state or any object, in a safetensors file.

    Same call as torch.save. Tensors that share memory do so again after `load`; that memory is written once, under the
    name of the first of those that have all of it. Of a tensor that shares with none only its own numbers are written.

    Parameters
    ----------
    obj : object
        Tensors, arrays, numbers, strings, None, dtypes, sizes, and dicts, lists, tuples and sets of them: the
        ``state_dict`` of models and optimizers, and dicts that hold several. These load again without question.
        Everything else that can be pickled: whole modules, optimizers, objects of a program. It is pickled, its arrays
        beside it, and `load` asks for ``weights_only=False``.
    f : path or binary file
        A path is written atomically. Temporary files of earlier processes that were killed while they saved under the
        same name are removed.
    pickle_module, pickle_protocol : optional
        For what is pickled.
    _use_new_zipfile_serialization
        Accepted for compatibility, without effect.

    Raises
    ------
    ValueError
        Nested state contains itself, or the file is closed.
    TypeError, AttributeError, pickle.PicklingError
        Something cannot be pickled: a class or function defined inside a function, say.
    OSError
        The path cannot be written, or the file takes nothing.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> fastnn.save({"epoch": 3, "weights": [fastnn.ones(2)]}, file)
    >>> _ = file.seek(0)
    >>> fastnn.load(file)
    {'epoch': 3, 'weights': [tensor([1., 1.])]}
    """
    packer = Packer()
    try:
        tree = packer.pack(obj)
    except NotPlain:
        from fastnn.serialization import objects  # with what few programs need
        packer = Packer()
        tree = objects.pack(obj, packer, pickle_module, pickle_protocol)
    packer.finish()
    structure = json.dumps({"version": VERSION, "tree": tree}, ensure_ascii=False, separators=(",", ":"))
    files.write(safetensors.pieces(packer.arrays, {"format": "pt", STRUCTURE: structure}), f, "save")


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Load what `save` wrote, any safetensors file as a dict, or a file of PyTorch's own ``torch.save``.

    Same call as torch.load. In PyTorch's files of whole modules fastnn's classes replace
    PyTorch's.

    Parameters
    ----------
    f : path or binary file
    map_location, mmap
        Accepted for compatibility, without effect: everything is on the CPU, and read.
    pickle_module, pickle_load_args : optional
        For unpickling, as in PyTorch.
    weights_only : bool, optional
        Only an explicit False restores whole objects, by unpickling, **which can execute whatever the file's author
        wanted**. Otherwise nothing that could execute is read: a ``state_dict``, or dicts that hold several. As in
        PyTorch, the environment's ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1`` makes False the default.

    Raises
    ------
    ValueError
        The file is damaged, of another format, or needs ``weights_only=False``; names the file and the reason. In the
        last case it is a ``pickle.UnpicklingError`` too, as in PyTorch.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> fastnn.save(nn.Linear(1, 1), file)
    >>> _ = file.seek(0)
    >>> fastnn.load(file, weights_only=False)
    Linear(in_features=1, out_features=1, bias=True)
    """
    forced = os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "").lower() in ("1", "y", "yes", "true")
    trusted = forced if weights_only is None else not weights_only

    def parse(file, size):
        start = file.read(9)
        file.seek(0)
        if safetensors.by_torch(start):
            from fastnn.serialization import objects, torch_files  # with zipfile and pickletools
            return torch_files.read(file, size, trusted and objects.unpickle_torch(pickle_module, **pickle_load_args))
        arrays, metadata = safetensors.read(file, size)
        if STRUCTURE not in metadata:
            return {key: tensor(array) for key, array in arrays.items()}
        value = _restored(arrays, metadata[STRUCTURE])
        if not isinstance(value, Pickled):
            return value
        from fastnn.serialization import objects
        if not trusted:
            raise UnsafeFileError(f"the file holds a whole {short(value.title)}, pickled. {objects.ADVICE}")
        return objects.unpack(value, pickle_module, **pickle_load_args)

    return files.read(f, "load", parse)


def _restored(arrays, text):
    """The value of a structure, given as JSON."""
    with damaged("the structure"):
        structure = safetensors.parse_json(text.encode("utf-8", "surrogatepass"))
        if not isinstance(structure, dict) or set(structure) != {"version", "tree"}:
            raise FileFormatError("the structure is malformed")
        if structure["version"] != VERSION:
            raise FileFormatError(f"the structure is of version {short(structure['version'])}, this fastnn reads "
                                  f"{VERSION}")
        return Unpacker(arrays).unpack(structure["tree"])
