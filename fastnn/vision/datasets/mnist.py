"""MNIST and data sets in its format: 28 x 28 grey images in IDX files."""
import os
import shutil
import string
import warnings
import zipfile
import zlib

import numpy as np

from fastnn._tensor import from_array
from fastnn.errors import FileFormatError
from fastnn.serialization.files import replacing
from fastnn.vision.datasets.idx import read_idx
from fastnn.vision.datasets.vision import ArrayImages, choice, download, folders, missing

__all__ = ["EMNIST", "FashionMNIST", "KMNIST", "MNIST"]


class MNIST(ArrayImages):
    """Handwritten digits: 60,000 grey images of 28 x 28 for training and 10,000 for tests (LeCun et al. 1998).

    Same as torchvision.datasets.MNIST.

    Parameters
    ----------
    root : path
        The files are searched for in ``root/MNIST/raw``, as torchvision stores them, compressed or not; then in
        ``$FASTNN_DATA/MNIST/raw``.
    train : bool
        The images for training (default) or for tests.
    transform, target_transform : callable, optional
        Of the image (a PIL image, unless the transform is one of `fastnn.vision.transforms`) and of its label.
    download : bool
        Whether files that are in neither folder are downloaded into ``root/MNIST/raw``, and checked.

    Attributes
    ----------
    data : Tensor
        uint8 (N, 28, 28).
    targets : Tensor
        int64 (N,).
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
    >>> datasets.MNIST.classes[:2]
    ['0 - zero', '1 - one']
    """

    mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"]
    resources = [("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
                 ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
                 ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
                 ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c")]
    classes = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
               "8 - eight", "9 - nine"]

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        images_file, labels_file = self.resources[:2] if train else self.resources[2:]
        images_path = self._find(*images_file, download)
        labels_path = self._find(*labels_file, download)
        images, labels = read_idx(images_path), read_idx(labels_path)
        if images.ndim != 3 or images.dtype != np.uint8:
            raise ValueError(f"{images_path}: expected uint8 images (N, H, W), got {images.dtype} {images.shape}")
        if labels.shape != images.shape[:1] or labels.dtype != np.uint8:
            raise ValueError(f"{labels_path}: expected {len(images)} uint8 labels, got {labels.dtype} {labels.shape}")
        if len(labels) and labels.max() >= len(self.classes):
            raise ValueError(f"{labels_path}: expected labels below {len(self.classes)}, got {labels.max()}")
        self.data = from_array(images)
        self.targets = from_array(labels.astype(np.int64))

    def _find(self, name, md5, fetch):
        plain = name.removesuffix(".gz")
        directories = folders(self.root, type(self).__name__, "raw")
        for directory in directories:
            for candidate in (plain, name):
                path = os.path.join(directory, candidate)
                if os.path.isfile(path):
                    return path
        if not fetch:
            raise missing(type(self).__name__, [plain, name], directories, "You can use download=True to download it")
        return self._fetch(name, md5)

    def _fetch(self, name, md5):
        path = os.path.join(self.raw_folder, name)
        download(type(self).__name__, [mirror + name for mirror in self.mirrors], path, md5)
        return path

    def images(self):
        return self.data.numpy()

    @property
    def raw_folder(self):
        """The folder for downloads."""
        return os.path.join(os.fspath(self.root), type(self).__name__, "raw")

    @property
    def class_to_idx(self):
        """Numbers of the classes."""
        return {name: i for i, name in enumerate(self.classes)}

    # Names that torchvision keeps for older programs.
    train_data = test_data = property(lambda self: _renamed(self, "data"))
    train_labels = test_labels = property(lambda self: _renamed(self, "targets"))

    def extra_repr(self):
        return f"Split: {'Train' if self.train is True else 'Test'}"


def _renamed(dataset, name):
    warnings.warn(f"this attribute has been renamed {name}", UserWarning, stacklevel=3)
    return getattr(dataset, name)


class FashionMNIST(MNIST):
    """Zalando's images of clothes, in MNIST's format (Xiao et al. 2017).

    Same as torchvision.datasets.FashionMNIST.

    Parameters
    ----------
    root, train, transform, target_transform, download
        As in `MNIST`, with the folder ``FashionMNIST/raw``.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> datasets.FashionMNIST.classes[:2]
    ['T-shirt/top', 'Trouser']
    """

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                 ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
                 ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
                 ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310")]
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


class KMNIST(MNIST):
    """Cursive Japanese characters, in MNIST's format (Clanuwat et al. 2018).

    Same as torchvision.datasets.KMNIST.

    Parameters
    ----------
    root, train, transform, target_transform, download
        As in `MNIST`, with the folder ``KMNIST/raw``.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> datasets.KMNIST.classes[:2]
    ['o', 'ki']
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
                 ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
                 ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
                 ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134")]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class EMNIST(MNIST):
    """Handwritten digits and letters, in MNIST's format (Cohen et al. 2017).

    Same as torchvision.datasets.EMNIST. As there, the images lie on their sides: rows and columns are exchanged.

    Parameters
    ----------
    root : path
        As in `MNIST`, with the folder ``EMNIST/raw``.
    split : {"byclass", "bymerge", "balanced", "letters", "digits", "mnist"}
        Which characters, and whether capital and small letters that look the same are one class.
    train, transform, target_transform, download
        As in `MNIST`; the download has all splits.

    Raises
    ------
    ValueError
        The split is another, or a file is damaged.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> len(datasets.EMNIST.classes_split_dict["balanced"])
    47
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    _merged = sorted({*string.digits, *string.ascii_letters} - {*"cijklmopsuvwxyz"})
    classes_split_dict = {"byclass": sorted(string.digits + string.ascii_letters), "bymerge": _merged,
                          "balanced": _merged, "letters": ["N/A", *string.ascii_lowercase],
                          "digits": [*string.digits], "mnist": [*string.digits]}

    def __init__(self, root, split, train=True, transform=None, target_transform=None, download=False):
        self.split = choice(split, "split", self.splits)
        self.classes = self.classes_split_dict[split]
        self.resources = [(f"emnist-{split}-{part}-{kind}-ubyte.gz", None) for part in ("train", "test")
                          for kind in ("images-idx3", "labels-idx1")]
        super().__init__(root, train, transform, target_transform, download)

    def _fetch(self, name, md5):
        archive = os.path.join(self.raw_folder, "gzip.zip")
        if not os.path.isfile(archive):
            download(type(self).__name__, [self.url], archive, self.md5)
        path = os.path.join(self.raw_folder, name)
        try:
            with zipfile.ZipFile(archive) as files, files.open(f"gzip/{name}") as member, \
                    replacing(path, type(self).__name__) as file:
                shutil.copyfileobj(member, file)
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
            raise FileFormatError(f"{archive}: damaged: {error}") from None
        return path
