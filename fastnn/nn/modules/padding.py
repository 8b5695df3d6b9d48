"""Padding at the borders as modules, filled by four rules, in one, two and three dimensions."""
from fastnn.nn.modules.module import Module
from fastnn.nn.functional import pad


_SHAPES = {1: ("rows", "(left, right)", "(N, C, W) or (C, W)", "size"),
           2: ("images", "(left, right, top, bottom)", "(N, C, H, W) or (C, H, W)", "2 sizes"),
           3: ("volumes", "(left, right, top, bottom, front, back)", "(N, C, D, H, W) or (C, D, H, W)", "3 sizes")}
_DOCUMENT = """Padding of {what} with {filling}.

    Same as torch.nn.{name}.

    Parameters
    ----------
    padding : int, or {order}
        How many elements are added on each side, {widths}.{more}

    Shape
    -----
    Input {shape}; output alike, with larger last {last}.

    Raises
    ------
    ValueError
        `padding` is a sequence of another length.

    Examples
    --------{examples}"""


class _Pad(Module):
    """`padding` = (before, after) of the last dimension, of the last but one, ...; one number stands for all.

    A class for a number of dimensions says that number, `spatial`, and an example; the rest of its docstring is made.
    """

    _spatial = 0
    _mode = None
    _filling, _widths, _more = None, "or taken off where negative", ""

    def __init_subclass__(cls, spatial=0, **options):
        super().__init_subclass__(**options)
        if spatial:
            cls._spatial = spatial
            what, order, shape, last = _SHAPES[spatial]
            cls.__doc__ = cls.__doc__ and _DOCUMENT.format(
                what=what, filling=cls._filling, name=cls.__name__, order=order, widths=cls._widths, more=cls._more,
                shape=shape, last=last, examples=cls.__doc__)

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
    _filling = "the mirror image of the elements, without the border element itself"
    _widths = "smaller than the size of its dimension"


class _ReplicationPad(_Pad):
    """Filled with the border elements."""

    _mode = "replicate"
    _filling = "the border elements"


class _CircularPad(_Pad):
    """Filled from the other side."""

    _mode = "circular"
    _filling = "the elements of the opposite side"
    _widths = "at most the size of its dimension"

    def forward(self, input):
        if input.ndim - self._spatial not in (1, 2):
            raise ValueError(f"expected {self._spatial + 1}D or {self._spatial + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class _ConstantPad(_Pad):
    """Filled with `value`."""

    _filling, _more = "a number", """
    value : float
        The number."""

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    """Filled with 0."""

    _filling, _more = "0", ""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return str(self.padding)


class ReflectionPad1d(_ReflectionPad, spatial=1):
    """
    >>> nn.ReflectionPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 2., 1., 2., 3., 2.]])
    """


class ReflectionPad2d(_ReflectionPad, spatial=2):
    """
    >>> nn.ReflectionPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2., 1., 2., 1.],
             [4., 3., 4., 3.],
             [2., 1., 2., 1.]]])
    """


class ReflectionPad3d(_ReflectionPad, spatial=3):
    """
    >>> y = nn.ReflectionPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 64.0)
    """


class ReplicationPad1d(_ReplicationPad, spatial=1):
    """
    >>> nn.ReplicationPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 1., 2., 3., 3.]])
    """


class ReplicationPad2d(_ReplicationPad, spatial=2):
    """
    >>> nn.ReplicationPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[1., 1., 2., 2.],
             [3., 3., 4., 4.],
             [3., 3., 4., 4.]]])
    """


class ReplicationPad3d(_ReplicationPad, spatial=3):
    """
    >>> y = nn.ReplicationPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 64.0)
    """


class CircularPad1d(_CircularPad, spatial=1):
    """
    >>> nn.CircularPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 1., 2., 3., 1.]])
    """


class CircularPad2d(_CircularPad, spatial=2):
    """
    >>> nn.CircularPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2., 1., 2., 1.],
             [4., 3., 4., 3.],
             [2., 1., 2., 1.]]])
    """


class CircularPad3d(_CircularPad, spatial=3):
    """
    >>> y = nn.CircularPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 64.0)
    """


class ConstantPad1d(_ConstantPad, spatial=1):
    """
    >>> nn.ConstantPad1d((2, 1), 7.0)(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[7., 7., 1., 2., 3., 7.]])
    """


class ConstantPad2d(_ConstantPad, spatial=2):
    """
    >>> nn.ConstantPad2d((1, 1, 0, 1), 7.0)(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[7., 1., 2., 7.],
             [7., 3., 4., 7.],
             [7., 7., 7., 7.]]])
    """


class ConstantPad3d(_ConstantPad, spatial=3):
    """
    >>> y = nn.ConstantPad3d(1, 7.0)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 400.0)
    """


class ZeroPad1d(_ZeroPad, spatial=1):
    """
    >>> nn.ZeroPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[0., 0., 1., 2., 3., 0.]])
    """


class ZeroPad2d(_ZeroPad, spatial=2):
    """
    >>> nn.ZeroPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[0., 1., 2., 0.],
             [0., 3., 4., 0.],
             [0., 0., 0., 0.]]])
    """


class ZeroPad3d(_ZeroPad, spatial=3):
    """
    >>> y = nn.ZeroPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 8.0)
    """
