"""Handwritten digits: 60,000 images of 28 x 28 for training and 10,000 for tests."""
import os

from fastnn.keras.datasets import _files
from fastnn.keras.datasets._halves import folder, halves
from fastnn.vision.datasets.mnist import MNIST


def load_data(path="mnist.npz"):
    """MNIST, handwritten digits (LeCun et al., 1998): 60,000 images for training and 10,000 for tests.

    Parameters
    ----------
    path : str
        Keras' own file, under ``~/.keras/datasets`` unless absolute. Without it the files of torchvision's layout are
        looked for there and under ``FASTNN_DATA``, else downloaded.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        uint8 images (N, 28, 28) and labels (N,).

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()  # doctest: +SKIP
    """
    file = os.path.join(folder(), path)
    if os.path.exists(file):
        arrays = _files.load_npz(file, ("x_train", "y_train"), ("x_test", "y_test"))
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    return halves(MNIST)
