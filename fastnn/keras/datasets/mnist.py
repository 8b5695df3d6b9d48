"""Handwritten digits: 60,000 images of 28 x 28 for training and 10,000 for tests."""
import os

import numpy as np

from fastnn.keras.datasets._halves import folder, halves
from fastnn.vision.datasets.mnist import MNIST


def load_data(path="mnist.npz"):
    """((x_train, y_train), (x_test, y_test)): uint8 images (N, 28, 28) and labels (N,).

    Parameters
    ----------
    path : str
        A file of Keras' own, under ``~/.keras/datasets`` unless absolute. Without it the files of torchvision's layout
        are looked for there and under ``FASTNN_DATA``, and downloaded else.
    """
    file = os.path.join(folder(), path)
    if os.path.exists(file):
        with np.load(file, allow_pickle=False) as arrays:
            return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    return halves(MNIST)
