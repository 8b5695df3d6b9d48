"""Choosing elements by index, condition or diagonal."""
import numpy as np

import fastnn
from fastnn.keras import config
from fastnn.keras.ops.common import pair, sizes, tensor
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of, convert


@operation
def diag(x, k=0):
    """Matrix with a vector on a diagonal, or the diagonal of a matrix.

    Parameters
    ----------
    x : tensor
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.diag([1, 2])
    tensor([[1, 0],
            [0, 2]], dtype=torch.int32)
    """
    return fastnn.diag(tensor(x), k)


@operation
def diagflat(x, k=0):
    """Matrix with all elements on a diagonal.

    Parameters
    ----------
    x : tensor
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.diagflat([[1, 2]])
    tensor([[1, 0],
            [0, 2]], dtype=torch.int32)
    """
    return fastnn.diag(tensor(x).reshape(-1), k)


@operation
def diagonal(x, offset=0, axis1=0, axis2=1):
    """Diagonals of the matrices in two axes.

    Parameters
    ----------
    x : tensor
    offset : int
        As `k` of `diag`.
    axis1, axis2 : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.diagonal([[1, 2], [3, 4]])
    tensor([1, 4], dtype=torch.int32)
    """
    return tensor(x).diagonal(offset, axis1, axis2)


@operation
def trace(x, offset=0, axis1=0, axis2=1):
    """Sums of the diagonals of the matrices in two axes.

    Parameters
    ----------
    x : tensor
    offset, axis1, axis2
        As in `diagonal`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.trace([[1, 2], [3, 4]])
    tensor(5)
    """
    return tensor(x).diagonal(offset, axis1, axis2).sum(-1)


@operation
def tril(x, k=0):
    """Lower triangle: zeros above a diagonal.

    Parameters
    ----------
    x : tensor (..., m, n)
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.tril([[1, 2], [3, 4]])
    tensor([[1, 0],
            [3, 4]], dtype=torch.int32)
    """
    return tensor(x).tril(k)


@operation
def triu(x, k=0):
    """Upper triangle: zeros below a diagonal.

    Parameters
    ----------
    x : tensor (..., m, n)
    k : int
        Number of the diagonal; positive ones are above the main diagonal.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.triu([[1, 2], [3, 4]])
    tensor([[1, 2],
            [0, 4]], dtype=torch.int32)
    """
    return tensor(x).triu(k)


@operation
def vander(x, N=None, increasing=False):
    """Vandermonde matrix: powers of the elements as columns.

    Parameters
    ----------
    x : tensor (n,)
    N : int, optional
        Number of columns; n without it.
    increasing : bool
        Whether powers ascend.

    Returns
    -------
    Tensor (n, N)

    Examples
    --------
    >>> keras.ops.vander([2, 3], 3)
    tensor([[4, 2, 1],
            [9, 3, 1]])
    """
    return fastnn.vander(tensor(x), N, increasing)


@operation
def take(x, indices, axis=None):
    """Elements, or slices along an axis, by index.

    Parameters
    ----------
    x : tensor
    indices : tensor of int
    axis : int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.take([10, 20, 30], [2, 0])
    tensor([30, 10], dtype=torch.int32)
    """
    x, indices = tensor(x), tensor(indices).long()
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = axis % x.ndim
    found = x.index_select(axis, indices.reshape(-1))
    return found.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1:])


@operation
def take_along_axis(x, indices, axis=None):
    """Elements by an index for each along an axis.

    Parameters
    ----------
    x : tensor
    indices : tensor of int
        Of the shape of `x` but for the axis.
    axis : int, optional
        The flattened tensor without it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.take_along_axis([[10, 20], [30, 40]], [[1], [0]], 1)
    tensor([[20],
            [30]], dtype=torch.int32)
    """
    x, indices = tensor(x), tensor(indices).long()
    if axis is None:
        x, indices, axis = x.reshape(-1), indices.reshape(-1), 0
    return fastnn.take_along_dim(x, indices, axis)


@operation
def get_item(x, key):
    """``x[key]``

    Parameters
    ----------
    x : tensor
    key : index, slice, or tuple of them

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.get_item(np.array([10, 20, 30]), slice(1, None))
    tensor([20, 30])
    """
    return tensor(x)[key]


@operation
def nonzero(x):
    """Indices of the elements that are not 0.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    tuple of Tensor
        int32, one for each axis.

    Examples
    --------
    >>> keras.ops.nonzero([0, 5, 7])
    (tensor([1, 2], dtype=torch.int32),)
    """
    return tuple(each.to(config.torch_dtype("int32")) for each in fastnn.nonzero(tensor(x), as_tuple=True))


@operation
def select(condlist, choicelist, default=0):
    """Elements of the first choice whose condition is true.

    Parameters
    ----------
    condlist : list of tensor of bool
    choicelist : list of tensor
    default : number or tensor
        Where none is true.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.select([np.array([True, False])], [np.array([1, 2])], 9)
    tensor([1, 9])
    """
    found = tensor(default)
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        choice, found = pair(choice, found)
        found = fastnn.where(tensor(condition).bool(), choice, found)
    return found


@operation
def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each element of `x1` is one of `x2`.

    Parameters
    ----------
    x1, x2 : tensor
    assume_unique : bool
        Accepted.
    invert : bool
        Whether to negate the result.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> keras.ops.isin([1, 2, 3], [2, 5])
    tensor([False,  True, False])
    """
    return fastnn.isin(*pair(x1, x2), assume_unique=assume_unique, invert=invert)


@operation
def unravel_index(indices, shape):
    """Indices by axis of indices into the flattened tensor.

    Parameters
    ----------
    indices : tensor of int
    shape : tuple

    Returns
    -------
    tuple of Tensor of int32

    Examples
    --------
    >>> keras.ops.unravel_index([5], (2, 3))
    (tensor([1], dtype=torch.int32), tensor([2], dtype=torch.int32))
    """
    return tuple(tensor(each.astype("int32")) for each in np.unravel_index(array_of(tensor(indices)), sizes(shape)))


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function of numbers as one of tensors; without gradient.

    Parameters
    ----------
    pyfunc : callable
    excluded, signature
        Not implemented.

    Returns
    -------
    callable

    Raises
    ------
    NotImplementedError
        `excluded` or `signature` is given.

    Examples
    --------
    >>> keras.ops.vectorize(lambda x: 2 * x)(np.array([1, 2]))
    tensor([2, 4])
    """
    if excluded is not None or signature is not None:
        raise NotImplementedError("vectorize: excluded and signature are not implemented")
    made = np.vectorize(lambda *args: array_of(convert(pyfunc(*args))))
    return lambda *args: convert(made(*[array_of(convert(arg)) for arg in args]))
