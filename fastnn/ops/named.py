"""Results of several parts that have names."""


class Named(tuple):
    """A result with names for its parts."""

    names = ()

    def __getattr__(self, name):
        if name in type(self).names:
            return self[type(self).names.index(name)]
        raise AttributeError(f"{type(self).__name__} has no {name!r}")


class Shown(Named):
    """One that is printed as PyTorch's."""

    def __repr__(self):
        parts = ",\n".join(f"{name}={part!r}" for name, part in zip(self.names, self))
        return f"torch.return_types.{type(self).__name__.removesuffix('_result')}(\n{parts})"
