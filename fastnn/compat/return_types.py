"""``torch.return_types``: the classes of results with named parts."""
import importlib

_HOMES = ("reduce", "reduce_composed", "scan", "sorting", "statistics", "decompositions", "linalg", "factorizations")


def __getattr__(name):
    for home in _HOMES:
        found = getattr(importlib.import_module(f"fastnn.ops.{home}"), f"{name.removeprefix('linalg_')}_result", None)
        if isinstance(found, type):
            return found
    raise AttributeError(f"module 'torch.return_types' has no attribute {name!r}")
