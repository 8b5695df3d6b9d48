"""Files of Keras' data sets: where they are, and reading them without executing anything."""
import io
import json
import os
import pickle
import zipfile

import numpy as np

from fastnn.errors import FileFormatError, UnsafeFileError
from fastnn.keras.utils.files import get_file
from fastnn.serialization.files import Reader
from fastnn.serialization.limits import bytes_of, damaged, room

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def find(path, name, file_hash):
    """The file of a data set: `path` itself if it is a path, else it is looked for in ``FASTNN_DATA`` and Keras' cache,
    and downloaded and checked else."""
    if os.sep in os.fspath(path):
        path = os.path.expanduser(path)
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path}: there is no such file")
        return path
    own = os.path.join(os.environ.get("FASTNN_DATA", ""), path)
    if os.environ.get("FASTNN_DATA") and os.path.exists(own):
        return own
    return get_file(path, origin=_ORIGIN + name, file_hash=file_hash)


class _Array:
    """What a pickled array of objects becomes: its rows."""

    def __setstate__(self, state):
        self.rows = state[4]


class _Type:
    """What a pickled dtype becomes."""

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        pass


def _reconstruct(*args):
    return _Array()


_PARTS = """PROTO FRAME STOP MARK GLOBAL STACK_GLOBAL REDUCE BUILD BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET TUPLE
    TUPLE1 TUPLE2 TUPLE3 EMPTY_TUPLE EMPTY_LIST APPEND APPENDS NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1
    BINSTRING SHORT_BINSTRING SHORT_BINBYTES BINBYTES BINUNICODE SHORT_BINUNICODE""".split()


class _Known(dict):
    def __missing__(self, instruction):
        raise UnsafeFileError(f"it uses the pickle instruction {instruction}, which no data set needs")


class _Rows(pickle._Unpickler):
    """Reads arrays of lists of numbers. The three things of NumPy's that such files name are `_Array` and its like
    here; any other name is refused, and so is every instruction that such arrays do not need.

    Python's own machine in Python, because the one in C makes room for as many parts as a file says that it has.
    """

    dispatch = _Known((getattr(pickle, name)[0], pickle._Unpickler.dispatch[getattr(pickle, name)[0]])
                      for name in _PARTS)
    _NAMES = {("numpy", "ndarray"): _Array, ("numpy", "dtype"): _Type,
              ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
              ("numpy._core.multiarray", "_reconstruct"): _reconstruct}

    def find_class(self, module, name):
        try:
            return self._NAMES[module, name]
        except (KeyError, TypeError):
            raise UnsafeFileError(f"it names {module!r:.100}.{name!r:.100}, which is no part of a data set") from None


def _read(file, size):
    """An array of a ``.npy`` stream of `size` bytes; one of objects as an array of lists."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if not dtype.hasobject:
        bytes_of(shape, dtype.itemsize, size)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    found = _Rows(file).load()
    rows = getattr(found, "rows", None) if isinstance(found, _Array) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise UnsafeFileError("it holds something else than lists of numbers")
    if not all(type(number) is int for row in {id(row): row for row in rows}.values() for number in row):
        raise UnsafeFileError("its lists hold something else than numbers")
    made = np.empty(len(rows), object)
    made[:] = rows
    return made


def load_npz(path, *pairs):
    """The arrays of a file of ``numpy.savez`` by name. FileFormatError, which names the file, if it is damaged or does
    not have these pairs of arrays with as many rows each."""
    left = room(os.path.getsize(path))
    try:
        with Reader(path) as file, damaged("the archive"), zipfile.ZipFile(file) as archive:
            found = {}
            for entry in archive.infolist():
                left -= entry.file_size
                if left < 0:
                    raise FileFormatError(f"{entry.filename!r:.100} of {entry.file_size} bytes is too large")
                if entry.filename.endswith(".npy"):
                    data = archive.read(entry)
                    found[entry.filename.removesuffix(".npy")] = _read(io.BytesIO(data), len(data))
        for x, y in pairs:
            if x not in found or y not in found or not found[x].ndim or found[x].shape[:1] != found[y].shape[:1]:
                raise FileFormatError(f"expected arrays {x} and {y} of as many rows, got "
                                      f"{dict((name, array.shape) for name, array in found.items())}")
        return found
    except FileFormatError as error:
        raise type(error)(f"{path}: {error}") from None


def read_json(path):
    """What is in a JSON file; FileFormatError, which names it, if it is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from None


def load_json(path, name, file_hash):
    """What is in a JSON file of a data set."""
    return read_json(find(path, name, file_hash))


def shuffled(random, *arrays):
    """The rows of arrays in an order that NumPy's old generator draws."""
    order = np.arange(len(arrays[0]))
    random.shuffle(order)
    return [array[order] for array in arrays]


def parts(x, y, test_split, seed):
    """((x_train, y_train), (x_test, y_test)) of rows in random order."""
    if not 0 <= test_split < 1:
        raise ValueError(f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1).")
    x, y = shuffled(np.random.RandomState(seed), x, y)
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def begun(rows, start_char, index_from):
    """Rows of words' numbers moved by `index_from`, after a first one."""
    if start_char is not None:
        return [[start_char, *(w + index_from for w in row)] for row in rows]
    return [[w + (index_from or 0) for w in row] for row in rows]


def shorter(maxlen, rows, labels):
    """Rows of fewer than `maxlen` numbers, and their labels."""
    kept = [i for i, row in enumerate(rows) if len(row) < maxlen]
    return [rows[i] for i in kept], [labels[i] for i in kept]


def known(rows, num_words, skip_top, oov_char):
    """Rows in which words beyond ``skip_top .. num_words`` are `oov_char`, or left out without one."""
    num_words = num_words or max(max(row) for row in rows)
    if oov_char is None:
        return [[w for w in row if skip_top <= w < num_words] for row in rows]
    return [[w if skip_top <= w < num_words else oov_char for w in row] for row in rows]
