"""Functions of the top-level namespace that choose what fastnn does not let choose, or has chosen already."""
import functools

from fastnn import dtypes
from fastnn.compat.amp import autocast

__all__ = ["SymBool", "SymFloat", "SymInt", "are_deterministic_algorithms_enabled", "autocast",
           "compile", "get_default_device", "get_deterministic_debug_mode", "get_float32_matmul_precision",
           "get_num_interop_threads", "is_autocast_enabled", "is_deterministic_algorithms_warn_only_enabled",
           "set_default_device", "set_default_tensor_type", "set_float32_matmul_precision", "set_num_interop_threads",
           "use_deterministic_algorithms"]


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None,  # noqa: A001
            disable=False):
    """`model` itself, or a decorator that gives back what it decorates: there is nothing to compile.

    Arguments are PyTorch's, without effect.

    Parameters
    ----------
    model : callable, optional
    fullgraph : bool, default False
    dynamic : bool, optional
    backend : str, default "inductor"
    mode : str, optional
    options : dict, optional
    disable : bool, default False

    Examples
    --------
    >>> fastnn.compile(fastnn.relu)(fastnn.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if model is None:
        return functools.partial(compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode,
                                 options=options, disable=disable)
    if not callable(model):
        raise TypeError(f"compile: expected a module or function, got {type(model).__name__}")
    return model


class SymInt:
    """A size that is not known yet, in PyTorch's compiler: there are none here, programs only ask for the class.

    Parameters
    ----------
    *args
        Anything: no such object can be made.

    Examples
    --------
    >>> isinstance(1, fastnn.SymInt)
    False
    """

    def __init__(self, *args):
        raise NotImplementedError(f"torch.{type(self).__name__}: sizes are whole numbers, there is nothing to compile")


class SymFloat(SymInt):
    """A number that is not known yet, likewise.

    Examples
    --------
    >>> isinstance(1.0, fastnn.SymFloat)
    False
    """


class SymBool(SymInt):
    """A condition that is not known yet, likewise.

    Examples
    --------
    >>> isinstance(True, fastnn.SymBool)
    False
    """


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Accepted: results are always the same, for any number of threads.

    Parameters
    ----------
    mode : bool
    warn_only : bool, default False

    Examples
    --------
    >>> fastnn.use_deterministic_algorithms(True)
    """


def are_deterministic_algorithms_enabled():
    """True, always.

    Examples
    --------
    >>> fastnn.are_deterministic_algorithms_enabled()
    True
    """
    return True


def is_deterministic_algorithms_warn_only_enabled():
    """False: there is nothing to warn of.

    Examples
    --------
    >>> fastnn.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return False


def get_deterministic_debug_mode():
    """2: there are no other algorithms.

    Examples
    --------
    >>> fastnn.get_deterministic_debug_mode()
    2
    """
    return 2


def set_float32_matmul_precision(precision):
    """Accepted: products of float32 are computed in float32, PyTorch's "highest".

    Parameters
    ----------
    precision : {"highest", "high", "medium"}

    Examples
    --------
    >>> fastnn.set_float32_matmul_precision("high")
    """
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}")


def get_float32_matmul_precision():
    """PyTorch's "highest": products of float32 are computed in float32.

    Examples
    --------
    >>> fastnn.get_float32_matmul_precision()
    'highest'
    """
    return "highest"


def set_num_interop_threads(n):
    """Accepted: operations run one after another.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> fastnn.set_num_interop_threads(2)
    """
    if not isinstance(n, int) or n < 1:
        raise RuntimeError(f"set_num_interop_threads: expected a positive integer, got {n!r}")


def get_num_interop_threads():
    """1: operations run one after another.

    Examples
    --------
    >>> fastnn.get_num_interop_threads()
    1
    """
    return 1


def is_autocast_enabled(device_type=None):
    """False: operations keep their precision.

    Parameters
    ----------
    device_type : str, optional

    Examples
    --------
    >>> fastnn.is_autocast_enabled()
    False
    """
    return False


def set_default_device(device):
    """Accept the CPU; others raise.

    Parameters
    ----------
    device : device or str

    Raises
    ------
    RuntimeError
        Another device than the CPU.

    Examples
    --------
    >>> fastnn.set_default_device("cpu")
    """
    dtypes.need_cpu(device)


def get_default_device():
    """The CPU.

    Examples
    --------
    >>> fastnn.get_default_device()
    device(type='cpu')
    """
    return dtypes.cpu


def set_default_tensor_type(t):
    """``set_default_dtype`` of ``torch.FloatTensor``, ``DoubleTensor``, ``HalfTensor``, ``BFloat16Tensor`` or a name.

    Parameters
    ----------
    t : type or str

    Raises
    ------
    TypeError
        Another type.

    Examples
    --------
    >>> fastnn.set_default_tensor_type("torch.FloatTensor")
    """
    name = t if isinstance(t, str) else getattr(t, "__name__", str(t))
    name = name.rpartition(".")[2]
    kind = {"FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16,
            "BFloat16Tensor": dtypes.bfloat16}.get(name)
    if kind is None:
        raise TypeError("set_default_tensor_type: expected FloatTensor, DoubleTensor, HalfTensor or BFloat16Tensor, "
                        f"got {t!r}")
    dtypes.set_default_dtype(kind)
