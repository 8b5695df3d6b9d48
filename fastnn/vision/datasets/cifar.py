"""CIFAR-10 and CIFAR-100: 32 x 32 colour images, read from the binary version (no pickles)."""
import os
import shutil
import tarfile
import zlib

import numpy as np

from fastnn.errors import FileFormatError
from fastnn.serialization.files import replacing
from fastnn.vision.datasets.vision import ArrayImages, download, folders, missing

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(ArrayImages):
    """Small photographs of ten classes: 50,000 images of 32 x 32 for training and 10,000 for tests (Krizhevsky 2009).

    torchvision.datasets.CIFAR10 with other files: the binary version of the data, since the Python version consists of
    pickles.

    Parameters
    ----------
    root : path
        The files are searched for in ``root/cifar-10-batches-bin``, then in ``$FASTNN_DATA/cifar-10-batches-bin``.
    train : bool
        The images for training (default) or for tests.
    transform, target_transform : callable, optional
        Of the image (a PIL image, unless the transform is one of `fastnn.vision.transforms`) and of its label.
    download : bool
        Whether the archive is downloaded and unpacked into `root` if the files are in neither directory.

    Attributes
    ----------
    data : ndarray
        uint8 (N, 32, 32, 3), an array as in torchvision.
    targets : list of int
    classes : list of str

    Raises
    ------
    RuntimeError
        The files are missing, or cannot be downloaded.
    ValueError
        A file is damaged.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> datasets.CIFAR10.classes[:3]
    ['airplane', 'automobile', 'bird']
    """

    base_folder = "cifar-10-batches-bin"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    filename = "cifar-10-binary.tar.gz"
    tgz_md5 = "c32a1d4ab5d03f1284b67883e8d87530"
    train_list = [f"data_batch_{i}.bin" for i in range(1, 6)]
    test_list = ["test_batch.bin"]
    label_bytes, label_column = 1, 0
    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        names = self.train_list if train else self.test_list
        paths = self._find(names, download)
        parts = [self._read(path) for path in paths]
        self.data = np.concatenate([images for images, _ in parts])
        self.targets = np.concatenate([labels for _, labels in parts]).tolist()

    def _find(self, names, fetch):
        directories = folders(self.root, self.base_folder)
        for directory in directories:
            paths = [os.path.join(directory, name) for name in names]
            if all(os.path.isfile(path) for path in paths):
                return paths
        if not fetch:
            raise missing(type(self).__name__, names[:1], directories, "You can use download=True to download it")
        root = os.fspath(self.root)
        archive = os.path.join(root, self.filename)
        download(type(self).__name__, [self.url], archive, self.tgz_md5)
        os.makedirs(directories[0], exist_ok=True)
        self._unpack(archive, directories[0])
        return [os.path.join(directories[0], name) for name in names]

    def _unpack(self, archive, directory):
        try:
            with tarfile.open(archive) as tar:
                for name in (*self.train_list, *self.test_list):
                    member = tar.extractfile(f"{self.base_folder}/{name}")
                    if member is None:
                        raise FileFormatError(f"{name} is no file")
                    with member, replacing(os.path.join(directory, name), type(self).__name__) as file:
                        shutil.copyfileobj(member, file)
        except (tarfile.TarError, EOFError, zlib.error, KeyError, ValueError) as error:
            raise FileFormatError(f"{archive}: damaged: {error}") from None

    def _read(self, path):
        data = np.fromfile(path, np.uint8)
        row = self.label_bytes + 3072
        if data.size == 0 or data.size % row:
            raise FileFormatError(f"{path}: expected rows of {row} bytes, got {data.size} bytes")
        data = data.reshape(-1, row)
        labels = data[:, self.label_column].astype(np.int64)
        if labels.max() >= len(self.classes):
            raise FileFormatError(f"{path}: expected labels below {len(self.classes)}, got {labels.max()}")
        images = data[:, self.label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images), labels

    def images(self):
        return self.data

    @property
    def class_to_idx(self):
        """Numbers of the classes."""
        return {name: i for i, name in enumerate(self.classes)}

    def extra_repr(self):
        return f"Split: {'Train' if self.train is True else 'Test'}"


class CIFAR100(CIFAR10):
    """Small photographs of a hundred classes (Krizhevsky 2009).

    torchvision.datasets.CIFAR100 with other files, as `CIFAR10`.

    Parameters
    ----------
    root, train, transform, target_transform, download
        As in `CIFAR10`, with the directory ``cifar-100-binary``.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> len(datasets.CIFAR100.classes)
    100
    """

    base_folder = "cifar-100-binary"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
    filename = "cifar-100-binary.tar.gz"
    tgz_md5 = "03b5dce01913d631647c71ecec9e9cb8"
    train_list = ["train.bin"]
    test_list = ["test.bin"]
    label_bytes, label_column = 2, 1
    classes = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel
        can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
        dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
        lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
        oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
        possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
        spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
        train trout tulip turtle wardrobe whale willow_tree wolf woman worm""".split()
