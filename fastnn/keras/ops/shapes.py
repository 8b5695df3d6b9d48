"""Shapes, and the order of axes and elements."""
import math

from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.ops.common import axes_of, sizes, tensor, tensor as make
from fastnn.keras.symbolic import KerasTensor, operation
from fastnn.keras.variables import array_of


def shape(x):
    """Shape as a tuple; None for sizes that a symbolic tensor does not know.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    tuple

    Examples
    --------
    >>> keras.ops.shape(keras.Input((3,)))
    (None, 3)
    """
    return tuple(x.shape) if isinstance(x, KerasTensor) else tuple(tensor(x).shape)


def ndim(x):
    """Number of axes.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    int

    Examples
    --------
    >>> keras.ops.ndim([[1, 2]])
    2
    """
    return len(shape(x))


def size(x):
    """Number of elements.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    int

    Examples
    --------
    >>> keras.ops.size([[1, 2]])
    2
    """
    return math.prod(shape(x))


@operation
def reshape(x, newshape):
    """Tensor of another shape.

    Parameters
    ----------
    x : tensor
    newshape : tuple
        One size may be -1: what the others leave.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.reshape([1, 2, 3, 4], (2, -1))
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    return tensor(x).reshape(sizes(newshape))


@operation
def ravel(x):
    """All elements as a vector.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.ravel([[1, 2], [3, 4]])
    tensor([1, 2, 3, 4], dtype=torch.int32)
    """
    return tensor(x).reshape(-1)


@operation
def transpose(x, axes=None):
    """Axes in another order.

    Parameters
    ----------
    x : tensor
    axes : sequence of int, optional
        Reversed order without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.transpose([[1, 2], [3, 4]])
    tensor([[1, 3],
            [2, 4]], dtype=torch.int32)
    """
    x = tensor(x)
    return x.permute(*(range(x.ndim - 1, -1, -1) if axes is None else axes))


@operation
def swapaxes(x, axis1, axis2):
    """Exchanges two axes.

    Parameters
    ----------
    x : tensor
    axis1, axis2 : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    torch.Size([4, 3, 2])
    """
    return tensor(x).transpose(axis1, axis2)


@operation
def moveaxis(x, source, destination):
    """Moves axes to other positions; the rest keep their order.

    Parameters
    ----------
    x : tensor
    source, destination : int or sequence of int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    return tensor(x).movedim(source, destination)


@operation
def expand_dims(x, axis):
    """Inserts axes of size 1.

    Parameters
    ----------
    x : tensor
    axis : int or sequence of int
        In the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.expand_dims([1, 2], 0)
    tensor([[1, 2]], dtype=torch.int32)
    """
    x = tensor(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    for a in sorted(axes_of(axes, x.ndim + len(axes))):
        x = x.unsqueeze(a)
    return x


@operation
def squeeze(x, axis=None):
    """Removes axes of size 1.

    Parameters
    ----------
    x : tensor
    axis : int or sequence of int, optional
        All of size 1 without it.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        An axis of another size.

    Examples
    --------
    >>> keras.ops.squeeze([[1, 2]])
    tensor([1, 2], dtype=torch.int32)
    """
    x = tensor(x)
    if axis is None:
        return x.squeeze()
    for a in sorted(axes_of(axis, x.ndim), reverse=True):
        if x.shape[a] != 1:
            raise ValueError(f"Cannot squeeze axis {a} of a tensor of shape {tuple(x.shape)}: its size is not 1")
        x = x.squeeze(a)
    return x


@operation
def broadcast_to(x, shape):
    """Repeats a tensor along axes of size 1, without a copy.

    Parameters
    ----------
    x : tensor
    shape : tuple

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.broadcast_to([1, 2], (2, 2))
    tensor([[1, 2],
            [1, 2]], dtype=torch.int32)
    """
    return tensor(x).expand(sizes(shape))


@operation
def flip(x, axis=None):
    """Reverses axes.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int, optional
        All axes without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.flip([1, 2, 3])
    tensor([3, 2, 1], dtype=torch.int32)
    """
    x = tensor(x)
    return x.flip(axes_of(axis, x.ndim))


@operation
def fliplr(x):
    """Reverses the second axis.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.fliplr([[1, 2], [3, 4]])
    tensor([[2, 1],
            [4, 3]], dtype=torch.int32)
    """
    return tensor(x).flip(1)


@operation
def flipud(x):
    """Reverses the first axis.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.flipud([[1, 2], [3, 4]])
    tensor([[3, 4],
            [1, 2]], dtype=torch.int32)
    """
    return tensor(x).flip(0)


@operation
def roll(x, shift, axis=None):
    """Shifts elements along axes; those that leave at the end enter at the start.

    Parameters
    ----------
    x : tensor
    shift : int or sequence of int
    axis : int or sequence of int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.roll([1, 2, 3], 1)
    tensor([3, 1, 2], dtype=torch.int32)
    """
    return tensor(x).roll(shift, axis)


@operation
def rot90(array, k=1, axes=(0, 1)):
    """Rotates by `k` right angles, from the first axis of `axes` to the second.

    Parameters
    ----------
    array : tensor
    k : int
    axes : pair of int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.rot90([[1, 2], [3, 4]])
    tensor([[2, 4],
            [1, 3]], dtype=torch.int32)
    """
    return tensor(array).rot90(k, list(axes))


@operation
def view(x, dtype=None):
    """The same memory as another dtype.

    Parameters
    ----------
    x : tensor
    dtype : str, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.view(np.array([1.0], "float32"), "int32")
    tensor([1065353216], dtype=torch.int32)
    """
    return tensor(x) if dtype is None else from_array(array_of(tensor(x)).view(config.torch_dtype(dtype).numpy))


@operation
def rearrange(tensor, pattern, **axes_lengths):
    """Reorders, splits and joins axes by a pattern such as ``"b (h w) c -> b h w c"`` (as einops does).

    Parameters
    ----------
    tensor : tensor
    pattern : str
    **axes_lengths : int
        Sizes of axes that cannot be inferred.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        The pattern does not fit the tensor.

    Examples
    --------
    >>> keras.ops.rearrange(np.ones((2, 12, 3)), "b (h w) c -> b c h w", h=3).shape
    torch.Size([2, 3, 3, 4])
    """
    x = make(tensor)
    try:
        left, right = (_groups(side) for side in pattern.split("->"))
    except ValueError:
        raise ValueError(f"rearrange: expected a pattern 'a b -> b a', got {pattern!r}") from None
    if len(left) != x.ndim:
        raise ValueError(f"rearrange: {pattern!r} names {len(left)} axes, the tensor has {x.ndim}")
    known = dict(axes_lengths)
    for group, n in zip(left, x.shape):
        unknown = [name for name in group if name not in known]
        rest = math.prod(known[name] for name in group if name in known)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: sizes of {unknown} are not known")
        if unknown:
            known[unknown[0]] = n // rest
        if math.prod(known[name] for name in group) != n:
            raise ValueError(f"rearrange: an axis of size {n} is no {group} of {known}")
    names = [name for group in left for name in group]
    order = [name for group in right for name in group]
    if sorted(names) != sorted(order):
        raise ValueError(f"rearrange: the axes on both sides of {pattern!r} differ")
    x = x.reshape([known[name] for name in names]).permute([names.index(name) for name in order])
    return x.reshape([math.prod(known[name] for name in group) for group in right])


def _groups(side):
    groups, inside = [], None
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(":
            inside = []
        elif token == ")":
            groups.append(inside)
            inside = None
        elif inside is None:
            groups.append([token])
        else:
            inside.append(token)
    return groups
