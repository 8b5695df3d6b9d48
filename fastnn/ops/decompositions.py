"""Decompositions of matrices (torch.linalg): NumPy's LAPACK forward, gradients of all parts.

Their rules hold for complex matrices too; eig, whose results are complex, is in `complex_numbers`.
"""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import from_array, record, to_array
from fastnn.ops._common import complex_rule
from fastnn.ops.declare import operation
from fastnn.ops.linalg import (
    LinAlgError, Named, conjugate_transpose, inv, iterated, lapack, matrices_of, refuse, solve)
from fastnn.ops.padding import pad
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
    inner = np.tril(conjugate_transpose(y) @ np.tril(grad))
    inner = inner - 0.5 * inner * np.eye(y.shape[-1], dtype=y.dtype)
    inverse = np.linalg.inv(y)
    made = conjugate_transpose(inverse) @ inner @ inverse
    return (made + conjugate_transpose(made)) / 2


CHOLESKY = Op("LinalgCholeskyExBackward0", _cholesky_backward, "y")


@CHOLESKY.second
def _cholesky_second(step, g):
    y = step.output(step.y)
    inner = (y.mH @ g.tril()).tril()
    inner = inner - inner * from_array(0.5 * np.eye(step.y.shape[-1], dtype=step.y.dtype))
    inverse = inv(y)
    made = inverse.mH @ inner @ inverse
    return (made + made.mH) / 2


@operation("fastnn Tensor linalg", out=True)
def cholesky(input, *, upper=False):
    """L with L L^H = A for symmetric (Hermitian) positive definite A (its adjoint with `upper`).

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
    if upper:
        return cholesky(input.mH).mH
    x = matrices_of("linalg.cholesky", input)
    y = lapack("linalg.cholesky", np.linalg.cholesky, x)
    if not np.isfinite(np.diagonal(y, axis1=-2, axis2=-1)).all():  # LAPACK's factor of a matrix that is not finite
        raise LinAlgError("linalg.cholesky: the matrix is not positive-definite")
    return record(y, CHOLESKY, (input,), (y,))


def part(name, saved, rule, again):
    """The record of one part of a decomposition: one rule in tensor operations for backward and recorded backward.

    It takes the part's gradient and all parts: those saved, or `again(step)`, which computes them in the graph.
    """
    op = Op(name, lambda grad, *parts: to_array(rule(from_array(grad), *map(from_array, parts))), saved)
    op.second(lambda step, g: rule(g, *again(step)))
    return op


def gaps(values):
    """1 / (value j - value i), 0 on the diagonal."""
    same = from_array(np.eye(values.shape[-1], dtype=bool))
    gap = values.unsqueeze(-2) - values.unsqueeze(-1)
    return (1 / gap.masked_fill(same, 1.0)).masked_fill(same, 0.0)


def _of_eigh_values(g, values, vectors):
    return (vectors * g.unsqueeze(-2)) @ vectors.mH


def _of_eigh_vectors(g, values, vectors):
    return vectors @ (gaps(values) * (vectors.mH @ g)) @ vectors.mH


def _eigh_again(step):
    return eigh(step.input((step.vectors * step.values[..., None, :]) @ conjugate_transpose(step.vectors), 0))


EIGH_VALUES = part("LinalgEighBackward0", "values vectors", _of_eigh_values, _eigh_again)
EIGH_VECTORS = part("LinalgEighBackward0", "values vectors", _of_eigh_vectors, _eigh_again)


@operation("linalg", out=True)
def eigh(input, UPLO="L") -> eigh_result:  # noqa: N803
    """(eigenvalues in order, eigenvectors) of symmetric (Hermitian) matrices.

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
    values, vectors = iterated("linalg.eigh", np.linalg.eigh, x, UPLO)
    if not input.requires_grad:
        return eigh_result((from_array(values), from_array(vectors)))
    first = record(values, EIGH_VALUES, (input,), (values, vectors))
    return eigh_result((first, record(vectors, EIGH_VECTORS, (input,), (values, vectors))))


@operation("linalg", out=True)
def eigvalsh(input, UPLO="L"):  # noqa: N803
    """Eigenvalues of symmetric (Hermitian) matrices, in order.

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


def of_singular_values(g, u, s, vh):
    """U diag(g) V^H."""
    return (u * g.unsqueeze(-2)) @ vh


def _turns(inner, s):
    """What turns singular vectors by the products of vectors and gradients: off the diagonal / (s_j^2 - s_i^2)."""
    return (inner - inner.mH) / (s.unsqueeze(-2) + s.unsqueeze(-1)).masked_fill(s.unsqueeze(-2) == 0, 1.0) * gaps(s)


def of_left_vectors(g, u, s, vh):
    """The gradient of A = U S V^H from that of U (Townsend 2016); complex vectors' phases are free.

    As in PyTorch, what comes for columns that make U square is left out.
    """
    g = g[..., :u.shape[-1]]
    inner = u.mH @ g
    turned = _turns(inner, s) * s.unsqueeze(-2)
    if inner.is_complex():
        turned = turned + ((inner - inner.mH) / 2 / s.unsqueeze(-2)).diagonal(0, -2, -1).diag_embed()
    made = u @ turned
    if u.shape[-2] > u.shape[-1]:
        made = made + (g - u @ inner) / s.unsqueeze(-2)
    return made @ vh


def of_right_vectors(g, u, s, vh):
    """The same from that of V^H."""
    g = g[..., :vh.shape[-2], :]
    inner = vh @ g.mH
    turned = s.unsqueeze(-1) * _turns(inner, s) @ vh
    if vh.shape[-1] > vh.shape[-2]:
        turned = turned + (g - inner.mH @ vh) / s.unsqueeze(-1)
    return u @ turned


def _svd_again(step):
    return svd(step.input((step.u * step.s[..., None, :]) @ step.vh, 0), False)


SVD_PARTS = tuple(part("LinalgSvdBackward0", "u s vh", rule, _svd_again)
                  for rule in (of_left_vectors, of_singular_values, of_right_vectors))


@operation("linalg", out=True, keywords={"A": "input"})
def svd(input, full_matrices=True, *, driver=None) -> svd_result:
    """(U, S, Vh) with U diag(S) Vh = A.

    Vectors have gradients where the singular values differ and are not 0, those that make U and Vh square have none.

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
    u, s, vh = iterated("linalg.svd", np.linalg.svd, x, full_matrices=full_matrices)
    if not input.requires_grad:
        return svd_result((from_array(u), from_array(s), from_array(vh)))
    k = s.shape[-1]
    saved = u[..., :k], s, vh[..., :k, :]
    return svd_result(record(made, op, (input,), saved) for made, op in zip((u, s, vh), SVD_PARTS))


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


def _halved(inner):
    """Half of the (real) diagonal: the part of it that a triangle and its adjoint share."""
    return inner.diagonal(0, -2, -1).real.diag_embed() / 2


def _from_qr(inner, g, q, r):
    """The gradient of A = Q R from what Q^H and R^H multiply, as far as they are determined, and from that of Q."""
    rows, columns = q.shape[-2], r.shape[-1]
    if rows >= columns:  # R is square
        lower = inner.triu()
        return solve(r.mH, q @ (lower + lower.mH - _halved(lower + lower.mH)) + g, left=False)
    lower = (inner.mH - inner).tril()
    imaginary = (lower - lower.mH).diagonal(0, -2, -1).diag_embed() / 4
    found = solve(r[..., :rows].mH, q @ (lower - imaginary), left=False)
    return pad(found, (0, columns - rows))


def of_orthogonal(g, q, r):
    """The gradient of A = Q R from that of Q (Roberts and Roberts 2020)."""
    return _from_qr(-(q.mH @ g), g, q, r)


def of_triangle(g, q, r):
    """The same from that of R."""
    rest = q @ g if q.shape[-2] < r.shape[-1] else 0.0
    return _from_qr(g @ r.mH, 0.0, q, r) + rest


def no_gradient_of_qr(mode, shape):
    """Why the factors of matrices of this shape have no gradient, or None."""
    if mode == "r":
        return "linalg_qr_backward: The derivative of linalg.qr depends on Q, which is not computed when mode='r'."
    if mode == "complete" and shape[-2] > shape[-1]:
        return "linalg_qr_backward: The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
    return None


def _qr_again(step):
    return qr(step.input(step.q @ step.r, 0))


QR_PARTS = tuple(part("LinalgQrBackward0", "q r", rule, _qr_again) for rule in (of_orthogonal, of_triangle))
WITHOUT_QR = Op("LinalgQrBackward0", refuse, "why", reason="the factors determine no gradient")


@operation("linalg", out=True)
def qr(A, mode="reduced") -> qr_result:  # noqa: N803
    """(Q, R) with Q R = A.

    Parameters
    ----------
    A : Tensor
        (..., m, n)
    mode : {"reduced", "complete", "r"}, default "reduced"
        "complete" makes Q square, "r" leaves it empty. There are no gradients with "r", nor with "complete" where
        m > n.

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
    why = no_gradient_of_qr(mode, x.shape)
    if why:
        return qr_result((record(q, WITHOUT_QR, (A,), (why,)), record(r, WITHOUT_QR, (A,), (why,))))
    return qr_result(record(made, op, (A,), (q, r)) for made, op in zip((q, r), QR_PARTS))


@operation("fastnn")
def svd_lowrank(A, q=6, niter=2, M=None):  # noqa: N803
    """(U, S, V) of the `q` largest singular values about, with U diag(S) V^T near A.

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
    basis = A @ randn(A.shape[-1], q, dtype=A.dtype)
    for _ in range(niter):
        basis = A.mH @ qr(basis).Q
        basis = A @ qr(basis).Q
    basis = qr(basis).Q
    U, S, Vh = svd(basis.mH @ A, full_matrices=False)
    U, V = basis @ U, Vh.mH
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
