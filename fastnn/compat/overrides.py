"""``torch.overrides``: contexts that see calls of functions; no class takes over fastnn's functions."""
import contextlib
import functools
import sys
import threading
import types

from fastnn._tensor import Tensor
from fastnn.ops.functions import Function
from fastnn.ops.overriding import (  # noqa: F401
    handle_torch_function, has_torch_function, has_torch_function_unary, has_torch_function_variadic)


def is_tensor_like(inp):
    """Whether it is a Tensor, or of a class that says how functions take it."""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def is_tensor_method_or_property(func):
    """Whether a function is a method of Tensor."""
    return getattr(Tensor, getattr(func, "__name__", ""), None) is func


class _Active(threading.local):
    def __init__(self):
        self.modes = []


_active = _Active()
_lock = threading.Lock()
_entered = 0  # by all threads
_swapped = []  # (namespace, name, function) while any mode is active


def _handed_on(function):
    @functools.wraps(function)
    def handed(*args, **kwargs):
        if not _active.modes:
            return function(*args, **kwargs)
        mode = _active.modes.pop()  # within it, the ones below it see calls
        try:
            return mode.__torch_function__(handed, (), args, kwargs)
        finally:
            _active.modes.append(mode)
    return handed


def _functions():
    """What modes see: functions of ``torch``, ``torch.nn.functional`` and ``torch.nn.init``, called by those names."""
    for module in ("fastnn", "fastnn.nn.functional", "fastnn.nn.init"):
        namespace = vars(sys.modules[module])
        for name, value in list(namespace.items()):
            own = isinstance(value, types.FunctionType) and module.endswith("init")
            if not name.startswith("_") and (own or isinstance(value, Function)):
                yield namespace, name, value


class TorchFunctionMode:
    """A context in which functions' calls come to ``__torch_function__(func, types, args, kwargs)``.

    It sees functions of ``torch``, ``torch.nn.functional`` and ``torch.nn.init`` that are called by those modules'
    names, by the program or by a layer's ``reset_parameters``. Unlike PyTorch's it does not see methods and operators
    of tensors, what layers compute, and functions imported by their own name before.

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
        global _entered
        with _lock:
            if not _entered:
                _swapped.extend(_functions())
                for namespace, name, function in _swapped:
                    namespace[name] = _handed_on(function)
            _entered += 1
        _active.modes.append(self)
        return self

    def __exit__(self, *error):
        global _entered
        _active.modes.pop()
        with _lock:
            _entered -= 1
            if not _entered:
                for namespace, name, function in _swapped:
                    namespace[name] = function
                _swapped.clear()
        return None


BaseTorchFunctionMode = TorchFunctionMode


@contextlib.contextmanager
def _as_it_is():
    yield


enable_reentrant_dispatch = _as_it_is
