"""Maps of one array, arithmetic and comparison of two with broadcasting, copies.

Functions that NumPy lacks (erf and the like) are taken element by element from `math`.
"""
import math

import numpy as np

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_GELU_TANH = math.sqrt(2 / math.pi)


def erf(x):
    return np.asarray(_erf(x)).astype(x.dtype)


def normal_cdf(x):
    return 0.5 * np.asarray(_erfc(-x.astype(np.float64) / math.sqrt(2))).astype(np.float64)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _gelu_tanh_argument(x):
    return _GELU_TANH * (x + 0.044715 * x**3)


def _gelu_tanh_slope(x):
    t = np.tanh(_gelu_tanh_argument(x))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * _GELU_TANH * (1 + 3 * 0.044715 * x**2)


def _gelu_slope(x):
    x = x.astype(np.float64)
    return normal_cdf(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _mish_slope(x):
    t = np.tanh(softplus(x))
    return t + x * (1 - t**2) * sigmoid(x)


def _wide(x):
    """In the widest type, where what cancels leaves enough digits."""
    return np.asarray(x).astype(np.longdouble)


def _tanhshrink(x):
    """x - tanh(x); near 0 by tanh's continued fraction x / (1 + x^2 / (3 + x^2 / (5 + ...)))."""
    z, q = np.minimum(_wide(x) ** 2, 1), 0
    for k in range(25, 1, -2):
        q = z / (k + q)
    return np.where(np.abs(x) > 1, x - np.tanh(_wide(x)), x * q / (1 + q))


# Bernoulli's numbers over their index: of the asymptotic series of the gamma function's logarithm and its derivatives.
_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6]
_PI = 4 * np.arctan(np.longdouble(1))


def _far(x):
    """x moved by the recurrence to 20 and beyond where it is positive, and the numbers that it passed."""
    z = np.where(x > 0, x, 1)
    passed = [np.where(z + k < 20, z + k, np.nan) for k in range(20)]
    return np.where(z < 20, z + np.ceil(20 - z), z), passed


def _reflected(x, positive, reflect):
    """A function of all x from that of x > 0 and its reflection at an integer's distance and the value at 1 - x."""
    x = _wide(x)
    return np.where(x > 0, positive(x), np.where(np.isnan(x), x, reflect(x - np.rint(x), positive(1 - x))))


def lgamma(x):
    def positive(x):
        z, passed = _far(x)
        series = sum(b / (2 * k * (2 * k - 1) * z ** (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1))
        product = sum(np.where(np.isnan(p), 0, np.log(p)) for p in passed)
        y = (z - 0.5) * np.log(z) - z + np.log(2 * _PI) / 2 + series - product
        return np.where(np.isposinf(x), np.inf, y)
    y = _reflected(x, positive, lambda part, other: np.log(_PI) - np.log(np.abs(np.sin(_PI * part))) - other)
    return np.where(np.isinf(x), np.inf, y)


def digamma(x):
    def positive(x):
        z, passed = _far(x)
        series = sum(b / (2 * k * z ** (2 * k)) for k, b in enumerate(_BERNOULLI, 1))
        return np.log(z) - 0.5 / z - series - sum(np.where(np.isnan(p), 0, 1 / p) for p in passed)
    y = _reflected(x, positive, lambda part, other: np.where(part == 0, np.nan, other - _PI / np.tan(_PI * part)))
    return np.where(x == 0, np.copysign(np.inf, -x), y)


def trigamma(x):
    def positive(x):
        z, passed = _far(x)
        series = sum(b / z ** (2 * k + 1) for k, b in enumerate(_BERNOULLI, 1))
        return 1 / z + 0.5 / z ** 2 + series + sum(np.where(np.isnan(p), 0, 1 / p ** 2) for p in passed)
    return _reflected(x, positive, lambda part, other: (_PI / np.sin(_PI * part)) ** 2 - other)


def erfcx(x):
    """exp(x^2) erfc(x); beyond 2 by the continued fraction 1 / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + .."""
    x = _wide(x)
    z, q = np.maximum(x, 2), 0
    for k in range(100, 0, -1):
        q = 0.5 * k / (z + q)
    small = np.minimum(x, 2)
    direct = np.exp(small * small) * np.asarray(_erfc(small)).astype(np.float64)
    return np.where(x > 2, 1 / (z + q) / np.sqrt(_PI), direct)


def _erfcx_slope(x):
    return 2 * _wide(x) * erfcx(x) - 2 / np.sqrt(_PI)


def log_ndtr(x):
    """log(erfc(-x / sqrt(2)) / 2), below 0 with what is small as erfcx(-x / sqrt(2)) exp(-x^2 / 2)."""
    x = _wide(x)
    tail = erfcx(np.abs(x) / np.sqrt(np.longdouble(2))) / 2
    return np.where(x < 0, np.log(tail) - x * x / 2, np.log1p(-tail * np.exp(-x * x / 2)))


def _log_ndtr_slope(x):
    """The density over the distribution function."""
    x = _wide(x)
    tail, density = erfcx(np.abs(x) / np.sqrt(np.longdouble(2))) / 2, np.exp(-x * x / 2)
    return np.where(x < 0, 1 / tail, density / (1 - tail * density)) / np.sqrt(2 * _PI)


def _silu_slope(x):
    return sigmoid(x) * (1 + x * sigmoid(-x))


# name: (forward of x, a, b; factor of the gradient from x, y, a, b)
UNARY = {
    # activations
    "step": (lambda x, a, b: np.where(np.isnan(x), x, x > 0), lambda x, y, a, b: False),
    "sigmoid": (lambda x, a, b: sigmoid(x), lambda x, y, a, b: y * (1 - y)),
    "tanh": (lambda x, a, b: np.tanh(x), lambda x, y, a, b: 1 - y * y),
    "relu": (lambda x, a, b: np.where(x < 0, 0, x), lambda x, y, a, b: ~(y <= 0)),
    "relu6": (lambda x, a, b: np.clip(x, 0, 6), lambda x, y, a, b: (y > 0) & (y < 6)),
    "leaky_relu": (lambda x, a, b: np.where(x > 0, x, a * x), lambda x, y, a, b: np.where(y > 0, 1, a)),
    "leaky_relu_signed": (lambda x, a, b: np.where(x > 0, x, a * x), lambda x, y, a, b: np.where(x > 0, 1, a)),
    "elu": (lambda x, a, b: np.where(x > 0, x, a * np.expm1(x)), lambda x, y, a, b: np.where(y <= 0, y + a, 1)),
    "elu_of_x": (lambda x, a, b: np.where(x > 0, x, a * np.expm1(x)),
                 lambda x, y, a, b: np.where(x <= 0, a * np.exp(x), 1)),
    "selu": (lambda x, a, b: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(x)),
             lambda x, y, a, b: np.where(y <= 0, y + _SELU_SCALE * _SELU_ALPHA, _SELU_SCALE)),
    "selu_of_x": (lambda x, a, b: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(x)),
                  lambda x, y, a, b: _SELU_SCALE * np.where(x <= 0, _SELU_ALPHA * np.exp(x), 1)),
    "celu": (lambda x, a, b: np.where(x > 0, x, a * np.expm1(x / a)),
             lambda x, y, a, b: np.where(y <= 0, y / a + 1, 1)),
    "celu_of_x": (lambda x, a, b: np.where(x > 0, x, a * np.expm1(x / a)),
                  lambda x, y, a, b: np.where(x <= 0, np.exp(x / a), 1)),
    "gelu": (lambda x, a, b: x * normal_cdf(x), lambda x, y, a, b: _gelu_slope(x)),
    "gelu_tanh": (lambda x, a, b: x * sigmoid(2 * _gelu_tanh_argument(x)), lambda x, y, a, b: _gelu_tanh_slope(x)),
    "silu": (lambda x, a, b: x * sigmoid(x), lambda x, y, a, b: _silu_slope(x)),
    "mish": (lambda x, a, b: x * np.tanh(softplus(x)), lambda x, y, a, b: _mish_slope(x)),
    "softplus": (lambda x, a, b: np.where(a * x > b, x, np.log1p(np.exp(a * x)) / a),
                 lambda x, y, a, b: np.where(a * x > b, 1, sigmoid(a * x))),
    "hardsigmoid": (lambda x, a, b: np.clip(x + 3, 0, 6) / 6, lambda x, y, a, b: ((y > 0) & (y < 1)) / 6),
    "hardswish": (lambda x, a, b: x * (np.clip(x + 3, 0, 6) / 6),
                  lambda x, y, a, b: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5))),
    "hardtanh": (lambda x, a, b: np.clip(x, a, b), lambda x, y, a, b: (y > a) & (y < b)),
    "logsigmoid": (lambda x, a, b: np.where(x < 0, x, 0) - np.log1p(np.exp(-np.abs(x))),
                   lambda x, y, a, b: sigmoid(-x)),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), lambda x, y, a, b: 1 / (1 + np.abs(x)) ** 2),
    "tanhshrink": (lambda x, a, b: _tanhshrink(x), lambda x, y, a, b: np.tanh(x) ** 2),
    "softshrink": (lambda x, a, b: np.where(x > a, x - a, np.where(x < -a, x + a, x * 0)),
                   lambda x, y, a, b: np.abs(y) > 0),
    "hardshrink": (lambda x, a, b: np.where((x >= -a) & (x <= a), 0, x), lambda x, y, a, b: (x < -a) | (x > a)),
    "threshold": (lambda x, a, b: np.where(x <= a, b, x), lambda x, y, a, b: ~(x <= a)),
    # functions
    "exp": (lambda x, a, b: np.exp(x), lambda x, y, a, b: y),
    "exp2": (lambda x, a, b: np.exp2(x), lambda x, y, a, b: y * math.log(2)),
    "expm1": (lambda x, a, b: np.expm1(x), lambda x, y, a, b: y + 1),
    "log": (lambda x, a, b: np.log(x), lambda x, y, a, b: 1 / x),
    "log2": (lambda x, a, b: np.log2(x), lambda x, y, a, b: 1 / (x * math.log(2))),
    "log10": (lambda x, a, b: np.log10(x), lambda x, y, a, b: 1 / (x * math.log(10))),
    "log1p": (lambda x, a, b: np.log1p(x), lambda x, y, a, b: 1 / (1 + x)),
    "sqrt": (lambda x, a, b: np.sqrt(x), lambda x, y, a, b: 1 / (2 * y)),
    "rsqrt": (lambda x, a, b: 1 / np.sqrt(x), lambda x, y, a, b: -0.5 * y**3),
    "abs": (lambda x, a, b: np.abs(x), lambda x, y, a, b: (x > 0) * 1.0 - (x < 0)),
    "neg": (lambda x, a, b: -x, lambda x, y, a, b: -1),
    "square": (lambda x, a, b: x * x, lambda x, y, a, b: 2 * x),
    "cube": (lambda x, a, b: x * x * x, lambda x, y, a, b: 3 * x * x),
    "reciprocal": (lambda x, a, b: 1 / x, lambda x, y, a, b: -y * y),
    "sin": (lambda x, a, b: np.sin(x), lambda x, y, a, b: np.cos(x)),
    "cos": (lambda x, a, b: np.cos(x), lambda x, y, a, b: -np.sin(x)),
    "tan": (lambda x, a, b: np.tan(x), lambda x, y, a, b: 1 + y * y),
    "asin": (lambda x, a, b: np.arcsin(x), lambda x, y, a, b: 1 / np.sqrt(1 - x * x)),
    "acos": (lambda x, a, b: np.arccos(x), lambda x, y, a, b: -1 / np.sqrt(1 - x * x)),
    "atan": (lambda x, a, b: np.arctan(x), lambda x, y, a, b: 1 / (1 + x * x)),
    "sinh": (lambda x, a, b: np.sinh(x), lambda x, y, a, b: np.cosh(x)),
    "cosh": (lambda x, a, b: np.cosh(x), lambda x, y, a, b: np.sinh(x)),
    "asinh": (lambda x, a, b: np.arcsinh(x), lambda x, y, a, b: 1 / np.sqrt(x * x + 1)),
    "acosh": (lambda x, a, b: np.arccosh(x), lambda x, y, a, b: 1 / np.sqrt(x * x - 1)),
    "atanh": (lambda x, a, b: np.arctanh(x), lambda x, y, a, b: 1 / (1 - x * x)),
    "erf": (lambda x, a, b: erf(x), lambda x, y, a, b: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
    "erfcx": (lambda x, a, b: erfcx(x), lambda x, y, a, b: _erfcx_slope(x)),
    "log_ndtr": (lambda x, a, b: log_ndtr(x), lambda x, y, a, b: _log_ndtr_slope(x)),
    "lgamma": (lambda x, a, b: lgamma(x), lambda x, y, a, b: digamma(x)),
    "digamma": (lambda x, a, b: digamma(x), lambda x, y, a, b: trigamma(x)),
    "floor": (lambda x, a, b: np.floor(x), lambda x, y, a, b: False),
    "ceil": (lambda x, a, b: np.ceil(x), lambda x, y, a, b: False),
    "round": (lambda x, a, b: np.rint(x), lambda x, y, a, b: False),
    "trunc": (lambda x, a, b: np.trunc(x), lambda x, y, a, b: False),
    "sign": (lambda x, a, b: (x > 0) * 1.0 - (x < 0), lambda x, y, a, b: False),
    "clamp": (lambda x, a, b: np.minimum(np.maximum(x, a), b), lambda x, y, a, b: (x >= a) & (x <= b)),
    # with a number
    "add_scalar": (lambda x, a, b: x + a, lambda x, y, a, b: 1),
    "mul_scalar": (lambda x, a, b: x * a, lambda x, y, a, b: a),
    "div_scalar": (lambda x, a, b: x / a, lambda x, y, a, b: 1 / a),
    "rsub_scalar": (lambda x, a, b: a - x, lambda x, y, a, b: -1),
    "rdiv_scalar": (lambda x, a, b: a / x, lambda x, y, a, b: -a / (x * x)),
    "pow_scalar": (lambda x, a, b: np.sqrt(x) if a == 0.5 else 1 / np.sqrt(x) if a == -0.5 else x**a,
                   lambda x, y, a, b: a * x ** (a - 1) if a else 0),
    "rpow_scalar": (lambda x, a, b: np.power(np.asarray(a, x.dtype), x),
                    lambda x, y, a, b: np.where((a == 0) & (y <= 1), 0, y * np.log(np.asarray(a, y.dtype)))),
}
# Maps that pick by comparison give exactly 0 where the slope is 0, whatever the incoming gradient.
_SAVES = {name: "y" for name in ("sigmoid tanh relu relu6 leaky_relu elu selu celu hardsigmoid hardtanh "
                                 "softshrink exp exp2 expm1 sqrt rsqrt reciprocal tan rpow_scalar").split()}
_SAVES |= {name: "" for name in ("step neg floor ceil round trunc sign add_scalar mul_scalar div_scalar "
                                 "rsub_scalar").split()}


def unary_saves(op):
    return _SAVES.get(op, "x")


def unary_forward(op, x, a=0.0, b=0.0):
    with np.errstate(all="ignore"):
        return np.asarray(UNARY[op][0](x, a, b)).astype(x.dtype)


def unary_backward(op, grad, x, y, a=0.0, b=0.0):
    with np.errstate(all="ignore"):
        slope = np.asarray(UNARY[op][1](x, y, a, b))
        if slope.dtype == bool:
            return np.where(slope, grad, 0).astype(grad.dtype)
        return np.asarray(grad * slope).astype(grad.dtype)


BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "maximum": np.maximum,
          "minimum": np.minimum, "pow": np.power, "atan2": np.arctan2, "fmod": np.fmod, "remainder": np.remainder,
          "floor_divide": np.floor_divide, "prelu": lambda x, y: np.where(x > 0, x, x * y),
          "prelu_slope": lambda x, y: np.where(x > 0, 1, y), "prelu_share": lambda x, y: np.where(x > 0, 0, x * y),
          "glu": lambda x, y: x * sigmoid(y), "glu_rest": lambda x, y: x * sigmoid(-y)}
COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
           "ge": np.greater_equal}


def binary(op, x, y):
    with np.errstate(all="ignore"):
        return np.asarray(BINARY[op](x, y))


def binary_into(op, out, x, y):
    out[...] = binary(op, x, y)
    return out


def compare(op, x, y):
    return np.asarray(COMPARE[op](x, y))


def where(condition, x, y):
    return np.where(condition, x, y)


def copy(x, keep_order=False):
    return np.array(x, order="K" if keep_order else "C")


def copy_into(out, x):
    out[...] = x
    return out


def add_into(out, x, alpha=1.0):
    out += out.dtype.type(alpha) * x
    return out
