"""Files in folders as data sets; folders are classes."""
import os

import numpy as np

from fastnn.keras import config
from fastnn.keras.layers.images import Resizing, resize
from fastnn.keras.utils.images import pillow
from fastnn.keras.utils.pipeline import Dataset
from fastnn.keras.variables import convert
from fastnn.nn import functional as F
from fastnn.training.messages import show

IMAGES = ".bmp", ".gif", ".jpeg", ".jpg", ".png"
CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


def _check(what, labels, label_mode, class_names, format, validation_split, subset, shuffle, seed):
    if labels not in ("inferred", None):
        if not isinstance(labels, (list, tuple)):
            raise ValueError(f"`labels` argument should be a list/tuple of integer labels, of the same size as the "
                             f"number of {what} files in the target directory. If you wish to infer the labels from "
                             f'the subdirectory names in the target directory, pass `labels="inferred"`. If you wish '
                             f"to get a dataset that only contains {what} samples (no labels), pass `labels=None`. "
                             f"Received: labels={labels}")
        if class_names:
            raise ValueError(f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}, and '
                             f"class_names={class_names}")
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: '
                         f"label_mode={label_mode}")
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
    if format == "grain":
        raise NotImplementedError(f"{what}_dataset_from_directory: format='grain' is not implemented")
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {subset}')
    if validation_split and shuffle and seed is None:
        raise ValueError("If using `validation_split` and shuffling the data, you must provide a `seed` argument, to "
                         "make sure that there is no overlap between the training and validation subset.")


def _files(folder, formats, follow_links):
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links), key=lambda each: each[0]):
        for name in sorted(names):
            if name.lower().endswith(formats):
                yield os.path.join(root, name)


def index(directory, labels, formats, class_names=None, shuffle=True, seed=None, follow_links=False, verbose=True):
    """(paths, labels, names of the classes) of a folder, in Keras' order."""
    if labels == "inferred":
        folders = [name for name in sorted(os.listdir(directory))
                   if os.path.isdir(os.path.join(directory, name)) and not name.startswith(".")]
        if class_names is not None:
            if not set(class_names) <= set(folders):
                raise ValueError(f"The `class_names` passed did not match the names of the subdirectories of the "
                                 f"target directory. Expected: {folders} (or a subset of it), but received: "
                                 f"class_names={class_names}")
            folders = list(class_names)
    else:
        if class_names is not None:
            raise ValueError("`class_names` can only be specified when labels are inferred from the folders' names")
        folders = [""]
    found = [list(_files(os.path.join(directory, name), formats, follow_links)) for name in folders]
    paths = [path for each in found for path in each]
    if labels == "inferred":
        class_names = folders
        labels = np.repeat(np.arange(len(found), dtype=np.int32), [len(each) for each in found])
    elif labels is not None:
        if len(labels) != len(paths):
            raise ValueError(f"Expected the lengths of `labels` to match the number of files in the target directory. "
                             f"len(labels) is {len(labels)} while we found {len(paths)} files in directory "
                             f"{directory}.")
        class_names = [str(label) for label in sorted(set(labels))]
        labels = np.asarray(labels)
    if verbose:
        show(f"Found {len(paths)} files." if labels is None else
             f"Found {len(paths)} files belonging to {len(class_names)} classes.")
    if shuffle:
        order = np.arange(len(paths))
        np.random.RandomState(np.random.randint(1e6) if seed is None else seed).shuffle(order)
        paths, labels = [paths[i] for i in order], None if labels is None else labels[order]
    return paths, labels, class_names


def _parts(paths, labels, validation_split, subset):
    """Pairs (paths, labels) of what `subset` asks for."""
    if not validation_split:
        return [(paths, labels)]
    count = int(validation_split * len(paths))
    made = []
    for name in ("training", "validation") if subset == "both" else (subset,):
        cut = slice(None, -count) if name == "training" else slice(-count, None)
        show(f"Using {len(paths) - count if name == 'training' else count} files for {name}.")
        made.append((paths[cut], None if labels is None else labels[cut]))
    return made


def _targets(labels, label_mode, classes):
    if label_mode == "binary":
        return labels.astype(np.float32)[:, None]
    return np.eye(classes, dtype=np.float32)[labels] if label_mode == "categorical" else labels


def _dataset(what, read, formats, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
             validation_split, subset, follow_links, format, verbose):
    """The data sets of `read(path)` and labels."""
    _check(what, labels, label_mode, class_names, format, validation_split, subset, shuffle, seed)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = np.random.randint(1e6) if seed is None else seed
    paths, labels, class_names = index(directory, labels, formats, class_names, shuffle, seed, follow_links, verbose)
    if label_mode == "binary" and len(class_names) != 2:
        raise ValueError(f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: '
                         f"class_names={class_names}")
    made = []
    for number, (names, own) in enumerate(_parts(paths, labels, validation_split, subset)):
        if not names:
            raise ValueError(f"No {what} files found in directory {directory}. Allowed formats: {formats}")
        targets = None if own is None else _targets(own, label_mode, len(class_names))
        dataset = Dataset.range(len(names))
        if shuffle and number == 0:
            dataset = dataset.shuffle(batch_size * 8 if batch_size else 1024, seed=seed)

        def element(i, names=names, targets=targets):
            i = int(i)
            return read(names[i]) if targets is None else (read(names[i]), convert(targets[i]))
        dataset = dataset.map(element)
        if batch_size is not None:
            dataset = dataset.batch(batch_size)
        dataset.class_names, dataset.file_paths = class_names, names
        made.append(dataset)
    return made if subset == "both" else made[0]


def image_dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None, color_mode="rgb",
                                 batch_size=32, image_size=(256, 256), shuffle=True, seed=None, validation_split=None,
                                 subset=None, interpolation="bilinear", follow_links=False, crop_to_aspect_ratio=False,
                                 pad_to_aspect_ratio=False, data_format=None, format="tf", verbose=True):
    """Batches of the images in a folder, read by Pillow, with labels by the names of subfolders.

    Parameters
    ----------
    directory : path
    labels : "inferred", None or list of int
        From the subfolders, none, or one for each file in the order of their paths.
    label_mode : "int", "categorical", "binary" or None
        Numbers, rows of one-hot, or 0 and 1 as floating numbers.
    class_names : list of str, optional
        The subfolders to take, in this order.
    color_mode : "rgb", "rgba" or "grayscale"
    batch_size : int or None
        None: single images.
    image_size : pair of int
        What images are resized to.
    shuffle, seed
        Order at random, by NumPy's old generator as in Keras; a buffer of eight batches is mixed in every pass.
    validation_split, subset
        The share of the last files, and which part is wanted: "training", "validation" or "both".
    interpolation : "bilinear", "nearest", "bicubic" or "area"
    crop_to_aspect_ratio, pad_to_aspect_ratio : bool
        Keep proportions by cropping, or by zeros around the image.
    data_format, follow_links, format, verbose
        As in Keras; ``format="grain"`` is not implemented.

    Returns
    -------
    Dataset, or a list of two with ``subset="both"``
        With `class_names` and `file_paths`. Images are float32 of 0 .. 255.
    """
    if color_mode not in CHANNELS:
        raise ValueError(f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: '
                         f"color_mode={color_mode}")
    image_size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(image_size, (list, tuple)) or len(image_size) != 2:
        raise ValueError(f"Invalid `image_size` value. Expected a tuple of 2 integers. Received: "
                         f"image_size={image_size}")
    interpolation = interpolation.lower()
    known = "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"
    if interpolation not in known:
        raise ValueError(f"Argument `interpolation` should be one of {known}. Received: interpolation={interpolation}")
    if interpolation not in known[:4]:
        raise NotImplementedError(f"image_dataset_from_directory: interpolation={interpolation!r} is not implemented")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    data_format = config.standardize_data_format(data_format)
    image = pillow("image_dataset_from_directory")
    mode = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}[color_mode]

    def read(path):
        with image.open(path) as img:
            x = np.asarray(img.convert(mode), np.float32)
        x = convert(x if x.ndim == 3 else x[:, :, None])
        made = _resized(x, tuple(image_size), interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio)
        return made.permute(2, 0, 1) if data_format == "channels_first" else made
    return _dataset("image", read, IMAGES, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
                    validation_split, subset, follow_links, format, verbose)


def _resized(x, size, interpolation, crop, pad):
    if tuple(x.shape[:2]) == size:
        return x
    if interpolation == "area":
        return F.interpolate(x.permute(2, 0, 1)[None], size=size, mode="area")[0].permute(1, 2, 0)
    if crop or pad:
        return Resizing(*size, interpolation, crop, pad).call(x)
    return resize(x[None], size, interpolation)[0]


def text_dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None, batch_size=32,
                                max_length=None, shuffle=True, seed=None, validation_split=None, subset=None,
                                follow_links=False, format="tf", verbose=True):
    """Batches of the texts (files ``.txt``, UTF-8) in a folder, with labels by the names of subfolders.

    Parameters
    ----------
    max_length : int, optional
        Bytes of a text that are kept.
    directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, \
format, verbose
        As of `image_dataset_from_directory`.

    Returns
    -------
    Dataset, or a list of two with ``subset="both"``
        Texts as arrays of strings.
    """
    def read(path):
        with open(path, "rb") as file:
            return file.read(-1 if max_length is None else max_length).decode("utf-8", errors="replace")
    return _dataset("text", read, (".txt",), directory, labels, label_mode, class_names, batch_size, shuffle, seed,
                    validation_split, subset, follow_links, format, verbose)


def audio_dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None, batch_size=32,
                                 sampling_rate=None, output_sequence_length=None, ragged=False, shuffle=True,
                                 seed=None, validation_split=None, subset=None, follow_links=False, verbose=True):
    """Batches of the sounds (files ``.wav`` of 16 bits) in a folder: (batch, samples, channels) of -1 .. 1.

    Parameters
    ----------
    sampling_rate : int, optional
        Not implemented: sounds keep their rate.
    output_sequence_length : int, optional
        Samples; shorter sounds are padded with zeros. Without it those of a batch are padded to the longest.
    ragged : bool
        Not implemented.
    directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, \
verbose
        As of `image_dataset_from_directory`.
    """
    import wave
    if ragged or sampling_rate is not None:
        raise NotImplementedError("audio_dataset_from_directory: ragged and sampling_rate are not implemented")

    def read(path):
        with wave.open(path, "rb") as sound:
            if sound.getsampwidth() != 2:
                raise ValueError(f"{path}: expected a sound of 16 bits, got {8 * sound.getsampwidth()}")
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, sound.getnchannels())
        x = samples.astype(np.float32) / 32768
        if output_sequence_length is not None:
            x = np.pad(x[:output_sequence_length], ((0, max(output_sequence_length - len(x), 0)), (0, 0)))
        return convert(x)
    found = _dataset("audio", read, (".wav",), directory, labels, label_mode, class_names,
                     batch_size if output_sequence_length is not None else None, shuffle, seed, validation_split,
                     subset, follow_links, "tf", verbose)
    if output_sequence_length is not None or batch_size is None:
        return found
    made = []
    for dataset in found if subset == "both" else [found]:
        padded = dataset.padded_batch(batch_size)
        padded.class_names, padded.file_paths = dataset.class_names, dataset.file_paths
        made.append(padded)
    return made if subset == "both" else made[0]
