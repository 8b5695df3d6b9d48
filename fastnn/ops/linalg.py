"""Linear algebra (torch.linalg): NumPy's LAPACK forward; gradients for inv, det, slogdet, solve and pinv's full-rank
case. Decompositions are in `decompositions`."""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import Tensor, from_array, record, to_array
from fastnn.kernels import sum_to
from fastnn.ops import arithmetic, linear, reduce
from fastnn.ops._common import broadcast_shapes, need_tensors
from fastnn.ops.constant import constant
from fastnn.ops.declare import operation
from fastnn.ops.named import Named


@operation()
def adjoint(input):
    """Matrices conjugate_transpose: the last two dimensions exchanged (a view).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.adjoint(fastnn.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    return input.mH


class LinAlgError(RuntimeError):
    """A matrix has no inverse, or an iteration did not converge.

    Examples
    --------
    >>> fastnn.linalg.inv(fastnn.zeros(2, 2))
    Traceback (most recent call last):
    fastnn.ops.linalg.LinAlgError: linalg.inv: Singular matrix
    """


class slogdet_result(Named):  # noqa: N801
    """(sign, logabsdet)."""

    names = ("sign", "logabsdet")


class lstsq_result(Named):  # noqa: N801
    """(solution, residuals, rank, singular_values)."""

    names = ("solution", "residuals", "rank", "singular_values")


def matrices_of(op, x, square=True):
    need_tensors(op, x)
    if not x.is_floating_point() and not x.is_complex():
        raise RuntimeError(f"{op}: Expected a floating point or complex tensor as input. Got {x.dtype}")
    if x.ndim < 2:
        raise RuntimeError(f"{op}: The input tensor A must have at least 2 dimensions.")
    if square and x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{op}: A must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} "
                           f"matrices")
    return x.detach().numpy()


def lapack(op, function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{op}: {error}") from None


def iterated(op, function, x, *args, **kwargs):
    """A function of LAPACK that iterates, of finite numbers alone: with infinities among them it may never end."""
    if not np.isfinite(x).all():
        raise LinAlgError(f"{op}: The algorithm failed to converge because the input matrix contained non-finite "
                          f"values.")
    return lapack(op, function, x, *args, **kwargs)


def conjugate_transpose(x):
    return np.swapaxes(x, -1, -2).conj()


def refuse(grad, why):
    raise RuntimeError(why)


def _column(values):
    return values.unsqueeze(-1).unsqueeze(-1)


def _inv_backward(grad, y):
    return -conjugate_transpose(y) @ grad @ conjugate_transpose(y)


INV = Op("LinalgInvExBackward0", _inv_backward, "y")


@INV.second
def _inv_second(step, g):
    y = step.output(step.y).mH
    return -y @ g @ y


@operation("fastnn.inverse Tensor.inverse", out=True)
@operation("linalg", out=True, keywords={"A": "input"})
def inv(input):
    """The inverse of each matrix.

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    LinAlgError
        A matrix is singular.

    Examples
    --------
    >>> fastnn.linalg.inv(fastnn.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    y = lapack("linalg.inv", np.linalg.inv, matrices_of("linalg.inv", input))
    return record(y, INV, (input,), (y,))


def _det_backward(grad, x, y):
    """grad conj(det(x)) x^-H; from the singular values, so that one zero among them is no harm."""
    finite = np.isfinite(x).all((-2, -1), keepdims=True)
    u, s, vh = np.linalg.svd(np.where(finite, x, 0))
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, i, -1), -1) for i in range(n)], -1) if n else s
    sign = np.linalg.det(u) * np.linalg.det(vh)
    made = (grad * sign.conj())[..., None, None] * ((u * others[..., None, :]) @ vh)
    return np.where(finite, made, np.nan).astype(x.dtype)


DET = Op("LinalgDetBackward0", _det_backward, "x y")


@DET.second
def _det_second(step, g):
    if not step.y.all():
        raise NotImplementedError("create_graph=True: the determinant of a singular matrix cannot be differentiated "
                                  "twice")
    return _column(g * step.output(step.y).conj()) * inv(step.input(step.x, 0)).mH


@operation("fastnn Tensor linalg", out="linalg", keywords={"A": "input"})
def det(input):
    """The determinant of each matrix.

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    RuntimeError
        The matrices are not square, or the dtype is no floating-point one.

    Examples
    --------
    >>> fastnn.linalg.det(fastnn.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(8.)
    """
    x = matrices_of("linalg.det", input)
    with np.errstate(invalid="ignore"):
        y = np.asarray(np.linalg.det(x), x.dtype)
    return record(y, DET, (input,), (x, y), (input,))


def _slogdet_backward(grad, x, sign):
    singular = (sign == 0)[..., None, None]
    inverse = np.linalg.inv(np.where(singular, np.eye(x.shape[-1], dtype=x.dtype), x))
    return np.asarray(grad)[..., None, None] * np.where(singular, x.dtype.type(np.nan), conjugate_transpose(inverse))


SLOGDET = Op("LinalgSlogdetBackward0", _slogdet_backward, "x sign")
SLOGDET.second(lambda step, g: _column(g) * inv(step.input(step.x, 0)).mT)


@operation("fastnn Tensor linalg", out=True, keywords={"A": "input"})
def slogdet(input) -> slogdet_result:
    """(sign, logarithm of the size) of each determinant.

    Parameters
    ----------
    input : Tensor

    Returns
    -------
    tuple of Tensors
        ``sign`` and ``logabsdet``.

    Examples
    --------
    >>> fastnn.linalg.slogdet(fastnn.tensor([[2.0, 0.0], [0.0, 4.0]])).logabsdet
    tensor(2.0794)
    """
    x = matrices_of("linalg.slogdet", input)
    sign, size = np.linalg.slogdet(x)
    zero = record(np.asarray(sign, x.dtype), constant("LinalgSlogdetBackward0"), (input,), (x.shape,))
    made = record(np.asarray(size, x.dtype), SLOGDET, (input,), (x, np.asarray(sign)), (input,))
    return slogdet_result((zero, made))


@operation()
def logdet(input):
    """The logarithm of each determinant; NaN where it is negative.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.logdet(fastnn.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(2.0794)
    """
    sign, size = slogdet(input)
    return arithmetic.add(size, from_array(np.where(sign.detach().numpy() < 0, np.nan, 0).astype(
        sign.detach().numpy().dtype)))


def _solve_backward(grad, a, y, shape):
    db = np.linalg.solve(conjugate_transpose(a), grad)
    da = -db @ conjugate_transpose(y)
    return sum_to(np.ascontiguousarray(da), a.shape), sum_to(np.ascontiguousarray(db), shape)


SOLVE = Op("LinalgSolveExBackward0", _solve_backward, "a y shape")


@SOLVE.second
def _solve_second(step, g):
    db = solve(step.input(step.a, 0).mH, g)
    return step.sum_to(-db @ step.output(step.y).mH, step.a.shape), step.sum_to(db, step.shape)


@operation("linalg", out=True)
def solve(A, B, *, left=True):  # noqa: N803 (PyTorch's names)
    """X with A X = B (X A = B with left=False).

    Parameters
    ----------
    A : Tensor
        (..., n, n)
    B : Tensor
        (..., n, k) or (..., n)
    left : bool, default True

    Raises
    ------
    LinAlgError
        A matrix is singular.

    Examples
    --------
    >>> fastnn.linalg.solve(fastnn.tensor([[2.0, 0.0], [0.0, 4.0]]), fastnn.tensor([2.0, 8.0]))
    tensor([1., 2.])
    """
    a = matrices_of("linalg.solve", A)
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
    y = lapack("linalg.solve", np.linalg.solve, a, b)
    made = record(y, SOLVE, (A, columns), (a, y, b.shape), (A, B))
    return made.squeeze(-1) if vector else made


def _cutoff(op, x, atol, rtol):
    """Relative to the largest singular value of each matrix: those of this size and below count as 0."""
    atol, rtol = (t.detach().numpy() if isinstance(t, Tensor) else t for t in (atol, rtol))
    if rtol is None:
        rtol = 0.0 if atol is not None and np.any(np.asarray(atol) > 0) else max(x.shape[-2:]) * np.finfo(x.dtype).eps
    if atol is None or not x.size:
        return rtol
    largest = iterated(op, np.linalg.svd, x, compute_uv=False)[..., 0]
    with np.errstate(divide="ignore"):
        return np.maximum(rtol, np.where(largest > 0, atol / largest, 0))


def of_pinv(g, x, y):
    """The gradient of x from that of its inverse y, at constant rank (Golub and Pereyra 1973)."""
    n, m = (from_array(np.eye(size, dtype=x.dtype.numpy)) for size in x.shape[-2:])
    yh, gh = y.mH, g.mH
    return -yh @ g @ yh + (n - x @ y) @ gh @ y @ yh + yh @ y @ gh @ (m - y @ x)


PINV = Op("LinalgPinvBackward0", lambda grad, x, y: to_array(of_pinv(*map(from_array, (grad, x, y)))), "x y")
PINV.second(lambda step, g: of_pinv(g, step.input(step.x, 0), step.output(step.y)))


@operation("fastnn.pinverse Tensor.pinverse linalg", out="linalg")
def pinv(input, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The Moore-Penrose inverse of each matrix (Golub and Pereyra 1973 for the gradient, at constant rank).

    Parameters
    ----------
    input : Tensor
    rcond : float or Tensor, optional
        Old name of `rtol`.
    hermitian : bool, default False
        Whether the matrices are symmetric.
    atol : float or Tensor, optional
        Singular values up to it count as 0.
    rtol : float or Tensor, optional
        So do those up to this share of the largest.

    Examples
    --------
    >>> fastnn.linalg.pinv(fastnn.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    x = matrices_of("linalg.pinv", input, False)
    cutoff = _cutoff("linalg.pinv", x, atol, rcond if rtol is None else rtol)
    y = iterated("linalg.pinv", np.linalg.pinv, x, cutoff, hermitian).astype(x.dtype, copy=False)
    return record(y, PINV, (input,), (x, y), (input,))


DRIVERS = ("gelsy", "gelsd", "gels", "gelss")


def _of_lstsq(g, a, b):
    """Of x = A^+ b."""
    y = pinv(a)
    return of_pinv(g @ b.mH, a, y), y.mH @ g


def _lstsq_backward(grad, a, b):
    of_a, of_b = _of_lstsq(*map(from_array, (grad, a, b)))
    return sum_to(to_array(of_a), a.shape), sum_to(to_array(of_b), b.shape)


def _lstsq_second(step, g):
    of_a, of_b = _of_lstsq(g, step.input(step.a, 0), step.input(step.b, 1))
    return step.sum_to(of_a, step.a.shape), step.sum_to(of_b, step.b.shape)


LSTSQ = Op("LinalgLstsqBackward0", _lstsq_backward, "a b")
LSTSQ.second(_lstsq_second)


@operation("linalg", keywords={"A": "input", "B": "b"})
def lstsq(input, b, rcond=None, *, driver=None) -> lstsq_result:
    """The X that makes |A X - B| smallest for A = `input` and B = `b`, matrices or stacks of them.

    Whatever the driver, singular values are used. The rank is there for all but "gels", residuals for all but "gelsy"
    (the default), singular values for "gelsd" and "gelss".

    Parameters
    ----------
    input : Tensor
    b : Tensor
        (..., m, k) or (..., m)
    rcond : float, optional
        Singular values up to this share of the largest count as 0.
    driver : {"gelsy", "gels", "gelsd", "gelss"}, optional

    Returns
    -------
    tuple of Tensors
        ``solution``, ``residuals``, ``rank`` and ``singular_values``.

    Examples
    --------
    >>> fastnn.linalg.lstsq(fastnn.tensor([[1.0], [1.0]]), fastnn.tensor([[1.0], [3.0]])).solution.round()
    tensor([[2.]])
    """
    a = matrices_of("linalg.lstsq", input, False)
    need_tensors("linalg.lstsq", input, b)
    if driver not in (None, *DRIVERS):
        raise RuntimeError(f"torch.linalg.lstsq: parameter `driver` should be one of ({', '.join(DRIVERS)})")
    if b.dtype is not input.dtype:
        raise RuntimeError(f"torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's "
                           f"dtype {input.dtype} and other's dtype {b.dtype}")
    vector = a.ndim - 1 == b.ndim
    if not vector and a.ndim != b.ndim:
        raise RuntimeError(f"torch.linalg.lstsq: other must have as many dimensions as input or one less, got {b.ndim} "
                           f"and {a.ndim}")
    columns = b.unsqueeze(-1) if vector else b
    if columns.shape[-2] != a.shape[-2]:
        raise RuntimeError(f"torch.linalg.lstsq: input.size(-2) should match other.size({'-1' if vector else '-2'}), "
                           f"got {list(a.shape)} and {list(b.shape)}")
    y = columns.detach().numpy()
    broadcast_shapes(a.shape[:-2], y.shape[:-2])  # RuntimeError if they do not
    u, s, vh = iterated("linalg.lstsq", np.linalg.svd, a, full_matrices=False)
    cutoff = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rcond is None or rcond < 0 else rcond
    kept = s > cutoff * s[..., :1] if s.size else s > 0
    rank = kept.sum(-1)
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0)[..., None]
    x = conjugate_transpose(vh) @ (inverse * (conjugate_transpose(u) @ y))
    solution = record(np.ascontiguousarray(x.astype(a.dtype, copy=False)), LSTSQ, (input, columns), (a, y),
                      (input, columns))
    residuals = from_array(np.zeros(0, s.dtype))
    if driver not in (None, "gelsy") and a.shape[-2] > a.shape[-1] and (rank == a.shape[-1]).all():
        rest = input @ solution - columns
        residuals = (rest * rest.conj()).real.sum(-2)
    none = np.zeros(0, np.int64)
    return lstsq_result((solution.squeeze(-1) if vector else solution, residuals,
                         from_array(none if driver == "gels" else np.asarray(rank, np.int64)),
                         from_array(s if driver in ("gelsd", "gelss") else none.astype(s.dtype))))


@operation("linalg", out=True)
def matrix_rank(input, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values are not (nearly) 0: larger than `atol` (or `tol`) and than `rtol` times the largest.

    Parameters
    ----------
    input : Tensor
    tol : float or Tensor, optional
        Old name of `atol`.
    hermitian : bool, default False
        Whether the matrices are symmetric.
    atol : float or Tensor, optional
    rtol : float or Tensor, optional

    Examples
    --------
    >>> fastnn.linalg.matrix_rank(fastnn.tensor([[1.0, 1.0], [1.0, 1.0]]))
    tensor(1)
    """
    x = matrices_of("linalg.matrix_rank", input, False)
    if tol is not None:
        known = {"tol": tol.detach().numpy() if isinstance(tol, Tensor) else tol}
    else:
        known = {"rtol": _cutoff("linalg.matrix_rank", x, atol, rtol)}
    found = iterated("linalg.matrix_rank", np.linalg.matrix_rank, x, hermitian=hermitian, **known)
    return from_array(np.asarray(found, np.int64))


@operation("fastnn Tensor linalg", out=True)
def matrix_power(input, n):
    """The product of n of each matrix (of its inverse for negative n).

    Parameters
    ----------
    input : Tensor
    n : int

    Examples
    --------
    >>> fastnn.linalg.matrix_power(fastnn.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    matrices_of("linalg.matrix_power", input)
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
    """Sum of a matrix' diagonal.

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    RuntimeError
        The input is no matrix.

    Examples
    --------
    >>> fastnn.trace(fastnn.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    need_tensors("trace", input)
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return reduce.sum(input.diagonal())
