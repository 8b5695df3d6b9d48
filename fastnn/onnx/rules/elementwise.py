"""Maps of single numbers, arithmetic, comparison, casts."""
import math

import numpy as np

from fastnn.onnx.rules._declare import axis_of, rule
from fastnn.ops import arithmetic, inplace, methods, remainder, shape

MAPS = {  # ONNX's operator: the functions that it is
    "Abs": "abs", "Acos": "acos", "Acosh": "acosh", "Asin": "asin", "Asinh": "asinh", "Atan": "atan", "Atanh": "atanh",
    "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf", "Exp": "exp", "Floor": "floor", "Log": "log",
    "Neg": "neg", "Reciprocal": "reciprocal", "Relu": "relu", "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin",
    "Sinh": "sinh", "Softsign": "softsign", "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh",
}
BINARY = {"Add": "add", "Mul": "mul", "Max": "maximum", "Min": "minimum"}
COMPARISONS = {"Equal": "eq", "Less": "lt", "LessOrEqual": "le", "Greater": "gt", "GreaterOrEqual": "ge"}
LOGIC = {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}
BITS = {"And": "bitwise_and", "Or": "bitwise_or", "Xor": "bitwise_xor"}


def mapped(kind):
    def write(g, input, inplace=False):
        if kind in ("Ceil", "Floor") and input.dtype.kind in "iu":
            return g.op("Identity", input)
        return g.op(kind, g.cast(input, g.result.dtype))
    return write


for _kind, _names in MAPS.items():
    rule(_names)(mapped(_kind))


def both(g, kind, x, y, dtype=None):
    """A node of two operands in one dtype, the result's unless another is given."""
    dtype = g.result.dtype if dtype is None else dtype
    return g.op(kind, g.operand(x, dtype), g.operand(y, dtype))


def arithmetic_of(kind):
    def write(g, input, other, alpha=1):
        dtype = g.result.dtype
        if dtype.kind == "b":
            return both(g, {"Add": "Or", "Mul": "And", "Max": "Or", "Min": "And"}[kind], input, other)
        other = g.operand(other, dtype)
        if alpha != 1:
            other = g.op("Mul", other, g.scalar(alpha, dtype))
        return g.op(kind, g.operand(input, dtype), other)
    return write


for _kind, _names in BINARY.items():
    rule(_names)(arithmetic_of(_kind))
rule("sub")(arithmetic_of("Sub"))


@rule("rsub", arithmetic.rsub)
def _rsub(g, input, other, alpha=1):
    return arithmetic_of("Sub")(g, other, input, alpha)


@rule("div true_divide")
def _div(g, input, other, rounding_mode=None):
    dtype = g.result.dtype
    if rounding_mode is None:
        return both(g, "Div", input, other)
    if dtype.kind == "f":
        quotient = both(g, "Div", input, other)
        if rounding_mode == "floor":
            return g.op("Floor", quotient)
        return g.op("Mul", g.op("Sign", quotient), g.op("Floor", g.op("Abs", quotient)))
    quotient = both(g, "Div", input, other)  # towards 0
    if rounding_mode == "trunc":
        return quotient
    x, y = g.operand(input, dtype), g.operand(other, dtype)
    return g.op("Div", g.op("Sub", x, g.op("Mod", x, y)), y)


@rule(arithmetic.rdiv)
def _rdiv(g, input, other):
    return both(g, "Div", other, input)


@rule("floor_divide")
def _floor_divide(g, input, other):
    return _div(g, input, other, "floor")


@rule(arithmetic.rfloor_divide)
def _rfloor_divide(g, input, other):
    return _div(g, other, input, "floor")


@rule("remainder")
def _remainder(g, input, other):
    dtype = g.result.dtype
    if dtype.kind != "f":
        return both(g, "Mod", input, other)
    x, y = g.operand(input, dtype), g.operand(other, dtype)
    return g.op("Sub", x, g.op("Mul", g.op("Floor", g.op("Div", x, y)), y))


@rule(remainder.rremainder)
def _rremainder(g, input, other):
    return _remainder(g, other, input)


@rule("fmod")
def _fmod(g, input, other):
    dtype = g.result.dtype
    return g.op("Mod", g.operand(input, dtype), g.operand(other, dtype), fmod=1)


@rule("pow")
def _pow(g, input, exponent):
    return both(g, "Pow", input, exponent)


@rule(arithmetic.rpow)
def _rpow(g, input, other):
    return both(g, "Pow", other, input)


def compared(kind):
    def write(g, input, other):
        dtype = g.promoted(input, other)
        if dtype.kind == "b" and kind != "Equal":
            dtype = np.dtype(np.int32)
        return both(g, kind, input, other, dtype)
    return write


for _kind, _names in COMPARISONS.items():
    rule(_names)(compared(_kind))


@rule("ne")
def _ne(g, input, other):
    return g.op("Not", compared("Equal")(g, input, other))


def logical(kind):
    return lambda g, input, other: both(g, kind, input, other, np.dtype(bool))


for _kind, _names in LOGIC.items():
    rule(_names)(logical(_kind))


def bitwise(kind):
    def write(g, input, other):
        if g.result.dtype == bool:
            return both(g, kind, input, other)
        if g.opset < 18:
            raise g.unsupported("bits of integers before opset 18")
        return both(g, f"Bitwise{kind}", input, other)
    return write


for _kind, _names in BITS.items():
    rule(_names)(bitwise(_kind))


@rule("logical_not")
def _not(g, input):
    return g.op("Not", g.cast(input, bool))


@rule("bitwise_not")
def _bitwise_not(g, input):
    return g.op("Not" if input.dtype == bool else "BitwiseNot", input)


@rule("isnan")
def _isnan(g, input):
    return g.op("IsNaN", input)


@rule("isinf")
def _isinf(g, input):
    return g.op("IsInf", input)


@rule("isfinite")
def _isfinite(g, input):
    return g.op("Not", g.op("Or", g.op("IsInf", input), g.op("IsNaN", input)))


@rule("round")
def _round(g, input, decimals=0):
    if decimals:
        raise g.unsupported(f"decimals={decimals}")
    return g.op("Round", input)


@rule("trunc")
def _trunc(g, input):
    return g.op("Mul", g.op("Sign", input), g.op("Floor", g.op("Abs", input)))


def number(g, value):
    """A constant of the result's dtype."""
    return g.scalar(value, g.result.dtype)


@rule("rsqrt")
def _rsqrt(g, input):
    return g.op("Reciprocal", g.op("Sqrt", g.cast(input, g.result.dtype)))


@rule("square")
def _square(g, input):
    return g.op("Mul", input, input)


@rule("exp2")
def _exp2(g, input):
    return g.op("Pow", number(g, 2), g.cast(input, g.result.dtype))


@rule("expm1")
def _expm1(g, input):
    return g.op("Sub", g.op("Exp", g.cast(input, g.result.dtype)), number(g, 1))


@rule("log1p")
def _log1p(g, input):
    return g.op("Log", g.op("Add", g.cast(input, g.result.dtype), number(g, 1)))


@rule("log2")
def _log2(g, input):
    return g.op("Div", g.op("Log", g.cast(input, g.result.dtype)), number(g, math.log(2)))


@rule("log10")
def _log10(g, input):
    return g.op("Div", g.op("Log", g.cast(input, g.result.dtype)), number(g, math.log(10)))


@rule("erfc")
def _erfc(g, input):
    return g.op("Sub", number(g, 1), g.op("Erf", g.cast(input, g.result.dtype)))


@rule("hypot")
def _hypot(g, input, other):
    x, y = g.operand(input, g.result.dtype), g.operand(other, g.result.dtype)
    return g.op("Sqrt", g.op("Add", g.op("Mul", x, x), g.op("Mul", y, y)))


@rule("logit")
def _logit(g, input, eps=None):
    x = g.cast(input, g.result.dtype)
    if eps is not None:
        x = g.op("Min", g.op("Max", x, number(g, eps)), number(g, 1 - eps))
    return g.op("Log", g.op("Div", x, g.op("Sub", number(g, 1), x)))


@rule("clamp")
def _clamp(g, input, min=None, max=None):
    made = g.cast(input, g.result.dtype)
    for kind, bound in (("Max", min), ("Min", max)):
        made = made if bound is None else g.op(kind, made, g.operand(bound, g.result.dtype))
    return made


@rule("clamp_min")
def _clamp_min(g, input, min):
    return _clamp(g, input, min)


@rule("clamp_max")
def _clamp_max(g, input, max):
    return _clamp(g, input, None, max)


# ---- activations ----

@rule("leaky_relu")
def _leaky_relu(g, input, negative_slope=0.01, inplace=False):
    return g.op("LeakyRelu", input, alpha=float(negative_slope))


@rule("elu")
def _elu(g, input, alpha=1.0, inplace=False):
    return g.op("Elu", input, alpha=float(alpha))


@rule("celu")
def _celu(g, input, alpha=1.0, inplace=False):
    scaled = g.op("Elu", g.op("Div", input, number(g, alpha)), alpha=1.0)
    return g.op("Mul", scaled, number(g, alpha))


@rule("selu")
def _selu(g, input, inplace=False):
    return g.op("Selu", input, alpha=1.6732632423543772, gamma=1.0507009873554805)


@rule("prelu")
def _prelu(g, input, weight):
    slope = g.reshape(weight, [weight.shape[0]] + [1] * (input.ndim - 2)) if input.ndim > 2 and weight.ndim else weight
    return g.op("PRelu", input, slope)


@rule("gelu")
def _gelu(g, input, approximate="none"):
    half = g.op("Mul", input, number(g, 0.5))
    if approximate == "tanh":
        cube = g.op("Mul", g.op("Mul", input, input), input)
        inner = g.op("Add", input, g.op("Mul", cube, number(g, 0.044715)))
        inner = g.op("Mul", inner, number(g, math.sqrt(2 / math.pi)))
        return g.op("Mul", half, g.op("Add", g.op("Tanh", inner), number(g, 1)))
    if g.opset >= 20:
        return g.op("Gelu", input)
    erf = g.op("Erf", g.op("Div", input, number(g, math.sqrt(2))))
    return g.op("Mul", half, g.op("Add", erf, number(g, 1)))


@rule("silu")
def _silu(g, input, inplace=False):
    return g.op("Mul", input, g.op("Sigmoid", input))


@rule("mish")
def _mish(g, input, inplace=False):
    return g.op("Mul", input, g.op("Tanh", g.op("Softplus", input)))


@rule("softplus")
def _softplus(g, input, beta=1.0, threshold=20.0):
    scaled = input if beta == 1 else g.op("Mul", input, number(g, beta))
    made = g.op("Softplus", scaled)
    made = made if beta == 1 else g.op("Div", made, number(g, beta))
    return g.op("Where", g.op("Greater", scaled, number(g, threshold)), input, made)


@rule("logsigmoid")
def _logsigmoid(g, input):
    return g.op("Neg", g.op("Softplus", g.op("Neg", input)))


@rule("hardsigmoid")
def _hardsigmoid(g, input, inplace=False):
    return g.op("HardSigmoid", input, alpha=1 / 6, beta=0.5)


@rule("hardswish")
def _hardswish(g, input, inplace=False):
    return g.op("Mul", input, g.op("HardSigmoid", input, alpha=1 / 6, beta=0.5))


@rule("hardtanh")
def _hardtanh(g, input, min_val=-1.0, max_val=1.0, inplace=False):
    return g.op("Clip", input, number(g, min_val), number(g, max_val))


@rule("relu6")
def _relu6(g, input, inplace=False):
    return g.op("Clip", input, number(g, 0), number(g, 6))


@rule("threshold")
def _threshold(g, input, threshold, value, inplace=False):
    return g.op("Where", g.op("Greater", input, number(g, threshold)), input, number(g, value))


@rule("tanhshrink")
def _tanhshrink(g, input):
    return g.op("Sub", input, g.op("Tanh", input))


@rule("softshrink")
def _softshrink(g, input, lambd=0.5):
    return g.op("Shrink", input, lambd=float(lambd), bias=float(lambd))


@rule("hardshrink")
def _hardshrink(g, input, lambd=0.5):
    return g.op("Shrink", input, lambd=float(lambd), bias=0.0)


@rule("glu")
def _glu(g, input, dim=-1):
    axis, half = axis_of(dim, input.ndim), g.result.shape[axis_of(dim, input.ndim)]
    left, right = g.op("Split", input, g.ints(half, half), axis=axis, outputs=2)
    return g.op("Mul", left, g.op("Sigmoid", right))


# The engine's maps (elementwise.def) that have two numbers, or are written as several nodes.
WITH_NUMBERS = {
    "leaky_relu": lambda g, x, a, b: _leaky_relu(g, x, a), "elu": lambda g, x, a, b: _elu(g, x, a),
    "celu": lambda g, x, a, b: _celu(g, x, a), "selu": lambda g, x, a, b: _selu(g, x),
    "gelu": lambda g, x, a, b: _gelu(g, x), "gelu_tanh": lambda g, x, a, b: _gelu(g, x, "tanh"),
    "silu": lambda g, x, a, b: _silu(g, x), "mish": lambda g, x, a, b: _mish(g, x),
    "softplus": lambda g, x, a, b: _softplus(g, x, a, b), "relu6": lambda g, x, a, b: _relu6(g, x),
    "hardswish": lambda g, x, a, b: _hardswish(g, x), "hardsigmoid": lambda g, x, a, b: _hardsigmoid(g, x),
    "hardtanh": lambda g, x, a, b: _hardtanh(g, x, a, b), "logsigmoid": lambda g, x, a, b: _logsigmoid(g, x),
    "tanhshrink": lambda g, x, a, b: _tanhshrink(g, x), "softshrink": lambda g, x, a, b: _softshrink(g, x, a),
    "hardshrink": lambda g, x, a, b: _hardshrink(g, x, a)}
SINGLE = {name: kind for kind, name in MAPS.items()}


def activated(g, x, name, a=0.0, b=0.0):
    """A map by the engine's name behind another operation."""
    if name is None:
        return x
    if name in SINGLE:
        return g.op(SINGLE[name], x)
    if name not in WITH_NUMBERS:
        raise g.unsupported(f"the activation {name}")
    return WITH_NUMBERS[name](g, x, a, b)


# ---- casts and copies ----

@rule("to type_as float double half long int short char byte bool", shape.cast)
def _cast(g, input, *args, **kwargs):
    return g.cast(input, g.result.dtype)


@rule("clone contiguous detach", shape.clone, shape.contiguous)
def _same(g, input, memory_format=None):
    return input.name


@rule("dropout alpha_dropout feature_alpha_dropout dropout1d dropout2d dropout3d")
def _dropout(g, input, p=0.5, training=True, inplace=False):
    if training and p:
        raise g.unsupported("dropout in training")
    return input.name


# ---- tensors of one number ----

@rule(inplace.fill_)
def _fill(g, self, value):
    return g.op("Expand", g.operand(value, self.dtype), g.ints(*self.shape))


@rule(inplace.zero_)
def _zero(g, self):
    return _fill(g, self, 0)


@rule(methods.copy_)
def _copy(g, self, other, non_blocking=False):
    return _fill(g, self, other)


@rule("zeros_like ones_like full_like empty_like new_zeros new_ones new_full")
def _like(g, input, *args, **kwargs):
    numbers = np.unique(g.result.arrays[0])
    if len(numbers) > 1:
        raise g.unsupported("a tensor without values")
    fill = numbers[0] if len(numbers) else 0
    return g.op("Expand", g.scalar(fill, g.result.dtype), g.ints(*g.result.shape))
