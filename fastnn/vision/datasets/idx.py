"""The IDX format of the MNIST files: magic number 0, 0, type, dimensions; sizes; then the elements, big endian."""
import gzip
import math
import os
import zlib

import numpy as np

__all__ = ["read_idx"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_BYTES = 1 << 40


def read_idx(path):
    """Read an IDX file, gzip-compressed or not.

    Returns
    -------
    ndarray
        In native byte order.

    Raises
    ------
    ValueError
        The file is damaged: names it, what was expected and what is there.
    """
    path = os.fspath(path)
    with open(path, "rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            if compressed:
                with gzip.open(raw) as file:
                    return _read(file, path)
            return _read(raw, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: damaged gzip data: {error}") from None


def _read(file, path):
    magic = file.read(4)
    if len(magic) < 4:
        raise ValueError(f"{path}: cut off: expected an IDX header, got {len(magic)} bytes")
    if magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise ValueError(f"{path}: not an IDX file: expected a magic number 0000, type, dimensions, got {magic.hex()}")
    ndim = magic[3]
    if not 1 <= ndim <= 8:
        raise ValueError(f"{path}: expected 1 to 8 dimensions, got {ndim}")
    sizes = file.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise ValueError(f"{path}: cut off: expected {ndim} sizes, got {len(sizes)} bytes of them")
    shape = [int.from_bytes(sizes[i:i + 4], "big") for i in range(0, 4 * ndim, 4)]
    dtype = np.dtype(TYPES[magic[2]])
    expected = math.prod(shape) * dtype.itemsize
    if expected > MAX_BYTES:
        raise ValueError(f"{path}: shape {tuple(shape)} would take {expected} bytes")
    data = bytearray()
    while len(data) <= expected:  # in pieces: a lying header must not reserve memory
        block = file.read(min(1 << 24, expected + 1 - len(data)))
        if not block:
            break
        data += block
    if len(data) != expected:
        got = f"{len(data)} bytes" if len(data) < expected else "more"
        raise ValueError(f"{path}: expected {expected} bytes of data for shape {tuple(shape)}, got {got}")
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
