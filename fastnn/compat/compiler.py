"""``torch.compiler``: there is nothing to compile; decorators give back what they decorate."""
from fastnn.compat._absent import NoOp
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


def set_stance(stance="default", **options):
    """A context and decorator without effect."""
    return NoOp()


def assume_constant_result(fn):
    """`fn` itself."""
    return fn


def substitute_in_graph(original_fn, **options):
    """A decorator that gives back what it decorates."""
    return allow_in_graph


def list_backends(exclude_tags=()):
    """None are there."""
    return []
