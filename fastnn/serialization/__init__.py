"""Files of tensors and of nested state, `save` and `load`; they are safetensors files.

`save` keeps the structure of nested dicts, lists and numbers as JSON in the metadata; the tensors of a ``state_dict``
stay readable for every other safetensors reader under their own names. `load` reads the files of PyTorch's own
``torch.save`` too. Nothing that is read here can execute code, unless the caller says ``weights_only=False``.
"""
import collections
import json

from fastnn.errors import FileFormatError, UnsafeFileError
from fastnn.serialization import files, safetensors
from fastnn.serialization.limits import damaged, short
from fastnn.serialization.structure import NotPlain, Packer, Pickled, Unpacker, tensor

__all__ = ["FileFormatError", "UnsafeFileError", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load",
           "load_file", "safe_globals", "save", "save_file"]

STRUCTURE = "fastnn"  # the metadata key of the structure that `save` writes
VERSION = 1
_safe_globals = []


def add_safe_globals(safe_globals):
    """Note classes and functions as safe, as PyTorch's programs do before they load.

    Here it decides nothing: arrays, dtypes and plain containers load without being named, and what would have to be
    called needs ``weights_only=False`` whether it is named or not.
    """
    _safe_globals.extend(each for each in safe_globals if each not in _safe_globals)


def get_safe_globals():
    """What is noted as safe."""
    return list(_safe_globals)


def clear_safe_globals():
    """Forget what is noted as safe."""
    _safe_globals.clear()


class safe_globals:  # noqa: N801
    """Classes and functions noted as safe within a ``with``; see `add_safe_globals`."""

    def __init__(self, safe_globals):
        self.safe_globals = safe_globals

    def __enter__(self):
        self.before = get_safe_globals()
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exception):
        _safe_globals[:] = self.before


def save_file(tensors, filename, metadata=None):
    """Write a dict of tensors as a safetensors file.

    Parameters
    ----------
    tensors : dict of str to Tensor or ndarray
    filename : path or binary file
        A path is written atomically: to a temporary file beside it, which then takes its name.
    metadata : dict of str to str, optional

    Raises
    ------
    TypeError
        A name is not a string, a value no tensor, or its dtype has no place in the format.
    ValueError
        The file is closed, or a name is ``__metadata__``.
    OSError
        The path cannot be written.
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

    Parameters
    ----------
    filename : path or binary file
    device : optional
        Accepted for compatibility; everything is on the CPU.
    as_numpy : bool
        NumPy arrays instead of Tensors. Unsigned integers of 16 to 64 bits exist as arrays only.

    Returns
    -------
    dict of str to Tensor
        In the order of the file. BF16 comes as float32, which holds it exactly.

    Raises
    ------
    ValueError
        Not a well-formed safetensors file: names the file and the reason.
    """
    def parse(file, size):
        arrays, _ = safetensors.read(file, size)
        return arrays if as_numpy else {name: tensor(array) for name, array in arrays.items()}
    return files.read(filename, "load_file", parse)


def save(obj, f, pickle_module=None, pickle_protocol=2, _use_new_zipfile_serialization=True):
    """Save nested state or any object as ``torch.save``, in a safetensors file.

    Parameters
    ----------
    obj : object
        Tensors, arrays, numbers, strings, None, dtypes, sizes, and dicts, lists, tuples and sets of them: the
        ``state_dict`` of models and optimizers, and dicts that hold several. These load again without question.
        Everything else that can be pickled: whole modules, optimizers, objects of a program. It is pickled, its arrays
        beside it, and `load` asks for ``weights_only=False``.
    f : path or binary file
        A path is written atomically. What earlier processes left beside it that were killed while they saved under
        the same name is removed.
    pickle_module, pickle_protocol : optional
        For what is pickled.
    _use_new_zipfile_serialization
        Accepted for compatibility, without effect.

    Notes
    -----
    Tensors that share memory do so again after `load`; that memory is written once, under the name of the first of
    those that have all of it. Of a tensor that shares with none its own numbers alone are written.

    Raises
    ------
    ValueError
        Nested state contains itself, or the file is closed.
    TypeError, AttributeError, pickle.PicklingError
        Something cannot be pickled: a class or function defined inside a function, say.
    OSError
        The path cannot be written, or the file takes nothing.
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

    Parameters
    ----------
    f : path or binary file
    map_location, mmap
        Accepted for compatibility, without effect: everything is on the CPU, and read.
    weights_only : bool, optional
        Only an explicit False restores whole objects, by unpickling, **which can execute whatever the file's author
        wanted**. Otherwise nothing that could execute is read: a ``state_dict``, or dicts that hold several.
    pickle_module, pickle_load_args : optional
        For unpickling, as in PyTorch.

    Notes
    -----
    bfloat16 comes as float32. In PyTorch's files of whole modules fastnn's classes take the places of PyTorch's.

    Raises
    ------
    ValueError
        The file is damaged, of another format, or needs ``weights_only=False``; names the file and the reason. In the
        last case it is a ``pickle.UnpicklingError`` too, as in PyTorch.
    """
    trusted = weights_only is not None and not weights_only

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
