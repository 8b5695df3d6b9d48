"""Small pictures of a hundred kinds of things: 50,000 images of 32 x 32 for training and 10,000 for tests."""
import numpy as np

from fastnn.keras.datasets._halves import halves
from fastnn.vision.datasets.cifar import CIFAR100


class _Coarse(CIFAR100):
    """The number of a thing's superclass stands before its own."""

    label_column = 0


def load_data(label_mode="fine"):
    """CIFAR-100, pictures of a hundred classes (Krizhevsky, 2009): 50,000 images for training and 10,000 for tests.

    The folder ``cifar-100-binary`` is looked for in ``~/.keras/datasets`` and ``FASTNN_DATA``, else downloaded.

    Parameters
    ----------
    label_mode : {"fine", "coarse"}
        Labels are the 100 classes, or their 20 superclasses.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        uint8 images (N, 32, 32, 3) and int64 labels (N, 1).

    Raises
    ------
    ValueError
        Another `label_mode`.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.cifar100.load_data("coarse")  # doctest: +SKIP
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.')
    return halves(CIFAR100 if label_mode == "fine" else _Coarse, column=True, dtype=np.int64)
