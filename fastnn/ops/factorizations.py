"""LU factorizations, what is solved by them, and old names of decompositions (torch.svd, torch.qr, torch.lu)."""
import math

import numpy as np

from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.errors import ShapeError
from fastnn.ops.decompositions import qr_result
from fastnn.ops.decompositions import qr as linalg_qr
from fastnn.ops.decompositions import svd as linalg_svd
from fastnn.ops.declare import operation
from fastnn.ops.named import Named
from fastnn.ops.scatter import take_along_dim
from fastnn.ops.linalg import LinAlgError, conjugate_transpose, inv, matrices_of, solve
from fastnn.ops.triangular import solve_triangular


class svd_result(Named):  # noqa: N801
    """(U, S, V)."""

    names = ("U", "S", "V")


class lu_factor_result(Named):  # noqa: N801
    """(LU, pivots)."""

    names = ("LU", "pivots")


class lu_factor_ex_result(Named):  # noqa: N801
    """(LU, pivots, info)."""

    names = ("LU", "pivots", "info")


class lu_result(Named):  # noqa: N801
    """(P, L, U)."""

    names = ("P", "L", "U")


class inv_ex_result(Named):  # noqa: N801
    """(inverse, info)."""

    names = ("inverse", "info")


class solve_ex_result(Named):  # noqa: N801
    """(result, info)."""

    names = ("result", "info")


def _factors(a, pivot=True):
    """(LU in one matrix, pivots from 1, number of the first zero on U's diagonal or 0), for (..., m, n)."""
    rows, columns = a.shape[-2:]
    lu = np.array(a.reshape(math.prod(a.shape[:-2]), rows, columns))
    count, steps = len(lu), min(rows, columns)
    pivots = np.tile(np.arange(1, steps + 1, dtype=np.int32), (count, 1))
    info, every = np.zeros(count, np.int32), np.arange(count)
    for k in range(steps):
        if pivot:
            column = lu[:, k:, k]
            best = (np.abs(column.real) + np.abs(column.imag)).argmax(1) + k  # LAPACK's size of complex numbers
            pivots[:, k] = best + 1
            lu[every, k], lu[every, best] = lu[every, best], lu[every, k]
        head = lu[:, k, k]
        info[(info == 0) & (head == 0)] = k + 1
        scale = np.where(head == 0, 1, head)[:, None]
        lu[:, k + 1:, k] /= scale
        lu[:, k + 1:, k + 1:] -= lu[:, k + 1:, k, None] * lu[:, k, None, k + 1:]
    batch = a.shape[:-2]
    return lu.reshape(a.shape), pivots.reshape(*batch, steps), info.reshape(batch)


def _order(pivots, rows):
    """Which rows of A those of L U are, (..., rows)."""
    if pivots.size and not 1 <= pivots.min() <= pivots.max() <= rows:
        raise RuntimeError("pivots must be between 1 and LU.size(-2) inclusive. Did you properly pass the result of "
                           "lu_factor?")
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order, every = np.tile(np.arange(rows), (len(flat), 1)), np.arange(len(flat))
    for k in range(flat.shape[1]):
        other = flat[:, k] - 1
        order[every, k], order[every, other] = order[every, other], order[every, k]
    return order.reshape(*pivots.shape[:-1], rows)


def _lu_backward(grad, lu, order):
    rows, columns = lu.shape[-2:]
    n = min(rows, columns)
    low, up = np.tril(lu[..., :n, :n], -1) + np.eye(n, dtype=lu.dtype), np.triu(lu[..., :n, :n])
    of_low, of_up = np.tril(grad[..., :n, :n], -1), np.triu(grad[..., :n, :n])
    if columns > n:  # A's last columns are L U2
        beside = np.linalg.solve(conjugate_transpose(low), grad[..., n:])
        of_low = of_low - np.tril(beside @ conjugate_transpose(lu[..., n:]), -1)
    if rows > n:  # its last rows L2 U
        below = conjugate_transpose(np.linalg.solve(up, conjugate_transpose(grad[..., n:, :])))
        of_up = of_up - np.triu(conjugate_transpose(lu[..., n:, :]) @ below)
    inner = np.tril(conjugate_transpose(low) @ of_low, -1) + np.triu(of_up @ conjugate_transpose(up))
    inner = conjugate_transpose(np.linalg.solve(up, conjugate_transpose(inner)))
    found = np.linalg.solve(conjugate_transpose(low), inner)
    if rows != columns:
        found = np.concatenate((found, beside), -1) if columns > n else np.concatenate((found, below), -2)
    made = np.empty_like(found)
    np.put_along_axis(made, np.broadcast_to(order[..., None], found.shape), found, -2)
    return made


LU = Op("LinalgLuFactorExBackward0", _lu_backward, "lu order", reason="the gradient of LU factors is not recorded")


@operation("linalg", out=True)
def lu_factor_ex(A, *, pivot=True, check_errors=False) -> lu_factor_ex_result:  # noqa: N803 (PyTorch's name)
    """`lu_factor`, and the number of the first zero on the diagonal of U, 0 if there is none.

    Parameters
    ----------
    A : Tensor
        (..., m, n)
    pivot : bool
        Whether rows are exchanged; default True.
    check_errors : bool
        Whether a zero is an error; default False.

    Examples
    --------
    >>> fastnn.linalg.lu_factor_ex(fastnn.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    a = matrices_of("linalg.lu_factor", A, False)
    lu, pivots, info = _factors(a, pivot)
    if check_errors and info.any():
        raise LinAlgError(f"linalg.lu_factor: U[{info.max()},{info.max()}] is zero and using it on lu_solve would "
                          "result in a division by zero.")
    made = record(lu, LU, (A,), (lu, _order(pivots, a.shape[-2])))
    return lu_factor_ex_result((made, from_array(pivots), from_array(np.asarray(info, np.int32))))


@operation("linalg", out=True)
def lu_factor(A, *, pivot=True) -> lu_factor_result:  # noqa: N803 (PyTorch's name)
    """L and U with P L U = A in one matrix (without L's diagonal of ones), and the rows that were exchanged, from 1.

    Parameters
    ----------
    A : Tensor
        (..., m, n)
    pivot : bool
        Whether rows are exchanged; default True.

    Examples
    --------
    >>> fastnn.linalg.lu_factor(fastnn.tensor([[1.0, 2.0], [2.0, 8.0]])).LU
    tensor([[ 2.0000,  8.0000],
            [ 0.5000, -2.0000]])
    """
    return lu_factor_result(lu_factor_ex(A, pivot=pivot)[:2])


@operation("fastnn Tensor", out="fastnn")
def lu(A, pivot=True, get_infos=False):  # noqa: N803 (PyTorch's name)
    """PyTorch's old name of `linalg.lu_factor` (with `get_infos`, of `linalg.lu_factor_ex`).

    Parameters
    ----------
    A : Tensor
    pivot, get_infos : bool

    Examples
    --------
    >>> fastnn.lu(fastnn.eye(2))[1]
    tensor([1, 2], dtype=torch.int32)
    """
    return tuple(lu_factor_ex(A, pivot=pivot)[:3 if get_infos else 2])


@operation("fastnn", out=True)
def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True):  # noqa: N803 (PyTorch's names)
    """(P, L, U) of what `linalg.lu_factor` gives; without `unpack_data` or `unpack_pivots` empty tensors.

    Parameters
    ----------
    LU_data : Tensor
        (..., m, n)
    LU_pivots : Tensor
    unpack_data, unpack_pivots : bool

    Examples
    --------
    >>> P, L, U = fastnn.lu_unpack(*fastnn.linalg.lu_factor(fastnn.tensor([[1.0, 2.0], [2.0, 8.0]])))
    >>> P @ L @ U
    tensor([[1., 2.],
            [2., 8.]])
    """
    matrices_of("lu_unpack", LU_data, False)
    rows, columns = LU_data.shape[-2:]
    size, real = min(rows, columns), LU_data.dtype.numpy
    empty = from_array(np.empty(0, real))
    low = up = p = empty
    if unpack_data:
        low = LU_data[..., :size].tril(-1) + from_array(np.eye(rows, size, dtype=real))
        up = LU_data[..., :size, :].triu()
    if unpack_pivots:
        order = _order(LU_pivots.numpy(), rows)
        p = from_array(np.swapaxes(np.eye(rows, dtype=real)[order], -1, -2).copy())
    return lu_result((p, low, up))


@operation("linalg.lu", out=True)
def _lu_parts(A, *, pivot=True) -> lu_result:  # noqa: N803 (PyTorch's name)
    """(P, L, U) with P L U = A; P exchanges rows, L has ones on its diagonal.

    Parameters
    ----------
    A : Tensor
        (..., m, n)
    pivot : bool
        Whether rows are exchanged; default True. Without, P is empty.

    Examples
    --------
    >>> fastnn.linalg.lu(fastnn.tensor([[1.0, 2.0], [2.0, 8.0]])).U
    tensor([[ 2.,  8.],
            [ 0., -2.]])
    """
    return lu_unpack(*lu_factor(A, pivot=pivot), unpack_pivots=pivot)


@operation("linalg", out=True)
def lu_solve(LU, pivots, B, *, left=True, adjoint=False):  # noqa: N803 (PyTorch's names)
    """X with A X = B, given the LU factors of A (X A = B with left=False, A^H with `adjoint`).

    Parameters
    ----------
    LU, pivots : Tensor
        Of `lu_factor`, of square matrices.
    B : Tensor
        (..., n, k), or (..., k, n) with left=False
    left, adjoint : bool

    Examples
    --------
    >>> LU, pivots = fastnn.linalg.lu_factor(fastnn.tensor([[1.0, 2.0], [2.0, 8.0]]))
    >>> fastnn.linalg.lu_solve(LU, pivots, fastnn.tensor([[5.0], [18.0]]))
    tensor([[1.],
            [2.]])
    """
    matrices_of("linalg.lu_solve", LU)
    if not left:
        return lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    order = _order(pivots.numpy(), LU.shape[-1])
    if adjoint:
        x = solve_triangular(LU.mH, B, upper=False)
        x = solve_triangular(LU.mH, x, upper=True, unitriangular=True)
        order = np.argsort(order, -1)
    else:
        x = B
    order = from_array(np.broadcast_to(order[..., None], (*order.shape, B.shape[-1])).copy())
    x = take_along_dim(x.expand(*np.broadcast_shapes(tuple(x.shape[:-2]), tuple(order.shape[:-2])),
                                *x.shape[-2:]), order, -2)
    if adjoint:
        return x
    x = solve_triangular(LU, x, upper=False, unitriangular=True)
    return solve_triangular(LU, x, upper=True)


@operation("linalg", out=True)
def inv_ex(A, *, check_errors=False) -> inv_ex_result:  # noqa: N803 (PyTorch's name)
    """The inverse, and where elimination met a zero: 0, or its number, for which the inverse is infinite.

    Parameters
    ----------
    A : Tensor
        (..., n, n)
    check_errors : bool
        Whether a matrix without an inverse is an error; default False.

    Examples
    --------
    >>> fastnn.linalg.inv_ex(fastnn.tensor([[2.0]])).inverse
    tensor([[0.5000]])
    """
    a = matrices_of("linalg.inv_ex", A)
    info = np.asarray(_factors(a)[2], np.int32)
    if check_errors or not info.any():
        return inv_ex_result((inv(A), from_array(info)))
    made = np.full(a.shape, np.inf, a.dtype)
    made[info == 0] = np.linalg.inv(a[info == 0])
    return inv_ex_result((from_array(made), from_array(info)))


@operation("linalg", out=True)
def solve_ex(A, B, *, left=True, check_errors=False) -> solve_ex_result:  # noqa: N803 (PyTorch's names)
    """`solve`, and where elimination met a zero: 0, or its number, for which the result is infinite.

    Parameters
    ----------
    A, B, left
        As in `solve`.
    check_errors : bool
        Whether a matrix without an inverse is an error; default False.

    Examples
    --------
    >>> fastnn.linalg.solve_ex(fastnn.eye(2), fastnn.ones(2)).info
    tensor(0, dtype=torch.int32)
    """
    a = matrices_of("linalg.solve_ex", A)
    info = np.asarray(_factors(a)[2], np.int32)
    if check_errors or not info.any():
        return solve_ex_result((solve(A, B, left=left), from_array(info)))
    safe = np.where((info == 0)[..., None, None], a, np.eye(a.shape[-1], dtype=a.dtype))
    out = solve(from_array(safe), B.detach(), left=left)
    made = out.numpy()
    made[info > 0] = np.inf
    return solve_ex_result((out, from_array(info)))


@operation("linalg", out=True)
def tensorinv(A, ind=2):  # noqa: N803 (PyTorch's name)
    """The inverse of a tensor as a map from its dimensions after `ind` to those before.

    Parameters
    ----------
    A : Tensor
    ind : int
        Above 0; default 2.

    Examples
    --------
    >>> fastnn.linalg.tensorinv(fastnn.eye(4).reshape(2, 2, 4)).shape
    torch.Size([4, 2, 2])
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    head, tail = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if math.prod(head) != math.prod(tail):
        raise ShapeError("Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
                         f"but got {math.prod(tail)} != {math.prod(head)}")
    return inv(A.reshape(math.prod(head), math.prod(tail))).reshape(*tail, *head)


@operation("linalg", out=True)
def tensorsolve(A, B, dims=None):  # noqa: N803 (PyTorch's names)
    """X with tensordot(A, X) = B over the last dimensions of A.

    Parameters
    ----------
    A, B : Tensor
    dims : sequence of int, optional
        Dimensions of A that are moved to the end first.

    Examples
    --------
    >>> fastnn.linalg.tensorsolve(fastnn.eye(4).reshape(2, 2, 4), fastnn.ones(2, 2))
    tensor([1., 1., 1., 1.])
    """
    if dims is not None:
        A = A.permute([d for d in range(A.ndim) if d not in tuple(dims)] + list(dims))  # noqa: N806
    shape = tuple(A.shape[B.ndim:])
    if math.prod(shape) != B.numel():
        raise ShapeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                         f"prod(self.shape[:other.ndim]), but got {math.prod(shape)} != {B.numel()}")
    return solve(A.reshape(B.numel(), B.numel()), B.flatten()).reshape(shape)


@operation("fastnn Tensor", out="fastnn")
def svd(input, some=True, compute_uv=True) -> svd_result:  # noqa: A002 (PyTorch's name)
    """(U, S, V) with U diag(S) V^H = A: PyTorch's old form of `linalg.svd`.

    Parameters
    ----------
    input : Tensor
        (..., m, n)
    some : bool
        Whether U and V have min(m, n) columns; default True.
    compute_uv : bool
        Whether U and V are computed, else zeros; default True.

    Examples
    --------
    >>> fastnn.svd(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    u, s, vh = linalg_svd(input, full_matrices=not some and compute_uv)
    if not compute_uv:
        rows, columns = input.shape[-2:]
        zeros = [np.zeros((*input.shape[:-2], size, size), input.dtype.numpy) for size in (rows, columns)]
        return svd_result((from_array(zeros[0]), s, from_array(zeros[1])))
    return svd_result((u, s, vh.mH))


@operation("fastnn Tensor", out="fastnn")
def qr(input, some=True) -> qr_result:  # noqa: A002 (PyTorch's name)
    """(Q, R): PyTorch's old form of `linalg.qr`.

    Parameters
    ----------
    input : Tensor
        (..., m, n)
    some : bool
        Whether Q has min(m, n) columns; default True.

    Examples
    --------
    >>> fastnn.qr(fastnn.eye(2)).R.abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return linalg_qr(input, mode="reduced" if some else "complete")
