"""Arithmetic of complex numbers, their parts, and functions of one number."""
import math

import numpy as np

from fastnn import dtypes
from fastnn._tensor import Tensor, from_array, take_history, to_array, view_of
from fastnn.ops._common import promote
from fastnn.ops.complex_numbers.formula import (CONJ, IMAG, REAL, Formula, conj, imag, is_complex, real, tensors)
from fastnn.ops.indexing import where

# ---- two operands ----


def _other_of_div(g, z, x, y, dtype):
    return -g * conj(z / y)


def _base(g, z, x, y, dtype):
    return where(y == 0, 0.0, g * conj(y * x ** (y - 1)))


def _exponent(g, z, x, y, dtype):
    nothing = (x == 0) & (real(y) >= 0)
    return where(nothing, 0.0, g * conj(z * where(nothing, 1.0, x).log()))


ADD = Formula("AddBackward0", lambda x, y, dtype: np.add(x, y, dtype=dtype), lambda g, *_: g, lambda g, *_: g)
SUB = Formula("SubBackward0", lambda x, y, dtype: np.subtract(x, y, dtype=dtype), lambda g, *_: g, lambda g, *_: -g)
MUL = Formula("MulBackward0", lambda x, y, dtype: np.multiply(x, y, dtype=dtype),
              lambda g, z, x, y, dtype: g * conj(y), lambda g, z, x, y, dtype: g * conj(x), reads="xy")
DIV = Formula("DivBackward0", lambda x, y, dtype: np.true_divide(x, y, dtype=dtype),
              lambda g, z, x, y, dtype: g / conj(y), _other_of_div, reads="yz")
POW = Formula("PowBackward1", lambda x, y, dtype: np.power(x, y, dtype=dtype), _base, _exponent, reads="xyz")


def _pair(formula, x, y):
    dtype = promote(x, y)
    if dtype.kind != "c" and formula is not ADD and formula is not MUL and formula is not SUB:
        dtype = dtypes.get_computing_dtype().numpy if dtype.kind != "f" else dtype  # of real ones, into a complex `out`
    dtypes.from_numpy(dtype)
    return formula(*tensors(x, y), options=(dtype,))


def _times(alpha, input, other):
    if isinstance(alpha, complex) and promote(input, other).kind != "c":
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")
    return other if type(alpha) is int and alpha == 1 else mul(other, alpha)


def add(input, other, *, alpha=1):
    """input + alpha * other."""
    return _pair(ADD, input, _times(alpha, input, other))


def sub(input, other, *, alpha=1):
    """input - alpha * other."""
    return _pair(SUB, input, _times(alpha, input, other))


def rsub(input, other, *, alpha=1):
    """other - alpha * input."""
    return sub(other, input, alpha=alpha)


def mul(input, other):
    """input * other."""
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        return input * other
    return _pair(MUL, input, other)


def div(input, other, *, rounding_mode=None):
    """input / other."""
    if rounding_mode is not None:
        raise NotImplementedError(f"div: rounding_mode={rounding_mode!r} of complex numbers is not implemented")
    return _pair(DIV, input, other)


def pow(input, exponent):
    """input to the power `exponent`."""
    return _pair(POW, input, exponent)


def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 * tensor2."""
    return input + value * (tensor1 * tensor2)


def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 / tensor2."""
    return input + value * (tensor1 / tensor2)


def lerp(input, end, weight):
    """input + weight * (end - input)."""
    return input + weight * (end - input)


# ---- parts ----

def _sgn(x):
    size = np.abs(x)
    return np.where(size == 0, 0, x / np.where(size == 0, 1, size)).astype(x.dtype)


def _of_sgn(g, z, x):
    size = abs(x)
    none = size == 0
    return where(none, 0.0, (g - z * real(g * conj(z))) / where(none, 1.0, size))


def _of_angle(g, z, x):
    none = x == 0
    return where(none, 0.0, g * (1j / conj(where(none, 1.0, x))))


ABS = Formula("AbsBackward0", np.abs, lambda g, z, x: g * sgn(x), reads="x")
SGN = Formula("SgnBackward0", _sgn, _of_sgn, reads="xz")
ANGLE = Formula("AngleBackward0", np.angle, _of_angle, reads="x")
COMPLEX = Formula("ComplexBackward0", lambda x, y: _joined(x, y), lambda g, *_: g, lambda g, *_: imag(g))
POLAR = Formula("PolarBackward0", lambda r, angle: _joined(r * np.cos(angle), r * np.sin(angle)),
                lambda g, z, r, angle: g * conj(from_parts(angle.cos(), angle.sin())),
                lambda g, z, r, angle: g * conj(z * 1j), reads="yz")


def _joined(x, y):
    shape = np.broadcast_shapes(x.shape, y.shape)
    made = np.empty(shape, dtypes.to_complex(np.promote_types(x.dtype, y.dtype)))
    made.real, made.imag = x, y
    return made


def from_parts(real, imag):
    """real + i imag."""
    return COMPLEX(real, imag)


def from_polar(abs, angle):
    """abs * exp(i angle)."""
    return POLAR(abs, angle)


def sgn(input):
    """x / |x|, 0 for 0."""
    return SGN(input)


# Real views of complex memory, and complex ones of real memory; their gradients are those of the copies.
def _view(array, input, record):
    viewed = view_of(array, input)
    if not input.requires_grad:
        return viewed
    return take_history(viewed, record(input))


def real_view(input):
    """The real parts, in the same memory."""
    return _view(to_array(input).real, input, REAL) if is_complex(input) else input


def imag_view(input):
    """The imaginary parts, in the same memory."""
    if not is_complex(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _view(to_array(input).imag, input, IMAG)


def _pairs(x):
    return np.stack([x.real, x.imag], -1)


AS_REAL = Formula("ViewAsRealBackward0", _pairs, lambda g, *_: from_parts(g[..., 0], g[..., 1]))
AS_COMPLEX = Formula("ViewAsComplexBackward0", lambda x: _joined(x[..., 0], x[..., 1]),
                     lambda g, *_: AS_REAL(g) if is_complex(g) else AS_REAL(from_parts(g, g * 0)))


def view_as_real(input):
    """Complex numbers as pairs of real ones, in the same memory."""
    if not is_complex(input):
        raise RuntimeError("view_as_real is only supported for complex tensors")
    x = to_array(input)
    part = dtypes.to_real(x.dtype)
    pairs = np.lib.stride_tricks.as_strided(x.real, (*x.shape, 2), (*x.strides, part.itemsize))
    return _view(pairs, input, AS_REAL)


def view_as_complex(input):
    """Pairs of real numbers as complex ones, in the same memory."""
    x = to_array(input)
    if x.dtype.kind != "f":
        raise RuntimeError(f"view_as_complex is only supported for floating point tensors, but got a tensor of scalar "
                           f"type: {input.dtype}")
    if not x.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if x.shape[-1] != 2:
        raise RuntimeError(f"Tensor must have a last dimension of size 2, got {x.shape[-1]}")
    if x.strides[-1] != x.itemsize and x.size:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(step % (2 * x.itemsize) for step, size in zip(x.strides[:-1], x.shape) if size > 1):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    kind = dtypes.to_complex(x.dtype)
    return _view(x.view(kind)[..., 0], input, AS_COMPLEX)


# ---- functions of one number ----

def _acosh(g, z, x):
    return g * conj(1 / ((x - 1).sqrt() * (x + 1).sqrt()))


def _of_silu(g, z, x):
    s = x.sigmoid()
    return g * conj(s * (1 + x * (1 - s)))


# name: (value, the conjugate of the slope's factor from z and x, what it reads)
_MAPS = {
    "neg": (np.negative, lambda g, z, x: -g, ""),
    "exp": (np.exp, lambda g, z, x: g * conj(z), "z"),
    "exp2": (lambda x: np.exp(x * np.asarray(math.log(2), dtypes.to_real(x.dtype))),
             lambda g, z, x: g * conj(z) * math.log(2), "z"),
    "expm1": (np.expm1, lambda g, z, x: g * conj(z + 1), "z"),
    "log": (np.log, lambda g, z, x: g / conj(x), "x"),
    "log2": (np.log2, lambda g, z, x: g / conj(x * math.log(2)), "x"),
    "log10": (np.log10, lambda g, z, x: g / conj(x * math.log(10)), "x"),
    "log1p": (np.log1p, lambda g, z, x: g / conj(x + 1), "x"),
    "sqrt": (np.sqrt, lambda g, z, x: g / conj(2 * z), "z"),
    "rsqrt": (lambda x: 1 / np.sqrt(x), lambda g, z, x: g * conj(-0.5 * z ** 3), "z"),
    "square": (np.square, lambda g, z, x: g * conj(2 * x), "x"),
    "reciprocal": (np.reciprocal, lambda g, z, x: -g * conj(z * z), "z"),
    "sin": (np.sin, lambda g, z, x: g * conj(x.cos()), "x"),
    "cos": (np.cos, lambda g, z, x: -g * conj(x.sin()), "x"),
    "tan": (np.tan, lambda g, z, x: g * conj(1 + z * z), "z"),
    "sinh": (np.sinh, lambda g, z, x: g * conj(x.cosh()), "x"),
    "cosh": (np.cosh, lambda g, z, x: g * conj(x.sinh()), "x"),
    "tanh": (np.tanh, lambda g, z, x: g * conj(1 - z * z), "z"),
    "asin": (np.arcsin, lambda g, z, x: g / conj((1 - x * x).sqrt()), "x"),
    "acos": (np.arccos, lambda g, z, x: -g / conj((1 - x * x).sqrt()), "x"),
    "atan": (np.arctan, lambda g, z, x: g / conj(1 + x * x), "x"),
    "asinh": (np.arcsinh, lambda g, z, x: g / conj((x * x + 1).sqrt()), "x"),
    "acosh": (np.arccosh, _acosh, "x"),
    "atanh": (np.arctanh, lambda g, z, x: g / conj(1 - x * x), "x"),
    "silu": (lambda x: x / (1 + np.exp(-x)), _of_silu, "x"),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda g, z, x: g * conj(z * (1 - z)), "z"),
}
_NODES = {"exp2": "Exp2Backward0", "expm1": "Expm1Backward0", "log2": "Log2Backward0", "log10": "Log10Backward0",
          "log1p": "Log1PBackward0", "square": "PowBackward0"}


def _map(name):
    value, slope, reads = _MAPS[name]
    formula = Formula(_NODES.get(name, f"{name.capitalize()}Backward0"), value, slope, reads=reads)

    def function(input):
        return formula(input)
    function.__name__ = function.__qualname__ = name
    return function


MAPS = {name: _map(name) for name in _MAPS}


def softsign(input):
    """x / (1 + |x|)."""
    return input / (1 + absolute(input))


def tanhshrink(input):
    """x - tanh(x)."""
    return input - input.tanh()


def float_power(input, exponent):
    """input to the power `exponent` in complex128."""
    x, y = (value.to(dtypes.complex128) if isinstance(value, Tensor) else value for value in (input, exponent))
    return pow(x, y)


def logaddexp(input, other):
    """log(exp(input) + exp(other))."""
    first = from_array(np.asarray(to_array(input).real >= to_array(other).real))
    top, rest = where(first, input, other), where(first, other, input)
    return top + (rest - top).exp().log1p()


def sinc(input):
    """sin(pi x) / (pi x), 1 for 0."""
    y = input * math.pi
    none = y == 0
    return where(none, 1.0, y.sin() / where(none, 1.0, y))


def absolute(input):
    """|x|, which is real."""
    return ABS(input)


def abs_(input):
    """Always an error, as PyTorch's: the result is real."""
    raise RuntimeError("In-place abs is not supported for complex tensors.")


def angle(input):
    """The angle of a number in the plane, between -pi and pi."""
    return ANGLE(input)


def conjugate(input):
    """The conjugate, a tensor of its own."""
    return CONJ(input) if is_complex(input) else input


def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """Both parts without NaN and infinities."""
    for name, value in (("nan", nan), ("posinf", posinf), ("neginf", neginf)):
        if isinstance(value, complex) or isinstance(value, Tensor) and is_complex(value):
            raise TypeError(f"nan_to_num(): argument '{name}' must be float, not {type(value).__name__}")
    return from_parts(*(part.nan_to_num(nan, posinf, neginf) for part in (real(input), imag(input))))


def isreal(input):
    """Where the imaginary part is 0."""
    x = to_array(input)
    return from_array(np.asarray(x.imag == 0) if x.dtype.kind == "c" else np.ones(x.shape, bool))
