"""Linear algebra of complex matrices where it differs from that of real ones, and eigenvalues of real matrices."""
import numpy as np

from fastnn import dtypes
from fastnn.ops import linalg, norms
from fastnn.ops.complex_numbers.arithmetic import absolute
from fastnn.ops.complex_numbers.formula import Formula, conj, real
from fastnn.ops.complex_numbers.reductions import of_sizes
from fastnn.ops.decompositions import eig_result, gaps, svdvals
from fastnn.ops.linalg import lapack, matrices_of, slogdet_result


def _column(x):
    return x.unsqueeze(-1).unsqueeze(-1)


def _of_logabsdet(g, z, x):
    return _column(g) * linalg.inv(x).mH


def _of_sign(g, z, x):
    along = real(conj(g) * z * 1j)
    return _column(along * 1j) * linalg.inv(x).mH


SIGN = Formula("LinalgSlogdetBackward0", lambda x: np.linalg.slogdet(x)[0], _of_sign, reads="xz")
LOGABSDET = Formula("LinalgSlogdetBackward0", lambda x: np.linalg.slogdet(x)[1], _of_logabsdet, reads="x")


def slogdet(input):
    """(sign, log of the absolute value) of the determinants."""
    matrices_of("linalg.slogdet", input)
    return slogdet_result((SIGN(input), LOGABSDET(input)))


def logdet(input):
    """The logarithm of the determinants."""
    sign, size = slogdet(input)
    return sign.log() + size


def _eig(x):
    values, vectors = lapack("linalg.eig", np.linalg.eig, x)
    kind = dtypes.to_complex(x.dtype)
    return values.astype(kind, copy=False), vectors.astype(kind, copy=False)


def _of_eig_values(g, z, x):
    vectors = EIG_VECTORS(x).mH
    return linalg.solve(vectors, g.unsqueeze(-1) * vectors)


def _of_eig_vectors(g, z, x):
    v = z.mH
    own = v @ g
    inner = own - (v @ z) * real(own.diagonal(0, -2, -1)).unsqueeze(-2)
    return linalg.solve(v, (conj(gaps(EIG_VALUES(x))) * inner) @ v)


EIG_VALUES = Formula("LinalgEigBackward0", lambda x: _eig(x)[0], _of_eig_values, reads="x")
EIG_VECTORS = Formula("LinalgEigBackward0", lambda x: _eig(x)[1], _of_eig_vectors, reads="xz")


def eigvals(input):
    """The eigenvalues of square matrices, real ones too."""
    matrices_of("linalg.eig", input)
    return EIG_VALUES(input)


def eig(input):
    """(eigenvalues, eigenvectors) of square matrices, real ones too."""
    return eig_result((eigvals(input), EIG_VECTORS(input)))


def cond(input, p=None):
    """The condition number of matrices."""
    if p is None or p in (2, -2):
        values = svdvals(input)
        large, small = values.amax(-1), values.amin(-1)
        return small / large if p == -2 else large / small
    return matrix_norm(input, p) * matrix_norm(linalg.inv(input), p)


def matrix_norm(input, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """Norms of matrices: by absolute values, or by singular values."""
    if len(dim) == 2 and (ord == "nuc" or not isinstance(ord, str) and abs(ord) == 2):
        rows, columns = (d % input.ndim for d in dim)
        values = svdvals(input.movedim((rows, columns), (-2, -1)))
        found = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord > 0 else values.amin(-1)
        kept = [1 if i in (rows, columns) else n for i, n in enumerate(input.shape)]
        return found.reshape(kept) if keepdim else found
    return of_sizes(norms.matrix_norm)(input, ord, dim, keepdim, **({} if dtype is None else {"dtype": dtype}))


def norm(input, ord=None, dim=None, keepdim=False, *, dtype=None):
    """``linalg.norm``: of vectors or matrices."""
    if ord in ("nuc", 2, -2) and (isinstance(dim, (tuple, list)) and len(dim) == 2 or dim is None and input.ndim == 2):
        return matrix_norm(input, ord, dim or (0, 1), keepdim, dtype=dtype)
    return of_sizes(norms.linalg_norm)(input, ord, dim, keepdim, **({} if dtype is None else {"dtype": dtype}))


def old_norm(input, p="fro", dim=None, keepdim=False, dtype=None):
    """``torch.norm``: "nuc" of matrices, any other of vectors."""
    if p == "nuc":
        return matrix_norm(input, "nuc", (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return of_sizes(norms.norm)(input, p, dim, keepdim, **({} if dtype is None else {"dtype": dtype}))


def dist(input, other, p=2):
    """The norm of the difference."""
    return norms.norm(absolute(input - other), p)
