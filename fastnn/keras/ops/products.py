"""Products of tensors."""
import numpy as np

import fastnn
from fastnn._tensor import from_array
from fastnn.keras.ops.common import floating, many, pair
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of


@operation
def matmul(x1, x2):
    """Product of matrices; further axes in front broadcast.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.matmul([[1, 2], [3, 4]], [[1, 0], [0, 2]])
    tensor([[1, 4],
            [3, 8]], dtype=torch.int32)
    """
    x1, x2 = pair(x1, x2)
    return x1 @ x2


@operation
def dot(x1, x2):
    """Inner product of vectors, product of matrices; in general sums over the last axis of `x1` and the last but one of
    `x2`.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.dot([1, 2], [3, 4])
    tensor(11, dtype=torch.int32)
    """
    x1, x2 = pair(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    if x2.ndim == 1 or x1.ndim <= 2 and x2.ndim <= 2:
        return x1 @ x2
    return fastnn.tensordot(x1, x2, ([x1.ndim - 1], [x2.ndim - 2]))


@operation
def vdot(x1, x2):
    """Sum of the products of all elements.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.vdot([[1, 2]], [[3, 4]])
    tensor(11)
    """
    x1, x2 = pair(x1, x2)
    return (x1.reshape(-1) * x2.reshape(-1)).sum()


@operation
def inner(x1, x2):
    """Sums of products over the last axes.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.inner([1, 2], [[3, 4], [0, 1]])
    tensor([11,  2], dtype=torch.int32)
    """
    x1, x2 = pair(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    return fastnn.tensordot(x1, x2, ([x1.ndim - 1], [x2.ndim - 1]))


@operation
def outer(x1, x2):
    """Products of all pairs of elements, ``x1[i] * x2[j]``.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.outer([1, 2], [3, 4])
    tensor([[3, 4],
            [6, 8]], dtype=torch.int32)
    """
    x1, x2 = pair(x1, x2)
    return x1.reshape(-1, 1) * x2.reshape(1, -1)


@operation
def tensordot(x1, x2, axes=2):
    """Sums of products over chosen axes.

    Parameters
    ----------
    x1, x2 : tensor
    axes : int, or pair of int or of sequences
        The last axes of `x1` and first of `x2`, or axes of each.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.tensordot(np.ones((2, 3, 4)), np.ones((3, 4, 5)), 2).shape
    torch.Size([2, 5])
    """
    x1, x2 = pair(x1, x2)
    if isinstance(axes, int):
        return fastnn.tensordot(x1, x2, axes)
    return fastnn.tensordot(x1, x2, [[a] if isinstance(a, int) else list(a) for a in axes])


@operation
def einsum(subscripts, *operands, **kwargs):
    """Sums of products by Einstein's convention.

    Parameters
    ----------
    subscripts : str
    *operands : tensor
    **kwargs
        Accepted.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.einsum("ij,jk->ik", [[1, 2]], [[3], [4]])
    tensor([[11]], dtype=torch.int32)
    """
    return fastnn.einsum(subscripts, *many(operands))


@operation
def kron(x1, x2):
    """Kronecker product: blocks ``x1[i, j] * x2``.

    Parameters
    ----------
    x1, x2 : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.kron([1, 10], [1, 2])
    tensor([ 1,  2, 10, 20], dtype=torch.int32)
    """
    return fastnn.kron(*pair(x1, x2))


@operation
def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """Vector product of vectors of two or three elements.

    Parameters
    ----------
    x1, x2 : tensor
    axisa, axisb, axisc : int
        Axes of the vectors of `x1`, `x2` and the result.
    axis : int, optional
        All three.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.cross([1, 0, 0], [0, 1, 0])
    tensor([0, 0, 1], dtype=torch.int32)
    """
    x1, x2 = pair(x1, x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = x1.movedim(axisa, -1), x2.movedim(axisb, -1)
    if a.shape[-1] == 2 and b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (fastnn.cat([v, v[..., :1] * 0], -1) if v.shape[-1] == 2 else v for v in (a, b))
    return fastnn.stack([a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1], a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
                         a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]], -1).movedim(-1, axisc)


@operation
def correlate(x1, x2, mode="valid"):
    """Cross-correlation of two sequences, ``c[k] = sum(x1[n + k] * x2[n])``; without gradient.

    Parameters
    ----------
    x1, x2 : tensor
    mode : {"valid", "same", "full"}

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0])
    tensor([2., 3.])
    """
    x1, x2 = pair(x1, x2)
    made = np.correlate(array_of(x1), array_of(x2), mode)
    return from_array(np.asarray(made, array_of(x1).dtype))


@operation
def cdist(x, y):
    """Euclidean distances of all pairs of rows.

    Parameters
    ----------
    x : tensor (..., m, d)
    y : tensor (..., n, d)

    Returns
    -------
    Tensor (..., m, n)

    Examples
    --------
    >>> keras.ops.cdist([[0.0, 0.0]], [[3.0, 4.0]])
    tensor([[5.]])
    """
    return fastnn.cdist(floating(x), floating(y))
