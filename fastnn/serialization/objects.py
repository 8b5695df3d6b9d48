"""Whole objects, pickled: modules, optimizers, whatever a program made. Only here is anything unpickled.

An object's arrays lie beside its pickle as those of plain state do. A file of PyTorch names PyTorch's classes and
functions; fastnn's of the same names replace them.
"""
import importlib
import io
import operator
import pickle

import numpy as np

from fastnn._tensor import to_array
from fastnn.errors import FileFormatError
from fastnn.nn.modules.module import Module
from fastnn.serialization.limits import short
from fastnn.serialization.machine import Name
from fastnn.serialization.safetensors import NAMES
from fastnn.serialization.torch_files import CALLS, storage_kind

LIBRARIES = {"torch": "fastnn", "torchvision": "fastnn.vision"}
RENAMED = {"NonDynamicallyQuantizableLinear": "Linear"}
ADVICE = ("Loading it can execute code. If you trust the file's author, load(..., weights_only=False) does it; "
          "load_file() reads the tensors alone. Saving model.state_dict() instead avoids the question")


def pack(value, packer, pickle_module=None, protocol=2):
    """The node of a structure for any object that can be pickled."""
    file, nodes = io.BytesIO(), []
    # Another reader of the file finds a module's arrays under its state_dict's names.
    state = (*value.named_parameters(), *value.named_buffers()) if isinstance(value, Module) else ()
    names = {id(to_array(item)): name for name, item in state}

    class Pickler((pickle_module or pickle).Pickler):
        def persistent_id(self, part):
            if type(part) is not np.ndarray or part.dtype not in NAMES:
                return None
            nodes.append(packer.pack_array(part, (names.get(id(part), "array"),)))
            return len(nodes) - 1

    Pickler(file, protocol).dump(value)
    text = packer.store("bytes", np.frombuffer(file.getvalue(), np.uint8), ("object",))
    return {"pickle": [text, f"{type(value).__module__}.{type(value).__qualname__}", nodes]}


def unpack(pickled, pickle_module=None, **options):
    """The object of `structure.Pickled`."""
    class Unpickler((pickle_module or pickle).Unpickler):
        def persistent_load(self, number):
            return pickled.arrays[number]

    return Unpickler(io.BytesIO(pickled.data), **options).load()


def unpickle_torch(pickle_module=None, **options):
    """What `torch_files.read` takes to restore whole objects."""
    def unpickle(file, persistent):
        class Unpickler((pickle_module or pickle).Unpickler):
            def find_class(self, module, name):
                full = f"{module}.{name}"
                if full in CALLS and module != "torch.nn.parameter":
                    return CALLS[full]
                if storage_kind(Name(module, name)):
                    return Name(module, name)
                return _counterpart(module, name) if module.partition(".")[0] in LIBRARIES else (
                    super().find_class(module, name))

            def persistent_load(self, reference):
                if isinstance(reference, tuple) and len(reference) > 1 and reference[0] == "module":
                    return reference[1]  # before 1.6: a class, with its source
                return persistent(reference)

        return Unpickler(file, **options).load()
    return unpickle


def _counterpart(module, name):
    """fastnn's thing for one of PyTorch's: in the module of the same name, else where a public name would be."""
    if name == "_VariableFunctionsClass":  # where pickles find torch.relu
        return importlib.import_module("fastnn")
    library, *path = module.split(".")
    modules = [".".join([LIBRARIES[library], *path[:length]]) for length in range(len(path), -1, -1)]
    for home in (*modules, "fastnn.nn.functional"):
        try:
            return operator.attrgetter(RENAMED.get(name, name))(importlib.import_module(home))
        except (ImportError, AttributeError):
            pass
    raise FileFormatError(f"the file needs {short(f'{module}.{name}')}, which fastnn lacks")
