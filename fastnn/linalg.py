"""torch.linalg."""
from fastnn.ops import public as _public
from fastnn.ops.arrange import cross as _cross
from fastnn.ops.arrange import powers_of as _powers_of
from fastnn.ops.linear import matmul
from fastnn.ops.matrices import (LinAlgError, cholesky, cond, det, eig, eigh, eigvals, eigvalsh, inv, lstsq,
                                 matrix_norm, matrix_power, matrix_rank, multi_dot, norm, pinv, qr, slogdet, solve,
                                 svd, svdvals, vecdot)
from fastnn.ops.products import vector_norm
from fastnn.ops.rearrange import diagonal as _diagonal

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
