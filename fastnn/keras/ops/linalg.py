"""Products and linear algebra."""
import numpy as np

import fastnn
from fastnn import linalg as L
from fastnn._tensor import from_array
from fastnn.autograd import enable_grad, grad
from fastnn.keras.ops.common import floating, many, pair
from fastnn.keras.symbolic import operation
from fastnn.keras.variables import array_of


@operation
def matmul(x1, x2):
    """Product of matrices, in stacks that broadcast."""
    x1, x2 = pair(x1, x2)
    return x1 @ x2


@operation
def dot(x1, x2):
    """Inner product of vectors, product of matrices, sums over the last axis of x1 and the one before the last of
    x2."""
    x1, x2 = pair(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    if x2.ndim == 1 or x1.ndim <= 2 and x2.ndim <= 2:
        return x1 @ x2
    return fastnn.tensordot(x1, x2, ([x1.ndim - 1], [x2.ndim - 2]))


@operation
def vdot(x1, x2):
    """Inner product of all elements."""
    x1, x2 = pair(x1, x2)
    return (x1.reshape(-1) * x2.reshape(-1)).sum()


@operation
def inner(x1, x2):
    """Sums of products over the last axes."""
    x1, x2 = pair(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    return fastnn.tensordot(x1, x2, ([x1.ndim - 1], [x2.ndim - 1]))


@operation
def outer(x1, x2):
    """All products of the elements of two tensors."""
    x1, x2 = pair(x1, x2)
    return x1.reshape(-1, 1) * x2.reshape(1, -1)


@operation
def tensordot(x1, x2, axes=2):
    """Sums of products over chosen axes."""
    x1, x2 = pair(x1, x2)
    if isinstance(axes, int):
        return fastnn.tensordot(x1, x2, axes)
    return fastnn.tensordot(x1, x2, [[a] if isinstance(a, int) else list(a) for a in axes])


@operation
def einsum(subscripts, *operands, **kwargs):
    """Sums of products by Einstein's convention."""
    return fastnn.einsum(subscripts, *many(operands))


@operation
def kron(x1, x2):
    """Kronecker's product."""
    return fastnn.kron(*pair(x1, x2))


@operation
def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """Vector product."""
    x1, x2 = pair(x1, x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = x1.movedim(axisa, -1), x2.movedim(axisb, -1)
    if a.shape[-1] == 2 and b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (fastnn.cat([v, v[..., :1] * 0], -1) if v.shape[-1] == 2 else v for v in (a, b))
    return fastnn.stack([a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1], a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
                         a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]], -1).movedim(-1, axisc)


@operation
def correlate(x1, x2, mode="valid"):
    """Correlation of two sequences."""
    x1, x2 = pair(x1, x2)
    made = np.correlate(array_of(x1), array_of(x2), mode)
    return from_array(np.asarray(made, array_of(x1).dtype))


@operation
def cdist(x, y):
    """Euclidean distances of the rows."""
    return fastnn.cdist(floating(x), floating(y))


@operation
def norm(x, ord=None, axis=None, keepdims=False):
    """Norm of vectors or matrices."""
    x = floating(x)
    if axis is None and ord is None:
        return L.norm(x.reshape(-1), keepdim=False) if not keepdims else \
            L.norm(x.reshape(-1)).reshape([1] * x.ndim)
    return L.norm(x, ord, tuple(axis) if isinstance(axis, (list, tuple)) else axis, keepdim=keepdims)


def _of_matrices(name, function, text, least=2):
    def call(x):
        x = floating(x)
        if x.ndim < least or x.shape[-1] != x.shape[-2]:
            raise ValueError(f"{name}: expected square matrices in the last two axes, got shape {tuple(x.shape)}")
        return function(x)
    call.__name__, call.__doc__ = name, text
    return operation(call)


inv = _of_matrices("inv", L.inv, "The inverse.")
det = _of_matrices("det", L.det, "The determinant.")


@operation
def slogdet(x):
    """(sign, logarithm of the absolute value) of the determinant."""
    return tuple(L.slogdet(floating(x)))


@operation
def logdet(x):
    """Logarithm of the determinant."""
    return L.slogdet(floating(x))[1]


@operation
def cholesky(x, upper=False):
    """The triangular L with ``L L^T = x``, or its transpose."""
    found = L.cholesky(floating(x))
    return found.transpose(-1, -2) if upper else found


@operation
def cholesky_inverse(x, upper=False):
    """The inverse of the matrix whose Cholesky factor is x."""
    x = floating(x)
    lower = x.transpose(-1, -2) if upper else x
    return L.inv(lower @ lower.transpose(-1, -2))


@operation
def lu_factor(x):
    """(the triangular factors in one matrix, the rows exchanged with): ``P x = L U`` with ones on L's diagonal."""
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
    """x with ``a x = b``."""
    a, b = pair(floating(a), floating(b))
    return L.solve(a, b)


@operation
def solve_triangular(a, b, lower=False):
    """x with ``a x = b``, a triangular."""
    a, b = pair(floating(a), floating(b))
    return L.solve(a.tril() if lower else a.triu(), b)


@operation
def qr(x, mode="reduced"):
    """(q, r): orthogonal and triangular."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"`mode` argument value not supported. Expected one of {{'reduced', 'complete'}}. Received: "
                         f"mode={mode}")
    return tuple(L.qr(floating(x), mode))


@operation
def svd(x, full_matrices=True, compute_uv=True):
    """Singular values, with the vectors (u, s, v^T)."""
    x = floating(x)
    return tuple(L.svd(x, full_matrices)) if compute_uv else L.svdvals(x)


def eig(x):
    """Not implemented: eigenvalues of such matrices are complex; `eigh` is for symmetric ones."""
    raise NotImplementedError("eig: complex numbers are not implemented")


@operation
def eigh(x):
    """(values, vectors) of symmetric matrices."""
    return tuple(L.eigh(floating(x)))


@operation
def pinv(x, rcond=None):
    """Moore and Penrose's inverse."""
    return L.pinv(floating(x)) if rcond is None else L.pinv(floating(x), rcond=rcond)


@operation
def matrix_rank(x, tol=None):
    """The number of singular values above `tol`."""
    return from_array(np.asarray(np.linalg.matrix_rank(array_of(floating(x)), tol)).astype("int32"))


@operation
def lstsq(a, b, rcond=None):
    """x for which ``|a x - b|`` is least."""
    a, b = array_of(floating(a)), array_of(floating(b))
    return from_array(np.asarray(np.linalg.lstsq(a, b, rcond)[0], a.dtype))


def jvp(fun, primals, tangents, has_aux=False):
    """(value, derivative in a direction) of a function of tensors.

    Parameters
    ----------
    fun : callable
    primals, tangents : sequence of tensors
        Where, and in which direction.
    has_aux : bool
        Whether the function gives something more, which is returned as a third.
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
