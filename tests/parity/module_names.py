"""Which of PyTorch's modules are compared: `torch_modules.txt` is the scope, one class of torch.nn a line."""
from pathlib import Path

from fastnn import nn

SCOPE = tuple(Path(__file__).with_name("torch_modules.txt").read_text().split())

# What fastnn has and PyTorch has samples for, and is not compared by them.
NOT_COMPARED = {"ConvTranspose3d": "not implemented, and says so"}


def class_of(name):
    """fastnn's class of a name; None if there is none."""
    return getattr(nn, name, None)


def extra():
    """Modules beyond the scope that fastnn has and PyTorch has samples for; none without PyTorch.

    Lazy ones have no state to compare before their first call: tests/test_lazy.py.
    """
    try:
        from torch.testing._internal.common_modules import module_db
    except ImportError:
        return []
    names = {info.module_cls.__name__ for info in module_db} - {*SCOPE, *NOT_COMPARED}
    return sorted(name for name in names if class_of(name) is not None and not name.startswith("Lazy"))


def compared():
    """All names; the tests fail for one of the scope that fastnn lacks."""
    return [*SCOPE, *extra()]
