"""Random numbers by rejection: gamma, Poisson and binomial, with the streams of PyTorch's CPU generator."""
cimport numpy as np
from libc.math cimport ceil, exp, fabs, floor, lgamma, log, log1p, sqrt
from libc.stdint cimport int64_t

import numpy

from fastnn.random cimport Generator, fnn_mt_double

np.import_array()


cdef double gamma(Generator g, double shape) noexcept:
    """Marsaglia and Tsang 2000; a shape below 1 is raised by one and the draw scaled down.

    PyTorch's third is a float's, and so is this one.
    """
    cdef double scale = 1.0, d, c, x, y, v, u
    if shape < 1.0:
        if shape == 0.0:
            return 0.0
        scale = (1.0 - fnn_mt_double(&g.mt)) ** (1.0 / shape)
        shape += 1.0
    d = shape - <float>(1.0 / 3.0)
    c = 1.0 / sqrt(9.0 * d)
    while True:
        y = 0.0
        while y <= 0.0:
            x = g.scalar_normal()
            y = 1.0 + c * x
        v = y * y * y
        u = 1.0 - fnn_mt_double(&g.mt)
        x = x * x
        if u < 1.0 - 0.0331 * x * x or log(u) < 0.5 * x + d * (1.0 - v + log(v)):
            return scale * d * v


cdef double poisson(Generator g, double rate) noexcept:
    """Hormann 1993's transformed rejection (PTRS); below a rate of 10 the product of uniform numbers."""
    cdef double root, a, b, alpha, ratio, u, v, us, k, product = 1.0, least
    if rate == 0.0:
        return 0.0
    if rate < 10.0:
        least, k = exp(-rate), 0.0
        while True:
            product *= fnn_mt_double(&g.mt)
            if product <= least:
                return k
            k += 1.0
    root = sqrt(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    alpha = 1.1239 + 1.1328 / (b - 3.4)
    ratio = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u = fnn_mt_double(&g.mt) - 0.5
        v = fnn_mt_double(&g.mt)
        us = 0.5 - fabs(u)
        k = floor((2.0 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= ratio:
            return k
        if k < 0.0 or us < 0.013 and v > us:
            continue
        if log(v) + log(alpha) - log(a / (us * us) + b) <= k * log(rate) - rate - lgamma(k + 1.0):
            return k


cdef double stirling(double k) noexcept:
    """log(k!) less Stirling's formula for it."""
    cdef double square = (k + 1.0) * (k + 1.0)
    if k <= 9:
        return lgamma(k + 1.0) - ((k + 0.5) * log(k + 1.0) - (k + 1.0) + 0.91893853320467274178)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1.0)


cdef double binomial(Generator g, double n, double p) noexcept:
    """Hormann 1993's BTRS; few expected successes are counted by geometric waiting times."""
    cdef double deviation, a, b, c, ratio, odds, alpha, m, u, v, us, k, waited = 0.0
    if not n > 0 or not p > 0:
        return 0.0 if n == n and p == p else n + p
    if p >= 1:
        return n
    if p > 0.5:
        return n - binomial(g, n, 1.0 - p)
    if n * p < 10.0:
        k = 0.0
        while True:
            waited += ceil(log(fnn_mt_double(&g.mt)) / log1p(-p))
            if waited > n:
                return k
            k += 1.0
    deviation = sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    ratio = 0.92 - 4.2 / b
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    m = floor((n + 1) * p)
    while True:
        u = fnn_mt_double(&g.mt) - 0.5
        v = fnn_mt_double(&g.mt)
        us = 0.5 - fabs(u)
        k = floor((2 * a / us + b) * u + c)
        if us >= 0.07 and v <= ratio:
            return k
        if k < 0 or k > n:
            continue
        v = log(v * alpha / (a / (us * us) + b))
        if v <= ((m + 0.5) * log((m + 1) / (odds * (n - m + 1))) + (n + 1) * log((n - m + 1) / (n - k + 1))
                 + (k + 0.5) * log(odds * (n - k + 1) / (k + 1)) + stirling(m) + stirling(n - m)
                 - stirling(k) - stirling(n - k)):
            return k


def draw(str name, Generator generator, first, second=None):
    """A float64 array of draws in the order of the elements: "gamma" (shape), "poisson" (rate), "binomial" (n, p)."""
    cdef np.ndarray a = numpy.ascontiguousarray(first, numpy.float64)
    cdef np.ndarray b = a if second is None else numpy.ascontiguousarray(second, numpy.float64)
    cdef np.ndarray made = numpy.empty(numpy.shape(first))
    cdef double *x = <double *>np.PyArray_DATA(a)
    cdef double *y = <double *>np.PyArray_DATA(b)
    cdef double *z = <double *>np.PyArray_DATA(made)
    cdef int64_t i
    for i in range(np.PyArray_SIZE(made)):
        if name == "gamma":
            z[i] = gamma(generator, x[i])
        elif name == "poisson":
            z[i] = poisson(generator, x[i])
        else:
            z[i] = binomial(generator, x[i], y[i])
    return made
