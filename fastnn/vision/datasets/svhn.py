"""Street View House Numbers: 32 x 32 colour images of digits, in files of MATLAB."""
import os

import numpy as np

from fastnn.errors import FileFormatError
from fastnn.vision.datasets.vision import ArrayImages, choice, download, folders, missing

__all__ = ["SVHN"]


class SVHN(ArrayImages):
    """House numbers' digits from photographs: 73,257 images of 32 x 32 for training, 26,032 for tests (Netzer 2011).

    Same as torchvision.datasets.SVHN; needs SciPy, which reads the files.

    Parameters
    ----------
    root : path
        Folder of the files; then ``$FASTNN_DATA`` is searched.
    split : {"train", "test", "extra"}
    transform, target_transform : callable, optional
        Of the image (a PIL image, unless the transform is one of `fastnn.vision.transforms`) and of its label.
    download : bool
        Whether the file is downloaded into `root` if it is in neither folder.

    Attributes
    ----------
    data : ndarray
        uint8 (N, 3, 32, 32), an array as in torchvision.
    labels : ndarray
        int64 (N,).

    Raises
    ------
    ImportError
        SciPy is not installed.
    RuntimeError
        The file is missing, or cannot be downloaded.
    ValueError
        The split is another, or the file is damaged.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> sorted(datasets.SVHN.split_list)
    ['extra', 'test', 'train']
    """

    split_list = {name: [f"http://ufldl.stanford.edu/housenumbers/{name}_32x32.mat", f"{name}_32x32.mat", md5]
                  for name, md5 in (("train", "e26dedcc434d2e4c54c9b2d4a06d8373"),
                                    ("test", "eb5a983be6a315427106f1b164d9cef3"),
                                    ("extra", "a93ce644f1a588dc4d68dda5feec44a7"))}

    def __init__(self, root, split="train", transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = choice(split, "split", self.split_list)
        self.url, self.filename, self.file_md5 = self.split_list[split]
        path = self._find(download)
        contents = _loadmat(path)
        try:
            images, labels = contents["X"], contents["y"]
        except KeyError as error:
            raise FileFormatError(f"{path}: expected the arrays X and y, there is no {error}") from None
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[2] != 3 or labels.size != images.shape[3]:
            raise FileFormatError(f"{path}: expected X of uint8 (H, W, 3, N) and N numbers y, got {images.dtype} "
                                  f"{images.shape} and {labels.shape}")
        self._rows = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
        self.labels = labels.astype(np.int64).reshape(-1) % 10  # the digit 0 is written as 10

    def _find(self, fetch):
        directories = folders(self.root)
        for directory in directories:
            if os.path.isfile(path := os.path.join(directory, self.filename)):
                return path
        if not fetch:
            raise missing("SVHN", [self.filename], directories, "You can use download=True to download it")
        path = os.path.join(os.fspath(self.root), self.filename)
        download("SVHN", [self.url], path, self.file_md5)
        return path

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


def _loadmat(path):
    try:
        import scipy.io
    except ImportError as error:
        raise ImportError("datasets.SVHN: its files are read by SciPy, which is not installed: pip install scipy",
                          name="scipy") from error
    try:
        return scipy.io.loadmat(path)
    except Exception as error:  # of many kinds, IndexError and zlib.error among them
        raise FileFormatError(f"{path}: no file of MATLAB, or a damaged one: {error}") from None
