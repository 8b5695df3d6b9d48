"""``torch.jit``: wrappers give back what they wrap, which runs as it is; programs in files are refused."""
from typing import Final  # noqa: F401 (torch.jit.Final)


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """`obj` itself: a module or function, which runs as Python."""
    return obj


def trace(func, example_inputs=None, *args, **kwargs):
    """`func` itself, after one call with the example inputs, as tracing would make."""
    if example_inputs is not None:
        func(*example_inputs if isinstance(example_inputs, tuple) else (example_inputs,))
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


unused = interface = export


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
