"""Combinations and products of the elements of vectors."""
import itertools
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.ops import indexing, joining
from fastnn.ops._common import need_tensors, room
from fastnn.ops.declare import operation
from fastnn.ops.ranges import meshgrid


@operation("fastnn")
def combinations(input, r=2, with_replacement=False):
    """All choices of r elements of a vector, one a row.

    Parameters
    ----------
    input : Tensor
    r : int, default 2
        How many elements are chosen.
    with_replacement : bool, default False
        Whether an element may be chosen again.

    Returns
    -------
    Tensor
        (choices, r).

    Raises
    ------
    RuntimeError
        The input is no vector, or `r` is negative.

    Examples
    --------
    >>> fastnn.combinations(fastnn.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    need_tensors("combinations", input)
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return from_array(np.zeros(0, input.detach().numpy().dtype))
    n = input.shape[0]
    count = math.comb(n + r - 1 if with_replacement and n else n, r)
    room("combinations", (count, r), 8 + input.itemsize)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.fromiter(itertools.chain.from_iterable(choose(range(n), r)), np.int64, count * r)
    return indexing.getitem(input, from_array(rows.reshape(count, r)))


@operation("fastnn")
def cartesian_prod(*tensors):
    """All combinations of the elements of vectors, one a row.

    Parameters
    ----------
    *tensors : Tensor
        Vectors.

    Examples
    --------
    >>> fastnn.cartesian_prod(fastnn.tensor([1, 2]), fastnn.tensor([5, 6]))
    tensor([[1, 5],
            [1, 6],
            [2, 5],
            [2, 6]])
    """
    if len(tensors) == 1:
        return tensors[0]
    room("cartesian_prod", [*(x.numel() for x in tensors), len(tensors)], max(x.itemsize for x in tensors))
    return joining.stack([grid.reshape(-1) for grid in meshgrid(*tensors, indexing="ij")], 1)
