"""Joining, cutting, repeating and padding tensors."""
import numpy as np

import fastnn
from fastnn.keras.ops.common import many, pair, sizes, tensor
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import convert
from fastnn.nn import functional as F


@operation
def tile(x, repeats):
    """Repeats a tensor along each axis.

    Parameters
    ----------
    x : tensor
    repeats : int or sequence of int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.tile([1, 2], 2)
    tensor([1, 2, 1, 2], dtype=torch.int32)
    """
    return tensor(x).tile(sizes(repeats))


@operation
def repeat(x, repeats, axis=None):
    """Repeats each element.

    Parameters
    ----------
    x : tensor
    repeats : int or tensor of int
    axis : int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.repeat([1, 2], 2)
    tensor([1, 1, 2, 2], dtype=torch.int32)
    """
    x = tensor(x)
    repeats = repeats if isinstance(repeats, int) else tensor(repeats).long()
    if not isinstance(repeats, int) and repeats.numel() == 1:
        repeats = int(repeats)
    return x.reshape(-1).repeat_interleave(repeats, 0) if axis is None else x.repeat_interleave(repeats, axis)


@operation
def concatenate(xs, axis=0):
    """Joins tensors along an axis.

    Parameters
    ----------
    xs : sequence of tensor
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.concatenate([[1, 2], [3]])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    return fastnn.cat(many(xs), axis)


@operation
def stack(x, axis=0):
    """Joins tensors of one shape along a new axis.

    Parameters
    ----------
    x : sequence of tensor
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.stack([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    return fastnn.stack(many(x), axis)


@operation
def append(x1, x2, axis=None):
    """Joins two tensors.

    Parameters
    ----------
    x1, x2 : tensor
    axis : int, optional
        Flattened tensors without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.append([1, 2], [3])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    x1, x2 = pair(x1, x2)
    return fastnn.cat([x1.reshape(-1), x2.reshape(-1)]) if axis is None else fastnn.cat([x1, x2], axis)


@operation
def hstack(xs):
    """Joins tensors along the second axis, vectors along the first.

    Parameters
    ----------
    xs : sequence of tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.hstack([[1, 2], [3]])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    return fastnn.hstack(many(xs))


@operation
def vstack(xs):
    """Joins tensors along the first axis; vectors are rows.

    Parameters
    ----------
    xs : sequence of tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.vstack([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    return fastnn.vstack(many(xs))


@operation
def dstack(xs):
    """Joins tensors along the third axis.

    Parameters
    ----------
    xs : sequence of tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.dstack([np.ones((2, 3)), np.ones((2, 3))]).shape
    torch.Size([2, 3, 2])
    """
    return fastnn.dstack(many(xs))


@operation
def split(x, indices_or_sections, axis=0):
    """Cuts a tensor along an axis.

    Parameters
    ----------
    x : tensor
    indices_or_sections : int or sequence of int
        Number of equal parts, or indices where parts begin.
    axis : int

    Returns
    -------
    list of Tensor

    Raises
    ------
    ValueError
        The axis does not divide into equal parts.

    Examples
    --------
    >>> keras.ops.split(np.arange(4), 2)
    [tensor([0, 1]), tensor([2, 3])]
    """
    x = tensor(x)
    if isinstance(indices_or_sections, int):
        if x.shape[axis] % indices_or_sections:
            raise ValueError(f"split: axis {axis} of size {x.shape[axis]} cannot be cut into {indices_or_sections} "
                             f"equal parts")
        return list(x.tensor_split(indices_or_sections, axis))
    return list(x.tensor_split([int(i) for i in indices_or_sections], axis))


@operation
def array_split(x, indices_or_sections, axis=0):
    """Cuts a tensor along an axis; sizes of parts may differ by 1.

    Parameters
    ----------
    x : tensor
    indices_or_sections : int or sequence of int
        Number of parts, or indices where parts begin.
    axis : int

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> keras.ops.array_split(np.arange(3), 2)
    [tensor([0, 1]), tensor([2])]
    """
    given = indices_or_sections
    return list(tensor(x).tensor_split(given if isinstance(given, int) else [int(i) for i in given], axis))


@operation
def hsplit(x, indices_or_sections):
    """`split` along the second axis, of vectors along the first.

    Parameters
    ----------
    x : tensor
    indices_or_sections
        As in `split`.

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> [part.shape for part in keras.ops.hsplit(np.ones((2, 4)), 2)]
    [torch.Size([2, 2]), torch.Size([2, 2])]
    """
    x = tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@operation
def vsplit(x, indices_or_sections):
    """`split` along the first axis.

    Parameters
    ----------
    x : tensor
    indices_or_sections
        As in `split`.

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> [part.shape for part in keras.ops.vsplit(np.ones((2, 4)), 2)]
    [torch.Size([1, 4]), torch.Size([1, 4])]
    """
    return split(x, indices_or_sections, 0)


@operation
def dsplit(x, indices_or_sections):
    """`split` along the third axis.

    Parameters
    ----------
    x : tensor
    indices_or_sections
        As in `split`.

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> [part.shape for part in keras.ops.dsplit(np.ones((2, 3, 4)), 2)]
    [torch.Size([2, 3, 2]), torch.Size([2, 3, 2])]
    """
    return split(x, indices_or_sections, 2)


@operation
def unstack(x, num=None, axis=0):
    """Slices along an axis, without it.

    Parameters
    ----------
    x : tensor
    num : int, optional
        Accepted.
    axis : int

    Returns
    -------
    list of Tensor

    Examples
    --------
    >>> keras.ops.unstack(np.array([[1, 2], [3, 4]]))
    [tensor([1, 2]), tensor([3, 4])]
    """
    return list(tensor(x).unbind(axis))


@operation
def meshgrid(*x, indexing="xy"):
    """Coordinates of the points of a grid, a tensor for each axis.

    Parameters
    ----------
    *x : tensor
        Coordinates along each axis.
    indexing : {"xy", "ij"}
        Whether the first axis of the results belongs to the second tensor, or to the first.

    Returns
    -------
    list of Tensor

    Raises
    ------
    ValueError
        Another `indexing`.

    Examples
    --------
    >>> keras.ops.meshgrid(np.array([1, 2]), np.array([3, 4]))
    [tensor([[1, 2],
            [1, 2]]), tensor([[3, 3],
            [4, 4]])]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing parameter must be either 'xy' or 'ij'. Received: indexing={indexing}")
    return list(fastnn.meshgrid(*[tensor(each).reshape(-1) for each in x], indexing=indexing))


@operation
def pad(x, pad_width, mode="constant", constant_values=None):
    """Adds elements at both ends of axes.

    Parameters
    ----------
    x : tensor
    pad_width : int, pair of int, or pair for each axis
        Numbers before and after.
    mode : str
        "constant", or one of `numpy.pad` that repeats elements: "reflect", "symmetric", "edge", "wrap".
    constant_values : number, optional
        0 without it.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        `constant_values` with another mode.

    Examples
    --------
    >>> keras.ops.pad([1, 2], (1, 1))
    tensor([0, 1, 2, 0], dtype=torch.int32)
    """
    x = tensor(x)
    if isinstance(pad_width, int):
        pad_width = [(pad_width, pad_width)] * x.ndim
    elif isinstance(pad_width[0], int):
        pad_width = [tuple(pad_width) if len(pad_width) == 2 else (pad_width[0],) * 2] * x.ndim
    elif len(pad_width) == 1:
        pad_width = list(pad_width) * x.ndim
    pairs = [tuple(int(n) for n in each) for each in pad_width]
    if mode == "constant":
        return F.pad(x, [n for each in reversed(pairs) for n in each], value=0 if constant_values is None else
                     constant_values)
    if constant_values is not None:
        raise ValueError(f"Argument `constant_values` can only be provided when `mode == 'constant'`. Received: "
                         f"mode={mode}")
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            index = np.pad(np.arange(x.shape[axis]), (before, after), mode={"edge": "edge"}.get(mode, mode))
            x = x.index_select(axis, convert(index))
    return x
