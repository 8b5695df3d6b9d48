"""Tensors in memory that several processes map: memory without a name, which a handle passes on."""
import mmap
import os
import tempfile

import numpy as np

from fastnn._tensor import from_array
from fastnn.ops.declare import operation


class Memory(mmap.mmap):
    """Shared memory, which knows its handle; it goes with the last process that maps it."""

    handle = None

    @classmethod
    def new(cls, size):
        """Memory of zeros."""
        if os.name != "posix":
            raise NotImplementedError("share_memory_: memory is shared between processes on POSIX systems alone")
        if hasattr(os, "memfd_create"):
            handle = os.memfd_create("fastnn")
        else:
            with tempfile.TemporaryFile() as file:
                handle = os.dup(file.fileno())
        os.ftruncate(handle, size)
        return cls.of(handle, size)

    @classmethod
    def of(cls, handle, size):
        """The memory of a handle, which it owns from now on."""
        try:
            made = cls(handle, size)
        except BaseException:
            os.close(handle)
            raise
        made.handle = handle
        return made

    def __del__(self):
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None


def memory_of(array):
    """The shared memory that an array lies in, None if in none."""
    while array is not None:
        if isinstance(array, memoryview):
            array = array.obj
        if isinstance(array, Memory):
            return array
        array = getattr(array, "base", None)
    return None


def place_of(array, memory):
    """(offset, shape, strides, dtype) of an array within its memory."""
    start = np.frombuffer(memory, np.uint8).__array_interface__["data"][0]
    return array.__array_interface__["data"][0] - start, array.shape, array.strides, array.dtype.str


def array_at(memory, offset, shape, strides, dtype):
    """The inverse of `place_of`."""
    return np.ndarray(shape, np.dtype(dtype), memory, offset, strides)


@operation("Tensor")
def is_shared(self):
    """Whether the tensor's memory is shared with other processes.

    Examples
    --------
    >>> fastnn.ones(2).is_shared()
    False
    """
    return self.numel() == 0 or memory_of(self.detach().numpy()) is not None


@operation("Tensor")
def share_memory_(self):
    """Move the tensor into memory that processes started from now on share with this one; returns it.

    Other tensors that shared memory with it (views) stay where they are. Tensors that have been shared already are
    left alone.

    Raises
    ------
    RuntimeError
        The tensor is a result of recorded operations.

    Examples
    --------
    >>> fastnn.ones(2).share_memory_().is_shared()
    True
    """
    if is_shared(self):
        return self
    if self.grad_fn is not None:
        raise RuntimeError("share_memory_: expected a leaf of the graph; use tensor.detach().share_memory_()")
    array = self.detach().numpy()
    made = np.ndarray(array.shape, array.dtype, Memory.new(array.nbytes))
    made[...] = array
    self.data = from_array(made)
    return self
