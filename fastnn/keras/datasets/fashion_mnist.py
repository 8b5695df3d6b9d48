"""Pictures of clothes: 60,000 images of 28 x 28 for training and 10,000 for tests."""
from fastnn.keras.datasets._halves import halves
from fastnn.vision.datasets.mnist import FashionMNIST


def load_data():
    """Fashion-MNIST, pictures of clothes (Xiao et al., 2017): 60,000 images for training and 10,000 for tests.

    The files of torchvision's layout are looked for in ``~/.keras/datasets`` and ``FASTNN_DATA``, else downloaded.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        uint8 images (N, 28, 28) and labels (N,).

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()  # doctest: +SKIP
    """
    return halves(FashionMNIST)
