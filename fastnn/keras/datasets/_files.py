"""Files of Keras' data sets: where they are, and reading them without executing anything."""
import io
import json
import os
import pickle
import zipfile

import numpy as np

from fastnn.errors import UnsafeFileError
from fastnn.keras.utils.files import get_file

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


class _Rows(pickle.Unpickler):
    """Reads arrays of lists of numbers. The three things of NumPy's that such files name are `_Array` and its like
    here; any other name is refused."""

    _NAMES = {("numpy", "ndarray"): _Array, ("numpy", "dtype"): _Type,
              ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
              ("numpy._core.multiarray", "_reconstruct"): _reconstruct}

    def find_class(self, module, name):
        try:
            return self._NAMES[module, name]
        except KeyError:
            raise UnsafeFileError(f"the file names {module}.{name}, which is no part of a data set") from None


def _read(file):
    """An array of a ``.npy`` stream; one of objects as an array of lists."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    dtype = read(file)[2]
    if not dtype.hasobject:
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    found = _Rows(file).load()
    if not isinstance(found, _Array) or not all(isinstance(row, list) for row in found.rows):
        raise UnsafeFileError("the file holds something else than lists of numbers")
    made = np.empty(len(found.rows), object)
    made[:] = found.rows
    return made


def load_npz(path):
    """The arrays of a file of ``numpy.savez`` by name."""
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): _read(io.BytesIO(archive.read(name)))
                for name in archive.namelist() if name.endswith(".npy")}


def load_json(path, name, file_hash):
    """What is in a JSON file of a data set."""
    with open(find(path, name, file_hash), encoding="utf-8") as file:
        return json.load(file)


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
