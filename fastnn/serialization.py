"""Files of tensors: the safetensors format, and `save`/`load` of nested state on top of it.

`load` reads the files of PyTorch's own ``torch.save`` too, see `_torch_files`.

Nothing that is read here can execute code. A safetensors file is 8 bytes (length of the header, little endian), a
JSON header ``{name: {"dtype", "shape", "data_offsets"}, "__metadata__": {str: str}}``, and the arrays' bytes without
gaps. `save` keeps the structure of nested dicts, lists and numbers as JSON in the metadata; the tensors of a
``state_dict`` stay readable for every other safetensors reader under their own names.
"""
import collections
import io
import json
import math
import os
import stat

import numpy as np

from fastnn.errors import FileFormatError

__all__ = ["FileFormatError", "load", "load_file", "save", "save_file"]

MAX_HEADER = 100_000_000
MAX_DEPTH = 100
STRUCTURE = "fastnn"  # the metadata key of the structure that `save` writes
VERSION = 1

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
          "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1"}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


# ---- writing ----

def _is_tensor(value):
    from fastnn._tensor import Tensor
    return isinstance(value, Tensor)


def _array(value, what):
    """The value of a tensor or array as a C-contiguous little-endian array."""
    if not isinstance(value, (np.ndarray, np.generic)):
        if not _is_tensor(value):
            raise TypeError(f"{what}: expected a Tensor or a NumPy array, got {type(value).__name__}")
        value = value.detach().numpy()
    array = np.asarray(value)
    little = array.dtype.newbyteorder("<")
    if little not in NAMES:
        raise TypeError(f"{what}: dtype {array.dtype} cannot be stored; possible: "
                        f"{', '.join(np.dtype(code).name for code in DTYPES.values())}")
    return np.asarray(array, little, order="C")


def _pieces(arrays, metadata):
    """The file's bytes, piece by piece: header, then the arrays, those of large elements first for alignment."""
    arrays = dict(sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, array in arrays.items():
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(f"save: the header would take {len(text)} bytes, more than {MAX_HEADER}")
    yield len(text).to_bytes(8, "little") + text
    for array in arrays.values():
        if array.nbytes:
            yield memoryview(array.reshape(-1).view(np.uint8))


def _write(pieces, target, op):
    if hasattr(target, "write"):
        if getattr(target, "closed", False):
            raise ValueError(f"{op}: the file is closed")
        if isinstance(target, io.TextIOBase):
            raise TypeError(f"{op}: expected a file opened in binary mode ('wb'), got a text file")
        for piece in pieces:
            piece = memoryview(piece)
            while len(piece):
                written = target.write(piece)
                if written is None:  # a file-like object that does not say takes all
                    break
                piece = piece[written:]
        return
    try:
        path = os.path.realpath(os.fspath(target))
    except TypeError:
        raise TypeError(f"{op}: expected a path or a binary file, got {type(target).__name__}") from None
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a device or a pipe
        with open(path, "wb") as file:
            for piece in pieces:
                file.write(piece)
        return
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{op}: {path} is a folder")
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{op}: there is no folder {folder}")
    if mode is not None and not os.access(path, os.W_OK):
        raise PermissionError(f"{op}: {path} is not writable")
    # A reader sees the old file or the new one, never half of it, whatever happens meanwhile.
    temporary = os.path.join(folder, f".{name[:100]}.{os.urandom(6).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, path)
    except BaseException as error:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        if isinstance(error, OSError) and error.filename == temporary:
            raise type(error)(error.errno, f"{op}: cannot write into {folder}: {error.strerror}", path) from None
        raise


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
    arrays = {name: _array(value, f"save_file: {name!r}") for name, value in tensors.items()}
    _write(_pieces(arrays, dict(metadata or {})), filename, "save_file")


# ---- reading ----

def _no_duplicates(pairs):
    result = {}
    for key, value in pairs:
        if key in result:
            raise FileFormatError(f"the key {key!r} appears twice")
        result[key] = value
    return result


def _reject(constant):
    raise FileFormatError(f"{constant} is not JSON")


def _parse(text):
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_reject)
    except UnicodeDecodeError:
        raise FileFormatError("the header is not UTF-8") from None
    except RecursionError:
        raise FileFormatError("the header is nested too deeply") from None
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"the header is not JSON: {error}") from None


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _entry(name, entry):
    """(dtype, shape, begin, end) of a header's entry, checked by itself."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FileFormatError(f"tensor {name!r}: expected dtype, shape and data_offsets, got {entry!r:.200}")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code != "BF16" and code not in DTYPES:
        raise FileFormatError(f"tensor {name!r}: dtype {code!r:.50} is not supported; known: {', '.join(DTYPES)}, BF16")
    if not isinstance(shape, list) or not all(map(_is_count, shape)) or len(shape) > 64:
        raise FileFormatError(f"tensor {name!r}: expected a shape of at most 64 non-negative integers, "
                              f"got {shape!r:.200}")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise FileFormatError(f"tensor {name!r}: expected two non-negative data_offsets, got {offsets!r:.200}")
    begin, end = offsets
    dtype = np.dtype("<u2" if code == "BF16" else DTYPES[code])
    expected = math.prod(shape) * dtype.itemsize
    if end - begin != expected:
        raise FileFormatError(f"tensor {name!r}: {code} of shape {shape!r:.200} takes {expected} bytes, but "
                              f"data_offsets {offsets} hold {end - begin}")
    return code, dtype, shape, begin, end


def _header(text, size):
    """Entries in the order of their bytes, and the metadata; `size` is the number of bytes after the header."""
    if not text.startswith(b"{"):
        raise FileFormatError("the header does not start with '{'")
    header = _parse(text)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileFormatError("__metadata__ is not a dict of strings")
    entries = {name: _entry(name, entry) for name, entry in header.items()}
    order = sorted(entries, key=lambda name: entries[name][3:])
    position = 0
    for name in order:
        begin, end = entries[name][3:]
        if begin != position:
            kind = "overlaps the tensor before" if begin < position else "leaves a hole"
            raise FileFormatError(f"tensor {name!r} {kind}: it begins at {begin}, expected {position}")
        if end > size:
            raise FileFormatError(f"the file is cut off: tensor {name!r} ends at byte {end} of {size}")
        position = end
    if position != size:
        raise FileFormatError(f"{size - position} bytes follow the last tensor")
    return [(name, *entries[name]) for name in order], metadata


def _by_torch(start):
    """Whether a file that begins so may be one of torch.save: a zip archive or a pickle."""
    return start[:4] == b"PK\x03\x04" or start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def _recognise(start):
    """Another well-known format's name, if the file begins like one."""
    if _by_torch(start):
        return "this is a zip archive or a pickle, no safetensors file; fastnn.load reads the files of torch.save"
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return "this is an HDF5 file (Keras weights?); fastnn reads safetensors only"
    if start[:6] == b"\x93NUMPY":
        return "this is a .npy file; read it with numpy.load(path, allow_pickle=False)"
    return None


def _read(file, size):
    """Arrays by name, and the metadata, of a binary file from its position on, where it has `size` bytes."""
    start = file.read(8)
    other = _recognise(start)
    if other:
        raise FileFormatError(other)
    if len(start) < 8:
        raise FileFormatError(f"the file is cut off: expected at least 8 bytes, got {len(start)}")
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER:
        raise FileFormatError(f"not a safetensors file: the header would take {length} bytes, more than {MAX_HEADER}")
    if length > size - 8:
        raise FileFormatError(f"the file is cut off: expected a header of {length} bytes, got {size - 8}")
    text = file.read(length)
    entries, metadata = _header(text, size - 8 - length)
    arrays = {}
    for name, code, dtype, shape, _, _ in entries:
        try:
            array = np.empty(shape, dtype)
        except ValueError as error:
            raise FileFormatError(f"tensor {name!r}: shape {shape}: {error}") from None
        if array.nbytes:
            view = memoryview(array.reshape(-1).view(np.uint8))
            while len(view):
                count = file.readinto(view)
                if not count:
                    raise FileFormatError(f"the file is cut off within tensor {name!r}")
                view = view[count:]
        if code == "BOOL" and array.size and array.view(np.uint8).max() > 1:
            raise FileFormatError(f"tensor {name!r}: a BOOL is neither 0 nor 1")
        if code == "BF16":  # the upper half of a float32
            array = (array.astype("<u4") << 16).view("<f4")
        arrays[name] = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    return arrays, metadata


def _open(source, op, other=None):
    """(what `_read` gives, name) of a path or binary file; `other` reads the bytes of files of torch.save."""
    if hasattr(source, "read"):
        name = getattr(source, "name", None) or type(source).__name__
        if getattr(source, "closed", False):
            raise ValueError(f"{op}: the file {name} is closed")
        data = source.read()
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"{op}: expected a file opened in binary mode ('rb'), got a text file")
        file, size = io.BytesIO(data), len(data)
    else:
        try:
            name = os.fspath(source)
        except TypeError:
            raise TypeError(f"{op}: expected a path or a binary file, got {type(source).__name__}") from None
        file = open(name, "rb")
        size = os.fstat(file.fileno()).st_size
    with file:
        try:
            if other is not None:
                start = file.read(8)
                file.seek(0)
                if _by_torch(start):
                    return other(file.read()), name
            return _read(file, size), name
        except FileFormatError as error:
            raise FileFormatError(f"{op}: {name}: {error}") from None


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
    (arrays, _), _ = _open(filename, "load_file")
    return arrays if as_numpy else {name: _tensor(array) for name, array in arrays.items()}


def _tensor(array):
    from fastnn._tensor import from_array
    return from_array(array)


# ---- nested state ----
# In the structure a JSON string, number, bool, None and list stand for themselves; everything else is an object of
# one key that says what it is.

class _Packer:
    def __init__(self):
        self.arrays = {}
        self.parents = set()

    def store(self, value, path):
        """Keep an array under the name that its place suggests; returns the name."""
        base = ".".join(path) or "tensor"
        name, number = base, 1
        while name in self.arrays or name == "__metadata__":
            number += 1
            name = f"{base}~{number}"
        self.arrays[name] = _array(value, f"save: {base}")
        return name

    def pack(self, value, path=()):
        if value is None or isinstance(value, (bool, str)):
            return value
        kind = type(value)
        if kind is int:
            return value if abs(value) < 1 << 63 else {"int": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.ndarray):
            return {"array": self.store(value, path)}
        if isinstance(value, np.generic):
            return {"scalar": self.store(value, path)}
        if _is_tensor(value):
            return {"variable" if value.requires_grad else "tensor": self.store(value, path)}
        if isinstance(value, (bytes, bytearray)):
            return {"bytes": self.store(np.frombuffer(bytes(value), np.uint8), path)}
        if id(value) in self.parents or len(self.parents) > MAX_DEPTH:
            raise ValueError(f"save: {'.'.join(path[:5])}... contains itself, or nests deeper than {MAX_DEPTH}")
        self.parents.add(id(value))
        try:
            return self.pack_container(value, path)
        finally:
            self.parents.discard(id(value))

    def pack_container(self, value, path):
        from fastnn import dtypes
        if isinstance(value, (dict, collections.OrderedDict)):
            items = []
            for key, item in value.items():
                if not isinstance(key, (str, int, float, bool, tuple, type(None))):
                    raise TypeError(f"save: {'.'.join(path) or 'the object'}: cannot store the key {key!r}")
                items.append([self.pack(key, path), self.pack(item, (*path, str(key)))])
            return {"ordered" if isinstance(value, collections.OrderedDict) else "dict": items}
        if isinstance(value, dtypes.dtype):
            return {"dtype": value.name}
        if isinstance(value, dtypes.device):
            return {"device": str(value)}
        if isinstance(value, dtypes.Size):
            return {"size": list(value)}
        if type(value) in (list, tuple, set, frozenset):
            items = [self.pack(item, (*path, str(i))) for i, item in enumerate(value)]
            return items if type(value) is list else {type(value).__name__: items}
        if isinstance(value, (int, float)):  # an enumeration, say
            return self.pack(int(value) if isinstance(value, int) else float(value), path)
        advice = "; save its state_dict() instead" if hasattr(value, "state_dict") else ""
        raise TypeError(f"save: {'.'.join(path) or 'the object'} is of type {type(value).__qualname__}, which fastnn "
                        f"does not store: only tensors, arrays, numbers, strings, None, and dicts, lists, tuples and "
                        f"sets of them{advice}")


class _Unpacker:
    def __init__(self, arrays):
        self.arrays = arrays
        self.tensors = {}

    def array(self, name):
        if not isinstance(name, str) or name not in self.arrays:
            raise FileFormatError(f"the structure names a tensor {name!r:.100} that is not in the file")
        return self.arrays[name]

    def unpack(self, node, depth=0):
        if depth > 2 * MAX_DEPTH + 10:
            raise FileFormatError("the structure is nested too deeply")
        if node is None or isinstance(node, (bool, str, int, float)):
            return node
        if isinstance(node, list):
            return [self.unpack(item, depth + 1) for item in node]
        if not isinstance(node, dict) or len(node) != 1:
            raise FileFormatError(f"the structure has an unknown part {node!r:.100}")
        (kind, value), = node.items()
        method = getattr(self, f"unpack_{kind}", None) if kind.isidentifier() else None
        if method is None:
            raise FileFormatError(f"the structure has an unknown part of kind {kind!r:.100}")
        try:
            return method(value, depth)
        except FileFormatError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError, RuntimeError) as error:
            raise FileFormatError(f"the structure has a malformed {kind}: {error}") from None

    def unpack_int(self, value, depth):
        return int(value, 16)

    def unpack_float(self, value, depth):
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value]

    def unpack_array(self, name, depth):
        return self.array(name)

    def unpack_scalar(self, name, depth):
        array = self.array(name)
        if array.ndim:
            raise FileFormatError(f"the structure takes {name!r} for a scalar, its shape is {array.shape}")
        return array[()]

    def unpack_bytes(self, name, depth):
        return self.array(name).tobytes()

    def unpack_tensor(self, name, depth):
        return _tensor(self.array(name))

    def unpack_variable(self, name, depth):
        return _tensor(self.array(name)).requires_grad_()

    def unpack_dict(self, items, depth):
        return {self.unpack(key, depth + 1): self.unpack(value, depth + 1) for key, value in items}

    def unpack_ordered(self, items, depth):
        return collections.OrderedDict(self.unpack_dict(items, depth))

    def unpack_tuple(self, items, depth):
        return tuple([self.unpack(item, depth + 1) for item in items])

    def unpack_set(self, items, depth):
        return {self.unpack(item, depth + 1) for item in items}

    def unpack_frozenset(self, items, depth):
        return frozenset(self.unpack_set(items, depth))

    def unpack_size(self, items, depth):
        from fastnn.dtypes import Size
        if not all(map(_is_count, items)):
            raise FileFormatError(f"the structure has a malformed size {items!r:.100}")
        return Size(items)

    def unpack_dtype(self, name, depth):
        from fastnn import dtypes
        found = getattr(dtypes, name)
        if not isinstance(found, dtypes.dtype):
            raise FileFormatError(f"the structure names an unknown dtype {name!r:.50}")
        return found

    def unpack_device(self, name, depth):
        from fastnn.dtypes import device
        return device(name)


class _FromTorch:
    """What a file of torch.save holds, told from the arrays of a safetensors file."""

    def __init__(self, value):
        self.value = value


def save(obj, f, pickle_module=None, pickle_protocol=2, _use_new_zipfile_serialization=True):
    """Save nested state as ``torch.save``, in a safe format: a safetensors file with the structure in its metadata.

    Parameters
    ----------
    obj : object
        Tensors, arrays, numbers, strings, None, dtypes, sizes, and dicts, lists, tuples and sets of them: the
        ``state_dict`` of models and optimizers, and dicts that hold several.
    f : path or binary file
        A path is written atomically.
    pickle_module, pickle_protocol, _use_new_zipfile_serialization
        Accepted for compatibility, without effect: nothing is pickled.

    Notes
    -----
    Differs from PyTorch: whole modules are refused (save ``model.state_dict()``), and tensors that share memory are
    stored one by one.

    Raises
    ------
    TypeError
        `obj` holds something else; names where.
    ValueError
        `obj` contains itself, or the file is closed.
    OSError
        The path cannot be written.
    """
    packer = _Packer()
    tree = packer.pack(obj)
    structure = json.dumps({"version": VERSION, "tree": tree}, ensure_ascii=False, separators=(",", ":"))
    _write(_pieces(packer.arrays, {"format": "pt", STRUCTURE: structure}), f, "save")


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Load what `save` wrote, any safetensors file as a dict, or a file of PyTorch's own ``torch.save``.

    Parameters
    ----------
    f : path or binary file
    map_location, pickle_module, weights_only, mmap, pickle_load_args
        Accepted for compatibility, without effect: nothing is unpickled, and everything is on the CPU.

    Notes
    -----
    Of PyTorch's files, whose pickles could execute code, only the instructions are carried out that build tensors,
    numbers, strings and plain containers: a ``state_dict``, or dicts that hold several. bfloat16 comes as float32.

    Raises
    ------
    ValueError
        The file is damaged, of another format, or holds something else (a whole module, a NumPy array); names the
        file and the reason.
    """
    def from_torch(data):
        from fastnn import _torch_files  # with zipfile and pickletools, which few programs need
        return _FromTorch(_torch_files.read(data))

    content, name = _open(f, "load", from_torch)
    if isinstance(content, _FromTorch):
        return content.value
    arrays, metadata = content
    if STRUCTURE not in metadata:
        return {key: _tensor(array) for key, array in arrays.items()}
    try:
        structure = _parse(metadata[STRUCTURE].encode("utf-8", "surrogatepass"))
        if not isinstance(structure, dict) or set(structure) != {"version", "tree"}:
            raise FileFormatError("the structure is malformed")
        if structure["version"] != VERSION:
            raise FileFormatError(f"the structure is of version {structure['version']!r:.20}, this fastnn reads "
                                  f"{VERSION}")
        return _Unpacker(arrays).unpack(structure["tree"])
    except FileFormatError as error:
        raise FileFormatError(f"load: {name}: {error}") from None
