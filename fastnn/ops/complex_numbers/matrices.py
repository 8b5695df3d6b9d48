"""Linear algebra of complex matrices where it differs from that of real ones, and eigenvalues of real matrices."""
import numpy as np

from fastnn import dtypes
from fastnn.ops import linalg, norms
from fastnn.ops.complex_numbers.arithmetic import absolute
from fastnn.ops.complex_numbers.formula import Formula, conj, real
from fastnn.ops.decompositions import eig_result, gaps
from fastnn.ops.linalg import iterated, matrices_of, slogdet_result


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
    values, vectors = iterated("linalg.eig", np.linalg.eig, x)
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


def dist(input, other, p=2):
    """The norm of the difference."""
    return norms.norm(absolute(input - other), p)
