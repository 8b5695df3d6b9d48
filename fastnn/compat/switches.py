"""Functions of the top-level namespace that choose what fastnn does not let choose, or has chosen already."""
import functools

from fastnn import dtypes
from fastnn.compat.amp import autocast

__all__ = ["SymBool", "SymFloat", "SymInt", "are_deterministic_algorithms_enabled", "autocast", "compile",
           "get_default_device", "get_deterministic_debug_mode", "get_float32_matmul_precision",
           "get_num_interop_threads",
           "is_autocast_enabled", "is_deterministic_algorithms_warn_only_enabled", "set_default_device",
           "set_default_tensor_type", "set_float32_matmul_precision", "set_num_interop_threads",
           "use_deterministic_algorithms"]


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None,  # noqa: A001
            disable=False):
    """`model` itself, or a decorator that gives back what it decorates: there is nothing to compile.

    Arguments are PyTorch's, without effect.
    """
    if model is None:
        return functools.partial(compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode,
                                 options=options, disable=disable)
    if not callable(model):
        raise TypeError(f"compile: expected a module or function, got {type(model).__name__}")
    return model


class SymInt:
    """A size that is not known yet, in PyTorch's compiler: there are none here, programs only ask for the class."""

    def __init__(self, *args):
        raise NotImplementedError(f"torch.{type(self).__name__}: sizes are whole numbers, there is nothing to compile")


class SymFloat(SymInt):
    """A number that is not known yet, likewise."""


class SymBool(SymInt):
    """A condition that is not known yet, likewise."""


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Accepted: results are always the same, for any number of threads."""


def are_deterministic_algorithms_enabled():
    """True, always."""
    return True


def is_deterministic_algorithms_warn_only_enabled():
    """False."""
    return False


def get_deterministic_debug_mode():
    """2: there are no other algorithms."""
    return 2


def set_float32_matmul_precision(precision):
    """Accepted: products of float32 are computed in float32, PyTorch's "highest"."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}")


def get_float32_matmul_precision():
    """"highest"."""
    return "highest"


def set_num_interop_threads(n):
    """Accepted: operations run one after another."""
    if not isinstance(n, int) or n < 1:
        raise RuntimeError(f"set_num_interop_threads: expected a positive integer, got {n!r}")


def get_num_interop_threads():
    """1."""
    return 1


def is_autocast_enabled(device_type=None):
    """False."""
    return False


def set_default_device(device):
    """Accept the CPU; others raise."""
    dtypes.need_cpu(device)


def get_default_device():
    """The CPU."""
    return dtypes.cpu


def set_default_tensor_type(t):
    """``set_default_dtype`` of ``torch.FloatTensor`` or ``torch.DoubleTensor``, or of their names."""
    name = t if isinstance(t, str) else getattr(t, "__name__", str(t))
    name = name.rpartition(".")[2]
    if name not in ("FloatTensor", "DoubleTensor"):
        raise TypeError(f"set_default_tensor_type: expected FloatTensor or DoubleTensor, got {t!r}")
    dtypes.set_default_dtype(dtypes.float32 if name == "FloatTensor" else dtypes.float64)
