"""Scaled dot-product attention (Vaswani et al. 2017)."""
import math

import numpy as np

from fastnn.reference.reduce import sum_to


def probabilities(q, k, mask, causal, scale, drop):
    """softmax(scale q k^T + mask) for heads (b, h, ...); its rows of -inf are 0 or NaN. Also log-sum-exp."""
    x = (q * q.dtype.type(scale)) @ np.swapaxes(k, -1, -2)
    if mask is not None:
        x = np.where(mask != drop, x, -np.inf) if mask.dtype == bool else x + mask
    if causal:
        x = np.where(np.tri(*x.shape[-2:], dtype=bool), x, -np.inf)
    top = x.max(-1, initial=-np.inf)
    top = np.where(top == -np.inf, 0, top)
    weights = np.exp(x - top[..., None])
    total = weights.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lse = np.where(total == 0, np.inf, np.log(total) + top)
        return (weights / total[..., None]).astype(q.dtype), lse.astype(q.dtype)


def dropout_factor(p, keep, dtype):
    """What dropout multiplies weights with."""
    return dtype.type(1) if keep is None else keep * dtype.type(1 / (1 - p) if p < 1 else 0)


def heads_of(x, heads):
    """Key heads as often as query heads share them."""
    return np.repeat(x, heads // x.shape[1], 1) if x.shape[1] else x


def attention_forward(q, k, v, mask=None, causal=False, scale=None, p=0.0, keep=None, drop=False, weights=None,
                      out=None):
    scale = default_scale(q) if scale is None else scale
    k, v = heads_of(k, q.shape[1]), heads_of(v, q.shape[1])
    w, lse = probabilities(q, k, mask, causal, scale, drop)
    empty = np.isposinf(lse)[..., None]
    w = np.where(empty & (weights is None), w.dtype.type(0), w) * dropout_factor(p, keep, w.dtype)
    y = w @ v
    if out is not None:
        out[...] = y
        y = out
    return y, lse, None if weights is None else w if weights == "heads" else w.mean(1)


def attention_backward(grad, q, k, v, out, lse, mask=None, causal=False, scale=None, p=0.0, keep=None, drop=False,
                       need=(True, True, True, False), into=None):
    scale = default_scale(q) if scale is None else scale
    key_heads, heads = k.shape[1], q.shape[1]
    k_all, v_all = heads_of(k, heads), heads_of(v, heads)
    w = probabilities(q, k_all, mask, causal, scale, drop)[0]
    w = np.where(np.isposinf(lse)[..., None], w.dtype.type(0), w)
    factor = dropout_factor(p, keep, w.dtype)
    dw = grad @ np.swapaxes(v_all, -1, -2) * factor
    dx = w * (dw - (grad * out).sum(-1, keepdims=True))

    def of_key_heads(x):
        return x.reshape(x.shape[0], key_heads, heads // key_heads, *x.shape[2:]).sum(2) if key_heads != heads else x
    results = [dx @ k_all * q.dtype.type(scale) if need[0] else None,
               of_key_heads(np.swapaxes(dx, -1, -2) @ q * q.dtype.type(scale)) if need[1] else None,
               of_key_heads(np.swapaxes(w * factor, -1, -2) @ grad) if need[2] else None,
               sum_to(dx, mask.shape) if need[3] else None]
    for i, target in enumerate(into or ()):
        if results[i] is not None:
            target[...] = results[i]
            results[i] = target
    return tuple(results)


def default_scale(q):
    return 1 / math.sqrt(q.shape[-1]) if q.shape[-1] else 1.0
