"""Parts of all image data sets: the base class, files on the disk, downloads."""
import hashlib
import os
import urllib.error
import urllib.request

import numpy as np

from fastnn._tensor import from_array
from fastnn.random import Generator
from fastnn.serialization.files import replacing
from fastnn.utils.data import Dataset
from fastnn.utils.data._rows import take_rows
from fastnn.vision.transforms.images import batch_of, image_from_array, takes_arrays

__all__ = ["FakeData", "VisionDataset"]


class DownloadError(RuntimeError, OSError):
    """Files are missing and could not be downloaded."""


class StandardTransform:
    """A transform of the image and one of the target, as one of both."""

    def __init__(self, transform=None, target_transform=None):
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, image, target):
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self):
        lines = ["StandardTransform"]
        for head, transform in (("Transform: ", self.transform), ("Target transform: ", self.target_transform)):
            if transform is not None:
                first, *rest = repr(transform).splitlines()
                lines += [head + first] + [" " * len(head) + line for line in rest]
        return "\n".join(lines)


class VisionDataset(Dataset):
    """Base class of image data sets; subclasses define ``__getitem__`` and ``__len__``.

    Same as torchvision.datasets.VisionDataset.

    Parameters
    ----------
    root : path, optional
    transforms : callable, optional
        (image, target) -> (image, target). Excludes the next two.
    transform, target_transform : callable, optional

    Raises
    ------
    ValueError
        `transforms` and one of the others are given.

    Examples
    --------
    >>> from fastnn.vision import datasets
    >>> class Blank(datasets.VisionDataset):
    ...     def __getitem__(self, index):
    ...         return fastnn.zeros(1, 2, 2), 0
    ...
    ...     def __len__(self):
    ...         return 3
    >>> Blank()
    Dataset Blank
        Number of datapoints: 3
    """

    def __init__(self, root=None, transforms=None, transform=None, target_transform=None):
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def __len__(self):
        raise NotImplementedError

    def __repr__(self):
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if getattr(self, "transforms", None) is not None:
            lines.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}"] + ["    " + line for line in lines])

    def extra_repr(self):
        """More lines of the representation."""
        return ""


class ArrayImages(VisionDataset):
    """Images that are all in memory: subclasses set an array by `images()` and `targets`."""

    def images(self):
        """uint8 array (N, H, W) or (N, H, W, 3)."""
        raise NotImplementedError

    def target(self, index):
        return int(self.targets[index])

    def __getitem__(self, index):
        image, target = self.images()[index], self.target(index)
        # PIL images for transforms of others, as in torchvision; ours take the array without the detour.
        if not takes_arrays(self.transform):
            image = image_from_array(image)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __getbatch__(self, indices):
        transform = batch_of(self.transform)
        if transform is None or self.target_transform is not None:
            return None
        images = transform(take_rows(self.images(), indices))
        if images is None:
            return None
        if isinstance(self.targets, list):
            rows = self.targets[indices] if isinstance(indices, slice) else [self.targets[i] for i in indices.tolist()]
            return [from_array(images), from_array(np.array(rows, np.int64))]
        return [from_array(images), from_array(take_rows(np.asarray(self.targets, np.int64), indices))]

    def __len__(self):
        return len(self.images())


class FakeData(VisionDataset):
    """Random images and labels, those of torchvision for the same arguments.

    Same as torchvision.datasets.FakeData.

    Parameters
    ----------
    size : int
        Number of images; default 1000.
    image_size : (channels, height, width)
        Default (3, 224, 224).
    num_classes : int
        Default 10.
    transform, target_transform : callable, optional
        Of the image (a PIL image, unless the transform is one of `fastnn.vision.transforms`) and of its label.
    random_offset : int
        Added to the index to seed an image.

    Examples
    --------
    >>> from fastnn.vision import datasets, transforms
    >>> data = datasets.FakeData(size=4, image_size=(3, 8, 8), transform=transforms.ToTensor())
    >>> image, label = data[0]
    >>> len(data), image.shape, image.dtype
    (4, torch.Size([3, 8, 8]), torch.float32)
    """

    def __init__(self, size=1000, image_size=(3, 224, 224), num_classes=10, transform=None, target_transform=None,
                 random_offset=0):
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.size, self.image_size, self.num_classes, self.random_offset = size, image_size, num_classes, random_offset

    def __getitem__(self, index):
        if not 0 <= index < self.size:
            raise IndexError(f"{type(self).__name__} index out of range")
        generator = Generator().manual_seed(index + self.random_offset)
        image = generator.normal(np.empty(self.image_size, np.float32))
        target = int(generator.randint(0, self.num_classes, 1)[0])
        image = (image * np.float32(255)).astype(np.int64).astype(np.uint8)  # modulo 256, as PyTorch casts
        image = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
        if not takes_arrays(self.transform):
            image = image_from_array(image)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __len__(self):
        return self.size


def choice(value, name, options):
    """An argument that is one of some strings."""
    if not isinstance(value, str):
        raise ValueError(f"Expected type str for argument {name}, but got type {type(value)}.")
    if value not in options:
        raise ValueError(f"Unknown value {value!r} for argument {name}. Valid values are {', '.join(options)}.")
    return value


# ---- files ----

def folders(root, *names):
    """Folders for the files of a data set: under `root`, then under the environment variable FASTNN_DATA."""
    found = [os.path.join(os.fspath(root), *names)]
    if os.environ.get("FASTNN_DATA"):
        found.append(os.path.join(os.environ["FASTNN_DATA"], *names))
    return found


def missing(name, files, directories, advice):
    """The error for files that were not found."""
    return DownloadError(f"{name}: Dataset not found: no {' or '.join(files)} in {' or '.join(directories)}. {advice}; "
                         f"or set the environment variable FASTNN_DATA to a folder that holds {name}'s files in "
                         "torchvision's layout")


def download(name, urls, path, md5, timeout=30):
    """Fetch the first of `urls` that works to `path`, checking its MD5 sum; nothing is left behind on failure."""
    folder = os.path.dirname(path)
    failures = []
    for url in urls:
        try:
            os.makedirs(folder, exist_ok=True)
            digest = hashlib.md5(usedforsecurity=False)
            request = urllib.request.Request(url, headers={"User-Agent": "fastnn"})
            with urllib.request.urlopen(request, timeout=timeout) as answer, replacing(path, name) as file:
                while block := answer.read(1 << 16):
                    digest.update(block)
                    file.write(block)
                if digest.hexdigest() != md5:
                    raise ValueError(f"MD5 sum is {digest.hexdigest()}, expected {md5}")
            return
        except (OSError, ValueError) as error:  # URLError and timeouts are OSErrors
            failures.append(f"{url}: {error.reason if type(error) is urllib.error.URLError else error}")
    raise DownloadError(f"{name}: cannot download {os.path.basename(path)} into {folder}: {'; '.join(failures)}. "
                        "Without a network, put the file there by hand, or set FASTNN_DATA to a folder with "
                        "torchvision's layout")
