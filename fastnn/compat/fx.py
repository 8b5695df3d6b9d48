"""``torch.fx``: nothing traces programs here; what steers tracing has nothing to do, what traces raises."""


def wrap(fn_or_name):
    """`fn_or_name` itself: a function that tracing would take as a whole.

    Raises
    ------
    RuntimeError
        Neither a function nor a name.
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name


def symbolic_trace(root, concrete_args=None):
    """Raise NotImplementedError."""
    raise NotImplementedError("fx.symbolic_trace: fastnn runs programs as they are and does not trace them")


class _Refused:
    """A class of traced programs: programs ask whether something is one, none can be made."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"fx.{type(self).__name__}: fastnn runs programs as they are and does not trace them")


class Graph(_Refused):
    """A traced program's operations; not made here."""


class GraphModule(_Refused):
    """A module of a traced program; not made here."""


class Node(_Refused):
    """An operation of a traced program; not made here."""


class Proxy(_Refused):
    """A value while a program is traced; not made here."""


class Tracer(_Refused):
    """What traces; not made here."""


class Interpreter(_Refused):
    """What runs a traced program; not made here."""


class Transformer(_Refused):
    """What changes a traced program; not made here."""
