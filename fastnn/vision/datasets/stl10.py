"""STL-10: 96 x 96 colour images, few of them with labels."""
import os
import shutil
import tarfile
import zlib

import numpy as np

from fastnn.errors import FileFormatError
from fastnn.serialization.files import replacing
from fastnn.vision.datasets.vision import ArrayImages, choice, download, folders, missing

__all__ = ["STL10"]


class STL10(ArrayImages):
    """Photographs of 96 x 96 of ten classes: 5,000 for training, 8,000 for tests, 100,000 without labels (Coates 2011).

    Same as torchvision.datasets.STL10.

    Parameters
    ----------
    root : path
        The files are searched for in ``root/stl10_binary``, then in ``$FASTNN_DATA/stl10_binary``.
    split : {"train", "test", "unlabeled", "train+unlabeled"}
    folds : int, optional
        One of the ten sets of 1,000 of the training images, 0 to 9; default all images.
    transform, target_transform : callable, optional
        Of the image (a PIL image, unless the transform is one of `fastnn.vision.transforms`) and of its label.
    download : bool
        Whether the archive is downloaded and unpacked into `root` if the files are in neither directory.

    Attributes
    ----------
    data : ndarray
        uint8 (N, 3, 96, 96), an array as in torchvision.
    labels : ndarray
        From 0 to 9; -1 where there is none.
    classes : list of str
        If the file ``class_names.txt`` is there.

    Raises
    ------
    RuntimeError
        The files are missing, or cannot be downloaded.
    ValueError
        The split or the fold is another, or a file is damaged.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> datasets.STL10.splits
    ('train', 'train+unlabeled', 'unlabeled', 'test')
    """

    base_folder = "stl10_binary"
    url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    filename = "stl10_binary.tar.gz"
    tgz_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    class_names_file = "class_names.txt"
    folds_list_file = "fold_indices.txt"
    splits = ("train", "train+unlabeled", "unlabeled", "test")

    def __init__(self, root, split="train", folds=None, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split, self.folds = choice(split, "split", self.splits), _fold(folds)
        parts = split.split("+")
        files = [f"{part}_{kind}.bin" for part in parts for kind in ("X", "y")[:1 if part == "unlabeled" else 2]]
        folder = self._find(files, download)
        found = [self._read(folder, part) for part in parts]
        self._rows = np.concatenate([images for images, _ in found])
        self.labels = np.concatenate([labels for _, labels in found])
        names = os.path.join(folder, self.class_names_file)
        if os.path.isfile(names):
            with open(names, encoding="utf-8") as file:
                self.classes = file.read().splitlines()

    def _find(self, files, fetch):
        directories = folders(self.root, self.base_folder)
        for directory in directories:
            if all(os.path.isfile(os.path.join(directory, name)) for name in files):
                return directory
        if not fetch:
            raise missing("STL10", files[:1], directories, "You can use download=True to download it")
        archive = os.path.join(os.fspath(self.root), self.filename)
        download("STL10", [self.url], archive, self.tgz_md5)
        self._unpack(archive, directories[0])
        return directories[0]

    def _unpack(self, archive, directory):
        os.makedirs(directory, exist_ok=True)
        names = [f"{part}_{kind}.bin" for part in ("train", "test") for kind in "Xy"]
        try:
            with tarfile.open(archive) as tar:
                for name in (*names, "unlabeled_X.bin", self.class_names_file, self.folds_list_file):
                    member = tar.extractfile(f"{self.base_folder}/{name}")
                    if member is None:
                        raise FileFormatError(f"{name} is no file")
                    with member, replacing(os.path.join(directory, name), "STL10") as file:
                        shutil.copyfileobj(member, file)
        except (tarfile.TarError, EOFError, zlib.error, KeyError, ValueError) as error:
            raise FileFormatError(f"{archive}: damaged: {error}") from None

    def _read(self, folder, part):
        path = os.path.join(folder, f"{part}_X.bin")
        data = np.fromfile(path, np.uint8)
        if data.size == 0 or data.size % (3 * 96 * 96):
            raise FileFormatError(f"{path}: expected images of {3 * 96 * 96} bytes, got {data.size} bytes")
        images = np.ascontiguousarray(data.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1))  # columns lie first
        if part == "unlabeled":
            return images, np.full(len(images), -1)
        path = os.path.join(folder, f"{part}_y.bin")
        labels = np.fromfile(path, np.uint8)
        if labels.shape != (len(images),) or labels.min() < 1 or labels.max() > 10:
            raise FileFormatError(f"{path}: expected {len(images)} labels from 1 to 10, got {labels.size} labels"
                                  + (f" from {labels.min()} to {labels.max()}" if labels.size else ""))
        labels = labels - np.uint8(1)
        if self.folds is None or part != "train":
            return images, labels
        rows = self._fold_rows(os.path.join(folder, self.folds_list_file), len(images))
        return images[rows], labels[rows]

    def _fold_rows(self, path, count):
        if not os.path.isfile(path):
            raise missing("STL10", [self.folds_list_file], [os.path.dirname(path)], "folds needs it")
        with open(path, encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()
        try:
            rows = np.array(lines[self.folds].split(), np.int64)
        except (IndexError, ValueError) as error:
            raise FileFormatError(f"{path}: expected ten lines of numbers: {error}") from None
        if not rows.size or rows.min() < 0 or rows.max() >= count:
            raise FileFormatError(f"{path}: expected numbers of {count} images in line {self.folds + 1}")
        return rows

    @property
    def data(self):
        return self._rows.transpose(0, 3, 1, 2)

    @property
    def targets(self):
        return self.labels

    def images(self):
        return self._rows

    def extra_repr(self):
        return f"Split: {self.split}"


def _fold(folds):
    if folds is not None and not isinstance(folds, int):
        raise ValueError(f"Expected type None or int for argument folds, but got type {type(folds)}.")
    if folds is not None and folds not in range(10):
        raise ValueError(f"Value for argument folds should be in the range [0, 10), but got {folds}.")
    return folds
