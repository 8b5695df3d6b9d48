"""Arrays of strings, which are no tensors: what lookup layers read and give."""
import numpy as np

from fastnn._tensor import Tensor
from fastnn.keras.variables import array_of


class Strings(np.ndarray):
    """An array of str with the methods that programs call on TensorFlow's string tensors."""

    def numpy(self):
        """An array of bytes, as TensorFlow gives; a single one alone."""
        made = np.array([s.encode("utf-8") for s in self.ravel().tolist()], object).reshape(self.shape)
        return made if made.ndim else made.item()


def is_strings(array):
    """Whether an array holds strings or bytes."""
    return array.dtype.kind in "US" or array.dtype.kind == "O" and array.size > 0 \
        and all(isinstance(v, (str, bytes)) for v in array.ravel().tolist())


def strings_of(values):
    """`Strings` of strings, bytes or numbers, nested in lists or arrays; floating numbers are cut off as whole ones."""
    if isinstance(values, Strings):
        return values
    array = array_of(values) if isinstance(values, Tensor) else np.asarray(values)
    if array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind in "SO":
        plain = [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in array.ravel().tolist()]
        array = np.array(plain, np.str_).reshape(array.shape)
    elif array.dtype.kind != "U":
        array = array.astype(np.str_)
    return array.view(Strings)
