"""``torch._C``: PyTorch's compiled core as a name, with what libraries ask of it when they are imported."""
from fastnn._tape import Node as _Node  # noqa: F401
from fastnn._tensor import Tensor as TensorBase  # noqa: F401
from fastnn.dtypes import Size, device, dtype  # noqa: F401
from fastnn.random import Generator  # noqa: F401

_TensorBase, _TensorMeta = TensorBase, type(TensorBase)


class _Program:
    """A class of TorchScript, which nothing here is an instance of."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"torch._C.{type(self).__name__}: fastnn has no programs in files")


for _name in ("Graph", "Value", "Node", "Block", "ScriptModule", "ScriptFunction", "ScriptObject", "FunctionSchema",
              "Argument", "TensorType", "ListType", "JITException"):
    globals()[_name] = type(_name, (_Program,), {"__doc__": "A class of TorchScript, which nothing is an instance of."})


def _log_api_usage_once(*args):
    """Do nothing."""


def _get_tracing_state():
    """None: nothing traces."""
    return None


def _is_tracing():
    """False."""
    return False


def _cuda_isCurrentStreamCapturing():
    """False."""
    return False


def _jit_set_profiling_executor(on):
    """Do nothing; True."""
    return True


_jit_set_profiling_mode = _jit_set_profiling_executor


def _disabled_torch_function_impl(func, types, args=(), kwargs=None):
    """``func`` itself on the arguments."""
    return func(*args, **(kwargs or {}))


class DisableTorchFunctionSubclass:
    """A context without effect."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


DisableTorchFunction = DisableTorchFunctionSubclass
_has_mkldnn = _has_cuda = _has_mkl = has_openmp = False


def __getattr__(name):
    if name in ("_nn", "_linalg", "_special", "_fft"):
        from fastnn import linalg, special
        from fastnn.nn import functional
        found = {"_nn": functional, "_linalg": linalg, "_special": special}.get(name)
        if found is not None:
            return found
    raise AttributeError(f"module 'torch._C' has no attribute {name!r} in fastnn")
