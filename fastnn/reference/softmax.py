"""Softmax, its logarithm and log-sum-exp along one axis."""
import numpy as np


def softmax_forward(x, axis, log=False):
    if x.size == 0:
        return x.copy()
    with np.errstate(all="ignore"):
        z = x - x.max(axis=axis, keepdims=True) if x.ndim else x - x
        e = np.exp(z)
        total = e.sum(axis=axis if x.ndim else None, keepdims=True)
        return np.asarray(z - np.log(total) if log else e / total).astype(x.dtype)


def softmax_backward(grad, y, axis, log=False):
    axis = axis if y.ndim else None
    with np.errstate(all="ignore"):
        if log:
            return np.asarray(grad - np.exp(y) * grad.sum(axis=axis, keepdims=True))
        return np.asarray(y * (grad - (grad * y).sum(axis=axis, keepdims=True)))


def logsumexp(x, axis, keepdims=False):
    axis = axis if x.ndim else None
    with np.errstate(all="ignore"):
        largest = x.max(axis=axis, keepdims=True, initial=-np.inf)
        largest = np.where(np.isinf(largest), 0, largest).astype(x.dtype)
        y = np.log(np.exp(x - largest).sum(axis=axis, keepdims=True)) + largest
    return np.asarray(y if keepdims else y.squeeze(axis))
