"""torch.linalg."""
from fastnn.ops import public as _public
from fastnn.ops.creation import powers_of as _powers_of
from fastnn.ops.diagonals import diagonal as _diagonal
from fastnn.ops.linalg import (LinAlgError, cholesky, det, eig, eigh, eigvals, eigvalsh, inv, lstsq, matrix_power,
                               matrix_rank, pinv, qr, slogdet, solve, svd, svdvals)
from fastnn.ops.linear import matmul
from fastnn.ops.norms import cond, matrix_norm, vector_norm
from fastnn.ops.norms import linalg_norm as norm
from fastnn.ops.products import cross as _cross
from fastnn.ops.products import multi_dot, vecdot

__all__ = ["LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv",
           "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr",
           "slogdet", "solve", "svd", "svdvals", "vander", "vecdot", "vector_norm"]


def cross(input, other, *, dim=-1):
    """The vector product along `dim` (``torch.cross``: the first dimension of size 3 by default)."""
    return _cross(input, other, dim)


def vander(x, *, N=None):  # noqa: N803 (PyTorch's name)
    """The powers 0, 1, ..., N - 1 of vectors' elements, an element a row (``torch.vander``: in descending order)."""
    if x.ndim == 0:
        raise RuntimeError("Expected dim to be between 1 and 64 but got 0")
    if x.dtype.name in ("float16", "bool"):
        raise RuntimeError(f"linalg.vander supports floating point, complex, and integer tensors, but got {x.dtype}")
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    return _powers_of(x, count)


def diagonal(A, *, offset=0, dim1=-2, dim2=-1):  # noqa: N803 (PyTorch's name)
    """The diagonals of matrices (a view)."""
    return _diagonal(A, offset, dim1, dim2)


globals().update(_public({name: globals()[name] for name in __all__ if name != "LinAlgError"}, "fastnn.linalg",
                        set(__all__) - {"diagonal", "vander", "lstsq"}))


def __getattr__(name):
    raise AttributeError(f"module 'fastnn.linalg' has no attribute {name!r}: this part of torch.linalg is not "
                         f"implemented")
