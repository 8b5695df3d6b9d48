"""Image data sets, under the names of ``torchvision.datasets``."""
from fastnn.vision.datasets.cifar import CIFAR10, CIFAR100
from fastnn.vision.datasets.mnist import KMNIST, MNIST, FashionMNIST
from fastnn.vision.datasets.vision import FakeData, VisionDataset

__all__ = ["CIFAR10", "CIFAR100", "FakeData", "FashionMNIST", "KMNIST", "MNIST", "VisionDataset"]
