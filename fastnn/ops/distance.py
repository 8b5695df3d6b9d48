"""Distances and similarities of vectors."""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.ops import activation, arithmetic, norms, reduce
from fastnn.ops._common import broadcast_shapes, need_one_dtype, need_tensors, room
from fastnn.ops.arithmetic import add, div, mul, rsub, sub
from fastnn.ops.declare import operation
from fastnn.ops.norms import norm, vector_norm


@operation("fastnn functional")
def pdist(input, p=2.0):
    """p-norms of the differences of all pairs of rows, (0, 1), (0, 2), ..., (1, 2), ...

    Shape: input (N, M), result (N (N - 1) / 2).

    Parameters
    ----------
    input : Tensor
    p : float, default 2.0
        Order of the norm.

    Examples
    --------
    >>> fastnn.pdist(fastnn.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    need_tensors("pdist", input)
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    room("pdist", (input.shape[0], input.shape[0] // 2, max(input.shape[1], 1)), 2 * input.itemsize)
    first, second = (from_array(index) for index in np.triu_indices(input.shape[0], 1))
    return vector_norm(sub(input.index_select(0, first), input.index_select(0, second)), _order(p), -1)


def _order(p):
    """An order beyond float32 is infinity, as in PyTorch's distances."""
    return math.inf if abs(p) > float(np.finfo(np.float32).max) else p


@operation()
def dist(input, other, p=2):
    """The p-norm of input - other.

    Parameters
    ----------
    input : Tensor
    other : Tensor
    p : float, default 2
        Order of the norm.

    Examples
    --------
    >>> fastnn.dist(fastnn.tensor([3.0, 4.0]), fastnn.zeros(2))
    tensor(5.)
    """
    broadcast_shapes(tuple(input.shape), tuple(other.shape))
    return norm(sub(input, other), p)


@operation("fastnn functional")
def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of x1 - x2 + eps along the last dimension.

    Parameters
    ----------
    x1 : Tensor
    x2 : Tensor
    p : float, default 2.0
        Order of the norm.
    eps : float, default 1e-6
    keepdim : bool, default False
        Whether the last dimension stays, with size 1.

    Examples
    --------
    >>> F.pairwise_distance(fastnn.tensor([[3.0, 4.0]]), fastnn.zeros(1, 2), eps=0.0)
    tensor([5.])
    """
    return vector_norm(add(sub(x1, x2), eps), p, -1, keepdim)


def _at_least(size, eps):
    """`size`, or `eps` where that is larger; the gradient is that of `size` all the same, as PyTorch's."""
    return add(size, activation.relu(rsub(size.detach(), eps)))


@operation("fastnn functional")
def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along `dim`.

    Parameters
    ----------
    x1 : Tensor
    x2 : Tensor
    dim : int, default 1
        Dimension; negative ones count from the end.
    eps : float, default 1e-8
        Least length.

    Examples
    --------
    >>> F.cosine_similarity(fastnn.tensor([[1.0, 1.0]]), fastnn.tensor([[1.0, 0.0]]))
    tensor([0.7071])
    """
    need_tensors("cosine_similarity", x1, x2)
    shape = broadcast_shapes(tuple(x1.shape), tuple(x2.shape))
    x1, x2 = x1.expand(shape), x2.expand(shape)
    sizes = [_at_least(vector_norm(x, 2, dim, True), eps) for x in (x1, x2)]
    return reduce.sum(mul(div(x1, sizes[0]), div(x2, sizes[1])), dim)


@operation("fastnn")
def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """Distances of all rows of two stacks: (..., P, M), (..., R, M) -> (..., P, R).

    Parameters
    ----------
    x1 : Tensor
    x2 : Tensor
    p : float, default 2.0
        Order of the norm.
    compute_mode : str, default "use_mm_for_euclid_dist_if_necessary"
        PyTorch's choice of an algorithm.

    Examples
    --------
    >>> fastnn.cdist(fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    need_tensors("cdist", x1, x2)
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError(f"cdist only supports at least 2D tensors, X1 got: {x1.ndim}D and X2 got: {x2.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if not (x1.is_floating_point() and x2.is_floating_point()):
        raise RuntimeError(f"cdist only supports floating-point dtypes, X1 got: {x1.dtype}, X2 got: {x2.dtype}")
    need_one_dtype("cdist", x1, x2)
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    room("cdist", (*broadcast_shapes(tuple(x1.shape[:-2]), tuple(x2.shape[:-2])), x1.shape[-2], x2.shape[-2],
                   max(x1.shape[-1], 1)), x1.itemsize)
    return norms.vector_norm(arithmetic.sub(x1.unsqueeze(-2), x2.unsqueeze(-3)), _order(p), -1)
