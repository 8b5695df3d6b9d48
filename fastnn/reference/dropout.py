"""Dropout with counter-based masks."""
import math

import numpy as np

ALPHA = 1.6732632423543772848170429916717 * 1.0507009873554804934193349852946  # minus SELU's limit at -inf


def philox(key, count):
    """The first elements of stream `key`: words of Philox 4x32-10 (Salmon et al., 2011).

    Counters come in groups of 16; a group's 64 elements are its counters' first words, then their second ones, ...
    """
    half, low = np.uint64(32), np.uint64(0xffffffff)
    counter = np.arange(-(-count // 64) * 16, dtype=np.uint64)
    a, b, c, d = counter & low, counter >> half, counter * 0, counter * 0
    k0, k1 = key & 0xffffffff, key >> 32
    for _ in range(10):
        p, q = a * np.uint64(0xd2511f53), c * np.uint64(0xcd9e8d57)
        a, b, c, d = q >> half ^ b ^ np.uint64(k0), q & low, p >> half ^ d ^ np.uint64(k1), p & low
        k0, k1 = (k0 + 0x9e3779b9) & 0xffffffff, (k1 + 0xbb67ae85) & 0xffffffff
    return np.stack([word.reshape(-1, 16) for word in (a, b, c, d)], 1).reshape(-1)[:count]


def coefficients(p, alpha):
    """(scale, kept, dropped): a kept x becomes scale x + kept, a dropped one becomes `dropped`."""
    if p == 1:
        return 0.0, 0.0, 0.0
    if not alpha:
        return 1 / (1 - p), 0.0, 0.0
    scale = 1 / math.sqrt((ALPHA ** 2 * p + 1) * (1 - p))
    return scale, ALPHA * scale * p, ALPHA * scale * (p - 1)


def dropout_forward(x, p, key, features=False, alpha=False):
    shape = x.shape[:2] if features else x.shape
    mask = (philox(key, math.prod(shape)) < int((1 - p) * 2.0 ** 32 + 0.5)).reshape(shape)
    scale, kept, dropped = coefficients(p, alpha)
    m = mask.reshape(shape + (1,) * (x.ndim - mask.ndim))
    return (x * np.where(m, scale, 0) + np.where(m, kept, dropped)).astype(x.dtype), mask


def dropout_backward(grad, mask, p, alpha=False):
    m = mask.reshape(mask.shape + (1,) * (grad.ndim - mask.ndim))
    return grad * np.where(m, coefficients(p, alpha)[0], 0).astype(grad.dtype)
