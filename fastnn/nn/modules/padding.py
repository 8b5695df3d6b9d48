"""More elements at the borders, as modules: four ways to fill them, for one, two and three dimensions."""
from fastnn.nn.modules.module import Module
from fastnn.ops.padding import pad


class _Pad(Module):
    """`padding` = (before, after) of the last dimension, of the last but one, ...; one number stands for all."""

    _spatial = 0
    _mode = None

    def __init__(self, padding):
        super().__init__()
        count = 2 * self._spatial
        if hasattr(padding, "__iter__"):
            self.padding = tuple(padding)
            if len(self.padding) != count:
                raise ValueError(f"{type(self).__name__}: expected padding of {count} numbers, got {self.padding}")
        else:
            self.padding = (padding,) * count

    def forward(self, input):
        return pad(input, self.padding, self._mode)

    def extra_repr(self):
        return str(self.padding)


class _ReflectionPad(_Pad):
    """Filled by reflection at the border elements."""

    _mode = "reflect"


class _ReplicationPad(_Pad):
    """Filled with the border elements."""

    _mode = "replicate"


class _CircularPad(_Pad):
    """Filled from the other side."""

    _mode = "circular"

    def forward(self, input):
        if input.ndim - self._spatial not in (1, 2):
            raise ValueError(f"expected {self._spatial + 1}D or {self._spatial + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class _ConstantPad(_Pad):
    """Filled with `value`."""

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    """Filled with 0."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return str(self.padding)


def _sized(base, spatial):
    title = base.__name__.removeprefix("_")
    return type(f"{title}{spatial}d", (base,), {
        "_spatial": spatial, "__module__": __name__, "__qualname__": f"{title}{spatial}d",
        "__doc__": f"{spatial}D padding of (N, C, ...) or (C, ...). {base.__doc__}"})


ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = (_sized(_ReflectionPad, n) for n in (1, 2, 3))
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = (_sized(_ReplicationPad, n) for n in (1, 2, 3))
CircularPad1d, CircularPad2d, CircularPad3d = (_sized(_CircularPad, n) for n in (1, 2, 3))
ConstantPad1d, ConstantPad2d, ConstantPad3d = (_sized(_ConstantPad, n) for n in (1, 2, 3))
ZeroPad1d, ZeroPad2d, ZeroPad3d = (_sized(_ZeroPad, n) for n in (1, 2, 3))
