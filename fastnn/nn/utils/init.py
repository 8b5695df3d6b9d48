"""Modules whose parameters are set later."""
from fastnn.nn.modules.module import Module
from fastnn.random import fork_rng


def skip_init(module_cls, *args, **kwargs):
    """A module whose initial values shall not matter; the random stream stays where it is."""
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    with fork_rng():
        return module_cls(*args, **kwargs)
