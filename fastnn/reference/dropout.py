"""Dropout by a mask."""
import math

import numpy as np

ALPHA = 1.6732632423543772848170429916717 * 1.0507009873554804934193349852946  # minus SELU's limit at -inf


def coefficients(p, alpha, dtype):
    """(scale, kept, dropped): a kept x becomes scale x + kept, a dropped one becomes `dropped`."""
    if p == 1:
        return 0.0, 0.0, 0.0
    if not alpha:
        return dtype.type(1) / dtype.type(1 - p), 0.0, 0.0
    scale = 1 / math.sqrt((ALPHA ** 2 * p + 1) * (1 - p))
    return scale, ALPHA * scale * p, ALPHA * scale * (p - 1)


def dropout_forward(x, mask, p, alpha=False):
    scale, kept, dropped = coefficients(p, alpha, x.dtype)
    m = mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
    y = x * np.where(m, scale, 0).astype(x.dtype)
    return y + np.where(m, kept, dropped).astype(x.dtype) if alpha else y


def dropout_backward(grad, mask, p, alpha=False):
    m = mask.reshape(mask.shape + (1,) * (grad.ndim - mask.ndim))
    return grad * np.where(m, coefficients(p, alpha, grad.dtype)[0], 0).astype(grad.dtype)
