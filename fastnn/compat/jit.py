"""``torch.jit``: wrappers give back what they wrap, which runs as it is; programs in files are refused."""
import builtins
import types
import typing
from typing import Final  # noqa: F401 (torch.jit.Final)


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """`obj` itself: a module or function, which runs as Python."""
    return obj


def trace(func, example_inputs=None, *args, **kwargs):
    """`func` itself, after one call with the example inputs, as tracing would make."""
    if example_inputs is not None:
        func(*example_inputs if type(example_inputs) is tuple else (example_inputs,))
    return func


def script_if_tracing(function):
    """`function` itself."""
    return function


def ignore(drop=False, **kwargs):
    """Decorator without effect."""
    return drop if callable(drop) else lambda function: function


def export(function):
    """Decorator without effect."""
    return function


unused = interface = _overload = _overload_method = export


def is_scripting():
    """False."""
    return False


def is_tracing():
    """False."""
    return False


def freeze(mod, *args, **kwargs):
    """`mod` itself."""
    return mod


optimize_for_inference = freeze


def annotate(the_type, the_value):
    """The value."""
    return the_value


def isinstance(obj, target_type):  # noqa: A001 (PyTorch's name)
    """Whether `obj` is of a type, ``List[Tensor]`` and the like included: its elements are looked at.

    Parameters
    ----------
    obj : object
    target_type : type, or a tuple of types

    Examples
    --------
    >>> fastnn.jit.isinstance([1, 2], list[int]), fastnn.jit.isinstance([1, "a"], list[int])
    (True, False)
    """
    kinds = target_type if type(target_type) is tuple else (target_type,)
    return any(_is_of(obj, kind) for kind in kinds)


def _is_of(obj, kind):
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is None:
        return kind is typing.Any or builtins.isinstance(obj, type(None) if kind is None else kind)
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(obj, part) for part in parts)
    if not builtins.isinstance(obj, origin):
        return False
    if origin is dict:
        return all(_is_of(key, parts[0]) and _is_of(value, parts[1]) for key, value in obj.items())
    if origin is tuple and parts[-1:] != (...,):
        return len(obj) == len(parts) and all(map(_is_of, obj, parts))
    return all(_is_of(part, parts[0]) for part in obj)


def trace_module(mod, inputs, *args, **kwargs):
    """`mod` itself, after a call of each method with its example inputs."""
    for name, example in inputs.items():
        getattr(mod, name)(*example if type(example) is tuple else (example,))
    return mod


class Attribute:
    """A value with a type for TorchScript, which reads it; here it is the value itself."""

    def __new__(cls, value, type):  # noqa: A002 (PyTorch's name)
        return value


class TracerWarning(Warning):
    """What tracing warns of; nothing does here."""


def save(m, f, _extra_files=None):
    """Raise NotImplementedError."""
    raise NotImplementedError("jit.save: fastnn has no programs in files; save the model's state_dict with "
                              "fastnn.save(model.state_dict(), path)")


def load(f, map_location=None, _extra_files=None, _restore_shapes=False):
    """Raise NotImplementedError."""
    raise NotImplementedError("jit.load: a TorchScript archive holds a program, which fastnn does not run; build the "
                              "model in Python and load a state_dict")


class ScriptModule:
    """A module of TorchScript; nothing is one here."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"jit.{type(self).__name__}: fastnn has no programs in files")


class ScriptFunction(ScriptModule):
    """A function of TorchScript; nothing is one here."""


class TopLevelTracedModule(ScriptModule):
    """A traced module; nothing is one here."""


RecursiveScriptModule = TracedModule = ScriptModule
