"""Images as networks for ImageNet take them, and the names of its classes."""
import json
import warnings

import numpy as np

from fastnn.keras import config, ops
from fastnn.keras.ops.common import floating
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.utils.files import get_file
from fastnn.keras.variables import array_of

_MEANS = {"caffe": (103.939, 116.779, 123.68), "torch": (0.485, 0.456, 0.406)}
_SCALES = {"torch": (0.229, 0.224, 0.225)}
_classes = {}


def preprocess_input(x, data_format=None, mode="caffe"):
    """Images of 0 .. 255 as a network was trained on.

    Parameters
    ----------
    x : array or tensor
        Images, or one image.
    data_format : "channels_last" or "channels_first", optional
    mode : "caffe", "tf" or "torch"
        Blue, green, red less their means; -1 .. 1; or 0 .. 1 less the means, divided by the standard deviations.

    Returns
    -------
    array or tensor
        A new one, of a floating type.
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}")
    if data_format not in (None, "channels_first", "channels_last"):
        raise ValueError(f"Expected data_format to be one of `channels_first` or `channels_last`. Received: "
                         f"data_format={data_format}")
    last = config.standardize_data_format(data_format) == "channels_last"
    if isinstance(x, np.ndarray):
        x = x if np.issubdtype(x.dtype, np.floating) else x.astype(config.floatx())
    elif not isinstance(x, KerasTensor):
        x = floating(x)
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = len(x.shape) - (1 if last else 3)
    if mode == "torch":
        x = x / 255.0
    elif isinstance(x, np.ndarray):
        x = np.flip(x, axis)
    else:
        x = ops.flip(x, axis)

    def along(numbers):
        return np.asarray(numbers, array_of(x).dtype if not isinstance(x, KerasTensor) else x.dtype).reshape(
            [3 if i == axis else 1 for i in range(len(x.shape))])
    made = x - along(_MEANS[mode])
    return made / along(_SCALES[mode]) if mode in _SCALES else made


def decode_predictions(preds, top=5):
    """For each row of 1000 scores, the best classes: lists of (WordNet's number, name, score).

    Raises
    ------
    ValueError
        The scores are not (rows, 1000).
    """
    if len(preds.shape) != 2 or preds.shape[1] != 1000:
        raise ValueError(f"`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, "
                         f"1000)). Received array with shape: {tuple(preds.shape)}")
    if not _classes:
        path = get_file("imagenet_class_index.json", cache_subdir="models",
                        origin="https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
                        file_hash="c2c37ea517e94d9795004a39431a14cb")
        with open(path, encoding="utf-8") as file:
            _classes.update(json.load(file))
    scores = array_of(preds)
    best = np.argsort(scores, 1)[:, ::-1][:, :top]
    return [[(*_classes[str(i)], row[i]) for i in order] for row, order in zip(scores, best)]


def obtain_input_shape(input_shape, default_size, min_size, data_format, require_flatten, weights=None):
    """The shape of a network's images.

    Raises
    ------
    ValueError
        It cannot be that of the weights, or is too small, or not known where it must be.
    """
    last = data_format == "channels_last"

    def shape(channels, size=default_size):
        return (size, size, channels) if last else (channels, size, size)
    channels = 3
    if weights != "imagenet" and input_shape and len(input_shape) == 3:
        channels = input_shape[-1 if last else 0]
        if channels not in (1, 3):
            warnings.warn(f"This model usually expects 1 or 3 input channels. However, it was passed an input_shape "
                          f"with {channels} input channels.", stacklevel=4)
    if weights == "imagenet" and require_flatten:
        if input_shape is not None and tuple(input_shape) != shape(channels):
            raise ValueError(f"When setting `include_top=True` and loading `imagenet` weights, `input_shape` should be "
                             f"{shape(channels)}. Received: input_shape={input_shape}")
        return shape(channels)
    if not input_shape:
        return shape(3) if require_flatten else shape(3, None)
    if len(input_shape) != 3:
        raise ValueError("`input_shape` must be a tuple of three integers.")
    if weights == "imagenet" and input_shape[-1 if last else 0] != 3:
        raise ValueError(f"The input must have 3 channels; Received `input_shape={input_shape}`")
    if any(n is not None and n < min_size for n in (input_shape[:2] if last else input_shape[1:])):
        raise ValueError(f"Input size must be at least {min_size}x{min_size}; Received: input_shape={input_shape}")
    if require_flatten and None in input_shape:
        raise ValueError(f"If `include_top` is True, you should specify a static `input_shape`. Received: "
                         f"input_shape={input_shape}")
    return tuple(input_shape)
