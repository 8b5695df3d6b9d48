"""Pictures of clothes: 60,000 images of 28 x 28 for training and 10,000 for tests."""
from fastnn.keras.datasets._halves import halves
from fastnn.vision.datasets.mnist import FashionMNIST


def load_data():
    """((x_train, y_train), (x_test, y_test)): uint8 images (N, 28, 28) and labels (N,).

    The files of torchvision's layout are looked for in ``~/.keras/datasets`` and ``FASTNN_DATA``, and downloaded else.
    """
    return halves(FashionMNIST)
