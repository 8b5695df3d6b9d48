"""Names of a package that are imported when they are asked for, so that importing it stays quick."""
import importlib
import sys


def lazy(package, names, modules=""):
    """`__getattr__` and `__dir__` for a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    names : dict
        Module, within the package -> the names that come from it, as one string.
    modules : str
        Modules of the package that are public themselves.
    """
    homes = {name: f"{package}.{module}" for module, found in names.items() for name in found.split()}
    parts = modules.split()

    def __getattr__(name):
        if name in homes:
            found = getattr(importlib.import_module(homes[name]), name)
        elif name in parts:
            found = importlib.import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, found)
        return found

    def __dir__():
        return sorted({*vars(sys.modules[package]), *homes, *parts})
    return __getattr__, __dir__


def missing(name):
    """A class in place of one that does not exist here: calling it raises NotImplementedError, which names it."""
    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"{name} is not implemented")
    return type(name.rpartition(".")[2], (), {"__init__": __init__, "__doc__": "Not implemented."})
