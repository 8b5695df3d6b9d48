"""Tensors in memory that several processes map: memory without a name, which a handle passes on."""
import sys

import numpy as np

from fastnn._tensor import from_array
from fastnn.ops.declare import operation


def memory_of(array):
    """The shared memory that an array lies in, None if in none."""
    shared = sys.modules.get("fastnn.ops._memory")
    if shared is None:  # nothing has been shared yet
        return None
    while array is not None:
        if isinstance(array, memoryview):
            array = array.obj
        if isinstance(array, shared.Memory):
            return array
        array = getattr(array, "base", None)
    return None


def place_of(array, memory):
    """(offset, shape, strides, dtype) of an array within its memory."""
    start = np.frombuffer(memory, np.uint8).__array_interface__["data"][0]
    return array.__array_interface__["data"][0] - start, array.shape, array.strides, array.dtype


def array_at(memory, offset, shape, strides, dtype):
    """The inverse of `place_of`."""
    return np.ndarray(shape, dtype, memory, offset, strides)


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
    from fastnn.ops._memory import Memory
    array = self.detach().numpy()
    made = np.ndarray(array.shape, array.dtype, Memory.new(array.nbytes))
    made[...] = array
    self.data = from_array(made)
    return self
