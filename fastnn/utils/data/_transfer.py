"""Messages between a loader and its workers, through a pair of sockets.

What is small goes through the pipe. An array that is not goes into memory without a name that both processes map, whose
handle goes through the pipe: it is copied once, needs no room in /dev/shm, and nothing is left of it when both
processes have ended, however they ended. Each array has memory of its own, so that labels which a program keeps do not
keep their images.
"""
import io
import mmap
import os
import pickle
import tempfile
from multiprocessing import reduction

import numpy as np

from fastnn._tensor import Tensor

LARGE = 1 << 16  # bytes of an array from which on its memory is shared
MOST = 64  # arrays of a message that are shared: systems limit the handles on their way
SHARED = os.name == "posix" and hasattr(reduction, "send_handle")


def _memory(view):
    """The handle of new memory that holds the bytes of a view."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("fastnn")
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    try:
        place = 0
        while place < len(view):
            place += os.pwrite(handle, view[place:], place)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _reduce(array):
    """An array as a dense one, whose memory can be shared, and the order of its axes.

    NumPy before 2.2 shares that of arrays in C's or Fortran's order alone, later ones that of dense arrays.
    """
    if array.flags.forc or array.dtype.hasobject:
        return array.__reduce_ex__(5)
    order = np.argsort([-abs(stride) for stride in array.strides], kind="stable")
    return np.transpose, (np.ascontiguousarray(array.transpose(order)), np.argsort(order).tolist())


def send(connection, value):
    """Send a value; where it cannot be pickled, or there is no memory for it, nothing is sent."""
    buffers, data = [], io.BytesIO()
    pickler = reduction.ForkingPickler(data, 5, True, buffers.append if SHARED else None)
    # torch.multiprocessing would share tensors one by one
    pickler.dispatch_table = {kind: reduce for kind, reduce in pickler.dispatch_table.items()
                              if not (isinstance(kind, type) and issubclass(kind, Tensor))} | {np.ndarray: _reduce}
    pickler.dump(value)
    parts, handles = [], []
    try:
        for buffer in buffers:
            view = buffer.raw()
            if len(view) < LARGE or len(handles) == MOST:
                parts.append(bytearray(view))
            else:
                handles.append(_memory(view))
                parts.append(len(view))
        connection.send_bytes(pickle.dumps((data.getvalue(), parts)))
        for handle in handles:
            reduction.send_handle(connection, handle, None)
    finally:
        for handle in handles:
            os.close(handle)


def _receive_memory(connection, size):
    handle = reduction.recv_handle(connection)
    try:
        return mmap.mmap(handle, size)
    finally:
        os.close(handle)


def receive(connection):
    """Receive a value. Arrays of shared memory are as writable as others, and free it when they go."""
    data, parts = pickle.loads(connection.recv_bytes())
    return pickle.loads(data, buffers=[_receive_memory(connection, part) if type(part) is int else part
                                       for part in parts])
