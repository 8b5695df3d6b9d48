"""Fourier transforms over NumPy's, as three linear maps: complex to complex, real to complex, complex to real.

The derivative of each is one of the three, so that they differentiate any number of times. NumPy transforms float32 in
single precision.
"""
import numpy as np

from fastnn._tensor import from_array, to_array
from fastnn.ops import padding
from fastnn.ops.complex_numbers.formula import Formula, real


# `scale`: "none", "by_n" or "ortho", whatever the direction.
def _scaling(scale, forward):
    return {"none": "backward" if forward else "forward", "by_n": "forward" if forward else "backward",
            "ortho": "ortho"}[scale]


def _c2c(x, axes, scale, forward):
    return (np.fft.fftn if forward else np.fft.ifftn)(x, axes=axes, norm=_scaling(scale, forward))


def _r2c(x, axes, scale, forward, _):
    made = np.fft.rfftn(x, axes=axes, norm=_scaling(scale, True))
    return made if forward else np.conj(made)


def _c2r(x, axes, scale, size, forward):
    x = np.conj(x) if forward else x
    sizes = [x.shape[axis] for axis in axes[:-1]] + [size]
    return np.fft.irfftn(x, s=sizes, axes=axes, norm=_scaling(scale, False))


def _of_c2c(g, z, x, axes, scale, forward):
    return c2c(g, axes, scale, not forward)


def _of_r2c(g, z, x, axes, scale, forward, size):
    return real(c2c(resized(g, axes[-1:], (size,)), axes, scale, not forward))


def _of_c2r(g, z, x, axes, scale, size, forward):
    found, axis = r2c(g, axes, scale, not forward), axes[-1]
    count = found.shape[axis]
    factors = np.ones(count, to_array(g).dtype)
    factors[1:1 + size - count] = 2  # those whose conjugates are not there
    return found * from_array(factors.reshape([count if i == axis else 1 for i in range(found.ndim)]))


C2C = Formula("FftC2CBackward0", _c2c, _of_c2c)
R2C = Formula("FftR2CBackward0", _r2c, _of_r2c)
C2R = Formula("FftC2RBackward0", _c2r, _of_c2r)


def c2c(x, axes, scale, forward):
    """The transform of complex numbers (real ones too) along axes."""
    return C2C(x, options=(axes, scale, forward))


def r2c(x, axes, scale, forward):
    """That of real numbers, of which half the last axis is given: the rest are conjugates."""
    return R2C(x, options=(axes, scale, forward, x.shape[axes[-1]]))


def c2r(x, axes, scale, size, forward):
    """The real numbers, `size` of them along the last axis, whose transform's half is given."""
    return C2R(x, options=(axes, scale, size, forward))


def resized(x, axes, sizes):
    """Cut, or filled up with zeros, at the end of each axis."""
    for axis, size in zip(axes, sizes):
        own = x.shape[axis]
        if size < own:
            x = x.narrow(axis, 0, size)
        elif size > own:
            x = padding.pad(x, [0, 0] * (x.ndim - 1 - axis) + [0, size - own])
    return x
