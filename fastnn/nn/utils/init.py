"""Modules whose parameters are set afterwards."""
from fastnn.nn.modules.module import Module
from fastnn.random import fork_rng


def skip_init(module_cls, *args, **kwargs):
    """A module whose initial values do not matter; the random stream does not advance.

    Same as torch.nn.utils.skip_init, but the values are the usual ones.

    Parameters
    ----------
    module_cls : class derived from Module
    args, kwargs
        Its arguments.

    Raises
    ------
    RuntimeError
        `module_cls` is no module's class.

    Examples
    --------
    >>> nn.utils.skip_init(nn.Linear, 3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    with fork_rng():
        return module_cls(*args, **kwargs)
