"""Data sets of fastnn.vision in the form that Keras gives them in."""
import os

import numpy as np

from fastnn.keras.utils.files import keras_home
from fastnn.vision.datasets.vision import ArrayImages


def folder():
    """Where Keras keeps data sets."""
    return os.path.join(keras_home(), "datasets")


def halves(dataset: type[ArrayImages], column=False, dtype=np.uint8):
    """((x_train, y_train), (x_test, y_test)); labels (N,), or (N, 1) with `column`."""
    found = []
    for train in (True, False):
        part = dataset(folder(), train=train, download=True)
        labels = np.asarray(part.targets, dtype)
        found.append((np.asarray(part.images()), labels[:, None] if column else labels))
    return tuple(found)
