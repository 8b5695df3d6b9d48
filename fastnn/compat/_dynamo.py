"""``torch._dynamo``, as far as libraries tell the compiler what to leave alone: without effect."""
import sys

from fastnn.compat.compiler import allow_in_graph, disable, is_compiling, reset  # noqa: F401


def graph_break():
    """Nothing to do."""


def mark_dynamic(t, index, *args, **kwargs):
    """Nothing to do."""


mark_static = maybe_mark_dynamic = mark_static_address = mark_dynamic
assume_constant_result = allow_in_graph


class OptimizedModule:
    """A compiled module; nothing is one here."""


class _Config:
    """Settings of the compiler: taken, without effect."""

    suppress_errors = verbose = False
    cache_size_limit = 8


config = _Config()


def is_dynamo_supported():
    """False."""
    return False


def optimize(*args, **kwargs):
    """A decorator that gives back what it decorates."""
    return allow_in_graph


eval_frame = sys.modules[__name__]  # PyTorch's submodule that has some of these names
