"""Decompositions of matrices (torch.linalg): NumPy's LAPACK forward, gradients of any order. Those of complex matrices,
and eig, are in `complex_numbers`."""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops._common import complex_rule
from fastnn.ops.declare import operation
from fastnn.ops.joining import cat
from fastnn.ops.linalg import LinAlgError, Named, inv, lapack, matrices_of, solve, transposed
from fastnn.ops.sampling import randn


class eigh_result(Named):  # noqa: N801
    """(eigenvalues, eigenvectors)."""

    names = ("eigenvalues", "eigenvectors")


class eig_result(Named):  # noqa: N801
    """(eigenvalues, eigenvectors)."""

    names = ("eigenvalues", "eigenvectors")


class svd_result(Named):  # noqa: N801
    """(U, S, Vh)."""

    names = ("U", "S", "Vh")


class qr_result(Named):  # noqa: N801
    """(Q, R)."""

    names = ("Q", "R")


def _cholesky_backward(grad, y):
    inner = np.tril(transposed(y) @ np.tril(grad))
    inner = inner - 0.5 * inner * np.eye(y.shape[-1], dtype=y.dtype)
    inverse = np.linalg.inv(y)
    made = transposed(inverse) @ inner @ inverse
    return (made + transposed(made)) / 2


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
    """L with L L^T = A for symmetric positive definite A (its transpose with `upper`).

    Parameters
    ----------
    input : Tensor
    upper : bool, default False

    Raises
    ------
    LinAlgError
        A matrix is not positive definite.

    Examples
    --------
    >>> fastnn.linalg.cholesky(fastnn.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    x = matrices_of("linalg.cholesky", input)
    y = lapack("linalg.cholesky", np.linalg.cholesky, x)
    if not np.isfinite(np.diagonal(y, axis1=-2, axis2=-1)).all():  # LAPACK's factor of a matrix that is not finite
        raise LinAlgError("linalg.cholesky: the matrix is not positive-definite")
    made = record(y, CHOLESKY, (input,), (y,))
    return made.mT if upper else made


def _eigh_values_backward(grad, values, vectors):
    return (vectors * grad[..., None, :]) @ transposed(vectors)


def _gaps(values):
    """1 / (value j - value i), 0 on the diagonal."""
    gap = values[..., None, :] - values[..., :, None]
    with np.errstate(divide="ignore"):
        return np.where(np.eye(values.shape[-1], dtype=bool), 0, 1 / gap)


def _eigh_vectors_backward(grad, values, vectors):
    return vectors @ (_gaps(values) * (transposed(vectors) @ grad)) @ transposed(vectors)


EIGH_VALUES = Op("LinalgEighBackward0", _eigh_values_backward, "values vectors")
EIGH_VECTORS = Op("LinalgEighBackward0", _eigh_vectors_backward, "values vectors")


def _gaps_of(step, values):
    """The same of a tensor."""
    same = from_array(np.eye(values.shape[-1], dtype=bool))
    gap = values.unsqueeze(-2) - values.unsqueeze(-1)
    return step.where(same, 0.0, 1 / step.where(same, 1.0, gap))


def _eigh_again(step):
    """Values and vectors in the graph of the node's input."""
    return eigh(step.input((step.vectors * step.values[..., None, :]) @ transposed(step.vectors), 0))


@EIGH_VALUES.second
def _eigh_values_second(step, g):
    _, vectors = _eigh_again(step)
    return (vectors * g.unsqueeze(-2)) @ vectors.mT


@EIGH_VECTORS.second
def _eigh_vectors_second(step, g):
    values, vectors = _eigh_again(step)
    return vectors @ (_gaps_of(step, values) * (vectors.mT @ g)) @ vectors.mT


@operation("linalg", out=True)
def eigh(input, UPLO="L") -> eigh_result:  # noqa: N803
    """(eigenvalues in order, eigenvectors) of symmetric matrices.

    Parameters
    ----------
    input : Tensor
    UPLO : {"L", "U"}, default "L"
        Which triangle is read.

    Returns
    -------
    tuple of Tensors
        ``eigenvalues`` and ``eigenvectors`` (columns).

    Examples
    --------
    >>> fastnn.linalg.eigh(fastnn.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    x = matrices_of("linalg.eigh", input)
    values, vectors = lapack("linalg.eigh", np.linalg.eigh, x, UPLO)
    if not input.requires_grad:
        return eigh_result((from_array(values), from_array(vectors)))
    first = record(values, EIGH_VALUES, (input,), (values, vectors))
    return eigh_result((first, record(vectors, EIGH_VECTORS, (input,), (values, vectors))))


@operation("linalg", out=True)
def eigvalsh(input, UPLO="L"):  # noqa: N803
    """Eigenvalues of symmetric matrices, in order.

    Parameters
    ----------
    input : Tensor
    UPLO : {"L", "U"}, default "L"
        Which triangle is read.

    Examples
    --------
    >>> fastnn.linalg.eigvalsh(fastnn.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    return eigh(input, UPLO)[0]


@operation("linalg", out=True)
def eig(input) -> eig_result:
    """(eigenvalues, eigenvectors) of square matrices, complex also where they have no imaginary part.

    They come in LAPACK's order; vectors have length 1, and are defined up to a factor of absolute value 1.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.linalg.eig(fastnn.tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues
    tensor([0.+1.j, 0.-1.j])
    """
    return complex_rule("eig")(input)


@operation("linalg", out=True)
def eigvals(input):
    """Eigenvalues of square matrices, complex; see ``eig``.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.linalg.eigvals(fastnn.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([2.+0.j, 1.+0.j])
    """
    return complex_rule("eigvals")(input)


def _no_driver(op, driver):
    if driver is not None:
        raise RuntimeError(f"{op}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend")


SVD_VALUES = Op("LinalgSvdBackward0", lambda grad, u, s, vh: (u * grad[..., None, :]) @ vh, "u s vh")


def from_singular_vectors(a, factor):
    """U diag(factor) V^T of a = U diag(s) V^T, s > 0, in tensor operations: V has a^T a's eigenvectors, U = a V / s."""
    if a.shape[-2] < a.shape[-1]:
        return from_singular_vectors(a.mT, factor).mT
    scale = np.abs(a.detach().numpy()).max((-2, -1), keepdims=True, initial=0)  # which changes neither U nor V
    a = a / from_array(np.where(scale > 0, scale, 1))
    v = eigh(a.mT @ a)[1].flip(-1)
    u = a @ v
    return (u / (u * u).sum(-2, keepdim=True).sqrt() * factor.unsqueeze(-2)) @ v.mT


@SVD_VALUES.second
def _svd_second(step, g):
    return from_singular_vectors(step.input((step.u * step.s[..., None, :]) @ step.vh, 0), g)


def by_tensors(formula):
    """The rule on arrays of a formula in tensor operations."""
    return lambda grad, *saved: formula(from_array(grad), *map(from_array, saved)).detach().numpy()


def _off_diagonal(product, s):
    """The skew part of U^T dU or V^T dV, over the differences of squared singular values."""
    same = from_array(np.eye(s.shape[-1], dtype=bool))
    gap = (s.unsqueeze(-2) - s.unsqueeze(-1)) * (s.unsqueeze(-2) + s.unsqueeze(-1))
    return ((product - product.mT) / gap.masked_fill(same, 1)).masked_fill(same, 0)


def _of_u(g, u, s, vh):
    """dA of dU: inside the columns of U, and what stands out of them."""
    inside = u.mT @ g
    found = u @ (_off_diagonal(inside, s) * s.unsqueeze(-2)) @ vh
    return found if u.shape[-2] == u.shape[-1] else found + ((g - u @ inside) / s.unsqueeze(-2)) @ vh


def _of_vh(g, u, s, vh):
    return _of_u(g.mT, vh.mT, s, u.mT).mT


SVD_U = Op("LinalgSvdBackward0", lambda grad, x, u, s, vh: by_tensors(_of_u)(grad[..., :s.shape[-1]], u, s, vh),
           "x u s vh")
SVD_VH = Op("LinalgSvdBackward0", lambda grad, x, u, s, vh: by_tensors(_of_vh)(grad[..., :s.shape[-1], :], u, s, vh),
            "x u s vh")


def _svd_again(step):
    """The node's singular vectors and values in the graph of its input, with the signs that they had."""
    u, s, vh = svd(step.input(step.x, 0), False)
    sign = from_array(np.where((u.detach().numpy() * step.u).sum(-2) < 0, -1, 1).astype(step.x.dtype))
    return u * sign.unsqueeze(-2), s, vh * sign.unsqueeze(-1)


@SVD_U.second
def _svd_u_second(step, g):
    return _of_u(g[..., :step.s.shape[-1]], *_svd_again(step))


@SVD_VH.second
def _svd_vh_second(step, g):
    return _of_vh(g[..., :step.s.shape[-1], :], *_svd_again(step))


@operation("linalg", out=True, keywords={"A": "input"})
def svd(input, full_matrices=True, *, driver=None) -> svd_result:
    """(U, S, Vh) with U diag(S) Vh = A (Townsend 2016 for the gradients).

    Gradients of U and Vh are those of the first min(m, n) singular vectors, and infinite or NaN where singular values
    are equal.

    Parameters
    ----------
    input : Tensor
    full_matrices : bool, default True
        Whether U and Vh are square.
    driver : None, optional
        CUDA's.

    Returns
    -------
    tuple of Tensors
        ``U``, ``S`` and ``Vh``.

    Examples
    --------
    >>> fastnn.linalg.svd(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    _no_driver("linalg.svd", driver)
    x = matrices_of("linalg.svd", input, False)
    u, s, vh = lapack("linalg.svd", np.linalg.svd, x, full_matrices=full_matrices)
    if not input.requires_grad:
        return svd_result((from_array(u), from_array(s), from_array(vh)))
    k = s.shape[-1]
    saved = u[..., :k], s, vh[..., :k, :]
    return svd_result((record(u, SVD_U, (input,), (x, *saved), (input,)), record(s, SVD_VALUES, (input,), saved),
                       record(vh, SVD_VH, (input,), (x, *saved), (input,))))


@operation("linalg", out=True, keywords={"A": "input"})
def svdvals(input, *, driver=None):
    """Singular values, the largest first.

    Parameters
    ----------
    input : Tensor
    driver : None, optional
        CUDA's.

    Examples
    --------
    >>> fastnn.linalg.svdvals(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    _no_driver("linalg.svdvals", driver)
    return svd(input, False)[1]


def _refuse_qr(grad, why):
    raise RuntimeError(f"The QR decomposition is not differentiable when {why}")


def _of_qr(gq, gr, x, q, r):
    """dA of dQ or dR, the other None (Walter and Lehmann 2010); columns beyond the rows follow from the first ones."""
    n = x.shape[-2]
    beside = None
    if x.shape[-1] > n:
        if gr is None:
            beside = 0 * x[..., n:]
        else:
            beside, gq, gr = q @ gr[..., n:], x[..., n:] @ gr[..., n:].mT, gr[..., :n]
        r = r[..., :n]
    inner = (0 if gr is None else r @ gr.mT) - (0 if gq is None else gq.mT @ q)
    inner = inner.tril() + inner.tril(-1).mT
    found = solve(r, (q @ inner if gq is None else gq + q @ inner).mT).mT
    return found if beside is None else cat((found, beside), -1)


def _of_q(g, x, q, r):
    return _of_qr(g, None, x, q, r)


def _of_r(g, x, q, r):
    return _of_qr(None, g, x, q, r)


QR_Q = Op("LinalgQrBackward0", by_tensors(_of_q), "x q r")
QR_R = Op("LinalgQrBackward0", by_tensors(_of_r), "x q r")


def _qr_again(step):
    x = step.input(step.x, 0)
    q, r = qr(x)
    sign = from_array(np.where((q.detach().numpy() * step.q).sum(-2) < 0, -1, 1).astype(step.x.dtype))
    return x, q * sign.unsqueeze(-2), r * sign.unsqueeze(-1)


QR_Q.second(lambda step, g: _of_q(g, *_qr_again(step)))
QR_R.second(lambda step, g: _of_r(g, *_qr_again(step)))
NO_QR = Op("LinalgQrBackward0", _refuse_qr, "what", reason="there is no gradient")


@operation("linalg", out=True)
def qr(A, mode="reduced") -> qr_result:  # noqa: N803
    """(Q, R) with Q R = A; gradients where `mode` is "reduced", or "complete" of matrices as wide as high or wider.

    Parameters
    ----------
    A : Tensor
        (..., m, n)
    mode : {"reduced", "complete", "r"}, default "reduced"
        "complete" makes Q square, "r" leaves it empty.

    Returns
    -------
    tuple of Tensors
        ``Q`` and ``R``.

    Examples
    --------
    >>> q, r = fastnn.linalg.qr(fastnn.ones(3, 2))
    >>> q.shape, r.shape
    (torch.Size([3, 2]), torch.Size([2, 2]))
    """
    x = matrices_of("linalg.qr", A, False)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                           f"'complete'")
    found = np.linalg.qr(x, mode)
    q, r = (np.empty(0, x.dtype), found) if mode == "r" else found
    if mode == "r" or mode == "complete" and x.shape[-2] > x.shape[-1]:
        why = "mode='r'" if mode == "r" else "mode='complete' and nrows > ncols"
        return qr_result((record(q, NO_QR, (A,), (why,)) if mode != "r" else from_array(q),
                          record(r, NO_QR, (A,), (why,))))
    return qr_result((record(q, QR_Q, (A,), (x, q, r), (A,)), record(r, QR_R, (A,), (x, q, r), (A,))))


@operation("fastnn")
def svd_lowrank(A, q=6, niter=2, M=None):  # noqa: N803
    """(U, S, V) of the `q` largest singular values about, with U diag(S) V^T near A; no gradients but S's.

    By products with random vectors (Halko, Martinsson and Tropp 2011), drawn as PyTorch draws them.

    Parameters
    ----------
    A : Tensor
    q : int, default 6
        How many; some more than are needed make them better.
    niter : int, default 2
        Subspace iterations.
    M : Tensor, optional
        Taken from A.

    Examples
    --------
    >>> U, S, V = fastnn.svd_lowrank(fastnn.ones(4, 3), q=2)
    >>> U.shape, V.shape, round(S[0].item(), 3)
    (torch.Size([4, 2]), torch.Size([3, 2]), 3.464)
    """
    if M is not None:
        A = A - M
    wide = A.shape[-2] < A.shape[-1]
    if wide:
        A = A.transpose(-2, -1)
    basis = A.detach() @ randn(A.shape[-1], q, dtype=A.dtype)
    for _ in range(niter):
        basis = A.detach().transpose(-2, -1) @ qr(basis).Q
        basis = A.detach() @ qr(basis).Q
    basis = qr(basis).Q
    U, S, Vh = svd(basis.transpose(-2, -1) @ A, full_matrices=False)
    U, V = basis @ U, Vh.transpose(-2, -1)
    return (V, S, U) if wide else (U, S, V)


@operation("fastnn")
def pca_lowrank(A, q=None, center=True, niter=2):  # noqa: N803
    """(U, S, V) of `svd_lowrank` of rows less their mean: V has the principal directions.

    Parameters
    ----------
    A : Tensor
    q : int, optional
        By default at most 6.
    center : bool, default True
    niter : int, default 2

    Examples
    --------
    >>> U, S, V = fastnn.pca_lowrank(fastnn.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), q=1)
    >>> abs(V[1, 0] / V[0, 0]).item()
    2.0
    """
    q = min(6, *A.shape[-2:]) if q is None else q
    if not 0 <= q <= min(A.shape[-2:]):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(A.shape[-2:])}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter=niter)
