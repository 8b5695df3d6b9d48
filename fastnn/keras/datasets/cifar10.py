"""Small pictures of ten kinds of things: 50,000 images of 32 x 32 for training and 10,000 for tests."""
from fastnn.keras.datasets._halves import halves
from fastnn.vision.datasets.cifar import CIFAR10


def load_data():
    """CIFAR-10, pictures of ten classes (Krizhevsky, 2009): 50,000 images for training and 10,000 for tests.

    The folder ``cifar-10-batches-bin`` is looked for in ``~/.keras/datasets`` and ``FASTNN_DATA``, else downloaded.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        uint8 images (N, 32, 32, 3) and labels (N, 1).

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()  # doctest: +SKIP
    """
    return halves(CIFAR10, column=True)
