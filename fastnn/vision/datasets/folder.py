"""Data sets whose classes are folders of files."""
import os

from fastnn.vision.datasets.vision import VisionDataset
from fastnn.vision.transforms.images import pillow

__all__ = ["DatasetFolder", "ImageFolder"]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def has_file_allowed_extension(filename, extensions):
    """Whether a name ends, in small letters, with one of these."""
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename):
    """Whether a name ends as an image's."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory):
    """(names of the folders in a folder, sorted; {name: number})."""
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(directory, class_to_idx=None, extensions=None, is_valid_file=None, allow_empty=False):
    """[(path, number of the class)] of all files below a folder, in sorted order; see `DatasetFolder`."""
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        class_to_idx = find_classes(directory)[1]
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    accepts = is_valid_file or (lambda path: has_file_allowed_extension(path, extensions))
    samples, empty = [], []
    for name in sorted(class_to_idx):
        before = len(samples)
        for folder, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=True)):
            paths = [os.path.join(folder, file) for file in sorted(files)]
            samples += [(path, class_to_idx[name]) for path in paths if accepts(path)]
        if len(samples) == before:
            empty.append(name)
    if empty and not allow_empty:
        kinds = extensions if extensions is None or isinstance(extensions, str) else ", ".join(extensions)
        raise FileNotFoundError(f"Found no valid file for the classes {', '.join(empty)}. "
                                + ("" if kinds is None else f"Supported extensions are: {kinds}"))
    return samples


def pil_loader(path):
    """An image file as a PIL image with the channels RGB."""
    images = pillow("ImageFolder")
    with open(path, "rb") as file:
        return images.open(file).convert("RGB")


default_loader = pil_loader


class DatasetFolder(VisionDataset):
    """Files in a folder for each class: ``root/class/.../file``.

    Same as torchvision.datasets.DatasetFolder. Subclasses may replace `find_classes` and `make_dataset`.

    Parameters
    ----------
    root : path
    loader : callable
        path -> sample.
    extensions : sequence of str, optional
        Ends of the names of files that are taken, in small letters. Excludes `is_valid_file`.
    transform, target_transform : callable, optional
        Of the sample and of the number of its class.
    is_valid_file : callable, optional
        path -> whether the file is taken.
    allow_empty : bool
        Whether a class may have no files; default False.

    Attributes
    ----------
    classes : list of str
        Names of the folders, sorted.
    class_to_idx : dict
    samples : list of (path, number of the class)
    targets : list of int

    Raises
    ------
    FileNotFoundError
        There are no folders, or one has no file that is taken.
    ValueError
        Both or neither of `extensions` and `is_valid_file` are given.

    Examples
    --------
    >>> import os
    >>> import tempfile
    >>> from fastnn.vision import datasets
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("cat", "dog"):
    ...         os.mkdir(os.path.join(root, name))
    ...         np.save(os.path.join(root, name, "0.npy"), np.ones(2))
    ...     data = datasets.DatasetFolder(root, np.load, (".npy",))
    ...     data.classes, data[1]
    (['cat', 'dog'], (array([1., 1.]), 1))
    """

    def __init__(self, root, loader, extensions=None, transform=None, target_transform=None, is_valid_file=None,
                 allow_empty=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, class_to_idx=self.class_to_idx, extensions=extensions,
                                         is_valid_file=is_valid_file, allow_empty=allow_empty)
        self.loader, self.extensions = loader, extensions
        self.targets = [number for _, number in self.samples]

    @staticmethod
    def make_dataset(directory, class_to_idx, extensions=None, is_valid_file=None, allow_empty=False):
        """[(path, number of the class)] of the files that are taken.

        Parameters
        ----------
        directory : path
        class_to_idx : dict
            {name of a folder: number}
        extensions, is_valid_file, allow_empty
            As those of the data set.
        """
        if class_to_idx is None:
            raise ValueError("The class_to_idx parameter cannot be None.")
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory):
        """(names of the classes, {name: number}) of a folder.

        Parameters
        ----------
        directory : path
        """
        return find_classes(directory)

    def __getitem__(self, index):
        path, target = self.samples[index]
        sample = self.loader(path)
        if self.transform is not None:
            sample = self.transform(sample)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return sample, target

    def __len__(self):
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images in a folder for each class: ``root/class/.../image.png``.

    Same as torchvision.datasets.ImageFolder; needs Pillow, unless the loader is another.

    Parameters
    ----------
    root : path
    transform, target_transform : callable, optional
        Of the image (a PIL image, if the loader makes none other) and of the number of its class.
    loader : callable, optional
        path -> image; default a PIL image with the channels RGB.
    is_valid_file : callable, optional
        path -> whether the file is taken; default by the ends of names of images.
    allow_empty : bool
        Whether a class may have no files; default False.

    Attributes
    ----------
    classes : list of str
        Names of the folders, sorted.
    class_to_idx : dict
    imgs, samples : list of (path, number of the class)
    targets : list of int

    Raises
    ------
    FileNotFoundError
        There are no folders, or one has no image.
    ImportError
        When an image is asked for: Pillow is not installed.

    Examples
    --------
    >>> from fastnn.vision import datasets, transforms
    >>> data = datasets.ImageFolder("photographs", transforms.ToTensor())  # doctest: +SKIP
    >>> image, label = data[0]  # doctest: +SKIP
    """

    def __init__(self, root, transform=None, target_transform=None, loader=default_loader, is_valid_file=None,
                 allow_empty=False):
        super().__init__(root, loader, IMG_EXTENSIONS if is_valid_file is None else None, transform, target_transform,
                         is_valid_file, allow_empty)
        self.imgs = self.samples
