"""Numbers in formats that NumPy does not know: bfloat16, 8-bit floats, complex numbers of float16.

Their NumPy dtypes (`fastnn.dtypes.FORMATS`) are bytes under a name, so that every format has a dtype of its own and
NumPy takes them for no number. They are converted here, through float32 and by tables; the module is loaded when
the first is. 8-bit formats follow the Open Compute Project's "8-bit Floating Point Specification" and "Microscaling
Formats", bfloat16 is the upper half of a float32.
"""
import functools

import numpy as np

from fastnn import dtypes

NO_DATA = "Cannot copy out of meta tensor; no data!"  # PyTorch's words
# Bits of the mantissa, bias, and the code that great numbers get: the greatest number (as PyTorch saturates), infinity,
# or NaN, which has the code of -0.
_FLOAT8 = {"float8_e4m3fn": (3, 7, 126), "float8_e5m2": (2, 15, 124), "float8_e4m3fnuz": (3, 8, 128),
           "float8_e5m2fnuz": (2, 16, 128)}


def wide(kind):
    """The NumPy dtype that holds every number of a format, None where there is none."""
    name = kind.names[0]
    return None if name == "float4_e2m1fn_x2" else np.dtype(np.complex64 if name == "complex32" else np.float32)


def _bits(array):
    return array.view(f"u{array.itemsize}")


@functools.cache
def _table(name):
    """(the number of each code, thresholds between neighbouring magnitudes) of an 8-bit format."""
    if name == "float8_e8m0fnu":  # powers of 2, no 0 and no sign; halves go up
        numbers = 2.0 ** np.arange(-127.0, 129)
        thresholds = np.nextafter((numbers[:255] * 1.5).astype(np.float32), np.float32(0))
        thresholds[0] = numbers[0]  # PyTorch lets what is above the least become the next one
        numbers[255] = np.nan
        return numbers.astype(np.float32), thresholds
    mantissa, bias, last = _FLOAT8[name]
    codes = np.arange(129)
    exponent, rest = codes >> mantissa, codes & (1 << mantissa) - 1
    sizes = np.where(exponent == 0, rest * 2.0 ** (1 - bias - mantissa),
                     (rest + (1 << mantissa)) * 2.0 ** (exponent - bias - mantissa))
    middle = ((sizes[:-1] + sizes[1:]) / 2).astype(np.float32)[:last]
    middle[1::2] = np.nextafter(middle[1::2], np.float32(0))  # ties go to the even code
    sizes[last if last == 128 else last + 1:] = np.nan
    if name == "float8_e5m2":
        sizes[last] = np.inf
    numbers = np.concatenate([sizes[:128], -sizes[:128]])
    if last == 128:
        numbers[128] = np.nan
    return numbers.astype(np.float32), middle


def decoded(array):
    """The numbers of an array of a format, as float32 or complex64."""
    name = array.dtype.names[0]
    if name.startswith("meta"):
        raise NotImplementedError(NO_DATA)
    if name == "bfloat16":
        return np.asarray(np.left_shift(_bits(array), 16, dtype=np.uint32)).view(np.float32)
    if name == "complex32":
        return np.asarray(_pairs(array).astype(np.float32).view(np.complex64)[..., 0])
    if name == "float4_e2m1fn_x2":
        raise NotImplementedError('"copy_" not implemented for \'Float4_e2m1fn_x2\'')
    return np.asarray(_table(name)[0][_bits(array)])


def _pairs(array):
    return np.ascontiguousarray(array).reshape(*array.shape, 1).view(np.float16)


def encoded(array, kind):
    """An array's numbers in a format, rounded to the nearest, ties to the even one."""
    name = kind.names[0]
    if name == "complex32":
        both = np.ascontiguousarray(array, np.complex64).reshape(*array.shape, 1).view(np.float32).astype(np.float16)
        return both.view(np.uint32)[..., 0].view(kind)
    x = np.asarray(array, np.float32)
    if name == "bfloat16":
        bits = np.atleast_1d(x).view(np.uint32)
        codes = (bits + (0x7fff + (bits >> 16 & 1)) >> 16).astype(np.uint16)
        codes[np.isnan(np.atleast_1d(x))] = 0x7fc0
        return codes.reshape(x.shape).view(kind)
    if name == "float4_e2m1fn_x2":
        raise NotImplementedError('"copy_" not implemented for \'Float4_e2m1fn_x2\'')
    codes = np.searchsorted(_table(name)[1], np.abs(x)).astype(np.uint8)
    if name == "float8_e8m0fnu":
        return np.asarray(np.where(np.isnan(x), np.uint8(255), codes)).view(kind)
    without = _FLOAT8[name][2] == 128
    codes = np.where(np.isnan(x), np.uint8(128 if without else 127), codes)
    signed = np.signbit(x) & (codes > 0) if without else np.signbit(x)
    return np.asarray(codes | np.left_shift(signed, 7, dtype=np.uint8)).view(kind)


def number(value, kind):
    """A number as a format holds it: an array without dimensions."""
    if wide(kind) is None and value == 0:
        return np.zeros((), kind)
    return encoded(np.asarray(dtypes.number(value, wide(kind)) if wide(kind) else value), kind)


def total(x, y):
    """x + y, of gradients."""
    return encoded(decoded(x) + decoded(y), x.dtype)


def in_numbers(rule, grad, *saved):
    """A rule of gradients applied to the numbers of one, and rounded once."""
    return encoded(rule(decoded(grad), *saved), grad.dtype)


def promoted(a, b):
    """The dtype of both; RuntimeError where PyTorch has none."""
    if a == b:
        return a
    if "V" not in (a.kind, b.kind):
        return np.promote_types(a, b)
    for kind, other in ((a, b), (b, a)):
        name = kind.names[0] if kind.kind == "V" else ""
        if name.startswith("float"):
            raise RuntimeError(f"Promotion for Float8 Types is not supported, attempted to promote "
                               f"{dtypes.from_numpy(a)} and {dtypes.from_numpy(b)}")
        if name == "bfloat16":
            return np.dtype("f4" if other == np.float16 else "c8" if other.kind == "V" else other)
        if name == "complex32":
            return dtypes.to_complex(other) if other != np.float16 else kind
    raise TypeError(f"no common dtype of {a} and {b}")
