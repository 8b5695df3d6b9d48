"""What programs ask about other devices, compilers and tools: answers that lead them onto the CPU's ordinary path.

Each module stands at its PyTorch name: ``fastnn.cuda`` and, in the drop-in, ``torch.cuda`` is `fastnn.compat.cuda`.
Questions get a true answer (there is no such device), switches without meaning here are accepted, wrappers give back
what they wrap, and what could only be wrong raises an error that says so.
"""
import importlib

MODULES = ("__config__", "_C", "_VF", "_dynamo", "_guards", "_jit_internal", "_tensor_str", "_utils", "accelerator",
           "amp", "backends", "compiler", "cpu", "cuda", "export", "functional", "futures", "fx", "hub", "jit",
           "library", "mps", "multiprocessing", "overrides", "profiler", "quasirandom", "return_types", "storage",
           "testing", "types", "version", "xpu")


def module(name):
    """The module that stands for ``torch.<name>``, None if there is none here."""
    return importlib.import_module(f"fastnn.compat.{name}") if name in MODULES else None
