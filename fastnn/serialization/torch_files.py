"""Reads the files of ``torch.save``.

A checkpoint of PyTorch is a pickle that refers to storages beside it: in a zip archive (``data.pkl``, ``data/<key>``),
or, before PyTorch 1.6, behind one another in a stream. `machine` carries out the pickle without unpickling it; only if
the caller trusts the file is it unpickled (`objects`).
"""
import io
import zipfile

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.dtypes import FORMATS, Size, device, dtype, from_numpy, layout, uint8
from fastnn.errors import FileFormatError
from fastnn.nn.parameter import Buffer, Parameter
from fastnn.ops.storage import TypedStorage
from fastnn.serialization.limits import MOST_DIMENSIONS, bytes_of, damaged, short
from fastnn.serialization.machine import Machine, Name, is_tensor, unsafe
from fastnn.serialization.structure import sparse

MAGIC = 0x1950a86a20f9469cfc6c  # begins a checkpoint of before 1.6
PROTOCOL = 1001
STORAGES = {"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2",
            "BFloat16Storage": FORMATS["bfloat16"].numpy, "ComplexHalfStorage": FORMATS["complex32"].numpy,
            "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
            "BoolStorage": "?", "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16", "UntypedStorage": "u1"}


# ---- tensors ----

def _numbers(kind, data, order):
    """A flat array of raw bytes."""
    kind = np.dtype(kind)
    if len(data) % kind.itemsize:
        raise FileFormatError(f"a storage of {len(data)} bytes is no whole number of {kind}")
    if kind.kind == "V":  # of a format
        part = f"u{min(kind.itemsize, 2)}"
        array = np.frombuffer(data, order + part).astype(part).view(kind)
    else:
        array = np.frombuffer(data, kind.newbyteorder(order)).astype(kind)  # its own, writable memory
        if kind.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            raise FileFormatError("a bool is neither 0 nor 1")
    return array


def _over(array):
    return TypedStorage._over(array, from_numpy(array.dtype))


def _counts(values, what):
    if not isinstance(values, tuple) or not all(type(value) is int and 0 <= value < 2 ** 62 for value in values):
        raise FileFormatError(f"a tensor's {what} is {short(values)}")
    return values


def _rebuild_tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    if not isinstance(storage, TypedStorage):
        raise FileFormatError("a tensor has no storage")
    whole = storage._numbers(storage.dtype)
    _counts((offset,), "offset"), _counts(size, "shape"), _counts(stride, "stride")
    if len(size) != len(stride) or len(size) > MOST_DIMENSIONS:
        raise FileFormatError(f"a tensor has shape {short(size)} and strides {short(stride)}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if 0 not in size and last >= whole.size:
        raise FileFormatError(f"a tensor of shape {short(size)} does not fit into its storage of "
                              f"{whole.size} numbers")
    step = whole.itemsize
    start = whole[min(offset, whole.size):]
    array = (np.zeros(size, whole.dtype) if 0 in size else
             np.lib.stride_tricks.as_strided(start, size, [step * n for n in stride]))
    for flag, undo in (("conj", np.conj), ("neg", np.negative)):  # how torch reads what the file holds
        if isinstance(metadata, dict) and metadata.get(flag) is True:
            array = np.asarray(undo(array))
    tensor = from_array(array)
    return tensor.requires_grad_() if requires_grad is True else tensor


def _rebuild_of_dtype(storage, offset, size, stride, requires_grad, hooks, kind, metadata=None):
    """Of a dtype whose storages have no class of their own: the storage is bytes."""
    if not isinstance(storage, TypedStorage) or storage.dtype is not uint8 or not isinstance(kind, dtype):
        raise FileFormatError(f"a tensor of {short(kind)} is not made of bytes")
    return _rebuild_tensor(_over(storage._numbers(kind)), offset, size, stride, requires_grad, hooks, metadata)


def _rebuild_parameter(data, requires_grad=True, hooks=None, state=None):
    if not isinstance(data, Tensor):
        raise FileFormatError("a Parameter is not made of a tensor")
    return _with_attributes(Parameter(data.detach(), requires_grad=requires_grad is True), state)


def _with_attributes(tensor, state):
    """With what a program added to a tensor; PyTorch's own marks make a `Buffer` or are left out."""
    for part in state if isinstance(state, tuple) else (state,):  # of __dict__, of slots
        if part is None:
            continue
        if not isinstance(part, dict) or not all(type(key) is str for key in part):
            raise FileFormatError("a tensor has no names for its attributes")
        if part.get("_is_buffer") is True:
            tensor = Buffer(tensor, persistent=part.get("persistent") is not False)
        for key, value in part.items():
            if key not in ("_is_buffer", "_is_param", "persistent") and not hasattr(type(tensor), key):
                setattr(tensor, key, value)
    return tensor


def _rebuild_from_type(call, kind, arguments, state):
    """A tensor with attributes, or of a subclass, of what makes it, its class, what that is called with, attributes."""
    if isinstance(call, Name):
        if not call.full.startswith("torch._utils._rebuild"):
            raise unsafe(call)
        call = CALLS[call.full]
    if isinstance(kind, Name) and not is_tensor(kind):
        raise unsafe(kind)
    tensor = call(*arguments)
    if isinstance(kind, type) and not isinstance(tensor, kind):
        tensor = tensor.as_subclass(kind)
    return _with_attributes(tensor, state)


def _size(values=()):
    return Size(_counts(tuple(values), "size"))


def _device(*arguments):
    return device("cpu")


def _layout(name):
    if name not in ("torch.strided", "torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc"):
        raise FileFormatError(f"tensors of layout {short(name)} are not supported")
    return layout(name)


def _rebuild_sparse(kind, data):
    count = 2 if kind == "torch.sparse_coo" else 3
    if not isinstance(kind, layout) or not isinstance(data, tuple) or len(data) < count + 1:
        raise FileFormatError("a sparse tensor lacks parts")
    return sparse(kind, _counts(tuple(data[count]), "shape"), data[:count], *data[count + 1:count + 2])


# What a file may call to make tensors.
CALLS = {"torch._utils._rebuild_tensor_v2": _rebuild_tensor, "torch._utils._rebuild_tensor": _rebuild_tensor,
         "torch._utils._rebuild_tensor_v3": _rebuild_of_dtype, "torch._utils._rebuild_parameter": _rebuild_parameter,
         "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
         "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
         "torch._utils._rebuild_sparse_tensor": _rebuild_sparse, "torch.serialization._get_layout": _layout,
         "torch.nn.parameter.Parameter": _rebuild_parameter, "torch.Size": _size, "torch.device": _device}


def storage_kind(name):
    """The NumPy type code of a storage's name, None of others."""
    return STORAGES.get(name.name) if isinstance(name, Name) and name.module in ("torch", "torch.storage") else None


def _storage_id(reference):
    """(kind, key, count) of a reference to a storage."""
    if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
        raise FileFormatError(f"the pickle refers to an unknown thing {short(reference)}")
    _, name, key, _, count = reference[:5]
    kind = storage_kind(name)
    if kind is None:
        raise FileFormatError(f"tensors of {short(name)} are not supported")
    if type(key) is not str or type(count) is not int or count < 0:
        raise FileFormatError(f"the pickle refers to a storage {short(key)} of {short(count)} numbers")
    return kind, key, count


class _Storages(dict):
    """By key: each is made once, of one kind."""

    def find(self, kind, key, count, make):
        if key not in self:
            self[key] = make()
        storage = self[key]
        if storage._array.dtype != kind or len(storage) != count:
            raise FileFormatError(f"storage {short(key)} has {len(storage)} numbers {storage.dtype}, expected "
                                  f"{short(count)} {kind}")
        return storage


# ---- the two containers ----

def _members(file):
    """The archive, and its entries by name: none twice, and none in another's bytes, so that all fit into the file."""
    with damaged("the zip archive"):
        archive = zipfile.ZipFile(file)
        entries = {entry.filename: entry for entry in archive.infolist()}
        if len(entries) < len(archive.infolist()):
            raise FileFormatError("the zip archive has a name twice")
        end = 0
        for entry in sorted(entries.values(), key=lambda entry: entry.header_offset):
            if entry.header_offset < end:
                raise FileFormatError(f"the zip archive's {short(entry.filename)} overlaps another entry")
            end = entry.header_offset + 30 + entry.compress_size
        return archive, entries


def _read_zip(file, size, unpickle):
    archive, entries = _members(file)
    pickles = [name for name in entries if name.rpartition("/")[2] == "data.pkl"]
    if any(name.rpartition("/")[2] == "constants.pkl" for name in entries):
        raise FileFormatError("this is a TorchScript archive (torch.jit.save), which holds a program; where it was "
                              "made, save model.state_dict() instead")
    if len(pickles) != 1:
        if any(name.endswith(".npy") for name in entries):
            raise FileFormatError("this is an .npz file; read it with numpy.load(path, allow_pickle=False)")
        raise FileFormatError("this is a zip archive, but none of torch.save: it has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")

    def member(name):
        entry = entries.get(folder + name)
        if entry is None:
            raise FileFormatError(f"the archive lacks {short(name)}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise FileFormatError(f"{short(name)} is compressed, which torch.save never does")
        with damaged(f"the archive's {short(name)}"):
            return archive.read(entry)

    order = ">" if folder + "byteorder" in entries and member("byteorder") == b"big" else "<"
    storages = _Storages()

    def persistent(reference):
        kind, key, count = _storage_id(reference)
        return storages.find(kind, key, count, lambda: _over(_numbers(kind, member(f"data/{key}"), order)))

    return unpickle(io.BytesIO(member("data.pkl")), persistent)


def _read_stream(file, size, unpickle):
    """The format before 1.6: four pickles, the keys' pickle, then the storages' numbers in the keys' order."""
    file = io.BytesIO(file.read())  # which gives what it has, however much is asked for

    def no_storage(reference):
        raise FileFormatError("the pickle refers to a storage too early")

    def plain():
        return Machine({}, no_storage, size).run(file)

    if plain() != MAGIC:
        raise FileFormatError("this is a Python pickle, but none of torch.save, which fastnn reads; save "
                              "model.state_dict() by it")
    if plain() != PROTOCOL:
        raise FileFormatError("this checkpoint is of an unknown version")
    system = plain()
    order = "<" if not isinstance(system, dict) or system.get("little_endian", True) else ">"
    storages = _Storages()
    room = size

    def promised(kind, key, count):  # the numbers come later in the file: their memory is here already
        nonlocal room
        room -= bytes_of((count,), np.dtype(kind).itemsize)
        if room < 0:
            raise FileFormatError(f"storage {short(key)} is said to have {short(count)} numbers")
        return _over(np.zeros(count, kind))

    def note(reference):
        kind, key, count = _storage_id(reference)
        if len(reference) > 5 and reference[5] is not None:
            raise FileFormatError("the checkpoint has views of storages; save it with a newer PyTorch")
        return storages.find(kind, key, count, lambda: promised(kind, key, count))

    result = unpickle(file, note)
    keys = plain()
    if not isinstance(keys, list) or not all(type(key) is str for key in keys) or sorted(keys) != sorted(storages):
        raise FileFormatError(f"the checkpoint has storages {short(keys)}, which are not those of its tensors")
    for key in keys:
        array = storages[key]._array
        count = int.from_bytes(file.read(8), "little" if order == "<" else "big")
        raw = file.read(array.nbytes)
        if count != array.size or len(raw) != array.nbytes:
            raise FileFormatError(f"the file is cut off within storage {short(key)}")
        array[...] = _numbers(array.dtype, raw, order)
    return result


def read(file, size, unpickle=None):
    """The object of a file of ``torch.save``.

    Parameters
    ----------
    file : binary file
    size : int
    unpickle : callable, optional
        The object of the pickle in a file, given what references to storages stand for. Default: `machine`.

    Raises
    ------
    ValueError
        Damaged, or it holds something else than tensors, numbers, strings and plain containers of them.
    """
    def carry_out(pickle, persistent):
        return Machine(CALLS, persistent, size).run(pickle)

    start = file.read(4)
    file.seek(0)
    return (_read_zip if start == b"PK\x03\x04" else _read_stream)(file, size, unpickle or carry_out)
