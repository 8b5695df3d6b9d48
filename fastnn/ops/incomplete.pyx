# cython: cdivision=True
"""Series and fractions of the incomplete gamma and beta functions, with their derivatives by the parameters."""
cimport numpy as np
from libc.math cimport fabs
from libc.stdint cimport int64_t

import numpy

np.import_array()

cdef enum:
    MOST_TERMS = 100000


cdef tuple prepared(arrays, int count):
    """Contiguous float64 arrays of one shape, and `count` new ones."""
    arrays = [numpy.ascontiguousarray(array, numpy.float64) for array in arrays]
    return arrays, [numpy.empty(numpy.shape(arrays[0])) for _ in range(count)]


cdef double *numbers(np.ndarray array):
    return <double *>np.PyArray_DATA(array)


def lower_series(a, x):
    """(S, dS/da): P(a, x) = x^a exp(-x) / gamma(a + 1) S, a series of positive terms; for x < a + 1."""
    given, made = prepared((a, x), 2)
    cdef double *shapes = numbers(given[0])
    cdef double *values = numbers(given[1])
    cdef double *totals = numbers(made[0])
    cdef double *slopes = numbers(made[1])
    cdef double term, slope, total, change
    cdef int64_t i, n, count = np.PyArray_SIZE(given[0])
    with nogil:
        for i in range(count):
            term = total = 1.0
            slope = change = 0.0
            for n in range(1, MOST_TERMS):
                term *= values[i] / (shapes[i] + n)
                slope -= 1.0 / (shapes[i] + n)
                total += term
                change += term * slope
                if not term * (1.0 - slope) > 1e-17 * total:
                    break
            totals[i] = total
            slopes[i] = change
    return made[0], made[1]


def upper_fraction(a, x):
    """(h, dh/da): Q(a, x) = x^a exp(-x) / gamma(a) h, Legendre's continued fraction by Lentz' method; x >= a + 1."""
    given, made = prepared((a, x), 2)
    cdef double *shapes = numbers(given[0])
    cdef double *values = numbers(given[1])
    cdef double *totals = numbers(made[0])
    cdef double *slopes = numbers(made[1])
    cdef double b, c, dc, d, dd, h, log_slope, top, step
    cdef int64_t i, n, count = np.PyArray_SIZE(given[0])
    with nogil:
        for i in range(count):
            b = values[i] + 1 - shapes[i]
            c, dc = 1e300, 0.0
            d = h = log_slope = 1 / b
            dd = d * d
            for n in range(1, MOST_TERMS):
                top = -n * (n - shapes[i])
                b += 2
                dd = n * d + top * dd - 1
                d = 1 / (top * d + b)
                dd = -dd * d * d
                dc = -1 + n / c - top * dc / (c * c)
                c = b + top / c
                step = dd / d + dc / c
                h *= c * d
                log_slope += step
                if not (fabs(c * d - 1) > 4.5e-16 or fabs(step) > 2e-16 * (fabs(log_slope) + fabs(dd / d))):
                    break
            totals[i] = h
            slopes[i] = h * log_slope
    return made[0], made[1]


def beta_series(x, a, b):
    """(S, dS/da, dS/db): I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) S, for x up to about the mean."""
    given, made = prepared((x, a, b), 3)
    cdef double *values = numbers(given[0])
    cdef double *first = numbers(given[1])
    cdef double *second = numbers(given[2])
    cdef double *totals = numbers(made[0])
    cdef double *slopes_a = numbers(made[1])
    cdef double *slopes_b = numbers(made[2])
    cdef double term, total, of_a, of_b, sum_a, sum_b, above, below
    cdef int64_t i, n, count = np.PyArray_SIZE(given[0])
    with nogil:
        for i in range(count):
            term = total = 1.0
            of_a = of_b = sum_a = sum_b = 0.0
            for n in range(MOST_TERMS):
                above, below = first[i] + second[i] + n, first[i] + 1 + n
                term *= values[i] * above / below
                of_b += 1 / above
                of_a += 1 / above - 1 / below
                total += term
                sum_a += term * of_a
                sum_b += term * of_b
                if not term * (1 + of_b + fabs(of_a)) > 1e-17 * total:
                    break
            totals[i], slopes_a[i], slopes_b[i] = total, sum_a, sum_b
    return made[0], made[1], made[2]
