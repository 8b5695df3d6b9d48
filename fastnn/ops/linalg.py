"""Linear algebra (torch.linalg): NumPy's LAPACK forward; gradients for inv, det, slogdet, solve, cholesky, eigh, svd's
singular values and pinv's full-rank case, a clear refusal elsewhere."""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record
from fastnn.kernels import sum_to
from fastnn.ops import arithmetic, linear, reduce, shape
from fastnn.ops._common import broadcast_shapes, need_tensors
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation


@operation()
def adjoint(input):
    """Matrices transposed."""
    return shape.transpose(input, -2, -1)


class LinAlgError(RuntimeError):
    """A matrix has no inverse, or an iteration did not converge."""


class _Named(tuple):
    """A result with names for its parts."""

    names = ()

    def __getattr__(self, name):
        if name in type(self).names:
            return self[type(self).names.index(name)]
        raise AttributeError(f"{type(self).__name__} has no {name!r}")


class eigh_result(_Named):  # noqa: N801
    """(eigenvalues, eigenvectors)."""

    names = ("eigenvalues", "eigenvectors")


class eig_result(_Named):  # noqa: N801
    """(eigenvalues, eigenvectors)."""

    names = ("eigenvalues", "eigenvectors")


class svd_result(_Named):  # noqa: N801
    """(U, S, Vh)."""

    names = ("U", "S", "Vh")


class qr_result(_Named):  # noqa: N801
    """(Q, R)."""

    names = ("Q", "R")


class slogdet_result(_Named):  # noqa: N801
    """(sign, logabsdet)."""

    names = ("sign", "logabsdet")


class lstsq_result(_Named):  # noqa: N801
    """(solution, residuals, rank, singular_values)."""

    names = ("solution", "residuals", "rank", "singular_values")


def _matrices(op, x, square=True):
    need_tensors(op, x)
    if not x.is_floating_point():
        raise RuntimeError(f"{op}: Expected a floating point or complex tensor as input. Got {x.dtype}")
    if x.ndim < 2:
        raise RuntimeError(f"{op}: The input tensor A must have at least 2 dimensions.")
    if square and x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{op}: A must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} "
                           f"matrices")
    return x.detach().numpy()


def _lapack(op, function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{op}: {error}") from None


def _t(x):
    return np.swapaxes(x, -1, -2)


def _refuse(grad, op):
    raise NotImplementedError(f"{op}: the gradient is not implemented")


def _column(values):
    return values.unsqueeze(-1).unsqueeze(-1)


def _inv_backward(grad, y):
    return -_t(y) @ grad @ _t(y)


INV = Op("LinalgInvExBackward0", _inv_backward, "y")


@INV.second
def _inv_second(step, g):
    y = step.output(step.y).mT
    return -y @ g @ y


@operation("fastnn.inverse Tensor.inverse", out=True)
@operation("linalg", out=True, keywords={"A": "input"})
def inv(input):
    """The inverse of each matrix."""
    y = _lapack("linalg.inv", np.linalg.inv, _matrices("linalg.inv", input))
    return record(y, INV, (input,), (y,))


def _det_backward(grad, x, y):
    """grad det(x) x^-T; from the singular values, so that one zero among them is no harm."""
    u, s, vh = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, i, -1), -1) for i in range(n)], -1) if n else s
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray((grad * sign)[..., None, None] * ((u * others[..., None, :]) @ vh), x.dtype)


DET = Op("LinalgDetBackward0", _det_backward, "x y")


@DET.second
def _det_second(step, g):
    if not step.y.all():
        raise NotImplementedError("create_graph=True: the determinant of a singular matrix cannot be differentiated "
                                  "twice")
    return _column(g * step.output(step.y)) * inv(step.input(step.x, 0)).mT


@operation("fastnn Tensor linalg", out="linalg", keywords={"A": "input"})
def det(input):
    """The determinant of each matrix."""
    x = _matrices("linalg.det", input)
    y = np.asarray(np.linalg.det(x), x.dtype)
    return record(y, DET, (input,), (x, y), (input,))


def _slogdet_backward(grad, x, sign):
    singular = (sign == 0)[..., None, None]
    inverse = np.linalg.inv(np.where(singular, np.eye(x.shape[-1], dtype=x.dtype), x))
    return np.asarray(grad)[..., None, None] * np.where(singular, x.dtype.type(np.nan), _t(inverse))


SLOGDET = Op("LinalgSlogdetBackward0", _slogdet_backward, "x sign")
SLOGDET.second(lambda step, g: _column(g) * inv(step.input(step.x, 0)).mT)


@operation("fastnn Tensor linalg", out=True, keywords={"A": "input"})
def slogdet(input):
    """(sign, logarithm of the size) of each determinant."""
    x = _matrices("linalg.slogdet", input)
    sign, size = np.linalg.slogdet(x)
    zero = record(np.asarray(sign, x.dtype), constant("LinalgSlogdetBackward0"), (input,), (x.shape,))
    made = record(np.asarray(size, x.dtype), SLOGDET, (input,), (x, np.asarray(sign)), (input,))
    return slogdet_result((zero, made))


@operation()
def logdet(input):
    """The logarithm of each determinant; NaN where it is negative."""
    sign, size = slogdet(input)
    return arithmetic.add(size, from_array(np.where(sign.detach().numpy() < 0, np.nan, 0).astype(
        sign.detach().numpy().dtype)))


def _solve_backward(grad, a, y, shape):
    db = np.linalg.solve(_t(a), grad)
    return (sum_to(np.ascontiguousarray(-db @ _t(y)), a.shape), sum_to(np.ascontiguousarray(db), shape))


SOLVE = Op("LinalgSolveExBackward0", _solve_backward, "a y shape")


@SOLVE.second
def _solve_second(step, g):
    db = solve(step.input(step.a, 0).mT, g)
    return step.sum_to(-db @ step.output(step.y).mT, step.a.shape), step.sum_to(db, step.shape)


@operation("linalg", out=True)
def solve(A, B, *, left=True):  # noqa: N803 (PyTorch's names)
    """X with A X = B (X A = B with left=False)."""
    a = _matrices("linalg.solve", A)
    need_tensors("linalg.solve", B)
    if A.dtype is not B.dtype:
        raise RuntimeError(f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.dtype} and "
                           f"B of type {B.dtype} instead")
    if not left:
        return solve(A.mT, B.mT).mT
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape)[:-1])
    columns = B.unsqueeze(-1) if vector else B
    if columns.shape[-2] != A.shape[-1]:
        raise RuntimeError(f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({A.shape[-2]}x"
                           f"{A.shape[-1]} and {columns.shape[-2]}x{columns.shape[-1]})")
    b = columns.detach().numpy()
    y = _lapack("linalg.solve", np.linalg.solve, a, b)
    made = record(y, SOLVE, (A, columns), (a, y, b.shape), (A, B))
    return made.squeeze(-1) if vector else made


def _cholesky_backward(grad, y):
    inner = np.tril(_t(y) @ np.tril(grad))
    inner = inner - 0.5 * inner * np.eye(y.shape[-1], dtype=y.dtype)
    inverse = np.linalg.inv(y)
    made = _t(inverse) @ inner @ inverse
    return (made + _t(made)) / 2


CHOLESKY = Op("LinalgCholeskyExBackward0", _cholesky_backward, "y")


@CHOLESKY.second
def _cholesky_second(step, g):
    y = step.output(step.y)
    inner = (y.mT @ g.tril()).tril()
    inner = inner - inner * from_array(0.5 * np.eye(step.y.shape[-1], dtype=step.y.dtype))
    inverse = inv(y)
    made = inverse.mT @ inner @ inverse
    return (made + made.mT) / 2


@operation("fastnn Tensor linalg", out=True)
def cholesky(input, *, upper=False):
    """L with L L^T = A for symmetric positive definite A (its transpose with `upper`)."""
    x = _matrices("linalg.cholesky", input)
    y = _lapack("linalg.cholesky", np.linalg.cholesky, x)
    made = record(y, CHOLESKY, (input,), (y,))
    return made.mT if upper else made


def _eigh_values_backward(grad, values, vectors):
    return (vectors * grad[..., None, :]) @ _t(vectors)


def _gaps(values):
    """1 / (value j - value i), 0 on the diagonal."""
    gap = values[..., None, :] - values[..., :, None]
    with np.errstate(divide="ignore"):
        return np.where(np.eye(values.shape[-1], dtype=bool), 0, 1 / gap)


def _eigh_vectors_backward(grad, values, vectors):
    return vectors @ (_gaps(values) * (_t(vectors) @ grad)) @ _t(vectors)


EIGH_VALUES = Op("LinalgEighBackward0", _eigh_values_backward, "values vectors")
EIGH_VECTORS = Op("LinalgEighBackward0", _eigh_vectors_backward, "values vectors")


def _gaps_of(step, values):
    """The same of a tensor."""
    same = from_array(np.eye(values.shape[-1], dtype=bool))
    gap = values.unsqueeze(-2) - values.unsqueeze(-1)
    return step.where(same, 0.0, 1 / step.where(same, 1.0, gap))


def _eigh_again(step):
    """Values and vectors in the graph of the node's input."""
    return eigh(step.input((step.vectors * step.values[..., None, :]) @ _t(step.vectors), 0))


@EIGH_VALUES.second
def _eigh_values_second(step, g):
    _, vectors = _eigh_again(step)
    return (vectors * g.unsqueeze(-2)) @ vectors.mT


@EIGH_VECTORS.second
def _eigh_vectors_second(step, g):
    values, vectors = _eigh_again(step)
    return vectors @ (_gaps_of(step, values) * (vectors.mT @ g)) @ vectors.mT


@operation("linalg", out=True)
def eigh(input, UPLO="L"):  # noqa: N803
    """(eigenvalues in order, eigenvectors) of symmetric matrices."""
    x = _matrices("linalg.eigh", input)
    values, vectors = _lapack("linalg.eigh", np.linalg.eigh, x, UPLO)
    if not input.requires_grad:
        return eigh_result((from_array(values), from_array(vectors)))
    first = record(values, EIGH_VALUES, (input,), (values, vectors))
    return eigh_result((first, record(vectors, EIGH_VECTORS, (input,), (values, vectors))))


@operation("linalg", out=True)
def eigvalsh(input, UPLO="L"):  # noqa: N803
    """Eigenvalues of symmetric matrices, in order."""
    return eigh(input, UPLO)[0]


def _eig_values_backward(grad, values, vectors):
    return _eig_back(grad[..., :, None] * np.eye(values.shape[-1]), vectors)


def _eig_back(inner, vectors):
    return np.linalg.solve(_t(vectors), inner @ _t(vectors))


def _eig_vectors_backward(grad, values, vectors):
    own = _t(vectors) @ grad  # of vectors of length 1
    inner = own - (_t(vectors) @ vectors) * np.diagonal(own, axis1=-2, axis2=-1)[..., None, :]
    return _eig_back(_gaps(values) * inner, vectors)


EIG_VALUES = Op("LinalgEigBackward0", _eig_values_backward, "values vectors")
EIG_VECTORS = Op("LinalgEigBackward0", _eig_vectors_backward, "values vectors")


def _eig_again(step):
    """Values and vectors in the graph of the node's input."""
    scaled = step.vectors * step.values[..., None, :]
    return eig(step.input(_t(np.linalg.solve(_t(step.vectors), _t(scaled))), 0))


@EIG_VALUES.second
def _eig_values_second(step, g):
    _, vectors = _eig_again(step)
    return solve(vectors.mT, g.diag_embed() @ vectors.mT)


@EIG_VECTORS.second
def _eig_vectors_second(step, g):
    values, vectors = _eig_again(step)
    own = vectors.mT @ g
    inner = own - (vectors.mT @ vectors) * own.diagonal(0, -2, -1).unsqueeze(-2)
    return solve(vectors.mT, (_gaps_of(step, values) * inner) @ vectors.mT)


@operation("linalg", out=True)
def eig(input):
    """(eigenvalues, eigenvectors) of square matrices whose eigenvalues are real, such as symmetric ones.

    They come in LAPACK's order, real, where PyTorch gives complex numbers with no imaginary part. A matrix with other
    eigenvalues raises NotImplementedError: there are no complex tensors here.
    """
    x = _matrices("linalg.eig", input)
    values, vectors = _lapack("linalg.eig", np.linalg.eig, x)
    if np.iscomplexobj(values) and values.imag.any():
        raise NotImplementedError("linalg.eig: the matrix has complex eigenvalues, and fastnn has no complex tensors")
    values, vectors = (np.ascontiguousarray(each.real, x.dtype) for each in (values, vectors))
    if not input.requires_grad:
        return eig_result((from_array(values), from_array(vectors)))
    first = record(values, EIG_VALUES, (input,), (values, vectors))
    return eig_result((first, record(vectors, EIG_VECTORS, (input,), (values, vectors))))


@operation("linalg", out=True)
def eigvals(input):
    """Eigenvalues of square matrices, if they are real; see ``eig``."""
    return eig(input)[0]


def _no_driver(op, driver):
    if driver is not None:
        raise RuntimeError(f"{op}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend")


SVD_VALUES = Op("LinalgSvdBackward0", lambda grad, u, s, vh: (u * grad[..., None, :]) @ vh, "u s vh")


def from_singular_vectors(a, factor):
    """U diag(factor) V^T of a = U diag(s) V^T, s > 0, in tensor operations: V has a^T a's eigenvectors, U = a V / s."""
    if a.shape[-2] < a.shape[-1]:
        return from_singular_vectors(a.mT, factor).mT
    v = eigh(a.mT @ a)[1].flip(-1)
    u = a @ v
    return (u / (u * u).sum(-2, keepdim=True).sqrt() * factor.unsqueeze(-2)) @ v.mT


@SVD_VALUES.second
def _svd_second(step, g):
    return from_singular_vectors(step.input((step.u * step.s[..., None, :]) @ step.vh, 0), g)


SVD_VECTORS = Op("LinalgSvdBackward0", _refuse, "what", reason="there is no gradient of singular vectors")


@operation("linalg", out=True, keywords={"A": "input"})
def svd(input, full_matrices=True, *, driver=None):
    """(U, S, Vh) with U diag(S) Vh = A; gradients of S alone."""
    _no_driver("linalg.svd", driver)
    x = _matrices("linalg.svd", input, False)
    u, s, vh = _lapack("linalg.svd", np.linalg.svd, x, full_matrices=full_matrices)
    if not input.requires_grad:
        return svd_result((from_array(u), from_array(s), from_array(vh)))
    k = s.shape[-1]
    values = record(s, SVD_VALUES, (input,), (u[..., :k], s, vh[..., :k, :]))
    return svd_result((record(u, SVD_VECTORS, (input,), ("linalg.svd of U",)), values,
                       record(vh, SVD_VECTORS, (input,), ("linalg.svd of Vh",))))


@operation("linalg", out=True, keywords={"A": "input"})
def svdvals(input, *, driver=None):
    """Singular values, the largest first."""
    _no_driver("linalg.svdvals", driver)
    return svd(input, False)[1]


QR = Op("LinalgQrBackward0", _refuse, "what", reason="there is no gradient")


@operation("linalg", out=True)
def qr(A, mode="reduced"):  # noqa: N803
    """(Q, R) with Q R = A; no gradients."""
    x = _matrices("linalg.qr", A, False)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                           f"'complete'")
    found = np.linalg.qr(x, mode)
    q, r = (np.empty(0, x.dtype), found) if mode == "r" else found
    return qr_result((record(q, QR, (A,), ("linalg.qr",)) if mode != "r" else from_array(q),
                      record(r, QR, (A,), ("linalg.qr",))))


def _cutoff(x, atol, rtol):
    """Relative to the largest singular value of each matrix: those of this size and below count as 0."""
    atol, rtol = (t.detach().numpy() if isinstance(t, Tensor) else t for t in (atol, rtol))
    if rtol is None:
        rtol = 0.0 if atol is not None and np.any(np.asarray(atol) > 0) else max(x.shape[-2:]) * np.finfo(x.dtype).eps
    if atol is None or not x.size:
        return rtol
    largest = np.linalg.svd(x, compute_uv=False)[..., 0]
    with np.errstate(divide="ignore"):
        return np.maximum(rtol, np.where(largest > 0, atol / largest, 0))


def _pinv_backward(grad, x, y):
    n, m = np.eye(x.shape[-2], dtype=x.dtype), np.eye(x.shape[-1], dtype=x.dtype)
    yt, gt = _t(y), _t(grad)
    return -yt @ grad @ yt + (n - x @ y) @ gt @ y @ yt + yt @ y @ gt @ (m - y @ x)


PINV = Op("LinalgPinvBackward0", _pinv_backward, "x y")


@PINV.second
def _pinv_second(step, g):
    x, y = step.input(step.x, 0), step.output(step.y.astype(step.x.dtype, copy=False))
    n, m = (from_array(np.eye(size, dtype=step.x.dtype)) for size in step.x.shape[-2:])
    yt, gt = y.mT, g.mT
    return -yt @ g @ yt + (n - x @ y) @ gt @ y @ yt + yt @ y @ gt @ (m - y @ x)


@operation("fastnn.pinverse Tensor.pinverse linalg", out="linalg")
def pinv(input, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The Moore-Penrose inverse of each matrix (Golub and Pereyra 1973 for the gradient, at constant rank)."""
    x = _matrices("linalg.pinv", input, False)
    y = np.linalg.pinv(x, _cutoff(x, atol, rcond if rtol is None else rtol), hermitian)
    return record(y.astype(x.dtype), PINV, (input,), (x, y), (input,))


DRIVERS = ("gelsy", "gelsd", "gels", "gelss")


LSTSQ = Op("LinalgLstsqBackward0", _refuse, "what", reason="there is no gradient")


@operation("linalg", keywords={"A": "input", "B": "b"})
def lstsq(input, b, rcond=None, *, driver=None):
    """The X that makes |A X - B| smallest for A = `input` and B = `b`, matrices or stacks of them; no gradients.

    Whatever the driver, singular values are used. The rank is there for all but "gels", residuals for all but "gelsy"
    (the default), singular values for "gelsd" and "gelss".
    """
    a = _matrices("linalg.lstsq", input, False)
    need_tensors("linalg.lstsq", input, b)
    if driver not in (None, *DRIVERS):
        raise RuntimeError(f"torch.linalg.lstsq: parameter `driver` should be one of ({', '.join(DRIVERS)})")
    if b.dtype is not input.dtype:
        raise RuntimeError(f"torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's "
                           f"dtype {input.dtype} and other's dtype {b.dtype}")
    y = b.detach().numpy()
    vector = a.ndim - 1 == y.ndim
    if not vector and a.ndim != y.ndim:
        raise RuntimeError(f"torch.linalg.lstsq: other must have as many dimensions as input or one less, got {y.ndim} "
                           f"and {a.ndim}")
    y = y[..., None] if vector else y
    if y.shape[-2] != a.shape[-2]:
        raise RuntimeError(f"torch.linalg.lstsq: input.size(-2) should match other.size({'-1' if vector else '-2'}), "
                           f"got {list(a.shape)} and {list(b.shape)}")
    broadcast_shapes(a.shape[:-2], y.shape[:-2])  # RuntimeError if they do not
    u, s, vh = _lapack("linalg.lstsq", np.linalg.svd, a, full_matrices=False)
    cutoff = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rcond is None or rcond < 0 else rcond
    kept = s > cutoff * s[..., :1] if s.size else s > 0
    rank = kept.sum(-1)
    x = _t(vh) @ (np.where(kept, 1 / np.where(kept, s, 1), 0)[..., None] * (_t(u) @ y))
    residuals = np.zeros(0, x.dtype)
    if driver not in (None, "gelsy") and a.shape[-2] > a.shape[-1] and (rank == a.shape[-1]).all():
        residuals = np.asarray(((a @ x - y) ** 2).sum(-2), x.dtype)
    none = np.zeros(0, np.int64)
    x = np.ascontiguousarray((x[..., 0] if vector else x).astype(a.dtype, copy=False))
    return lstsq_result((record(x, LSTSQ, (input, b), ("linalg.lstsq",)), from_array(residuals),
                         from_array(none if driver == "gels" else np.asarray(rank, np.int64)),
                         from_array(s if driver in ("gelsd", "gelss") else none.astype(a.dtype))))


@operation("linalg", out=True)
def matrix_rank(input, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values are not (nearly) 0: larger than `atol` (or `tol`) and than `rtol` times the largest."""
    x = _matrices("linalg.matrix_rank", input, False)
    if tol is not None:
        found = np.linalg.matrix_rank(x, tol.detach().numpy() if isinstance(tol, Tensor) else tol, hermitian)
    else:
        found = np.linalg.matrix_rank(x, hermitian=hermitian, rtol=_cutoff(x, atol, rtol))
    return from_array(np.asarray(found, np.int64))


@operation("fastnn Tensor linalg", out=True)
def matrix_power(input, n):
    """The product of n of each matrix (of its inverse for negative n)."""
    _matrices("linalg.matrix_power", input)
    if n < 0:
        return matrix_power(inv(input), -n)
    if n == 0:
        size = input.shape[-1]
        one = from_array(np.eye(size, dtype=input.detach().numpy().dtype))
        return arithmetic.add(arithmetic.mul(input, 0.0), one)
    if n == 1:
        return input.clone()
    made = None
    while n:
        if n & 1:
            made = input if made is None else linear.matmul(made, input)
        n >>= 1
        input = linear.matmul(input, input) if n else input
    return made


@operation()
def trace(input):
    """Sum of a matrix' diagonal."""
    need_tensors("trace", input)
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return reduce.sum(input.diagonal())
