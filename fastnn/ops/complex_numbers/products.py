"""Matrix products of complex tensors, and what NumPy's linear algebra gives of complex matrices."""
import numpy as np

from fastnn.errors import ShapeError
from fastnn.ops import conv, conv_composed, fold, linear, volumes
from fastnn.ops.complex_numbers.arithmetic import from_parts
from fastnn.ops.complex_numbers.formula import Formula, conj, imag, real

MATMUL = Formula("MmBackward0", np.matmul, lambda g, z, x, y: g @ conj(y).mT, lambda g, z, x, y: conj(x).mT @ g,
                 reads="xy")


def matmul(input, other):
    """Products of matrices and vectors, or of stacks of them."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {other.dtype}")
    if not input.ndim or not other.ndim:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and "
                           f"{other.ndim}D")
    x = input.unsqueeze(0) if input.ndim == 1 else input
    y = other.unsqueeze(1) if other.ndim == 1 else other
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(f"matmul: shapes cannot be multiplied ({list(input.shape)} and {list(other.shape)})")
    try:
        np.broadcast_shapes(tuple(x.shape[:-2]), tuple(y.shape[:-2]))
    except ValueError:
        raise ShapeError(f"matmul: stacks do not broadcast: {list(input.shape)} and {list(other.shape)}") from None
    made = MATMUL(x, y)
    if input.ndim == 1:
        made = made.squeeze(-2)
    return made.squeeze(-1) if other.ndim == 1 else made


def vdot(input, other):
    """Inner product of two vectors, the first one conjugated."""
    return linear.dot(conj(input), other)


def vecdot(x, y, *, dim=-1):
    """Sums of products along `dim`, the first factors conjugated."""
    return (conj(x) * y).sum(dim)


def _plus(beta, input, alpha, product):
    product = product if alpha == 1 else product * alpha
    return product + (input * 0 if beta == 0 else input if beta == 1 else input * beta)


def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta * input + alpha * (mat1 @ mat2)."""
    return _plus(beta, input, alpha, linear.mm(mat1, mat2))


def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta * input + alpha * (mat @ vec)."""
    return _plus(beta, input, alpha, linear.mv(mat, vec))


def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta * input + alpha * outer(vec1, vec2)."""
    return _plus(beta, input, alpha, linear.outer(vec1, vec2))


def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * the sum of the products."""
    return _plus(beta, input, alpha, linear.bmm(batch1, batch2).sum(0))


def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * the products of two stacks."""
    return _plus(beta, input, alpha, linear.bmm(batch1, batch2))


def _convolution(function):
    """A convolution by those of the parts."""
    def convolved(input, weight, bias=None, *args, **kwargs):
        if input.dtype is not weight.dtype or bias is not None and bias.dtype is not input.dtype:
            raise RuntimeError(f"{function.__name__}: expected input, weight and bias of one dtype, got {input.dtype}, "
                               f"{weight.dtype}" + ("" if bias is None else f" and {bias.dtype}"))
        x, y, u, v = real(input), imag(input), real(weight), imag(weight)
        made = from_parts(function(x, u, None, *args, **kwargs) - function(y, v, None, *args, **kwargs),
                          function(x, v, None, *args, **kwargs) + function(y, u, None, *args, **kwargs))
        return made if bias is None else made + bias.reshape(-1, *[1] * (weight.ndim - 2))
    convolved.__wrapped__ = function
    return convolved


CONVOLUTIONS = {function.__name__: _convolution(function) for function in (
    conv.conv1d, conv.conv2d, conv_composed.conv3d, conv.conv_transpose1d, conv.conv_transpose2d,
    volumes.conv_transpose3d)}


def _by_parts(function):
    """A linear map with real coefficients."""
    def mapped(input, *args, **kwargs):
        return from_parts(function(real(input), *args, **kwargs), function(imag(input), *args, **kwargs))
    mapped.__wrapped__ = function
    return mapped


WINDOWS = {f"functional.{function.__name__}": _by_parts(function) for function in (fold.fold, fold.unfold)}
