"""``torch.fx``: nothing traces programs here, so what steers tracing has nothing to do."""


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
