"""``torch.compiler``: there is nothing to compile; decorators give back what they decorate."""
from fastnn.compat.switches import compile  # noqa: A004, F401


def disable(fn=None, recursive=True, *, reason=None):
    """`fn` itself, or a decorator that gives back what it decorates."""
    return fn if fn is not None else lambda function: function


def allow_in_graph(fn):
    """`fn` itself."""
    return fn


def is_compiling():
    """False."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def reset():
    """Nothing to do."""


def cudagraph_mark_step_begin():
    """Nothing to do."""
