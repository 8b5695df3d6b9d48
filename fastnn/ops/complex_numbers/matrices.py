"""Linear algebra of complex matrices: LAPACK's by NumPy; and eigenvalues of real matrices, which are complex.

What has no gradient here (singular vectors, qr, lstsq) says so when backward comes to it.
"""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import from_array, to_array
from fastnn.ops import linalg, norms
from fastnn.ops.complex_numbers.arithmetic import absolute
from fastnn.ops.complex_numbers.formula import Formula, conj, real
from fastnn.ops.complex_numbers.reductions import of_sizes
from fastnn.ops.decompositions import eig_result, eigh_result, qr_result, svd_result
from fastnn.ops.indexing import where
from fastnn.ops.linalg import lapack, matrices_of, slogdet_result


def adjoint(x):
    """The conjugate transpose of matrices."""
    return conj(x).mT


def _no_gradient(name):
    def gradient(*_):
        raise NotImplementedError(f"linalg.{name}: the gradient of complex matrices is not implemented")
    return gradient


def _column(x):
    return x.unsqueeze(-1).unsqueeze(-1)


def _of_logabsdet(g, z, x):
    return _column(g) * adjoint(INV(x))


def _of_sign(g, z, x):
    along = real(conj(g) * z * 1j)
    return _column(along * 1j) * adjoint(INV(x))


INV = Formula("LinalgInvExBackward0", lambda x: lapack("linalg.inv", np.linalg.inv, x),
              lambda g, z, x: -adjoint(z) @ g @ adjoint(z), reads="z")
DET = Formula("LinalgDetBackward0", np.linalg.det, lambda g, z, x: _column(g * conj(z)) * adjoint(INV(x)), reads="xz")
SIGN = Formula("LinalgSlogdetBackward0", lambda x: np.linalg.slogdet(x)[0], _of_sign, reads="xz")
LOGABSDET = Formula("LinalgSlogdetBackward0", lambda x: np.linalg.slogdet(x)[1], _of_logabsdet, reads="x")
SOLVE = Formula("LinalgSolveExBackward0", lambda a, b: lapack("linalg.solve", np.linalg.solve, a, b),
                lambda g, z, a, b: -(SOLVE(adjoint(a), g) @ adjoint(z)), lambda g, z, a, b: SOLVE(adjoint(a), g),
                reads="xz")


def inv(input):
    """The inverse of each matrix."""
    matrices_of("linalg.inv", input)
    return INV(input)


def det(input):
    """The determinant of each matrix."""
    matrices_of("linalg.det", input)
    return DET(input)


def slogdet(input):
    """(sign, log of the absolute value) of the determinants."""
    matrices_of("linalg.slogdet", input)
    return slogdet_result((SIGN(input), LOGABSDET(input)))


def logdet(input):
    """The logarithm of the determinants."""
    sign, size = slogdet(input)
    return sign.log() + size


def solve(A, B, *, left=True):  # noqa: N803 (PyTorch's names)
    """X with A X = B (X A = B with left=False)."""
    matrices_of("linalg.solve", A)
    if A.dtype is not B.dtype:
        raise RuntimeError(f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.dtype} and "
                           f"B of type {B.dtype} instead")
    if not left:
        return solve(A.mT, B.mT).mT
    vector = B.ndim == 1 or B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape)[:-1]
    columns = B.unsqueeze(-1) if vector else B
    if columns.shape[-2] != A.shape[-1]:
        raise RuntimeError(f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({A.shape[-2]}x"
                           f"{A.shape[-1]} and {columns.shape[-2]}x{columns.shape[-1]})")
    made = SOLVE(A, columns)
    return made.squeeze(-1) if vector else made


def matrix_power(input, n):
    """The product of n of each matrix."""
    matrices_of("linalg.matrix_power", input)
    if n < 0:
        return matrix_power(INV(input), -n)
    if n == 0:
        return input * 0 + from_array(np.eye(input.shape[-1], dtype=to_array(input).dtype))
    made = input.clone()
    for _ in range(n - 1):
        made = made @ input
    return made


# ---- decompositions ----

def _of_cholesky(g, z, x):
    inner = adjoint(z) @ g
    lower = inner.tril()
    lower = lower - inner.tril().triu() * 0.5
    found = adjoint(INV(z)) @ lower @ INV(z)
    return (found + adjoint(found)) * 0.5


CHOLESKY = Formula("LinalgCholeskyExBackward0", lambda x: lapack("linalg.cholesky", np.linalg.cholesky, x),
                   _of_cholesky, reads="z")


def cholesky(input, *, upper=False):
    """L with L L^H = A (L^H with `upper`)."""
    matrices_of("linalg.cholesky", input)
    return adjoint(CHOLESKY(adjoint(input))) if upper else CHOLESKY(input)


def _gaps(values):
    """1 / (value j - value i), 0 on the diagonal."""
    same = from_array(np.eye(values.shape[-1], dtype=bool))
    return where(same, 0.0, 1 / where(same, 1.0, values.unsqueeze(-2) - values.unsqueeze(-1)))


def _of_eigh_values(g, z, x, triangle):
    vectors = EIGH_VECTORS(x, options=(triangle,))
    return (vectors * g.unsqueeze(-2)) @ adjoint(vectors)


def _of_eigh_vectors(g, z, x, triangle):
    inner = _gaps(EIGH_VALUES(x, options=(triangle,))) * (adjoint(z) @ g)
    return z @ inner @ adjoint(z)


EIGH_VALUES = Formula("LinalgEighBackward0", lambda x, triangle: lapack("linalg.eigh", np.linalg.eigh, x, triangle)[0],
                      _of_eigh_values, reads="x")
EIGH_VECTORS = Formula("LinalgEighBackward0", lambda x, triangle: lapack("linalg.eigh", np.linalg.eigh, x, triangle)[1],
                       _of_eigh_vectors, reads="xz")


def eigvalsh(input, UPLO="L"):  # noqa: N803 (PyTorch's name)
    """The eigenvalues, which are real, of Hermitian matrices."""
    matrices_of("linalg.eigh", input)
    return EIGH_VALUES(input, options=(UPLO.upper(),))


def eigh(input, UPLO="L"):  # noqa: N803
    """(eigenvalues, eigenvectors) of Hermitian matrices."""
    return eigh_result((eigvalsh(input, UPLO), EIGH_VECTORS(input, options=(UPLO.upper(),))))


def _eig(x):
    values, vectors = lapack("linalg.eig", np.linalg.eig, x)
    kind = dtypes.to_complex(x.dtype)
    return values.astype(kind, copy=False), vectors.astype(kind, copy=False)


def _of_eig_values(g, z, x):
    vectors = adjoint(EIG_VECTORS(x))
    return SOLVE(vectors, g.unsqueeze(-1) * vectors)


def _of_eig_vectors(g, z, x):
    v = adjoint(z)
    own = v @ g
    inner = own - (v @ z) * real(own.diagonal(0, -2, -1)).unsqueeze(-2)
    return SOLVE(v, (conj(_gaps(EIG_VALUES(x))) * inner) @ v)


EIG_VALUES = Formula("LinalgEigBackward0", lambda x: _eig(x)[0], _of_eig_values, reads="x")
EIG_VECTORS = Formula("LinalgEigBackward0", lambda x: _eig(x)[1], _of_eig_vectors, reads="xz")


def eigvals(input):
    """The eigenvalues of square matrices, real ones too."""
    matrices_of("linalg.eig", input)
    return EIG_VALUES(input)


def eig(input):
    """(eigenvalues, eigenvectors) of square matrices, real ones too."""
    return eig_result((eigvals(input), EIG_VECTORS(input)))


def _of_svdvals(g, z, x):
    """U diag(g) V^H; to differentiate it, V has the eigenvectors of x^H x, and U those of x V."""
    if not x.requires_grad:
        u, _, vh = np.linalg.svd(to_array(x), full_matrices=False)
        return (from_array(u) * g.unsqueeze(-2)) @ from_array(vh)
    if x.shape[-2] < x.shape[-1]:
        return adjoint(_of_svdvals(g, z, adjoint(x)))
    v = EIGH_VECTORS(adjoint(x) @ x, options=("L",)).flip(-1)
    u = x @ v
    return (u / real(u * conj(u)).sum(-2, keepdim=True).sqrt() * g.unsqueeze(-2)) @ adjoint(v)


SVDVALS = Formula("LinalgSvdBackward0", lambda x: lapack("linalg.svd", np.linalg.svd, x, compute_uv=False), _of_svdvals,
                  reads="x")
SVD_PART = Formula("LinalgSvdBackward0", lambda x, i, full: np.linalg.svd(x, full_matrices=full)[i],
                   _no_gradient("svd, singular vectors"))
QR_PART = Formula("LinalgQrBackward0", lambda x, i, mode: np.linalg.qr(x, mode)[i], _no_gradient("qr"))
PINV = Formula("LinalgPinvBackward0", lambda x, rtol, hermitian: np.linalg.pinv(x, rtol, hermitian),
               lambda g, z, x, rtol, hermitian: _of_pinv(g, z, x), reads="xz")


def _of_pinv(g, z, x):
    n, m = (from_array(np.eye(size, dtype=to_array(x).dtype)) for size in x.shape[-2:])
    zh, gh = adjoint(z), adjoint(g)
    return -zh @ g @ zh + (n - x @ z) @ gh @ z @ zh + zh @ z @ gh @ (m - z @ x)


def svdvals(input, *, driver=None):
    """The singular values, which are real."""
    matrices_of("linalg.svd", input, False)
    return SVDVALS(input)


def svd(input, full_matrices=True, *, driver=None):
    """(U, S, V^H)."""
    matrices_of("linalg.svd", input, False)
    return svd_result((SVD_PART(input, options=(0, full_matrices)), SVDVALS(input),
                       SVD_PART(input, options=(2, full_matrices))))


def qr(A, mode="reduced"):  # noqa: N803
    """(Q, R)."""
    matrices_of("linalg.qr", A, False)
    if mode not in ("reduced", "complete"):
        raise NotImplementedError(f"linalg.qr: mode={mode!r} of complex matrices is not implemented")
    return qr_result((QR_PART(A, options=(0, mode)), QR_PART(A, options=(1, mode))))


def pinv(input, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The pseudoinverse of each matrix."""
    x = matrices_of("linalg.pinv", input, False)
    cut = linalg._cutoff(x, atol, rcond if rtol is None else rtol)
    return PINV(input, options=(cut, hermitian))


def cond(input, p=None):
    """The condition number of matrices."""
    if p is None or p in (2, -2):
        values = svdvals(input)
        large, small = values.amax(-1), values.amin(-1)
        return small / large if p == -2 else large / small
    return matrix_norm(input, p) * matrix_norm(inv(input), p)


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
