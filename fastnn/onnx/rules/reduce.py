"""Reductions, softmax, running sums."""
import math

import numpy as np

from fastnn.onnx.rules._declare import axes_of, axis_of, rule
from fastnn.onnx.graph import is_static
from fastnn.ops import norms


def reduced(g, kind, x, dim, keepdim, ndim):
    """A reduction of `x`, a tensor's name, over dimensions; those are an attribute before opset 18."""
    axes = axes_of(dim, ndim)
    if not ndim:
        return g.op("Identity", x)
    if g.opset >= 18 or kind == "ReduceSum":
        return g.op(kind, x, g.ints(*axes), keepdims=int(keepdim))
    return g.op(kind, x, axes=axes, keepdims=int(keepdim))


def reduction(kind):
    def write(g, input, dim=None, keepdim=False, dtype=None, out=None):
        return reduced(g, kind, g.cast(input, g.result.dtype), dim, keepdim, input.ndim)
    return write


for _kind, _name in {"ReduceSum": "sum", "ReduceMean": "mean", "ReduceProd": "prod", "ReduceMax": "amax",
                     "ReduceMin": "amin"}.items():
    rule(_name)(reduction(_kind))
rule("logsumexp")(reduction("ReduceLogSumExp"))


def extreme(kind, arg):
    def write(g, input, dim=None, keepdim=False):
        if hasattr(dim, "dtype"):  # the larger of two tensors
            return g.op(kind[6:], g.cast(input, g.result.dtype), g.cast(dim, g.result.dtype))
        values = reduced(g, kind, input, dim, keepdim, input.ndim)
        if dim is None:
            return values
        return values, g.op(arg, input, axis=axis_of(dim, input.ndim), keepdims=int(keepdim))
    return write


rule("max")(extreme("ReduceMax", "ArgMax"))
rule("min")(extreme("ReduceMin", "ArgMin"))


def argument(kind):
    def write(g, input, dim=None, keepdim=False):
        if dim is None:
            flat = g.reshape(input, [-1])
            return g.op(kind, flat, axis=0, keepdims=0)
        return g.op(kind, input, axis=axis_of(dim, input.ndim), keepdims=int(keepdim))
    return write


rule("argmax")(argument("ArgMax"))
rule("argmin")(argument("ArgMin"))


def quantifier(kind):
    def write(g, input, dim=None, keepdim=False):
        truth = g.cast(g.op("Cast", input, to=g.type_of(bool)), np.int32)
        return g.op("Cast", reduced(g, kind, truth, dim, keepdim, input.ndim), to=g.type_of(bool))
    return write


rule("any")(quantifier("ReduceMax"))
rule("all")(quantifier("ReduceMin"))


def variance(g, x, dim, keepdim, unbiased, correction):
    """Mean of squared distances, over the count less the correction."""
    less = correction if correction is not None else 1 if unbiased is None else int(unbiased)
    centred = g.op("Sub", x, reduced(g, "ReduceMean", x, dim, True, x.ndim))
    squares = g.op("Mul", centred, centred)
    axes = axes_of(dim, x.ndim)
    sizes = [x.shape[axis] for axis in axes]
    if not less:
        return reduced(g, "ReduceMean", squares, dim, keepdim, x.ndim)
    total = reduced(g, "ReduceSum", squares, dim, keepdim, x.ndim)
    if is_static(sizes):
        return g.op("Div", total, g.scalar(math.prod(sizes) - less, x.dtype))
    count = g.cast(g.op("ReduceProd", g.ints(*sizes), keepdims=0), x.dtype)
    return g.op("Div", total, g.op("Sub", count, g.scalar(less, x.dtype)))


def with_flag(dim, unbiased):
    """(dim, unbiased): PyTorch lets True or False stand in the place of dim."""
    return (None, dim) if isinstance(dim, bool) else (dim, unbiased)


@rule("var")
def _var(g, input, dim=None, unbiased=None, keepdim=False, correction=None):
    dim, unbiased = with_flag(dim, unbiased)
    return variance(g, input, dim, keepdim, unbiased, correction)


@rule("std")
def _std(g, input, dim=None, unbiased=None, keepdim=False, correction=None):
    return g.op("Sqrt", _var(g, input, dim, unbiased, keepdim, correction))


@rule("softmax")
def _softmax(g, input, dim, dtype=None):
    return g.op("Softmax", g.cast(input, g.result.dtype), axis=axis_of(dim, input.ndim))


@rule("log_softmax")
def _log_softmax(g, input, dim, dtype=None):
    return g.op("LogSoftmax", g.cast(input, g.result.dtype), axis=axis_of(dim, input.ndim))


@rule("cumsum")
def _cumsum(g, input, dim, dtype=None):
    return g.op("CumSum", g.cast(input, g.result.dtype), np.int64(axis_of(dim, input.ndim)))


@rule(norms.vector_norm)
def _vector_norm(g, input, ord=2, dim=None, keepdim=False, dtype=None):
    x = g.cast(input, g.result.dtype)
    if ord == 2:
        return reduced(g, "ReduceL2", x, dim, keepdim, input.ndim)
    if ord == 1:
        return reduced(g, "ReduceL1", x, dim, keepdim, input.ndim)
    if ord == math.inf:
        return reduced(g, "ReduceMax", g.op("Abs", x), dim, keepdim, input.ndim)
    raise g.unsupported(f"the norm {ord!r}")


@rule(norms.norm)
def _norm(g, input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    return _vector_norm(g, input, 2 if p in ("fro", None) else p, dim, keepdim)


@rule("normalize")
def _normalize(g, input, p=2.0, dim=1, eps=1e-12, out=None):
    length = _vector_norm(g, input, p, dim, True)
    return g.op("Div", input, g.op("Max", length, g.scalar(eps, input.dtype)))
