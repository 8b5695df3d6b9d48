"""Triangular systems and what Cholesky's factor solves; composed, so that their gradients are their parts'."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.ops import linear
from fastnn.ops._common import into, need_tensors
from fastnn.ops.declare import operation
from fastnn.ops.decompositions import cholesky
from fastnn.ops.linalg import conjugate_transpose, matrices_of, solve
from fastnn.ops.named import Named


class cholesky_ex_result(Named):  # noqa: N801
    """(L, info)."""

    names = ("L", "info")


class triangular_solve_result(Named):  # noqa: N801
    """(solution, cloned_coefficient)."""

    names = ("solution", "cloned_coefficient")


@operation("linalg")
def solve_triangular(A, B, *, upper, left=True, unitriangular=False, out=None):  # noqa: N803 (PyTorch's names)
    """X with A X = B for triangular matrices A, of which only that triangle is read (X A = B with left=False).

    Parameters
    ----------
    A : Tensor
        (*, n, n)
    B : Tensor
        (*, n, k), or (*, k, n) with left=False
    upper : bool
        Whether A is upper triangular.
    left : bool
    unitriangular : bool
        Take the diagonal as ones and do not read it.

    Examples
    --------
    >>> A = fastnn.tensor([[2.0, 0.0], [1.0, 4.0]])
    >>> fastnn.linalg.solve_triangular(A, fastnn.tensor([[2.0], [9.0]]), upper=False)
    tensor([[1.],
            [2.]])
    """
    matrices_of("linalg.solve_triangular", A)
    need_tensors("linalg.solve_triangular", B)
    if B.ndim < 2:
        raise RuntimeError("linalg.solve_triangular: The input tensor B must have at least 2 dimensions.")
    kept = A.triu(1 if unitriangular else 0) if upper else A.tril(-1 if unitriangular else 0)
    if unitriangular:
        kept = kept + from_array(np.eye(A.shape[-1], dtype=A.detach().numpy().dtype))
    ahead = max(A.ndim, B.ndim)  # so that no stack of vectors is seen in B
    kept = kept.reshape(*[1] * (ahead - A.ndim), *A.shape)
    B = B.reshape(*[1] * (ahead - B.ndim), *B.shape)  # noqa: N806
    return into("linalg.solve_triangular", out, solve(kept, B, left=left), (A, B))


@operation()
def triangular_solve(input, A, upper=True, transpose=False, unitriangular=False, *,  # noqa: N803
                     out=None) -> triangular_solve_result:
    """(X, A) with A X = `input` for triangular A (A^T with `transpose`); see ``linalg.solve_triangular``.

    Parameters
    ----------
    input : Tensor
        (*, n, k)
    A : Tensor
        (*, n, n), of which one triangle is read.
    upper, transpose, unitriangular : bool

    Examples
    --------
    >>> A = fastnn.tensor([[2.0, 0.0], [1.0, 4.0]])
    >>> fastnn.triangular_solve(fastnn.tensor([[2.0], [9.0]]), A, upper=False).solution
    tensor([[1.],
            [2.]])
    """
    matrix, side = (A.mT, not upper) if transpose else (A, upper)
    made = solve_triangular(matrix, input, upper=side, unitriangular=unitriangular), A.clone()
    return triangular_solve_result(into("triangular_solve", each, value, (input, A))
                                   for each, value in zip((None, None) if out is None else out, made))


@operation(out=True)
def cholesky_solve(input, input2, upper=False):
    """X with A X = `input` for A = L L^H (L^H L with `upper`), L being `input2`.

    Parameters
    ----------
    input : Tensor
        (*, n, k)
    input2 : Tensor
        (*, n, n), Cholesky's factor L.
    upper : bool

    Examples
    --------
    >>> L = fastnn.tensor([[2.0, 0.0], [1.0, 1.0]])
    >>> fastnn.cholesky_solve(L @ L.mT @ fastnn.ones(2, 1), L)
    tensor([[1.],
            [1.]])
    """
    lower = input2.mH if upper else input2
    return solve_triangular(lower.mH, solve_triangular(lower, input, upper=False), upper=True)


@operation(out=True)
def cholesky_inverse(input, upper=False):
    """The inverse of L L^H (L^H L with `upper`), L being `input`.

    Parameters
    ----------
    input : Tensor
        L, (*, n, n).
    upper : bool

    Examples
    --------
    >>> fastnn.cholesky_inverse(fastnn.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0.2500, 0.0000],
            [0.0000, 1.0000]])
    """
    lower = input.mH if upper else input
    eye = from_array(np.eye(input.shape[-1], dtype=input.detach().numpy().dtype))
    root = solve_triangular(lower, eye, upper=False)
    return linear.matmul(root.mH, root)


@operation("linalg", out=True)
def cholesky_ex(input, *, upper=False, check_errors=False) -> cholesky_ex_result:
    """(L, info) of ``cholesky``: `info` is 0, or the order of the first leading minor that is not positive.

    Such a matrix raises nothing without `check_errors`; its L is NaN here.

    Parameters
    ----------
    input : Tensor
        (*, n, n)
    upper : bool
    check_errors : bool
        Whether a matrix that is not positive definite raises.

    Examples
    --------
    >>> fastnn.linalg.cholesky_ex(fastnn.tensor([[4.0, 0.0], [0.0, 9.0]])).info.item()
    0
    """
    x = matrices_of("linalg.cholesky_ex", input)
    info = np.zeros(x.shape[:-2], np.int32)
    for place in np.ndindex(*info.shape):
        if not _positive(x[place]):
            info[place] = next((k for k in range(1, x.shape[-1] + 1) if not _positive(x[place][:k, :k])), x.shape[-1])
    if check_errors or not info.any():
        return cholesky_ex_result((cholesky(input, upper=upper), from_array(info)))
    made = np.full(x.shape, np.nan, x.dtype)
    for place in (place for place in np.ndindex(*info.shape) if not info[place]):
        made[place] = np.linalg.cholesky(x[place])
    return cholesky_ex_result((from_array(np.ascontiguousarray(conjugate_transpose(made)) if upper else made),
                               from_array(info)))


def _positive(x):
    try:
        return np.isfinite(np.diagonal(np.linalg.cholesky(x))).all()
    except np.linalg.LinAlgError:
        return False
