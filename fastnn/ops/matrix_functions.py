"""Functions of whole matrices, composed of products and solutions, and so differentiable any number of times."""
import math

from fastnn.errors import ShapeError
from fastnn.ops import linalg, ranges
from fastnn.ops.declare import operation
from fastnn.ops.joining import stack

# The Pade approximant of exp of order 13, and up to which norm it is exact in double precision (Higham 2005).
PADE = (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
        670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1)
WITHIN = 5.37


def _exp(a):
    """exp of one matrix or of matrices of one scale."""
    norm = float(a.detach().abs().sum(-2).max())
    if not math.isfinite(norm):
        return a * math.nan
    halvings = max(0, math.ceil(math.log2(norm / WITHIN))) if norm else 0
    a = a / 2.0**halvings
    one = ranges.eye(a.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a2 @ a4
    c = PADE
    odd = a @ (a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * one)
    even = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * one
    y = linalg.solve(even - odd, even + odd)
    for _ in range(halvings):
        y = y @ y
    return y


@operation("fastnn Tensor linalg", keywords={"A": "input"})
def matrix_exp(input):  # noqa: A002 (PyTorch's name)
    """exp(A) = I + A + A^2 / 2 + A^3 / 6 + ... of square matrices, by scaling, Pade approximation and squaring.

    Same as torch.linalg.matrix_exp (Higham 2005).

    Parameters
    ----------
    input : Tensor
        (..., n, n)

    Examples
    --------
    >>> fastnn.linalg.matrix_exp(fastnn.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    linalg.matrices_of("linalg.matrix_exp", input)
    if input.numel() == 0 or input.ndim == 2:
        return _exp(input) if input.numel() else input.clone()
    flat = input.reshape(-1, *input.shape[-2:])
    return stack([_exp(flat[i]) for i in range(len(flat))]).reshape(input.shape)


@operation("linalg fastnn.orgqr Tensor.orgqr", out=True, keywords={"A": "input", "input2": "tau"})
def householder_product(input, tau):  # noqa: A002 (PyTorch's name)
    """The first columns of the product of reflections I - tau_i v_i v_i^H.

    v_i is column i of `input` below the diagonal, 1 on it and 0 above. Same as torch.linalg.householder_product.

    Parameters
    ----------
    input : Tensor
        (..., m, n), n <= m
    tau : Tensor
        (..., k), k <= n

    Examples
    --------
    >>> fastnn.linalg.householder_product(fastnn.zeros(2, 1), fastnn.tensor([2.0]))
    tensor([[-1.],
            [ 0.]])
    """
    linalg.matrices_of("linalg.householder_product", input, False)
    rows, columns = input.shape[-2:]
    if columns > rows:
        raise RuntimeError("torch.linalg.householder_product: input.shape[-2] must be greater than or equal to "
                           "input.shape[-1]")
    count = tau.shape[-1]
    if count > columns:
        raise RuntimeError("torch.linalg.householder_product: input.shape[-1] must be greater than or equal to "
                           "tau.shape[-1]")
    if tuple(tau.shape[:-1]) != tuple(input.shape[:-2]):
        raise ShapeError(f"torch.linalg.householder_product: Expected batch dimensions of tau to be equal to "
                         f"input.shape[:-2], but got {list(tau.shape[:-1])} and {list(input.shape[:-2])}")
    if tau.dtype is not input.dtype:
        raise RuntimeError(f"torch.linalg.householder_product: tau dtype {tau.dtype} does not match input dtype "
                           f"{input.dtype}")
    one = ranges.eye(rows, columns, dtype=input.dtype)
    v = input.tril(-1) + one
    y = one.expand(*input.shape[:-2], rows, columns)
    for i in reversed(range(count)):
        reflector = v[..., i:i + 1]
        y = y - tau[..., i, None, None] * (reflector @ (reflector.mH @ y))
    return y
