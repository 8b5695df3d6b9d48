"""Derivatives, in operations on tensors, of elementwise.def's maps and loss.def's losses: one table for each list.

They are the second-order rules of the maps' and the losses' records. In Python, as they are read more often than run.
A map whose function is written in Python may have its derivative there (`slope_of`).
"""
import math

import numpy as np

from fastnn._tensor import from_array
from fastnn.kernels.elementwise import unary_backward
from fastnn.ops.maps import mapped, record_of, records

_SELU, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

# Linear between kinks: the slope changes nowhere.
PIECEWISE = {"relu", "relu6", "leaky_relu", "leaky_relu_signed", "hardtanh", "hardsigmoid", "threshold", "softshrink",
             "hardshrink"}
CONSTANT = {"floor", "ceil", "round", "trunc", "sign", "step"}
LINEAR = {"neg": lambda g, a: -g, "add_scalar": lambda g, a: g, "mul_scalar": lambda g, a: g * a,
          "div_scalar": lambda g, a: g / a, "rsub_scalar": lambda g, a: -g}


def softplus(x):
    return mapped(x, "softplus", 1.0, 20.0)


def normal(x):
    """The density of the normal distribution."""
    return (x * x * -0.5).exp() * (1 / math.sqrt(2 * math.pi))


def bent(x, below, at, above):
    """A slope that is curved below 0 alone: at 0 and above it is a constant."""
    known = x.detach().numpy()
    flat = np.where(known == 0, known.dtype.type(at), known.dtype.type(above))
    curved = from_array(np.asarray(known < 0))
    return below(x.where(curved, 0.0)).where(curved, from_array(np.asarray(flat)))


def gelu_tanh_slope(x):
    c = math.sqrt(2 / math.pi)
    t = (c * (x + 0.044715 * x * x * x)).tanh()
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)


def silu_slope(x):
    s = x.sigmoid()
    return s * (1 + x * (1 - s))


def mish_slope(x):
    t, s = softplus(x).tanh(), x.sigmoid()
    return t + x * s * (1 - t * t)


def trigamma(x):
    """Ten steps of its recurrence, then its asymptotic series; by reflection below 1/2 (Abramowitz & Stegun 6.4)."""
    mirrored = x < 0.5
    z = (1 - x).where(mirrored, x)
    w = 1 / (z + 10)
    w2 = w * w
    series = 7 / 6
    for factor in (-691 / 2730, 5 / 66, -1 / 30, 1 / 42, -1 / 30, 1 / 6):
        series = factor + w2 * series
    found = w + w2 * 0.5 + w * w2 * series
    for k in range(10):
        found = found + 1 / ((z + k) * (z + k))
    wave = (math.pi / (math.pi * x.where(mirrored, 0.25)).sin()) ** 2
    return (wave - found).where(mirrored, found)


SLOPES = {  # name of a map -> dy/dx of (x, y, a, b)
    "sigmoid": lambda x, y, a, b: y * (1 - y),
    "tanh": lambda x, y, a, b: 1 - y * y,
    "elu": lambda x, y, a, b: bent(y, lambda y: y + a, a, 1.0),
    "elu_of_x": lambda x, y, a, b: bent(x, lambda x: a * x.exp(), a, 1.0),
    "celu": lambda x, y, a, b: bent(y, lambda y: y / a + 1, 1.0, 1.0),
    "celu_of_x": lambda x, y, a, b: bent(x, lambda x: (x / a).exp(), 1.0, 1.0),
    "selu": lambda x, y, a, b: bent(y, lambda y: y + _SELU * _SELU_ALPHA, _SELU * _SELU_ALPHA, _SELU),
    "selu_of_x": lambda x, y, a, b: bent(x, lambda x: _SELU * _SELU_ALPHA * x.exp(), _SELU * _SELU_ALPHA, _SELU),
    "gelu": lambda x, y, a, b: 0.5 * (1 + (x * math.sqrt(0.5)).erf()) + x * normal(x),
    "gelu_tanh": lambda x, y, a, b: gelu_tanh_slope(x),
    "silu": lambda x, y, a, b: silu_slope(x),
    "mish": lambda x, y, a, b: mish_slope(x),
    "hardswish": lambda x, y, a, b: (x / 3 + 0.5).where((x > -3) & (x < 3), (x >= 3).to(x.dtype)),
    "logsigmoid": lambda x, y, a, b: (-x).sigmoid(),
    "tanhshrink": lambda x, y, a, b: x.tanh() ** 2,
    "softsign": lambda x, y, a, b: 1 / (1 + x.abs()) ** 2,
    "exp": lambda x, y, a, b: y,
    "exp2": lambda x, y, a, b: y * math.log(2),
    "expm1": lambda x, y, a, b: y + 1,
    "log": lambda x, y, a, b: 1 / x,
    "log2": lambda x, y, a, b: 1 / (x * math.log(2)),
    "log10": lambda x, y, a, b: 1 / (x * math.log(10)),
    "log1p": lambda x, y, a, b: 1 / (x + 1),
    "sqrt": lambda x, y, a, b: 0.5 / y,
    "rsqrt": lambda x, y, a, b: -0.5 * (y * y * y),
    "abs": lambda x, y, a, b: x.sign(),
    "square": lambda x, y, a, b: 2 * x,
    "cube": lambda x, y, a, b: 3 * x * x,
    "reciprocal": lambda x, y, a, b: -(y * y),
    "sin": lambda x, y, a, b: x.cos(),
    "cos": lambda x, y, a, b: -x.sin(),
    "tan": lambda x, y, a, b: 1 + y * y,
    "asin": lambda x, y, a, b: (1 - x * x).rsqrt(),
    "acos": lambda x, y, a, b: -(1 - x * x).rsqrt(),
    "atan": lambda x, y, a, b: 1 / (x * x + 1),
    "asinh": lambda x, y, a, b: (x * x + 1).rsqrt(),
    "acosh": lambda x, y, a, b: (x * x - 1).rsqrt(),
    "atanh": lambda x, y, a, b: 1 / (1 - x * x),
    "sinh": lambda x, y, a, b: x.cosh(),
    "cosh": lambda x, y, a, b: x.sinh(),
    "erf": lambda x, y, a, b: (-(x * x)).exp() * (2 / math.sqrt(math.pi)),
    "lgamma": lambda x, y, a, b: x.digamma(),
    "digamma": lambda x, y, a, b: trigamma(x),
    "pow_scalar": lambda x, y, a, b: a * x ** (a - 1),
    "rdiv_scalar": lambda x, y, a, b: -a / (x * x),
    "rpow_scalar": lambda x, y, a, b: y * math.log(a) if a > 0 else (y * np.log(a)).where(y > 1, 0.0),
    "softplus": lambda x, y, a, b: (a * x).sigmoid().where(~(a * x > b), 1.0),
}


def times_slope(step, g, name, x, y, a, b):
    """g * dy/dx of a map, from its input x and output y, one of which may be None."""
    if name in LINEAR:
        return LINEAR[name](g, a)
    if name in CONSTANT or name == "pow_scalar" and a == 0:
        return step.only_where(np.zeros(tuple(g.shape), bool), g)
    if name == "clamp":
        array = x.detach().numpy()
        return step.only_where((array >= a) & (array <= b), g)
    if name in PIECEWISE:
        known_x, known_y = [None if t is None else t.detach().numpy() for t in (x, y)]
        return step.piecewise(g, x if y is None else y,
                              lambda array: unary_backward(name, array, known_x, known_y, a, b))
    return g * SLOPES[name](x, y, a, b)


def _map_second(step, g):
    x = None if step.x is None else step.input(step.x, 0)
    y = None if step.y is None else step.output(step.y)
    return times_slope(step, g, step.op.kernel, x, y, step.a, step.b)


def slope_of(name, node=None):
    """Decorator: dy/dx of (x, y, a, b) of a map that is not in the table, beside the map's function.

    `node`: PyTorch's name of the map's nodes, where that is not the map's name.
    """
    def declare(function):
        SLOPES[name] = function
        record_of(name, node).second(_map_second)
        return function
    return declare


for _name, _map in records().items():
    if _name == "clamp" or any(_name in known for known in (SLOPES, PIECEWISE, CONSTANT, LINEAR)):
        _map.second(_map_second)


# ---- losses of elements (loss.def) ----

def capped(d, a):
    """d between -a and a, the sign of it times a beyond."""
    return d.where(d.abs() < a, a * d.sign())


def refuse_stirling(full):
    if full:
        raise NotImplementedError("create_graph=True: the target of poisson_nll_loss with full=True cannot be "
                                  "differentiated twice")


def bce_with_logits_by_x(x, t, v, a, b):
    return x.sigmoid() - t if v is None else (v * t + 1 - t) * x.sigmoid() - v * t


def bce_with_logits_by_t(x, t, v, a, b):
    return -x if v is None else (v - 1) * softplus(-x) - x


LOSSES = {  # name of a loss -> its derivatives by x and by t, of (x, t, v, a, b); v: pos_weight
    "mse": (lambda x, t, v, a, b: 2 * (x - t), lambda x, t, v, a, b: 2 * (t - x)),
    "l1": (lambda x, t, v, a, b: (x - t).sign(), lambda x, t, v, a, b: (t - x).sign()),
    "smooth_l1": (lambda x, t, v, a, b: capped(x - t, a) / a, lambda x, t, v, a, b: capped(t - x, a) / a),
    "huber": (lambda x, t, v, a, b: capped(x - t, a), lambda x, t, v, a, b: capped(t - x, a)),
    "bce": (lambda x, t, v, a, b: (x - t) / ((1 - x) * x).clamp(min=1e-12),
            lambda x, t, v, a, b: (-x).log1p() - x.log()),
    "bce_with_logits": (bce_with_logits_by_x, bce_with_logits_by_t),
    "kl_div": (lambda x, t, v, a, b: -t, lambda x, t, v, a, b: t.log() + 1 - x),
    "kl_div_log_target": (lambda x, t, v, a, b: -t.exp(), lambda x, t, v, a, b: t.exp() * (t - x + 1)),
    "poisson_nll": (lambda x, t, v, a, b: 1 - t / (x + a), lambda x, t, v, a, b: refuse_stirling(b) or -(x + a).log()),
    "poisson_nll_log_input": (lambda x, t, v, a, b: x.exp() - t, lambda x, t, v, a, b: refuse_stirling(b) or -x),
    "soft_margin": (lambda x, t, v, a, b: -t * (-t * x).sigmoid(), lambda x, t, v, a, b: -x * (-t * x).sigmoid()),
    "hinge_embedding": (lambda x, t, v, a, b: (t == 1).to(x.dtype) - ((t == -1) & (x < a)).to(x.dtype), None),
}
