"""Messages between a loader and its workers, through a pair of sockets.

What is small goes through the pipe. Arrays that are not go into memory without a name that both processes map, whose
handle goes through the pipe: they are copied once, need no room in /dev/shm, and nothing is left of them when both
processes have ended, however they ended.
"""
import io
import mmap
import os
import pickle
import tempfile
from multiprocessing import reduction

LARGE = 1 << 16  # bytes of arrays from which on memory is shared
ALIGNED = 64
SHARED = os.name == "posix" and hasattr(reduction, "send_handle")


def _memory(size):
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("fastnn")
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    os.ftruncate(handle, size)
    return handle


def _write(handle, view, place):
    while len(view):
        written = os.pwrite(handle, view, place)
        view, place = view[written:], place + written


def _places(sizes):
    """Where each of several buffers begins, and the length of all."""
    places, end = [], 0
    for size in sizes:
        places.append(end)
        end += -(-size // ALIGNED) * ALIGNED
    return places, end


def send(connection, value):
    """Send a value; what cannot be pickled raises before anything is sent."""
    buffers, data = [], io.BytesIO()
    reduction.ForkingPickler(data, 5, True, buffers.append if SHARED else None).dump(value)
    views = [buffer.raw() for buffer in buffers]
    sizes = [len(view) for view in views]
    if sum(sizes) < LARGE:
        connection.send_bytes(pickle.dumps((data.getvalue(), [bytearray(view) for view in views])))
        return
    places, end = _places(sizes)
    handle = _memory(end)
    try:
        for view, place in zip(views, places):
            _write(handle, view, place)
        connection.send_bytes(pickle.dumps((data.getvalue(), sizes)))
        reduction.send_handle(connection, handle, None)
    finally:
        os.close(handle)


def receive(connection):
    """Receive a value. Arrays of shared memory are as writable as others, and free it when they go."""
    data, buffers = pickle.loads(connection.recv_bytes())
    if buffers and type(buffers[0]) is int:
        places, end = _places(buffers)
        handle = reduction.recv_handle(connection)
        try:
            memory = memoryview(mmap.mmap(handle, end))
        finally:
            os.close(handle)
        buffers = [memory[place:place + size] for place, size in zip(places, buffers)]
    return pickle.loads(data, buffers=buffers)
