"""Padding at the borders as modules, filled by four rules, in one, two and three dimensions."""
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


class ReflectionPad1d(_ReflectionPad):
    """Padding of rows with the mirror image of the elements, without the border element itself.

    Same as torch.nn.ReflectionPad1d.

    Parameters
    ----------
    padding : int, or (left, right)
        How many elements are added on each side, smaller than the size of its dimension.

    Shape
    -----
    Input (N, C, W) or (C, W); output alike, with larger last size.

    Raises
    ------
    ValueError
        `padding` is a sequence of another length.

    Examples
    --------
    >>> nn.ReflectionPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 2., 1., 2., 3., 2.]])
    """

    _spatial = 1


class ReflectionPad2d(_ReflectionPad):
    """Padding of images with the mirror image of the elements, without the border element itself.

    Same as torch.nn.ReflectionPad2d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom)
        How many elements are added on each side, smaller than the size of its dimension.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output alike, with larger last 2 sizes.

    Examples
    --------
    >>> nn.ReflectionPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2., 1., 2., 1.],
             [4., 3., 4., 3.],
             [2., 1., 2., 1.]]])
    """

    _spatial = 2


class ReflectionPad3d(_ReflectionPad):
    """Padding of volumes with the mirror image of the elements, without the border element itself.

    Same as torch.nn.ReflectionPad3d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom, front, back)
        How many elements are added on each side, smaller than the size of its dimension.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output alike, with larger last 3 sizes.

    Examples
    --------
    >>> y = nn.ReflectionPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 64.0)
    """

    _spatial = 3


class ReplicationPad1d(_ReplicationPad):
    """Padding of rows with the border elements.

    Same as torch.nn.ReplicationPad1d.

    Parameters
    ----------
    padding : int, or (left, right)
        How many elements are added on each side, or taken off where negative.

    Shape
    -----
    Input (N, C, W) or (C, W); output alike, with larger last size.

    Raises
    ------
    ValueError
        `padding` is a sequence of another length.

    Examples
    --------
    >>> nn.ReplicationPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 1., 2., 3., 3.]])
    """

    _spatial = 1


class ReplicationPad2d(_ReplicationPad):
    """Padding of images with the border elements.

    Same as torch.nn.ReplicationPad2d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom)
        How many elements are added on each side, or taken off where negative.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output alike, with larger last 2 sizes.

    Examples
    --------
    >>> nn.ReplicationPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[1., 1., 2., 2.],
             [3., 3., 4., 4.],
             [3., 3., 4., 4.]]])
    """

    _spatial = 2


class ReplicationPad3d(_ReplicationPad):
    """Padding of volumes with the border elements.

    Same as torch.nn.ReplicationPad3d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom, front, back)
        How many elements are added on each side, or taken off where negative.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output alike, with larger last 3 sizes.

    Examples
    --------
    >>> y = nn.ReplicationPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 64.0)
    """

    _spatial = 3


class CircularPad1d(_CircularPad):
    """Padding of rows with the elements of the opposite side.

    Same as torch.nn.CircularPad1d.

    Parameters
    ----------
    padding : int, or (left, right)
        How many elements are added on each side, at most the size of its dimension.

    Shape
    -----
    Input (N, C, W) or (C, W); output alike, with larger last size.

    Raises
    ------
    ValueError
        `padding` is a sequence of another length.

    Examples
    --------
    >>> nn.CircularPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 1., 2., 3., 1.]])
    """

    _spatial = 1


class CircularPad2d(_CircularPad):
    """Padding of images with the elements of the opposite side.

    Same as torch.nn.CircularPad2d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom)
        How many elements are added on each side, at most the size of its dimension.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output alike, with larger last 2 sizes.

    Examples
    --------
    >>> nn.CircularPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2., 1., 2., 1.],
             [4., 3., 4., 3.],
             [2., 1., 2., 1.]]])
    """

    _spatial = 2


class CircularPad3d(_CircularPad):
    """Padding of volumes with the elements of the opposite side.

    Same as torch.nn.CircularPad3d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom, front, back)
        How many elements are added on each side, at most the size of its dimension.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output alike, with larger last 3 sizes.

    Examples
    --------
    >>> y = nn.CircularPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 64.0)
    """

    _spatial = 3


class ConstantPad1d(_ConstantPad):
    """Padding of rows with a number.

    Same as torch.nn.ConstantPad1d.

    Parameters
    ----------
    padding : int, or (left, right)
        How many elements are added on each side, or taken off where negative.
    value : float
        The number.

    Shape
    -----
    Input (N, C, W) or (C, W); output alike, with larger last size.

    Raises
    ------
    ValueError
        `padding` is a sequence of another length.

    Examples
    --------
    >>> nn.ConstantPad1d((2, 1), 7.0)(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[7., 7., 1., 2., 3., 7.]])
    """

    _spatial = 1


class ConstantPad2d(_ConstantPad):
    """Padding of images with a number.

    Same as torch.nn.ConstantPad2d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom)
        How many elements are added on each side, or taken off where negative.
    value : float
        The number.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output alike, with larger last 2 sizes.

    Examples
    --------
    >>> nn.ConstantPad2d((1, 1, 0, 1), 7.0)(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[7., 1., 2., 7.],
             [7., 3., 4., 7.],
             [7., 7., 7., 7.]]])
    """

    _spatial = 2


class ConstantPad3d(_ConstantPad):
    """Padding of volumes with a number.

    Same as torch.nn.ConstantPad3d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom, front, back)
        How many elements are added on each side, or taken off where negative.
    value : float
        The number.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output alike, with larger last 3 sizes.

    Examples
    --------
    >>> y = nn.ConstantPad3d(1, 7.0)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 400.0)
    """

    _spatial = 3


class ZeroPad1d(_ZeroPad):
    """Padding of rows with 0.

    Same as torch.nn.ZeroPad1d.

    Parameters
    ----------
    padding : int, or (left, right)
        How many elements are added on each side, or taken off where negative.

    Shape
    -----
    Input (N, C, W) or (C, W); output alike, with larger last size.

    Raises
    ------
    ValueError
        `padding` is a sequence of another length.

    Examples
    --------
    >>> nn.ZeroPad1d((2, 1))(fastnn.tensor([[1.0, 2.0, 3.0]]))
    tensor([[0., 0., 1., 2., 3., 0.]])
    """

    _spatial = 1


class ZeroPad2d(_ZeroPad):
    """Padding of images with 0.

    Same as torch.nn.ZeroPad2d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom)
        How many elements are added on each side, or taken off where negative.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output alike, with larger last 2 sizes.

    Examples
    --------
    >>> nn.ZeroPad2d((1, 1, 0, 1))(fastnn.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[0., 1., 2., 0.],
             [0., 3., 4., 0.],
             [0., 0., 0., 0.]]])
    """

    _spatial = 2


class ZeroPad3d(_ZeroPad):
    """Padding of volumes with 0.

    Same as torch.nn.ZeroPad3d.

    Parameters
    ----------
    padding : int, or (left, right, top, bottom, front, back)
        How many elements are added on each side, or taken off where negative.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output alike, with larger last 3 sizes.

    Examples
    --------
    >>> y = nn.ZeroPad3d(1)(fastnn.ones(1, 2, 2, 2))
    >>> y.shape, y.sum().item()
    (torch.Size([1, 4, 4, 4]), 8.0)
    """

    _spatial = 3
