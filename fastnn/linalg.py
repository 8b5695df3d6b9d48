"""torch.linalg: what functions declare for it (`fastnn.ops.declare`), and those that differ from the top level's."""
from fastnn.ops.declare import operation as _operation
from fastnn.ops.diagonals import diagonal as _diagonal
from fastnn.ops.functions import public as _public
from fastnn.ops.linalg import LinAlgError  # noqa: F401 (one of the names)
from fastnn.ops.products import cross as _cross
from fastnn.ops.ranges import powers_of as _powers_of


@_operation("linalg", out=True)
def cross(input, other, *, dim=-1):
    """The vector product along `dim` (``torch.cross``: the first dimension of size 3 by default).

    Parameters
    ----------
    input : Tensor
    other : Tensor
    dim : int, default -1
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.linalg.cross(fastnn.tensor([1, 0, 0]), fastnn.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    return _cross(input, other, dim)


@_operation("linalg")
def vander(x, *, N=None):  # noqa: N803 (PyTorch's name)
    """The powers 0, 1, ..., N - 1 of vectors' elements, an element a row (``torch.vander``: in descending order).

    Parameters
    ----------
    x : Tensor
        (..., n)
    N : int, optional
        How many powers; n if not given.

    Examples
    --------
    >>> fastnn.linalg.vander(fastnn.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    if x.ndim == 0:
        x = x.reshape(1)
    if x.dtype.name in ("float16", "bool"):
        raise RuntimeError(f"linalg.vander supports floating point, complex, and integer tensors, but got {x.dtype}")
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    return _powers_of(x, count)


@_operation("linalg")
def diagonal(A, *, offset=0, dim1=-2, dim2=-1):  # noqa: N803 (PyTorch's name)
    """The diagonals of matrices (a view).

    Parameters
    ----------
    A : Tensor
    offset : int, default 0
        Which diagonal: above the main one if positive, below if negative.
    dim1 : int, default -2
    dim2 : int, default -1

    Examples
    --------
    >>> fastnn.linalg.diagonal(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return _diagonal(A, offset, dim1, dim2)


_found = _public("linalg")
__all__ = [name for name in ("LinAlgError", *sorted(_found))]
globals().update(_found)


def __getattr__(name):
    raise AttributeError(f"module 'fastnn.linalg' has no attribute {name!r}: this part of torch.linalg is not "
                         f"implemented")
