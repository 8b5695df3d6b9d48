"""``torch.overrides``: no class takes over fastnn's functions, so nothing is ever handed on."""
import contextlib

from fastnn._tensor import Tensor


def has_torch_function(relevant_args):
    """False."""
    return False


has_torch_function_unary = has_torch_function


def has_torch_function_variadic(*args):
    """False."""
    return False


def is_tensor_like(inp):
    """Whether it is a Tensor, or of a class that says how functions take it."""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """``public_api`` itself on the arguments."""
    return public_api(*args, **kwargs)


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
