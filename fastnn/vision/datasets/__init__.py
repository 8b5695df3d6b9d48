"""Image data sets, under the names of ``torchvision.datasets``."""
from fastnn.vision.datasets.cifar import CIFAR10, CIFAR100
from fastnn.vision.datasets.folder import DatasetFolder, ImageFolder
from fastnn.vision.datasets.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from fastnn.vision.datasets.stl10 import STL10
from fastnn.vision.datasets.svhn import SVHN
from fastnn.vision.datasets.vision import FakeData, VisionDataset

__all__ = ["CIFAR10", "CIFAR100", "DatasetFolder", "EMNIST", "FakeData", "FashionMNIST", "ImageFolder", "KMNIST",
           "MNIST", "STL10", "SVHN", "VisionDataset"]
