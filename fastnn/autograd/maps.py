"""Derivatives of elementwise.def's maps and loss.def's losses in tensor operations, for backward that is recorded."""
import math

import numpy as np

from fastnn._tensor import from_array, record
from fastnn.kernels._core import unary_names
from fastnn.kernels.elementwise import unary_backward
from fastnn.ops import arithmetic, indexing, pointwise

MAPS = unary_names()
PIECEWISE = {"relu", "relu6", "leaky_relu", "leaky_relu_signed", "hardtanh", "hardsigmoid", "threshold", "softshrink",
             "hardshrink"}  # linear between kinks
_SELU, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _normal(x):
    return pointwise.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))


def _bent(x, below, at, above):
    """A slope that is curved below 0 alone: at 0 and above it is a constant."""
    known = x.detach().numpy()
    flat = np.where(known == 0, known.dtype.type(at), known.dtype.type(above))
    bent = from_array(np.asarray(known < 0))
    return indexing.where(bent, below(indexing.where(bent, x, 0.0)), from_array(np.asarray(flat)))


def _gelu_tanh(x):
    c = math.sqrt(2 / math.pi)
    t = pointwise.tanh(c * (x + 0.044715 * x * x * x))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)


def _silu(x):
    s = pointwise.sigmoid(x)
    return s * (1 + x * (1 - s))


def _mish(x):
    t, s = pointwise.tanh(pointwise.softplus(x)), pointwise.sigmoid(x)
    return t + x * s * (1 - t * t)


DERIVATIVES = {  # name of a map -> dy/dx of (x, y, a, b)
    "sigmoid": lambda x, y, a, b: y * (1 - y),
    "tanh": lambda x, y, a, b: 1 - y * y,
    "elu": lambda x, y, a, b: _bent(y, lambda y: y + a, a, 1.0),
    "elu_of_x": lambda x, y, a, b: _bent(x, lambda x: a * pointwise.exp(x), a, 1.0),
    "celu": lambda x, y, a, b: _bent(y, lambda y: y / a + 1, 1.0, 1.0),
    "celu_of_x": lambda x, y, a, b: _bent(x, lambda x: pointwise.exp(x / a), 1.0, 1.0),
    "selu": lambda x, y, a, b: _bent(y, lambda y: y + _SELU * _SELU_ALPHA, _SELU * _SELU_ALPHA, _SELU),
    "selu_of_x": lambda x, y, a, b: _bent(x, lambda x: _SELU * _SELU_ALPHA * pointwise.exp(x), _SELU * _SELU_ALPHA,
                                          _SELU),
    "gelu": lambda x, y, a, b: 0.5 * (1 + pointwise.erf(x * math.sqrt(0.5))) + x * _normal(x),
    "gelu_tanh": lambda x, y, a, b: _gelu_tanh(x),
    "silu": lambda x, y, a, b: _silu(x),
    "mish": lambda x, y, a, b: _mish(x),
    "hardswish": lambda x, y, a, b: indexing.where((x > -3) & (x < 3), x / 3 + 0.5, (x >= 3).to(x.dtype)),
    "logsigmoid": lambda x, y, a, b: pointwise.sigmoid(-x),
    "tanhshrink": lambda x, y, a, b: arithmetic.pow(pointwise.tanh(x), 2),
    "softsign": lambda x, y, a, b: 1 / arithmetic.pow(1 + pointwise.abs(x), 2),
    "exp": lambda x, y, a, b: y,
    "exp2": lambda x, y, a, b: y * math.log(2),
    "expm1": lambda x, y, a, b: y + 1,
    "log": lambda x, y, a, b: 1 / x,
    "log2": lambda x, y, a, b: 1 / (x * math.log(2)),
    "log10": lambda x, y, a, b: 1 / (x * math.log(10)),
    "log1p": lambda x, y, a, b: 1 / (x + 1),
    "sqrt": lambda x, y, a, b: 0.5 / y,
    "rsqrt": lambda x, y, a, b: -0.5 * (y * y * y),
    "abs": lambda x, y, a, b: pointwise.sign(x),
    "square": lambda x, y, a, b: 2 * x,
    "cube": lambda x, y, a, b: 3 * x * x,
    "reciprocal": lambda x, y, a, b: -(y * y),
    "sin": lambda x, y, a, b: pointwise.cos(x),
    "cos": lambda x, y, a, b: -pointwise.sin(x),
    "tan": lambda x, y, a, b: 1 + y * y,
    "asin": lambda x, y, a, b: pointwise.rsqrt(1 - x * x),
    "acos": lambda x, y, a, b: -pointwise.rsqrt(1 - x * x),
    "atan": lambda x, y, a, b: 1 / (x * x + 1),
    "asinh": lambda x, y, a, b: pointwise.rsqrt(x * x + 1),
    "acosh": lambda x, y, a, b: pointwise.rsqrt(x * x - 1),
    "atanh": lambda x, y, a, b: 1 / (1 - x * x),
    "sinh": lambda x, y, a, b: pointwise.cosh(x),
    "cosh": lambda x, y, a, b: pointwise.sinh(x),
    "erf": lambda x, y, a, b: pointwise.exp(-(x * x)) * (2 / math.sqrt(math.pi)),
    "lgamma": lambda x, y, a, b: pointwise.digamma(x),
    "pow_scalar": lambda x, y, a, b: a * arithmetic.pow(x, a - 1),
    "softplus": lambda x, y, a, b: indexing.where(a * x > b, 1.0, pointwise.sigmoid(a * x)),
}


def _capped(d, a):
    """d between -a and a, the sign of it times a beyond."""
    return indexing.where(pointwise.abs(d) < a, d, a * pointwise.sign(d))


def _refuse_stirling(b):
    if b:
        raise NotImplementedError("create_graph=True: the target of poisson_nll_loss with full=True cannot be "
                                  "differentiated twice")


LOSSES = {  # name of a loss -> its derivatives by x and by t, of (x, t, v, a, b)
    "mse": (lambda x, t, v, a, b: 2 * (x - t), lambda x, t, v, a, b: 2 * (t - x)),
    "l1": (lambda x, t, v, a, b: pointwise.sign(x - t), lambda x, t, v, a, b: pointwise.sign(t - x)),
    "smooth_l1": (lambda x, t, v, a, b: _capped(x - t, a) / a, lambda x, t, v, a, b: _capped(t - x, a) / a),
    "huber": (lambda x, t, v, a, b: _capped(x - t, a), lambda x, t, v, a, b: _capped(t - x, a)),
    "bce": (lambda x, t, v, a, b: (x - t) / pointwise.clamp((1 - x) * x, min=1e-12),
            lambda x, t, v, a, b: pointwise.log1p(-x) - pointwise.log(x)),
    "bce_with_logits": (lambda x, t, v, a, b: pointwise.sigmoid(x) - t, lambda x, t, v, a, b: -x),
    "bce_with_logits_weighted": (lambda x, t, v, a, b: (v * t + 1 - t) * pointwise.sigmoid(x) - v * t,
                                 lambda x, t, v, a, b: (v - 1) * pointwise.softplus(-x) - x),
    "kl_div": (lambda x, t, v, a, b: -t, lambda x, t, v, a, b: pointwise.log(t) + 1 - x),
    "kl_div_log_target": (lambda x, t, v, a, b: -pointwise.exp(t),
                          lambda x, t, v, a, b: pointwise.exp(t) * (t - x + 1)),
    "poisson_nll": (lambda x, t, v, a, b: 1 - t / (x + a),
                    lambda x, t, v, a, b: _refuse_stirling(b) or -pointwise.log(x + a)),
    "poisson_nll_log_input": (lambda x, t, v, a, b: pointwise.exp(x) - t,
                              lambda x, t, v, a, b: _refuse_stirling(b) or -x),
    "soft_margin": (lambda x, t, v, a, b: -t * pointwise.sigmoid(-t * x),
                    lambda x, t, v, a, b: -x * pointwise.sigmoid(-t * x)),
}


def only_where(mask, g):
    """g where the mask holds, else 0, also where g is infinite or NaN."""
    return indexing.where(from_array(np.asarray(mask)), g, 0.0)


def times_slope(g, name, x, y, a, b):
    """g * dy/dx of a map, from its input x and output y, one of which may be None."""
    if name == "neg":
        return -g
    if name in ("floor", "ceil", "round", "trunc", "sign", "step") or name == "pow_scalar" and a == 0:
        return only_where(np.zeros(tuple(g.shape), bool), g)
    if name == "clamp":
        array = x.detach().numpy()
        return only_where((array >= a) & (array <= b), g)
    if name in PIECEWISE:
        known = [None if t is None else t.detach().numpy() for t in (x, y)]
        return piecewise(g, x if y is None else y, lambda array: unary_backward(name, array, *known, a, b))
    if name not in DERIVATIVES:
        raise NotImplementedError(f"create_graph=True: the derivative of {name} cannot be differentiated yet")
    return g * DERIVATIVES[name](x, y, a, b)


def piecewise(g, x, scale):
    """scale(g), linear in g by factors that depend on x (None: constants) but do not change with it: x gets zeros."""
    return record(scale(np.asarray(g.detach().numpy(), order="C")), _piecewise_rule, "PiecewiseBackward0",
                  (g, x), (scale, x is None))


def _piecewise_rule(grad, scale, alone):
    return scale(np.asarray(grad, order="C")), None if alone else np.zeros_like(grad)
