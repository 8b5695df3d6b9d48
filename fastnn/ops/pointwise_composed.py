"""Maps of one tensor without kernels of their own: NumPy's, or made of other operations."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.ops import arithmetic, pointwise
from fastnn.ops._common import need_tensors
from fastnn.ops.declare import operation
from fastnn.ops.named import Shown
from fastnn.ops.special import floating_of


NAN_TO_NUM = Op("NanToNumBackward0", lambda grad, finite: grad * finite, "finite")
NAN_TO_NUM.linear(lambda x, finite: x * finite)


@operation(inplace=True, out=True)
def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """NaN, inf and -inf replaced by numbers (0 and the dtype's limits).

    Parameters
    ----------
    input : Tensor
    nan : float, default 0.0
        For NaN.
    posinf : float, optional
        For inf; the dtype's largest number if not given.
    neginf : float, optional
        For -inf; the dtype's smallest number if not given.

    Examples
    --------
    >>> fastnn.nan_to_num(fastnn.tensor([float("nan"), float("inf"), 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    need_tensors("nan_to_num", input)
    if not input.dtype.is_floating_point:
        return input.clone()
    limits = dtypes.finfo(input.dtype)
    wide = input if input.dtype is dtypes.float64 else input.to(dtypes.float32)
    x = wide.detach().numpy()
    out = np.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=limits.max if posinf is None else posinf,
                        neginf=limits.min if neginf is None else neginf)
    return record(np.asarray(out), NAN_TO_NUM, (wide,), (np.isfinite(x),)).to(input.dtype)


class frexp_result(Shown):  # noqa: N801
    """(mantissa, exponent)."""

    names = ("mantissa", "exponent")


FREXP = Op("FrexpBackward0", lambda grad, exponent: np.ldexp(grad, -exponent), "exponent")
FREXP.linear(lambda x, exponent: np.ldexp(x, -exponent))


@operation(out=True)
def frexp(input) -> frexp_result:
    """x = mantissa 2^exponent, with mantissas of [0.5, 1) or 0.

    Parameters
    ----------
    input : Tensor
        Of floating-point numbers.

    Returns
    -------
    tuple
        ``mantissa`` and ``exponent`` (int32), with these names.

    Examples
    --------
    >>> fastnn.frexp(fastnn.tensor([10.0, 0.25]))
    torch.return_types.frexp(
    mantissa=tensor([0.6250, 0.5000]),
    exponent=tensor([ 4, -1], dtype=torch.int32))
    """
    need_tensors("frexp", input)
    if not input.is_floating_point():
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {input.dtype}")
    mantissa, exponent = np.frexp(input.detach().numpy())
    return frexp_result((record(np.asarray(mantissa), FREXP, (input,), (exponent,)),
                         from_array(np.asarray(exponent, np.int32))))


@operation(inplace=True, out=True)
def frac(input):
    """x - trunc(x).

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    NotImplementedError
        A dtype without fractions.

    Examples
    --------
    >>> fastnn.frac(fastnn.tensor([-1.5, 2.25]))
    tensor([-0.5000,  0.2500])
    """
    need_tensors("frac", input)
    if not input.is_floating_point():
        raise NotImplementedError(f"\"frac\" not implemented for {input.dtype}")
    return arithmetic.sub(input, pointwise.trunc(input).detach())


@operation(inplace=True, out=True)
def sgn(input):
    """-1, 0 or 1, by the sign of x; of a complex one x / |x|, 0 for 0.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.sgn(fastnn.tensor([-2.0, 0.0]))
    tensor([-1.,  0.])
    """
    return pointwise.sign(input)


@operation(out=True)
def signbit(input):
    """Where the sign is minus (also of -0).

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.signbit(fastnn.tensor([-2.0, -0.0, 1.0]))
    tensor([ True,  True, False])
    """
    need_tensors("signbit", input)
    x = input.detach().numpy()
    return from_array(np.asarray(np.signbit(x) if x.dtype.kind == "f" else x < 0 if x.dtype.kind == "i" else
                                 np.zeros(x.shape, bool)))


@operation(inplace=True, out=True)
def deg2rad(input):
    """Degrees to radians: x pi / 180.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.deg2rad(fastnn.tensor([180.0]))
    tensor([3.1416])
    """
    return arithmetic.mul(floating_of("deg2rad", input), math.pi / 180)


@operation(inplace=True, out=True)
def rad2deg(input):
    """Radians to degrees: 180 x / pi.

    Parameters
    ----------
    input : Tensor

    Examples
    --------
    >>> fastnn.rad2deg(fastnn.tensor([1.0]))
    tensor([57.2958])
    """
    return arithmetic.mul(floating_of("rad2deg", input), 180 / math.pi)


@operation(inplace=True, out=True)
def clamp_min(input, min):
    """max(x, min).

    Parameters
    ----------
    input : Tensor
    min : number or Tensor

    Examples
    --------
    >>> fastnn.clamp_min(fastnn.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    return pointwise.clamp(input, min=min)


@operation(inplace=True, out=True)
def clamp_max(input, max):
    """min(x, max).

    Parameters
    ----------
    input : Tensor
    max : number or Tensor

    Examples
    --------
    >>> fastnn.clamp_max(fastnn.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    return pointwise.clamp(input, max=max)


@operation()
def positive(input):
    """The tensor itself.

    Parameters
    ----------
    input : Tensor

    Raises
    ------
    RuntimeError
        A bool tensor.

    Examples
    --------
    >>> fastnn.positive(fastnn.tensor([-1, 2]))
    tensor([-1,  2])
    """
    if input.dtype is dtypes.bool:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input
