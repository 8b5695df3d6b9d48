"""Data sets, as ``keras.datasets``: read from Keras' own cache or ``FASTNN_DATA``, downloaded and checked else."""
from fastnn.keras.lazy import lazy as _late_names

__getattr__, __dir__ = _late_names(
    __name__, {}, "boston_housing california_housing cifar10 cifar100 fashion_mnist imdb mnist reuters")
