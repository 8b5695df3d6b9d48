"""``torch.export``: names of dimensions, for ``torch.onnx.export``; programs as graphs are refused."""


class _Hint:
    """One of ``Dim.AUTO``, ``Dim.DYNAMIC``, ``Dim.STATIC``."""

    def __init__(self, name):
        self.__name__ = name

    def __call__(self, min=None, max=None):
        """The hint with bounds, which are not looked at."""
        return self

    def __repr__(self):
        return f"_DimHint.{self.__name__}"


class Dim:
    """A dimension whose size is open.

    Parameters
    ----------
    name : str
    min, max : int, optional
        Noted; no size is checked against them.

    Examples
    --------
    >>> fastnn.compat.module("export").Dim("batch").__name__
    'batch'
    """

    AUTO, DYNAMIC, STATIC = _Hint("AUTO"), _Hint("DYNAMIC"), _Hint("STATIC")

    def __init__(self, name, *, min=None, max=None):
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"Dim: expected a name, got {name!r}")
        self.__name__, self.min, self.max = name, 0 if min is None else min, max

    def __repr__(self):
        return f"Dim({self.__name__!r})"


def dims(*names, min=None, max=None):
    """A tuple with a `Dim` for each name."""
    return tuple([Dim(name, min=min, max=max) for name in names])


def export(mod, args, kwargs=None, **options):
    """Raise NotImplementedError."""
    raise NotImplementedError("export.export: fastnn runs programs as they are and has no ExportedProgram; "
                              "torch.onnx.export takes the module itself")


def save(ep, f, **options):
    """Raise NotImplementedError."""
    raise NotImplementedError("export.save: there is no ExportedProgram to save; save the model's state_dict")


def load(f, **options):
    """Raise NotImplementedError."""
    raise NotImplementedError("export.load: an ExportedProgram holds a program, which fastnn does not run; build the "
                              "model in Python and load a state_dict")
