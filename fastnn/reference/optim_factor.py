"""Adafactor's step, in place; see fastnn.kernels.optim_factor."""
import numpy as np

from fastnn.reference.optim import decayed, move


def _rms(x):
    return float(np.sqrt(np.sum(x * x))) / x.size ** 0.5


def adafactor_step(params, grads, row_vars, col_vars, variances, steps, lr, beta2_decay=-0.8, eps1=None, eps2=1e-3,
                   d=1.0, weight_decay=0.0, maximize=False):
    for i, (p, grad) in enumerate(zip(params, grads, strict=True)):
        steps[i] += 1
        if p.size == 0:
            continue
        step = steps[i].item()
        least = np.finfo(p.dtype).eps if eps1 is None else eps1
        weight = step ** beta2_decay
        g = decayed(p, grad, 0, maximize)
        rate = max(eps2, _rms(p)) * min(lr, 1 / step ** 0.5)
        p *= 1 - lr * weight_decay
        if p.ndim > 1:
            row, col = row_vars[i], col_vars[i]
            move(row, np.mean(g * g, -1, keepdims=True), weight)
            move(col, np.mean(g * g, -2, keepdims=True), weight)
            mean = np.mean(row, -2, keepdims=True)
            v = row / np.where(mean < least, least, mean).astype(p.dtype) * col
        else:
            v = variances[i]
            move(v, g * g, weight)
        smallest = p.dtype.type(least * least)
        u = g / np.sqrt(np.where(v < smallest, smallest, v))
        p -= rate / max(1.0, _rms(u) / d) * u
