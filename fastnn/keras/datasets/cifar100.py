"""Small pictures of a hundred kinds of things: 50,000 images of 32 x 32 for training and 10,000 for tests."""
import numpy as np

from fastnn.keras.datasets._halves import halves
from fastnn.vision.datasets.cifar import CIFAR100


class _Coarse(CIFAR100):
    """The number of a thing's superclass stands before its own."""

    label_column = 0


def load_data(label_mode="fine"):
    """((x_train, y_train), (x_test, y_test)): uint8 images (N, 32, 32, 3) and labels (N, 1) of int64.

    Parameters
    ----------
    label_mode : "fine" or "coarse"
        Labels are the 100 classes or their 20 superclasses. The folder ``cifar-100-binary`` is looked for in
        ``~/.keras/datasets`` and ``FASTNN_DATA``; it is downloaded else.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.')
    return halves(CIFAR100 if label_mode == "fine" else _Coarse, column=True, dtype=np.int64)
