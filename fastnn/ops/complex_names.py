"""Names that have to do with complex numbers, as real tensors see them; `complex_numbers`, with the rest, is loaded
when a complex tensor is made."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, to_array
from fastnn.ops._common import complex_rule, need_tensors
from fastnn.ops.declare import operation
from fastnn.ops.indexing import where


@operation("fastnn", out=True)
def complex(real, imag):
    """real + i imag.

    Parameters
    ----------
    real, imag : Tensor
        Of one floating-point dtype, float32 or float64; they broadcast.

    Returns
    -------
    Tensor
        complex64 or complex128.

    Raises
    ------
    RuntimeError
        Other dtypes.

    Examples
    --------
    >>> fastnn.complex(fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]))
    tensor([1.+3.j, 2.+4.j])
    """
    _need_parts("complex", real, imag)
    return complex_rule("from_parts")(real, imag)


@operation("fastnn", out=True)
def polar(abs, angle):
    """abs * (cos(angle) + i sin(angle)).

    Parameters
    ----------
    abs, angle : Tensor
        Of one floating-point dtype, float32 or float64; they broadcast.

    Returns
    -------
    Tensor
        complex64 or complex128.

    Raises
    ------
    RuntimeError
        Other dtypes.

    Examples
    --------
    >>> fastnn.polar(fastnn.tensor([2.0]), fastnn.tensor([0.0]))
    tensor([2.+0.j])
    """
    _need_parts("polar", abs, angle)
    return complex_rule("from_polar")(abs, angle)


def _need_parts(op, x, y):
    need_tensors(op, x, y)
    for part in (x, y):
        if part.dtype.name not in ("float32", "float64"):
            raise RuntimeError(f"{op}: Expected both inputs to be Half, Float or Double tensors but got "
                               f"{x.dtype} and {y.dtype}; float32 and float64 are implemented")
    if x.dtype is not y.dtype:
        raise RuntimeError(f"Expected object of scalar type {x.dtype} but got scalar type {y.dtype} for second "
                           f"argument")


@operation("fastnn")
def view_as_complex(input):
    """Pairs of real numbers as complex ones, in the same memory.

    Parameters
    ----------
    input : Tensor
        (..., 2), float32 or float64; its last dimension lies in memory without gaps.

    Returns
    -------
    Tensor
        (...), a view.

    Raises
    ------
    RuntimeError
        Another dtype, last size or layout.

    Examples
    --------
    >>> fastnn.view_as_complex(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1.+2.j, 3.+4.j])
    """
    need_tensors("view_as_complex", input)
    return complex_rule("view_as_complex")(input)


@operation("fastnn")
def view_as_real(input):
    """Complex numbers as pairs of real ones, in the same memory.

    Parameters
    ----------
    input : Tensor
        Complex.

    Returns
    -------
    Tensor
        (..., 2), a view: what is written there changes the input.

    Raises
    ------
    RuntimeError
        The tensor is real.

    Examples
    --------
    >>> fastnn.view_as_real(fastnn.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    need_tensors("view_as_real", input)
    raise RuntimeError("view_as_real is only supported for complex tensors")


@operation("fastnn")
def real(input):
    """The real parts, in the same memory; a real tensor itself.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.real(fastnn.tensor([1 + 2j]))
    tensor([1.])
    """
    need_tensors("real", input)
    return input


@operation("fastnn")
def imag(input):
    """The imaginary parts, in the same memory.

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    RuntimeError
        The tensor is real.

    Examples
    --------
    >>> fastnn.imag(fastnn.tensor([1 + 2j]))
    tensor([2.])
    """
    need_tensors("imag", input)
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


@operation()
def conj(input):
    """The conjugates, computed at once (PyTorch's shares memory until it is written); a real tensor itself.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.conj(fastnn.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    need_tensors("conj", input)
    return input


@operation(inplace=True, out=True)
def conj_physical(input):
    """The conjugates, as ``conj``.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.conj_physical(fastnn.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    need_tensors("conj_physical", input)
    return input


@operation(out=True)
def angle(input):
    """The angle of a number in the plane, between -pi and pi; of a real one 0, or pi where it is negative.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.angle(fastnn.tensor([1j, -1.0]))
    tensor([1.5708, 3.1416])
    """
    need_tensors("angle", input)
    x = to_array(input)
    if x.dtype.kind != "f":
        return from_array(np.where(x < 0, math.pi, 0.0).astype(dtypes.get_computing_dtype().numpy))
    return where(from_array(np.asarray(np.isnan(x))), input, where(from_array(np.asarray(x < 0)), math.pi, input * 0))


def _real_part(self):
    return complex_rule("real")(self) if self.dtype.is_complex else self


def _put_real(self, value):
    _real_part(self).copy_(_as_tensor(value))


def _imaginary_part(self):
    if not self.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return complex_rule("imag")(self)


def _put_imag(self, value):
    _imaginary_part(self).copy_(_as_tensor(value))


def _as_tensor(value):
    return value if isinstance(value, Tensor) else from_array(np.asarray(value))


operation("Tensor.real")(property(_real_part, _put_real))
operation("Tensor.imag")(property(_imaginary_part, _put_imag))


def adjoint_of(self):
    """The conjugate of a tensor whose dimensions were exchanged."""
    return complex_rule("conj")(self) if self.dtype.is_complex else self
