"""Reads the files of ``torch.save`` without unpickling them.

A checkpoint of PyTorch is a pickle that refers to storages beside it: in a zip archive (``data.pkl``, ``data/<key>``),
or, before PyTorch 1.6, behind one another in a stream. `pickletools` takes the pickle apart into its instructions, and
`_Machine` carries out those few that build tensors and plain containers. It has no way to import, to call what the
file names or to set attributes: everything else is refused by name.
"""
import collections
import io
import pickletools
import zipfile

import numpy as np

from fastnn.errors import FileFormatError

MAGIC = 0x1950a86a20f9469cfc6c  # begins a checkpoint of before 1.6
PROTOCOL = 1001
STORAGES = {"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "bf16",
            "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
            "BoolStorage": "?", "UntypedStorage": "u1"}


class _Name:
    """What a GLOBAL instruction names: a name, never the thing."""

    def __init__(self, module, name):
        self.full = f"{module}.{name}"

    def __repr__(self):
        return self.full


class _Storage:
    def __init__(self, kind, array):
        self.kind, self.array = kind, array


def _itemsize(kind):
    return 2 if kind == "bf16" else np.dtype(kind).itemsize


def _storage(kind, data, order):
    """Numbers of raw bytes; bfloat16 comes as float32, which holds it exactly."""
    if len(data) % _itemsize(kind):
        raise FileFormatError(f"a storage of {len(data)} bytes is no whole number of {kind}")
    if kind == "bf16":
        array = (np.frombuffer(data, order + "u2").astype(np.uint32) << 16).view(np.float32)
    else:
        array = np.frombuffer(data, np.dtype(kind).newbyteorder(order)).astype(kind)  # its own, writable memory
        if kind == "?" and array.size and array.view(np.uint8).max() > 1:
            raise FileFormatError("a bool is neither 0 nor 1")
    return _Storage(kind, array)


def _counts(values, what):
    if not isinstance(values, tuple) or not all(type(value) is int and 0 <= value < 2 ** 62 for value in values):
        raise FileFormatError(f"a tensor's {what} is {values!r:.100}")
    return values


def _rebuild_tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    from fastnn._tensor import from_array
    if not isinstance(storage, _Storage):
        raise FileFormatError("a tensor has no storage")
    _counts((offset,), "offset"), _counts(size, "shape"), _counts(stride, "stride")
    if len(size) != len(stride):
        raise FileFormatError(f"a tensor has shape {size} and strides {stride}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if 0 not in size and last >= storage.array.size:
        raise FileFormatError(f"a tensor of shape {size} does not fit into its storage of {storage.array.size} numbers")
    step = storage.array.itemsize
    start = storage.array[min(offset, storage.array.size):]
    array = (np.zeros(size, storage.array.dtype) if 0 in size else
             np.lib.stride_tricks.as_strided(start, size, [step * n for n in stride]))
    tensor = from_array(array)
    return tensor.requires_grad_() if requires_grad is True else tensor


def _rebuild_parameter(data, requires_grad=True, hooks=None, state=None):
    from fastnn._tensor import Tensor
    from fastnn.nn.parameter import Parameter
    if not isinstance(data, Tensor):
        raise FileFormatError("a Parameter is not made of a tensor")
    return Parameter(data.detach(), requires_grad=requires_grad is True)


def _size(values=()):
    from fastnn.dtypes import Size
    return Size(_counts(tuple(values), "size"))


def _device(*arguments):
    from fastnn.dtypes import device
    return device("cpu")


# What a file may have called: all of it is here, and takes tensors, numbers and containers only.
CALLS = {"torch._utils._rebuild_tensor_v2": _rebuild_tensor, "torch._utils._rebuild_tensor": _rebuild_tensor,
         "torch._utils._rebuild_parameter": _rebuild_parameter,
         "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
         "torch.nn.parameter.Parameter": _rebuild_parameter,
         "collections.OrderedDict": collections.OrderedDict,
         "builtins.set": set, "__builtin__.set": set, "torch.Size": _size, "torch.device": _device}
ADVICE = ("fastnn reads tensors, numbers, strings and plain containers of them, because anything else could execute "
          "code. Where PyTorch is installed, save the state_dict instead: torch.save(model.state_dict(), path)")


def _advise(name):
    if name.full.startswith(("numpy.", "_codecs.")):
        return FileFormatError(f"the file holds a NumPy object ({name}); save it as a tensor. {ADVICE}")
    return FileFormatError(f"the file holds a {name}. {ADVICE}")


class _Machine:
    """Carries out one pickle's instructions."""

    def __init__(self, persistent):
        self.persistent = persistent
        self.stack, self.marks, self.memo = [], [], {}

    def run(self, file):
        """The object of the pickle that begins at the file's position."""
        try:
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name == "STOP":
                    return self.value()
                method = getattr(self, "do_" + opcode.name, None)
                if method is not None:
                    method(argument)
                elif opcode.name in self.PLAIN:
                    self.stack.append(argument)
                else:
                    raise FileFormatError(f"the file uses the pickle instruction {opcode.name}. {ADVICE}")
        except FileFormatError:
            raise
        except (IndexError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError,
                Warning) as error:  # pickletools warns of wrong escapes, which a caller may have made an error
            raise FileFormatError(f"the pickle is damaged: {type(error).__name__}: {error}") from None
        raise FileFormatError("the pickle is cut off")

    # Instructions whose argument is the value.
    PLAIN = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING",
             "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "SHORT_BINUNICODE",
             "BINUNICODE", "BINUNICODE8", "FLOAT", "BINFLOAT"}

    def value(self):
        """The top of the stack, which must be a value and no name."""
        value = self.stack.pop()
        if isinstance(value, _Name):
            value = self.constant(value)
        return value

    def constant(self, name):
        """A name that stands for a value by itself: torch.float32 and its like; a storage's remains a name."""
        from fastnn import dtypes
        short = name.full.removeprefix("torch.")
        if _kind(name):
            return name
        found = getattr(dtypes, short, None)
        if not name.full.startswith("torch.") or not isinstance(found, dtypes.dtype):
            raise _advise(name)
        return found

    def values(self):
        """All above the last mark."""
        begin = self.marks.pop()
        values = self.stack[begin:]
        del self.stack[begin:]
        return [self.constant(value) if isinstance(value, _Name) else value for value in values]

    def do_PROTO(self, version):
        pass

    do_FRAME = do_PROTO

    def do_MARK(self, _):
        self.marks.append(len(self.stack))

    def do_POP(self, _):
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def do_POP_MARK(self, _):
        del self.stack[self.marks.pop():]

    def do_NONE(self, _):
        self.stack.append(None)

    def do_NEWTRUE(self, _):
        self.stack.append(True)

    def do_NEWFALSE(self, _):
        self.stack.append(False)

    def do_EMPTY_DICT(self, _):
        self.stack.append({})

    def do_EMPTY_LIST(self, _):
        self.stack.append([])

    def do_EMPTY_TUPLE(self, _):
        self.stack.append(())

    def do_EMPTY_SET(self, _):
        self.stack.append(set())

    def do_TUPLE(self, _):
        self.stack.append(tuple(self.values()))

    def do_LIST(self, _):
        self.stack.append(self.values())

    def do_DICT(self, _):
        values = self.values()
        self.stack.append(dict(zip(values[::2], values[1::2], strict=True)))

    def do_FROZENSET(self, _):
        self.stack.append(frozenset(self.values()))

    def small_tuple(self, count):
        self.marks.append(len(self.stack) - count)
        self.do_TUPLE(None)

    def do_TUPLE1(self, _):
        self.small_tuple(1)

    def do_TUPLE2(self, _):
        self.small_tuple(2)

    def do_TUPLE3(self, _):
        self.small_tuple(3)

    def container(self, kinds, what):
        top = self.stack[-1]
        if not isinstance(top, kinds):
            raise FileFormatError(f"the pickle adds {what} to a {type(top).__name__}")
        return top

    def do_APPEND(self, _):
        value = self.value()
        self.container(list, "items").append(value)

    def do_APPENDS(self, _):
        values = self.values()
        self.container(list, "items").extend(values)

    def do_ADDITEMS(self, _):
        values = self.values()
        self.container(set, "items").update(values)

    def do_SETITEM(self, _):
        value, key = self.value(), self.value()
        self.container(dict, "entries")[key] = value

    def do_SETITEMS(self, _):
        values = self.values()
        self.container(dict, "entries").update(zip(values[::2], values[1::2], strict=True))

    def do_MEMOIZE(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def do_BINPUT(self, index):
        self.memo[int(index)] = self.stack[-1]

    do_PUT = do_LONG_BINPUT = do_BINPUT

    def do_BINGET(self, index):
        self.stack.append(self.memo[int(index)])

    do_GET = do_LONG_BINGET = do_BINGET

    def do_GLOBAL(self, names):
        self.stack.append(_Name(*names.split(" ", 1)))

    def do_STACK_GLOBAL(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(_Name(module, name))

    def do_REDUCE(self, _):
        arguments, name = self.value(), self.stack.pop()
        if not isinstance(name, _Name) or name.full not in CALLS:
            if isinstance(name, _Name):
                raise _advise(name)
            raise FileFormatError(f"the pickle calls a {type(name).__name__}")
        if not isinstance(arguments, tuple):
            raise FileFormatError(f"the pickle calls {name} without arguments")
        self.stack.append(CALLS[name.full](*arguments))

    def do_NEWOBJ(self, _):
        self.do_REDUCE(None)

    def do_BUILD(self, _):
        """Attributes: those of a state_dict (its `_metadata`) are left out, others there are none."""
        self.stack.pop()
        self.container((collections.OrderedDict, dict), "attributes")

    def do_BINPERSID(self, _):
        self.stack.append(self.persistent(self.stack.pop()))


def _kind(name):
    """The NumPy type code of a storage's name, None of others."""
    module, _, short = name.full.rpartition(".")
    return STORAGES.get(short) if module in ("torch", "torch.storage") else None


def _storage_id(reference):
    """(kind, key, count) of a reference to a storage."""
    if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
        raise FileFormatError(f"the pickle refers to an unknown thing {reference!r:.100}")
    _, name, key, _, count = reference[:5]
    kind = _kind(name) if isinstance(name, _Name) else None
    if kind is None:
        raise FileFormatError(f"tensors of {name} are not supported")
    return kind, str(key), count


def _read_zip(data):
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = {entry.filename: entry for entry in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise FileFormatError(f"the zip archive is damaged: {error}") from None
    pickles = [name for name in entries if name.rpartition("/")[2] == "data.pkl"]
    if any(name.rpartition("/")[2] == "constants.pkl" for name in entries):
        raise FileFormatError(f"this is a TorchScript archive (torch.jit.save), which holds a program. {ADVICE}")
    if len(pickles) != 1:
        if any(name.endswith(".npy") for name in entries):
            raise FileFormatError("this is an .npz file; read it with numpy.load(path, allow_pickle=False)")
        raise FileFormatError("this is a zip archive, but none of torch.save: it has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")

    def member(name):
        entry = entries.get(folder + name)
        if entry is None:
            raise FileFormatError(f"the archive lacks {name}")
        if entry.compress_type != zipfile.ZIP_STORED:
            raise FileFormatError(f"{name} is compressed, which torch.save never does")
        try:
            return archive.read(entry)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise FileFormatError(f"the archive's {name} is damaged: {error}") from None

    order = ">" if folder + "byteorder" in entries and member("byteorder") == b"big" else "<"
    storages = {}

    def persistent(reference):
        kind, key, count = _storage_id(reference)
        if (key, kind) not in storages:
            storage = _storage(kind, member(f"data/{key}"), order)
            if storage.array.size != count:
                raise FileFormatError(f"storage {key} has {storage.array.size} numbers, expected {count}")
            storages[key, kind] = storage
        return storages[key, kind]

    return _Machine(persistent).run(io.BytesIO(member("data.pkl")))


def _read_stream(data):
    """The format before 1.6: four pickles, the keys' pickle, then the storages' numbers in the keys' order."""
    file = io.BytesIO(data)

    def no_storage(reference):
        raise FileFormatError("the pickle refers to a storage too early")

    def next_pickle(persistent=no_storage):
        return _Machine(persistent).run(file)

    if next_pickle() != MAGIC:
        raise FileFormatError(f"this is a Python pickle, but none of torch.save. {ADVICE}")
    if next_pickle() != PROTOCOL:
        raise FileFormatError("this checkpoint is of an unknown version")
    system = next_pickle()
    order = "<" if not isinstance(system, dict) or system.get("little_endian", True) else ">"
    wanted = {}

    def note(reference):
        kind, key, count = _storage_id(reference)
        if len(reference) > 5 and reference[5] is not None:
            raise FileFormatError("the checkpoint has views of storages; save it with a newer PyTorch")
        if type(count) is not int or not 0 <= count * _itemsize(kind) <= len(data):
            raise FileFormatError(f"storage {key} is said to have {count!r:.40} numbers")
        if key not in wanted:  # the numbers come later in the file: their memory is here already
            array = np.zeros(count, "f4" if kind == "bf16" else kind)
            wanted[key] = _Storage(kind, array)
        return wanted[key]

    result = next_pickle(note)
    for key in next_pickle():
        storage = wanted.get(str(key))
        if storage is None:
            raise FileFormatError(f"the checkpoint has a storage {key!r:.40} that no tensor uses")
        count = int.from_bytes(file.read(8), "little" if order == "<" else "big")
        length = count * _itemsize(storage.kind)
        raw = file.read(min(length, len(data)))
        if count != storage.array.size or len(raw) != length:
            raise FileFormatError(f"the file is cut off within storage {key}")
        storage.array[...] = _storage(storage.kind, raw, order).array
    return result


def read(data):
    """The object of a file of ``torch.save``, given as bytes.

    Raises
    ------
    ValueError
        Damaged, or it holds something else than tensors, numbers, strings and plain containers of them.
    """
    return _read_zip(data) if data[:4] == b"PK\x03\x04" else _read_stream(data)
