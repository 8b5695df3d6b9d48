"""Sums, means, products and extrema over any axes."""
import numpy as np

_REDUCE = {"sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min,
           "norm": lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))}


def reduce(op, x, axes=None, keepdims=False):
    if x.ndim == 0 or axes is None or (isinstance(axes, (tuple, list)) and len(axes) == 0):
        axes = None
    elif isinstance(axes, (tuple, list)):
        axes = tuple(axes)
    with np.errstate(all="ignore"):
        if op == "mean":  # np.mean warns of empty arrays
            total = np.sum(x, axis=axes, keepdims=keepdims)
            return np.asarray(total * 1.0 / (x.size / total.size if total.size else 1)).astype(x.dtype)
        return np.asarray(_REDUCE[op](x, axis=axes, keepdims=keepdims))


def argreduce(op, x, axis=None, keepdims=False):
    choose = np.argmax if op == "argmax" else np.argmin
    return np.asarray(choose(x, axis=axis if x.ndim else None, keepdims=keepdims))


def cumulate(op, x, axis, reverse=False):
    if x.size == 0 or x.ndim == 0:
        return x.copy()
    z = x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
    z = np.flip(z, axis) if reverse else z
    with np.errstate(all="ignore"):
        y = {"sum": np.add, "prod": np.multiply, "logsumexp": np.logaddexp}[op].accumulate(z, axis)
        return np.ascontiguousarray((np.flip(y, axis) if reverse else y).astype(x.dtype))


def sum_to(x, shape):
    added = x.ndim - len(shape)
    axes = tuple(d for d in range(x.ndim) if d < added or x.shape[d] != shape[d - added])
    return x.sum(axis=axes, keepdims=True).reshape(shape) if axes else x
