"""Whole files of every format that fastnn reads, small, to be damaged; those of PyTorch are written without it."""
import collections
import gzip
import io
import pickle
import zipfile

import numpy as np

import fastnn
from fastnn import nn
from fastnn.serialization import save, save_file

STORAGE = {"f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "i8": "LongStorage", "u1": "ByteStorage",
           "b1": "BoolStorage", "i4": "IntStorage"}


class Named:
    """A class or function of PyTorch, known by name."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self):
        """Never called: pickling asks for something that can be."""


class Storage:
    """Numbers that tensors share."""

    def __init__(self, key, array, name=None):
        self.key, self.array = key, array
        self.name = name or STORAGE[array.dtype.str[1:]]


class Tensor:
    """A view of a storage, pickled as PyTorch pickles its tensors."""

    def __init__(self, storage, offset, size, stride):
        self.parts = storage, offset, size, stride, False, collections.OrderedDict()

    def __reduce__(self):
        return Named("torch._utils", "_rebuild_tensor_v2"), self.parts


class Call:
    """What PyTorch pickles as a call."""

    def __init__(self, module, name, *arguments):
        self.parts = Named(module, name), arguments

    def __reduce__(self):
        return self.parts


class Pickler(pickle._Pickler):
    """Pickles the things above: Python's own pickler in Python, which can be told how to write a name."""
    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file, protocol, stream):
        super().__init__(file, protocol)
        self.stream, self.storages = stream, {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages[value.key] = value
        rest = (None,) if self.stream else ()
        return ("storage", Named("torch", value.name), value.key, "cpu", value.array.size, *rest)

    def save_named(self, value):
        if self.proto >= 4:
            self.save(value.module)
            self.save(value.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    dispatch[Named] = save_named


def pickled(value, protocol=2, stream=False):
    """(bytes, storages by key)."""
    file = io.BytesIO()
    pickler = Pickler(file, protocol, stream)
    pickler.dump(value)
    return file.getvalue(), pickler.storages


def torch_zip(text, storages, folder="archive/"):
    """The zip archive of torch.save."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(folder + "data.pkl", text)
        archive.writestr(folder + "byteorder", "little")
        for key, storage in storages.items():
            archive.writestr(f"{folder}data/{key}", storage.array.tobytes())
        archive.writestr(folder + "version", "3\n")
    return file.getvalue()


def torch_stream(text, storages):
    """The stream of torch.save before version 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    start = b"".join(pickle.dumps(value, 2) for value in (0x1950a86a20f9469cfc6c, 1001, system))
    keys = sorted(storages)
    numbers = b"".join(storages[key].array.size.to_bytes(8, "little") + storages[key].array.tobytes() for key in keys)
    return start + text + pickle.dumps(keys, 2) + numbers


def torch_state(rng):
    """A checkpoint's contents."""
    shared = Storage("0", rng.random(24).astype("f4"))
    whole = Tensor(shared, 0, (4, 6), (6, 1))
    weights = collections.OrderedDict([("0.weight", whole), ("0.bias", Tensor(shared, 2, (3,), (7,)))])
    weights._metadata = collections.OrderedDict([("", {"version": 1}), ("0", {"version": 1})])
    tensors = [Tensor(Storage(str(i + 1), (rng.random(6) * 2).astype(kind)), 0, (2, 3), (3, 1))
               for i, kind in enumerate(("f8", "f2", "i8", "u1", "b1", "i4"))]
    half = Storage("7", rng.integers(0, 1 << 15, 4).astype("i2"), "BFloat16Storage")
    return {"model": weights, "list": tensors, "bf16": Tensor(half, 0, (4,), (1,)),
            "empty": Tensor(shared, 0, (0, 3), (3, 1)),
            "parameter": Call("torch._utils", "_rebuild_parameter", whole, True, collections.OrderedDict()),
            "size": Call("torch", "Size", (2, 3)), "device": Call("torch", "device", "cpu"),
            "dtype": Named("torch", "float32"), ("a", 1): {1, 2.5, "x"}, "bytes": b"\0\1", "big": 1 << 70,
            "numbers": [1, -2, 2.5, None, True, [[]], ()], "state": {0: {"step": 3}, 1: {"step": 4}}}


def own_state():
    """The same for fastnn's own format."""
    base = fastnn.arange(24.0).reshape(4, 6)
    layer = nn.Linear(3, 2)
    return {"model": layer.state_dict(), "base": base, "view": base[1:, ::2], "again": base, "parameter": layer.weight,
            "leaf": fastnn.ones(2, requires_grad=True), "array": np.arange(3, dtype="u4"), "scalar": np.float64(2.5),
            "dtype": fastnn.int8, "size": fastnn.Size([2, 3]), "device": fastnn.device("cpu"), "raw": b"\0\1",
            "set": {1, 2}, (1, "key"): [None, True, [[]], {}, 2.5, float("inf"), 1 << 80], "bool": base > 3}


def written(write, *arguments):
    file = io.BytesIO()
    write(*arguments, file)
    return file.getvalue()


def idx(array):
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def samples():
    """Files by format: the names are those that `files.READERS` knows."""
    rng = np.random.default_rng(0)
    fastnn.manual_seed(0)
    state = torch_state(rng)
    arrays = {f"{kind}.{i}": (rng.random(shape) * 2).astype(kind) for kind in ("f4", "f8", "f2", "i8", "b1", "u2")
              for i, shape in enumerate([(), (0,), (3, 5)])}
    images = [(rng.random(shape) * 100).astype(kind) for kind in ("u1", "i4", "f4", "f8")
              for shape in [(5,), (3, 4, 4), (0, 2)]]
    found = {
        "safetensors": [written(lambda file: save_file(arrays, file, {"author": "Zoë"})),
                        written(lambda file: save_file({}, file))],
        "checkpoint": [written(save, own_state()), written(save, nn.Linear(2, 2).state_dict()),
                       written(save, [1, "a"])],
        "zip": [torch_zip(*pickled(state, protocol)) for protocol in (2, 4)],
        "stream": [torch_stream(*pickled(state, protocol, True)) for protocol in (2, 4)],
        "idx": [idx(array) for array in images], "gz": [gzip.compress(idx(array), mtime=0) for array in images],
        "cifar": [rng.integers(0, 10, (2, 3073)).astype("u1").tobytes()],
        "cifar100": [rng.integers(0, 20, (2, 3074)).astype("u1").tobytes()]}
    try:
        found["checkpoint"].append(written(save, nn.Sequential(nn.Linear(2, 2), nn.ReLU())))
    except TypeError:  # a fastnn that stores no whole objects has as many files
        found["checkpoint"].append(found["checkpoint"][0])
    return found
