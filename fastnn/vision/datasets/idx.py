"""The IDX format of the MNIST files: magic number 0, 0, type, dimensions; sizes; then the elements, big endian."""
import gzip
import os
import zlib

import numpy as np

from fastnn.errors import FileFormatError
from fastnn.serialization.limits import bytes_of, room

__all__ = ["read_idx"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path):
    """Read an IDX file, the format of MNIST, gzip-compressed or not.

    Parameters
    ----------
    path : path

    Returns
    -------
    ndarray
        In native byte order.

    Raises
    ------
    ValueError
        The file is damaged, or expands to more than 64 MiB and a hundred times its size: names it, what was expected
        and what is there.

    Examples
    --------
    >>> import os
    >>> import tempfile
    >>> from fastnn.vision.datasets.idx import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "numbers")
    ...     with open(path, "wb") as file:
    ...         _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7]))
    ...     read_idx(path)
    array([5, 6, 7], dtype=uint8)
    """
    path = os.fspath(path)
    with open(path, "rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        size = raw.seek(0, os.SEEK_END)
        raw.seek(0)
        try:
            if compressed:
                with gzip.open(raw) as file:
                    return _read(file, room(size))
            return _read(raw, size)
        except FileFormatError as error:
            raise FileFormatError(f"{path}: {error}") from None
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FileFormatError(f"{path}: damaged gzip data: {error}") from None


def _read(file, most):
    """The array of a file that has at most `most` bytes."""
    magic = file.read(4)
    if len(magic) < 4:
        raise FileFormatError(f"cut off: expected an IDX header, got {len(magic)} bytes")
    if magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise FileFormatError(f"not an IDX file: expected a magic number 0000, type, dimensions, got {magic.hex()}")
    ndim = magic[3]
    if not 1 <= ndim <= 8:
        raise FileFormatError(f"expected 1 to 8 dimensions, got {ndim}")
    sizes = file.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise FileFormatError(f"cut off: expected {ndim} sizes, got {len(sizes)} bytes of them")
    shape = tuple(int.from_bytes(sizes[i:i + 4], "big") for i in range(0, 4 * ndim, 4))
    dtype = np.dtype(TYPES[magic[2]])
    expected = bytes_of(shape, dtype.itemsize, most)
    array = np.empty(shape, dtype)
    rest = memoryview(array.reshape(-1).view(np.uint8)) if expected else b""
    while len(rest) and (count := file.readinto(rest[:1 << 24])):
        rest = rest[count:]
    if len(rest) or file.read(1):
        got = f"{expected - len(rest)} bytes" if len(rest) else "more"
        raise FileFormatError(f"expected {expected} bytes of data for shape {shape}, got {got}")
    return array.astype(dtype.newbyteorder("="), copy=False)
