"""Linear algebra, and the products of `products`."""
import numpy as np

import fastnn
from fastnn import linalg as L
from fastnn._tensor import from_array
from fastnn.autograd import enable_grad, grad
from fastnn.keras.ops.common import floating, pair
from fastnn.keras.ops.products import (cdist, correlate, cross, dot, einsum, inner, kron, matmul,  # noqa: F401
                                       outer, tensordot, vdot)
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of
from fastnn.ops.linalg import iterated


@operation
def norm(x, ord=None, axis=None, keepdims=False):
    """Norm of vectors or matrices.

    Parameters
    ----------
    x : tensor
    ord : int, float or str, optional
        As in `numpy.linalg.norm`; the Euclidean or Frobenius norm without it.
    axis : int or pair of int, optional
        Vectors, or matrices; all elements without it.
    keepdims : bool
        Whether reduced axes stay, with size 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.norm([3.0, 4.0])
    tensor(5.)
    """
    x = floating(x)
    if axis is None and ord is None:
        return L.norm(x.reshape(-1), keepdim=False) if not keepdims else \
            L.norm(x.reshape(-1)).reshape([1] * x.ndim)
    return L.norm(x, ord, tuple(axis) if isinstance(axis, (list, tuple)) else axis, keepdim=keepdims)


def _of_matrices(name, function, text, result):
    def call(x):
        x = floating(x)
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise ValueError(f"{name}: expected square matrices in the last two axes, got shape {tuple(x.shape)}")
        return function(x)
    call.__name__, call.__doc__ = name, f"""{text} of square matrices.

    Parameters
    ----------
    x : tensor (..., n, n)

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        The last two axes are no square matrices.

    Examples
    --------
    >>> keras.ops.{name}([[2.0, 0.0], [0.0, 4.0]])
    {result}
    """
    return operation(call)


inv = _of_matrices("inv", L.inv, "Inverse", "tensor([[0.5000, 0.0000],\n            [0.0000, 0.2500]])")
det = _of_matrices("det", L.det, "Determinant", "tensor(8.)")


@operation
def slogdet(x):
    """Sign of the determinant, and logarithm of its absolute value.

    Parameters
    ----------
    x : tensor (..., n, n)

    Returns
    -------
    (Tensor, Tensor)

    Examples
    --------
    >>> keras.ops.slogdet(np.array([[-1.0, 0.0], [0.0, 1.0]]))
    (tensor(-1., dtype=torch.float64), tensor(0., dtype=torch.float64))
    """
    return tuple(L.slogdet(floating(x)))


@operation
def logdet(x):
    """Logarithm of the absolute value of the determinant.

    Parameters
    ----------
    x : tensor (..., n, n)

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.logdet(np.eye(2))
    tensor(0., dtype=torch.float64)
    """
    return L.slogdet(floating(x))[1]


@operation
def cholesky(x, upper=False):
    """Cholesky factor: the lower triangular L with ``L @ L^T = x``.

    Parameters
    ----------
    x : tensor (..., n, n)
        Symmetric, positive definite.
    upper : bool
        Whether to give the transpose.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.cholesky([[4.0, 2.0], [2.0, 5.0]])
    tensor([[2., 0.],
            [1., 2.]])
    """
    found = L.cholesky(floating(x))
    return found.transpose(-1, -2) if upper else found


@operation
def cholesky_inverse(x, upper=False):
    """Inverse of the matrix whose Cholesky factor is `x`.

    Parameters
    ----------
    x : tensor (..., n, n)
    upper : bool

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.cholesky_inverse([[2.0, 0.0], [0.0, 4.0]])
    tensor([[0.2500, 0.0000],
            [0.0000, 0.0625]])
    """
    x = floating(x)
    lower = x.transpose(-1, -2) if upper else x
    return L.inv(lower @ lower.transpose(-1, -2))


@operation
def lu_factor(x):
    """LU decomposition with pivoting, ``P @ x = L @ U``; without gradient.

    Parameters
    ----------
    x : tensor (..., m, n)

    Returns
    -------
    (lu, pivots)
        L without its diagonal of ones and U in one matrix; index of the row that was exchanged with each.

    Raises
    ------
    ValueError
        `x` has fewer than two axes.

    Examples
    --------
    >>> keras.ops.lu_factor(np.array([[1.0, 2.0], [2.0, 2.0]]))
    (tensor([[2.0000, 2.0000],
            [0.5000, 1.0000]], dtype=torch.float64), tensor([1, 1], dtype=torch.int32))
    """
    x = floating(x)
    if x.ndim < 2:
        raise ValueError(f"lu_factor: expected matrices in the last two axes, got shape {tuple(x.shape)}")
    made = array_of(x).copy()
    rows, columns = made.shape[-2:]
    pivots = np.zeros((*made.shape[:-2], min(rows, columns)), np.int32)
    for at in np.ndindex(*made.shape[:-2]):
        a = made[at]
        for k in range(min(rows, columns)):
            best = k + int(np.argmax(np.abs(a[k:, k])))
            pivots[at][k] = best
            if best != k:
                a[[k, best]] = a[[best, k]]
            if a[k, k] != 0:
                a[k + 1:, k] /= a[k, k]
                a[k + 1:, k + 1:] -= np.outer(a[k + 1:, k], a[k, k + 1:])
    return from_array(made), from_array(pivots)


@operation
def solve(a, b):
    """x with ``a @ x = b``.

    Parameters
    ----------
    a : tensor (..., n, n)
    b : tensor (..., n) or (..., n, k)

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    tensor([1.0000, 0.5000])
    """
    a, b = pair(floating(a), floating(b))
    return L.solve(a, b)


@operation
def solve_triangular(a, b, lower=False):
    """x with ``a @ x = b``, `a` triangular.

    Parameters
    ----------
    a : tensor (..., n, n)
    b : tensor (..., n) or (..., n, k)
    lower : bool
        Which triangle of `a` is used.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.solve_triangular([[2.0, 9.0], [1.0, 4.0]], [2.0, 9.0], lower=True)
    tensor([1., 2.])
    """
    a, b = pair(floating(a), floating(b))
    return L.solve(a.tril() if lower else a.triu(), b)


@operation
def qr(x, mode="reduced"):
    """QR decomposition: orthogonal q and upper triangular r with ``q @ r = x``.

    Parameters
    ----------
    x : tensor (..., m, n)
    mode : {"reduced", "complete"}
        q with min(m, n) columns, or with m.

    Returns
    -------
    (Tensor, Tensor)

    Raises
    ------
    ValueError
        Another mode.

    Examples
    --------
    >>> q, r = keras.ops.qr([[3.0, 1.0], [4.0, 2.0]])
    >>> (q @ r).round(decimals=4)
    tensor([[3., 1.],
            [4., 2.]])
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"`mode` argument value not supported. Expected one of {{'reduced', 'complete'}}. Received: "
                         f"mode={mode}")
    return tuple(L.qr(floating(x), mode))


@operation
def svd(x, full_matrices=True, compute_uv=True):
    """Singular value decomposition, ``u @ diag(s) @ vh = x``.

    Parameters
    ----------
    x : tensor (..., m, n)
    full_matrices : bool
        Whether u and vh are square.
    compute_uv : bool
        Whether to compute them.

    Returns
    -------
    (u, s, vh), or s

    Examples
    --------
    >>> keras.ops.svd([[3.0, 0.0], [0.0, 2.0]], compute_uv=False)
    tensor([3., 2.])
    """
    x = floating(x)
    return tuple(L.svd(x, full_matrices)) if compute_uv else L.svdvals(x)


def eig(x):
    """Not implemented: eigenvalues may be complex; `eigh` is for symmetric matrices.

    Parameters
    ----------
    x : tensor

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> keras.ops.eig(np.eye(2))  # doctest: +SKIP
    """
    raise NotImplementedError("eig: complex numbers are not implemented")


@operation
def eigh(x):
    """Eigenvalues in ascending order, and eigenvectors as columns, of symmetric matrices.

    Parameters
    ----------
    x : tensor (..., n, n)

    Returns
    -------
    (Tensor, Tensor)

    Examples
    --------
    >>> keras.ops.eigh([[2.0, 0.0], [0.0, 1.0]])[0]
    tensor([1., 2.])
    """
    return tuple(L.eigh(floating(x)))


@operation
def pinv(x, rcond=None):
    """Pseudo-inverse (Moore and Penrose).

    Parameters
    ----------
    x : tensor (..., m, n)
    rcond : float, optional
        Singular values below its multiple of the largest count as 0.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.pinv([[2.0, 0.0], [0.0, 4.0]]).round(decimals=4)
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return L.pinv(floating(x)) if rcond is None else L.pinv(floating(x), rcond=rcond)


@operation
def matrix_rank(x, tol=None):
    """Number of singular values above `tol`; without gradient.

    Parameters
    ----------
    x : tensor (..., m, n)
    tol : float, optional

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> keras.ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]])
    tensor(1, dtype=torch.int32)
    """
    found = iterated("matrix_rank", np.linalg.matrix_rank, array_of(floating(x)), tol)
    return from_array(np.asarray(found).astype("int32"))


@operation
def lstsq(a, b, rcond=None):
    """Least squares: x that minimizes ``norm(a @ x - b)``; without gradient.

    Parameters
    ----------
    a : tensor (m, n)
    b : tensor (m,) or (m, k)
    rcond : float, optional
        Singular values below its multiple of the largest count as 0.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> keras.ops.lstsq([[1.0], [1.0]], [1.0, 3.0]).round(decimals=4)
    tensor([2.])
    """
    a, b = array_of(floating(a)), array_of(floating(b))
    return from_array(np.asarray(iterated("lstsq", np.linalg.lstsq, a, b, rcond)[0], a.dtype))


def jvp(fun, primals, tangents, has_aux=False):
    """Value of a function, and its derivative in a direction.

    Parameters
    ----------
    fun : callable
        Of tensors.
    primals, tangents : sequence of tensor
        Point and direction.
    has_aux : bool
        Whether the function gives (value, aux); aux is then the third result.

    Returns
    -------
    (value, derivative)

    Raises
    ------
    ValueError
        Numbers of primals and tangents differ.

    Examples
    --------
    >>> keras.ops.jvp(lambda x: x * x, [np.array(3.0)], [np.array(1.0)])
    (tensor(9., dtype=torch.float64), tensor(6., dtype=torch.float64))
    """
    primals = [floating(x).detach().clone().requires_grad_() for x in primals]
    tangents = [floating(x) for x in tangents]
    if len(primals) != len(tangents):
        raise ValueError(f"jvp: expected as many tangents as primals, got {len(tangents)} and {len(primals)}")
    with enable_grad():
        value = fun(*primals)
        value, aux = value if has_aux else (value, None)
        # the derivative of the gradient's product with v, which is linear in v
        v = fastnn.zeros_like(value).requires_grad_()
        grads = grad(value, primals, v, create_graph=True, allow_unused=True)
        total = sum((g * t).sum() for g, t in zip(grads, tangents) if g is not None)
        found = grad(total, v, allow_unused=True)[0] if hasattr(total, "requires_grad") else None
    found = fastnn.zeros_like(value) if found is None else found
    return (value.detach(), found, aux) if has_aux else (value.detach(), found)
