"""Arrays in unusual memory: between guard bytes, strided, misaligned, read-only."""
import contextlib
import gc

import numpy as np

GUARD = 128  # bytes on each side


class GuardedArrays:
    """Copies arrays into buffers of their own between guard bytes, and later says whether these are intact.

    Guard bytes are 0xff, a NaN in every floating type: reading them shows as well as writing.
    """

    def __init__(self):
        self.buffers = []

    def copy(self, array, offset=0):
        """A C-contiguous copy, aligned to a cache line and shifted by `offset` bytes."""
        buffer = np.full(array.nbytes + 2 * GUARD + 64 + offset, 0xff, np.uint8)
        start = GUARD + (-buffer.ctypes.data - GUARD) % 64 + offset
        copy = buffer[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
        copy[...] = array
        self.buffers.append((buffer, start, start + array.nbytes))
        return copy

    def intact(self):
        return all((buffer[:start] == 0xff).all() and (buffer[end:] == 0xff).all()
                   for buffer, start, end in self.buffers)


@contextlib.contextmanager
def guarded_outputs(core):
    """New arrays of fastnn lie between guard bytes and start as NaN; AssertionError at exit if a guard was overwritten.

    Yields a function that checks what has been freed so far. `core` is the module fastnn.kernels._core.
    """
    def check(where):
        if core.guard_damage():
            gc.collect()
            raise AssertionError(f"{where}: a kernel wrote outside the array it was given")

    core.set_guard(True)
    try:
        yield check
    finally:
        core.set_guard(False)
    check("at the end")


# ---- other memory layouts of the same values ----

def transposed(array):
    """Same shape and values, axes reversed in memory (Fortran order)."""
    return np.ascontiguousarray(array.T).T


def stepped(array):
    """Every second element of a larger buffer along the last axis."""
    if array.ndim == 0:
        return array.copy()
    buffer = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    view = buffer[..., ::2]
    view[...] = array
    return view


def reversed_strides(array):
    """Negative strides along all axes."""
    flip = (slice(None, None, -1),) * array.ndim
    return np.ascontiguousarray(array[flip])[flip]


def misaligned(array):
    """Starts one byte past an aligned address."""
    buffer = np.empty(array.nbytes + 1, np.uint8)
    view = buffer[1:1 + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {"transposed": transposed, "stepped": stepped, "reversed": reversed_strides, "misaligned": misaligned,
           "read-only": read_only}
