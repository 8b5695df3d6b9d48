"""Data sets of fastnn.vision in the form that Keras gives them in."""
import os

import numpy as np

from fastnn.keras.utils.files import keras_home
from fastnn.vision.datasets.vision import ArrayImages


def folder():
    """Where Keras keeps data sets: ``~/.keras/datasets``, or under ``KERAS_HOME``.

    Returns
    -------
    str

    Examples
    --------
    >>> folder().endswith("datasets")
    True
    """
    return os.path.join(keras_home(), "datasets")


def halves(dataset: type[ArrayImages], column=False, dtype=np.uint8):
    """A data set of fastnn.vision in the form that Keras gives it in.

    Parameters
    ----------
    dataset : class of ArrayImages
    column : bool
        Whether labels are (N, 1).
    dtype : dtype
        Of the labels.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays

    Examples
    --------
    >>> from fastnn.vision.datasets import MNIST
    >>> (x_train, y_train), (x_test, y_test) = halves(MNIST)  # doctest: +SKIP
    """
    found = []
    for train in (True, False):
        part = dataset(folder(), train=train, download=True)
        labels = np.asarray(part.targets, dtype)
        found.append((np.asarray(part.images()), labels[:, None] if column else labels))
    return tuple(found)
