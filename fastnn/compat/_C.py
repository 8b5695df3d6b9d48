"""``torch._C``: PyTorch's compiled core as a name, with what libraries ask of it when they are imported."""
from fastnn._tape import Node as _Node  # noqa: F401
from fastnn._tensor import Tensor as TensorBase  # noqa: F401
from fastnn.dtypes import Size, device, dtype  # noqa: F401
from fastnn.ops.overriding import disabled as _disabled_torch_function_impl  # noqa: F401
from fastnn.ops.overriding import subclasses_off
from fastnn.random import Generator  # noqa: F401

_TensorBase, _TensorMeta, DeviceObjType = TensorBase, type(TensorBase), device


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


class DisableTorchFunctionSubclass:
    """A context in which classes take over no functions."""

    def __enter__(self):
        self._off = subclasses_off()
        self._off.__enter__()
        return self

    def __exit__(self, *error):
        self._off.__exit__(*error)


DisableTorchFunction = DisableTorchFunctionSubclass
_has_mkldnn = _has_cuda = _has_mkl = has_openmp = False


class _Functions:
    """``torch._C._nn``: functions of networks, and how ``.to`` takes its arguments."""

    @staticmethod
    def _parse_to(*args, device=None, dtype=None, non_blocking=False, copy=False, memory_format=None):
        """(device, dtype, non_blocking, memory_format) of what ``.to`` is given."""
        for value in args:
            if isinstance(value, TensorBase):
                device, dtype = value.device, value.dtype
            elif isinstance(value, _dtype):
                dtype = value
            elif isinstance(value, bool):
                non_blocking = value
            elif value is not None:
                device = value
        return None if device is None else _device(device), dtype, non_blocking, memory_format

    def __getattr__(self, name):
        from fastnn.nn import functional
        return getattr(functional, name)


_dtype, _device, _nn = dtype, device, _Functions()


def __getattr__(name):
    found = {"_linalg": "linalg", "_special": "special", "_distributed_c10d": "distributed"}.get(name)
    if found:
        import importlib
        return importlib.import_module(f"fastnn.{found}")
    raise AttributeError(f"module 'torch._C' has no attribute {name!r} in fastnn")
