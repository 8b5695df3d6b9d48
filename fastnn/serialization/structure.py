"""Nested state beside the arrays of a safetensors file.

In the structure a JSON string, number, bool, None and list stand for themselves; everything else is an object of one
key that names its kind. A tensor refers to an array by its name, or by ``[name, dtype, offset, shape, strides]``, in
bytes, to a part of one: memory that several share is in the file once. ``{"again": n}`` is the n-th tensor or array
of the structure, the same object.
"""
import collections
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, attributes, from_array, to_array
from fastnn.errors import FileFormatError
from fastnn.nn.parameter import Buffer, Parameter
from fastnn.serialization import safetensors
from fastnn.serialization.limits import MAX_DEPTH, check_keys, damaged, is_count, is_key, short

# Not of the format: such arrays are in the file as pairs of real numbers, or bytes; the structure says what they are.
PARTS = {"C128": ("<c16", "<f8"), "C32": (dtypes.complex32.numpy, "<f2"),
         "F4X2": (dtypes.float4_e2m1fn_x2.numpy, "u1")}
DTYPES = {**safetensors.DTYPES, **{name: kind for name, (kind, _) in PARTS.items()}}
NAMES = {**safetensors.NAMES, **{np.dtype(kind): name for name, (kind, _) in PARTS.items()}}
DICTS = {dict: "dict", collections.OrderedDict: "ordered", collections.Counter: "counter"}
SEQUENCES = {tuple: "tuple", set: "set", frozenset: "frozenset"}


class NotPlain(TypeError):
    """The state has something that the structure cannot express."""


# ---- writing ----

class Packer:
    """Makes a structure; after `finish`, `arrays` has its arrays."""

    def __init__(self):
        self.arrays = {}
        self.stored = []  # (node, its kind, array, name)
        self.known = {}  # id of a tensor or array -> its number, and itself, so that no other gets its id
        self.numbers = {}  # name -> how many begin with it
        self.parents = set()

    def store(self, kind, array, path):
        """The node of an array, which `finish` completes."""
        if array.dtype.newbyteorder("<") not in NAMES:
            raise NotPlain(f"save: {'.'.join(path) or 'the object'}: dtype {array.dtype} cannot be stored")
        node = {kind: None}
        native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
        self.stored.append((node, kind, native, ".".join(path) or "tensor"))
        return node

    def pack_array(self, value, path=()):
        """The node of a tensor or array."""
        if id(value) in self.known:
            return {"again": self.known[id(value)][0]}
        self.known[id(value)] = len(self.known), value
        if not isinstance(value, Tensor):
            return self.store("array", value, path)
        if isinstance(value, Parameter):
            kind = "parameter" if value.requires_grad else "frozen"
        else:
            kind = "variable" if value.requires_grad else "tensor"
        node, added = self.store(kind, to_array(value), path), attributes(value)
        return {"attributes": [node, self.pack(added, path)]} if added and type(value) is not Buffer else node

    def pack(self, value, path=()):
        """The node of a value.

        Raises
        ------
        NotPlain
            There is something that only pickling can store.
        ValueError
            It contains itself.
        """
        kind = type(value)
        if value is None or kind in (bool, str):
            return value
        if kind is int:
            return value if abs(value) < 1 << 63 else {"int": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind is complex:
            return {"complex": [self.pack(value.real), self.pack(value.imag)]}
        if kind in (Tensor, Parameter, Buffer, np.ndarray, np.memmap):
            return self.pack_array(value, path)
        if isinstance(value, np.generic):
            return self.store("scalar", np.asarray(value), path)
        if isinstance(value, Tensor) and value.layout != "torch.strided":
            return self.pack_sparse(value, path)
        if kind in (bytes, bytearray):
            return self.store(kind.__name__, np.frombuffer(bytes(value), np.uint8), path)
        if kind is dtypes.Size:
            return {"size": list(value)}
        if isinstance(value, dtypes.dtype):
            return {"dtype": value.name}
        if kind is dtypes.device:
            return {"device": str(value)}
        if id(value) in self.parents or len(self.parents) > MAX_DEPTH:
            raise ValueError(f"save: {'.'.join(path[:5])}... contains itself, or nests deeper than {MAX_DEPTH}")
        self.parents.add(id(value))
        try:
            return self.pack_container(value, path)
        finally:
            self.parents.discard(id(value))

    def pack_sparse(self, value, path):
        """Its layout, sizes, and what its layout consists of."""
        if id(value) in self.known:
            return {"again": self.known[id(value)][0]}
        self.known[id(value)] = len(self.known), value
        x = value.detach()
        parts = {"torch.sparse_csr": ("crow_indices", "col_indices", "values"),
                 "torch.sparse_csc": ("ccol_indices", "row_indices", "values")}.get(x.layout, ("_indices", "_values"))
        return {"sparse": [str(x.layout), list(x.shape), x.is_coalesced() if x.is_sparse else None, value.requires_grad,
                           [self.pack_array(getattr(x, part)(), (*path, part.strip("_"))) for part in parts]]}

    def pack_container(self, value, path):
        kind = type(value)
        if kind in DICTS:
            if not all(map(is_key, value)):
                raise NotPlain(f"save: {'.'.join(path) or 'the object'}: a key that only pickling can store")
            node = {DICTS[kind]: [[self.pack(key, path), self.pack(item, (*path, str(key)))]
                                  for key, item in value.items()]}
            added = getattr(value, "__dict__", None)  # a state_dict's versions
            return {"attributes": [node, self.pack(added, path)]} if added else node
        if kind is not list and kind not in SEQUENCES:
            raise NotPlain(f"save: {'.'.join(path) or 'the object'} is of type {kind.__qualname__}")
        items = [self.pack(item, (*path, str(i))) for i, item in enumerate(value)]
        return items if kind is list else {SEQUENCES[kind]: items}

    def finish(self):
        """Give every array its name in the file, and its node a reference to it."""
        for group in _overlapping([array for _, _, array, _ in self.stored]):
            members = [(*self.stored[i], low, high) for i, low, high in group]
            low, high = min(member[4] for member in members), max(member[5] for member in members)
            whole = [member for member in members if member[4:] == (low, high) and member[2].flags.c_contiguous]
            _, _, first, name, *_ = (whole or members)[0]
            memory = first if whole or len(members) == 1 else _gathered(members, low, high)
            if NAMES.get(memory.dtype) in PARTS:
                if len(members) == 1:  # of any strides
                    node, kind, array, *_ = members[0]
                    memory = np.array(array, order="C")
                    low = _start(memory)
                    members = [(node, kind, memory)]
                memory = memory.reshape(-1).view(PARTS[NAMES[memory.dtype]][1])
            base = safetensors.to_array(memory, f"save: {name}")
            name = self.keep(name, base)
            for node, kind, array, *_ in members:
                same = array.shape == base.shape and array.dtype == base.dtype and (
                    len(members) == 1 or array.flags.c_contiguous)
                node[kind] = name if same else [name, NAMES[array.dtype], _start(array) - low, list(array.shape),
                                                list(array.strides)]

    def keep(self, base, array):
        """The name of an array in the file: the one that its position suggests, if it is free."""
        name, number = base, self.numbers.get(base, 1)
        while name in self.arrays or name == "__metadata__":
            number += 1
            name = f"{base}~{number}"
        self.numbers[base] = number
        self.arrays[name] = array
        return name


def _start(array):
    return array.__array_interface__["data"][0]


def _overlapping(arrays):
    """Arrays in groups, together those that lie between the same addresses: [(index, low, high)] by index."""
    bounds, groups, end = [], [], 0
    for i, array in enumerate(arrays):
        if not array.size:
            groups.append([(i, 0, 0)])  # nowhere
        elif array.flags.c_contiguous:
            bounds.append((_start(array), _start(array) + array.nbytes, i))
        else:
            bounds.append((*np.lib.array_utils.byte_bounds(array), i))
    for low, high, i in sorted(bounds):
        if low < end:
            groups[-1].append((i, low, high))
        else:
            groups.append([(i, low, high)])
        end = max(end, high)
    return sorted(sorted(group) for group in groups)


def _gathered(members, low, high):
    """The memory from `low` to `high`, as far as arrays show it."""
    memory = np.zeros(high - low, np.uint8)
    arrays = [array for _, _, array, *_ in members]
    for array in arrays:
        np.ndarray(array.shape, array.dtype, memory, _start(array) - low, array.strides)[...] = array
    size = arrays[0].itemsize
    alike = all(array.dtype == arrays[0].dtype and (_start(array) - low) % size == 0 for array in arrays)
    return memory.view(arrays[0].dtype) if alike and memory.size % size == 0 else memory


# ---- reading ----

class Pickled:
    """An object that only unpickling could restore: its class' name, the pickle, and the arrays beside it."""

    def __init__(self, title, data, arrays):
        self.title, self.data, self.arrays = title, data, arrays


class Unpacker:
    """Makes the value of a structure."""

    def __init__(self, arrays):
        self.arrays = arrays
        self.known = []  # tensors and arrays by number
        self.copies = {}  # bytes by name
        self.boolean = set()  # names of bytes that are all 0 or 1

    def array(self, place):
        """The array that a reference names."""
        if isinstance(place, list):
            return self.part(*place)
        if not isinstance(place, str) or place not in self.arrays:
            raise FileFormatError(f"the structure names a tensor {short(place)} that is not in the file")
        return self.arrays[place]

    def part(self, name, code, offset, shape, strides):
        base = self.array(name if isinstance(name, str) else None)
        memory = base.reshape(-1).view(np.uint8)
        if not all(map(is_count, [offset, *shape])) or not all(type(step) is int for step in strides):
            raise FileFormatError(f"the structure has a malformed part of {short(name)}")
        if code == "BOOL" and base.dtype != bool and name not in self.boolean:
            if memory.size and memory.max() > 1:
                raise FileFormatError(f"tensor {short(name)}: a BOOL is neither 0 nor 1")
            self.boolean.add(name)
        array = np.ndarray(shape, np.dtype(DTYPES[code]).newbyteorder("="), memory, offset, strides)
        if not array.flags.aligned:
            raise FileFormatError(f"the structure has a misaligned part of {short(name)}")
        return array

    def remember(self, value):
        self.known.append(value)
        return value

    def unpack(self, node, depth=0):
        if depth > 2 * MAX_DEPTH + 10:
            raise FileFormatError("the structure is nested too deeply")
        if node is None or isinstance(node, (bool, str, int, float)):
            return node
        if isinstance(node, list):
            return [self.unpack(item, depth + 1) for item in node]
        if not isinstance(node, dict) or len(node) != 1:
            raise FileFormatError(f"the structure has an unknown part {short(node)}")
        (kind, value), = node.items()
        method = getattr(self, f"unpack_{kind}", None) if kind.isidentifier() else None
        if method is None:
            raise FileFormatError(f"the structure has an unknown part of kind {short(kind)}")
        with damaged(f"the structure: a {kind}"):
            return method(value, depth)

    def unpack_int(self, value, depth):
        return int(value, 16)

    def unpack_float(self, value, depth):
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value]

    def unpack_complex(self, parts, depth):
        return complex(*[self.unpack(part, depth + 1) for part in parts])

    def unpack_array(self, place, depth):
        return self.remember(self.array(place))

    def unpack_scalar(self, place, depth):
        array = self.array(place)
        if array.ndim:
            raise FileFormatError(f"the structure takes {short(place)} for a scalar, its shape is {array.shape}")
        return array[()]

    def unpack_bytes(self, name, depth):
        if name not in self.copies:
            self.copies[name] = self.array(name if isinstance(name, str) else None).tobytes()
        return self.copies[name]

    def unpack_bytearray(self, name, depth):
        return bytearray(self.unpack_bytes(name, depth))

    def unpack_tensor(self, place, depth):
        return self.remember(tensor(self.array(place)))

    def unpack_variable(self, place, depth):
        return self.unpack_tensor(place, depth).requires_grad_()

    def unpack_parameter(self, place, depth, requires_grad=True):
        return self.remember(Parameter(tensor(self.array(place)), requires_grad))

    def unpack_frozen(self, place, depth):
        return self.unpack_parameter(place, depth, False)

    def unpack_sparse(self, parts, depth):
        layout, size, coalesced, requires_grad, nodes = parts
        number = len(self.known)
        self.known.append(None)
        made = sparse(layout, size, [self.unpack(node, depth + 1) for node in nodes], coalesced)
        self.known[number] = made.requires_grad_() if requires_grad is True else made
        return self.known[number]

    def unpack_again(self, number, depth):
        if not is_count(number) or number >= len(self.known):
            raise FileFormatError(f"the structure has no tensor {short(number)}")
        return self.known[number]

    def unpack_attributes(self, parts, depth):
        value, added = [self.unpack(part, depth + 1) for part in parts]
        if not isinstance(value, (Tensor, collections.OrderedDict)):
            raise FileFormatError(f"the structure has attributes of a {type(value).__name__}")
        for name, item in added.items():
            if hasattr(type(value), name):
                raise FileFormatError(f"the structure has an attribute {short(name)}, which is the type's own")
            setattr(value, name, item)
        return value

    def unpack_dict(self, items, depth):
        made = {}
        for key, value in items:
            key = self.unpack(key, depth + 1)
            check_keys([key])
            made[key] = self.unpack(value, depth + 1)
        return made

    def unpack_ordered(self, items, depth):
        return collections.OrderedDict(self.unpack_dict(items, depth))

    def unpack_counter(self, items, depth):
        return collections.Counter(self.unpack_dict(items, depth))

    def unpack_tuple(self, items, depth):
        return tuple([self.unpack(item, depth + 1) for item in items])

    def unpack_set(self, items, depth):
        items = [self.unpack(item, depth + 1) for item in items]
        check_keys(items)
        return set(items)

    def unpack_frozenset(self, items, depth):
        return frozenset(self.unpack_set(items, depth))

    def unpack_size(self, items, depth):
        if not all(map(is_count, items)):
            raise FileFormatError(f"the structure has a malformed size {short(items)}")
        return dtypes.Size(items)

    def unpack_dtype(self, name, depth):
        found = getattr(dtypes, name)
        if not isinstance(found, dtypes.dtype):
            raise FileFormatError(f"the structure names an unknown dtype {short(name)}")
        return found

    def unpack_device(self, name, depth):
        return dtypes.device(name)

    def unpack_pickle(self, parts, depth):
        text, title, nodes = parts
        data = self.unpack(text, 1)
        if depth or not isinstance(title, str) or not isinstance(data, bytes):
            raise FileFormatError("the structure has a malformed pickle")
        return Pickled(title, data, [self.unpack(node, 1) for node in nodes])


def sparse(layout, size, parts, coalesced=None):
    """A sparse tensor of the parts that a file has of it."""
    from fastnn.sparse import creation
    if not all(isinstance(part, Tensor) for part in parts) or not all(map(is_count, size)):
        raise FileFormatError("a sparse tensor is not made of tensors and sizes")
    try:
        if layout == "torch.sparse_coo":
            indices, values = parts
            return creation.sparse_coo_tensor(indices, values, size, is_coalesced=coalesced is True or None,
                                              check_invariants=True)
        starts, plain, values = parts
        return creation.sparse_compressed_tensor(starts, plain, values, size, layout=layout)
    except (RuntimeError, TypeError, ValueError) as error:
        raise FileFormatError(f"a sparse tensor does not fit together: {error}") from None


def tensor(array):
    """A tensor on an array out of a file."""
    try:
        dtypes.from_numpy(array.dtype)
    except TypeError:
        raise FileFormatError(f"there are no tensors of {array.dtype}; load_file(..., as_numpy=True) reads "
                              "arrays") from None
    return from_array(array)
