"""``torch.overrides``: contexts that see calls of functions."""
import contextlib

from fastnn._tensor import Tensor
from fastnn.ops import overriding
from fastnn.ops.overriding import (  # noqa: F401
    handle_torch_function, has_torch_function, has_torch_function_unary, has_torch_function_variadic)


def is_tensor_like(inp):
    """Whether it is a Tensor, or of a class that says how functions take it."""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def is_tensor_method_or_property(func):
    """Whether a function is a method of Tensor."""
    return getattr(Tensor, getattr(func, "__name__", ""), None) is func


class TorchFunctionMode:
    """A context in which functions' calls come to ``__torch_function__(func, types, args, kwargs)``.

    It sees functions of ``torch`` and its namespaces, methods and operators of tensors, and what layers call of them;
    not what is computed inside a layer's own kernel. Functions of ``nn.init`` are seen when they are called by that
    module's name.

    Examples
    --------
    >>> class Skip(fastnn.overrides.TorchFunctionMode):
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         return args[0] if func.__name__ == "ones_" else func(*args, **(kwargs or {}))
    >>> with Skip():
    ...     x = nn.init.ones_(fastnn.zeros(2))
    >>> x
    tensor([0., 0.])
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError(f"{type(self).__name__}: a mode needs a method __torch_function__")

    def __enter__(self):
        overriding.begin()
        overriding.state.modes.append(self)
        return self

    def __exit__(self, *error):
        overriding.state.modes.pop()
        overriding.end()


BaseTorchFunctionMode = TorchFunctionMode


@contextlib.contextmanager
def _as_it_is():
    yield


enable_reentrant_dispatch = _as_it_is
