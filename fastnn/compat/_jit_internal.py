"""``torch._jit_internal``: what programs for TorchScript take from it. Decorators change nothing."""
from typing import Any, Callable, Dict, Final, List, Optional, Tuple, Union  # noqa: F401, UP035 (their names)

from fastnn.compat.jit import _overload, _overload_method, export, ignore, unused  # noqa: F401


def boolean_dispatch(arg_name, arg_index, default, if_true, if_false, module_name, func_name):
    """A function that is `if_true` or `if_false` by one of its arguments.

    Parameters
    ----------
    arg_name, arg_index, default
        The argument's name, place and default.
    if_true, if_false : callable
    module_name, func_name : str

    Examples
    --------
    >>> from fastnn.compat import _jit_internal
    >>> named = _jit_internal.boolean_dispatch("upper", 1, False, lambda text, upper: text.upper(), str, "m", "named")
    >>> named("a"), named("a", True)
    ('a', 'A')
    """
    def dispatched(*args, **kwargs):
        chosen = args[arg_index] if len(args) > arg_index else kwargs.get(arg_name, default)
        return (if_true if chosen else if_false)(*args, **kwargs)
    dispatched.__name__, dispatched.__module__ = func_name or "dispatched", module_name
    dispatched.__doc__ = if_false.__doc__
    return dispatched
