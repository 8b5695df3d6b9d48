"""Arrays of numbers: one-hot rows, vectors of norm 1."""
import numpy as np

from fastnn._tensor import Tensor
from fastnn.keras import ops


def normalize(x, axis=-1, order=2):
    """Vectors along `axis` divided by their norm; those of norm 0 stay as they are.

    Parameters
    ----------
    x : array or tensor
    axis : int
    order : int or float
        As ``ord`` of `numpy.linalg.norm`.

    Returns
    -------
    array or tensor
        As `x` was.

    Examples
    --------
    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    if isinstance(x, Tensor):
        return ops.normalize(x, axis=axis, order=order)
    x = np.asarray(x)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)


def to_categorical(x, num_classes=None):
    """Class numbers as one-hot rows."""
    x = np.asarray(x, dtype="int64")
    shape = x.shape
    if shape and shape[-1] == 1 and len(shape) > 1:
        shape = shape[:-1]
    x = x.reshape(-1)
    if not num_classes:
        num_classes = int(x.max()) + 1
    made = np.zeros((len(x), num_classes))
    made[np.arange(len(x)), x] = 1
    return made.reshape(*shape, num_classes)
