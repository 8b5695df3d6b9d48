"""``torch.overrides``: no class takes over fastnn's functions, so nothing is ever handed on."""
import contextlib

from fastnn._tensor import Tensor
from fastnn.ops.overriding import (  # noqa: F401
    handle_torch_function, has_torch_function, has_torch_function_unary, has_torch_function_variadic)


def is_tensor_like(inp):
    """Whether it is a Tensor, or of a class that says how functions take it."""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def is_tensor_method_or_property(func):
    """Whether a function is a method of Tensor."""
    return getattr(Tensor, getattr(func, "__name__", ""), None) is func


class TorchFunctionMode:
    """A context that would see every call; entering it raises."""

    def __enter__(self):
        raise NotImplementedError("torch.overrides.TorchFunctionMode: functions are not handed on in fastnn")

    def __exit__(self, *error):
        return None


BaseTorchFunctionMode = TorchFunctionMode


@contextlib.contextmanager
def _as_it_is():
    yield


enable_reentrant_dispatch = _as_it_is
