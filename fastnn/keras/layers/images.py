"""Sizes of images: resizing and cropping; and sampling them along an affine map."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.conv import to_channels_first, to_channels_last
from fastnn.keras.variables import array_of, convert
from fastnn.nn import functional as F
from fastnn.ops.indexing import where

INTERPOLATIONS = "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"
FILL_MODES = "constant", "nearest", "wrap", "mirror", "reflect"


def resize(images, size, interpolation="bilinear", antialias=False, channels_last=True):
    """Images (batch, ...) of another height and width; whole numbers are rounded."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"Invalid value for argument `interpolation`. Expected of one {INTERPOLATIONS}. Received: "
                         f"interpolation={interpolation}")
    x = to_channels_first(images) if channels_last else images
    whole = not x.is_floating_point()
    x = x.float() if whole else x
    smooth = interpolation != "nearest"  # whose pixels are those at the middles
    if interpolation.startswith("lanczos"):
        y = x
        for axis, n in zip((2, 3), size):
            y = weighted(y, axis, n, n / x.shape[axis], 0.0, interpolation, antialias)
    else:
        y = F.interpolate(x, size=tuple(size), mode=interpolation if smooth else "nearest-exact",
                          align_corners=False if smooth else None, antialias=antialias and smooth)
    if whole:
        y = y.round()
        if images.dtype.name == "uint8":
            y = y.clamp(0, 255)
        y = y.to(images.dtype)
    return to_channels_last(y) if channels_last else y


def _lanczos(x, radius):
    inner = np.where(x > 1e-3, x, 1.0)
    found = radius * np.sin(np.pi * inner) * np.sin(np.pi * inner / radius) / (np.pi * inner) ** 2
    return np.where(x > radius, 0.0, np.where(x > 1e-3, found, 1.0))


def _cubic(x):
    inner, outer = ((1.5 * x - 2.5) * x) * x + 1.0, ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x >= 2.0, 0.0, np.where(x >= 1.0, outer, inner))


KERNELS = {"linear": lambda x: np.maximum(0.0, 1 - x), "cubic": _cubic, "lanczos3": lambda x: _lanczos(x, 3.0),
           "lanczos5": lambda x: _lanczos(x, 5.0)}


def weighted(x, axis, size, scale, translation, kernel, antialias):
    """A tensor with `size` positions along an axis, each the sum of those around ``(i + 0.5 - translation) / scale``
    weighted by a kernel of `KERNELS`, which is widened to smooth what is made smaller."""
    count, step = x.shape[axis], 1.0 / scale
    at = (np.arange(size) + 0.5) * step - translation * step - 0.5
    apart = np.abs(at[None] - np.arange(count)[:, None]) / (max(step, 1.0) if antialias else 1.0)
    weights = KERNELS[kernel](apart)
    total = weights.sum(0, keepdims=True)
    some = np.abs(total) > 1000.0 * np.finfo(np.float32).eps
    weights = np.where(some & (at >= -0.5) & (at <= count - 0.5), weights / np.where(some, total, 1.0), 0.0)
    made = x.movedim(axis, -1) @ from_array(weights.astype(array_of(x).dtype))
    return made.movedim(-1, axis)


def _fixed(index, size, mode):
    """Where an index outside of an axis looks."""
    if mode == "wrap":
        return index % size
    if mode == "mirror":  # d c b | a b c d | c b a
        period = max(size - 1, 1)
        return np.abs((index + period) % (2 * period) - period)
    if mode == "reflect":  # d c b a | a b c d | d c b a
        return (_fixed(2 * index + 1, 2 * size + 1, "mirror") - 1) // 2
    return np.clip(index, 0, size - 1)


def affine(images, matrices, interpolation="bilinear", fill_mode="constant", fill_value=0.0, channels_last=True):
    """Images (batch, ...) whose pixel (x, y) is that of the inputs at ``(a0 x + a1 y + a2, b0 x + b1 y + b2)``.

    Parameters
    ----------
    images : Tensor
    matrices : array (batch, 6)
        a0, a1, a2, b0, b1, b2 of each image.
    interpolation : "bilinear" or "nearest"
    fill_mode : str
        What lies outside: "constant" (`fill_value`), "nearest", "wrap", "mirror" or "reflect".
    """
    height, width = images.shape[1:3] if channels_last else images.shape[2:4]
    rows, columns = np.arange(height)[None, :, None], np.arange(width)[None, None, :]
    a0, a1, a2, b0, b1, b2 = (np.asarray(matrices, np.float32)[:, i, None, None] for i in range(6))
    coordinates = b0 * columns + b1 * rows + b2, a0 * columns + a1 * rows + a2
    return sampled(images, coordinates, interpolation, fill_mode, fill_value, channels_last)


def sampled(images, coordinates, interpolation="bilinear", fill_mode="constant", fill_value=0.0, channels_last=True):
    """Images (batch, ...) whose pixels are those of the inputs at ``coordinates``: arrays (batch, height, width) of
    rows and of columns. The other arguments are those of `affine`."""
    x = images if channels_last else to_channels_last(images)
    batch, height, width, channels = x.shape
    if interpolation == "nearest":
        nodes = [[(np.round(coordinate).astype(np.int64), 1.0)] for coordinate in coordinates]
    else:
        floors = [np.floor(coordinate) for coordinate in coordinates]
        nodes = [[(f.astype(np.int64), 1 - (c - f)), (f.astype(np.int64) + 1, c - f)]
                 for f, c in zip(floors, coordinates)]
    flat, made = x.reshape(batch * height * width, channels), 0
    first = np.arange(batch)[:, None, None] * (height * width)
    dtype = array_of(x).dtype if x.is_floating_point() else np.float32
    for i, wi in nodes[0]:
        for j, wj in nodes[1]:
            at = first + _fixed(i, height, fill_mode) * width + _fixed(j, width, fill_mode)
            found = flat.index_select(0, from_array(at.ravel())).reshape(batch, height, width, channels)
            if fill_mode == "constant":
                inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
                found = where(from_array(inside[..., None]), found, convert(fill_value, config.dtype_of(found)))
            weight = np.broadcast_to(wi * wj, at.shape)[..., None].astype(dtype)
            made = made + found * from_array(weight)
    if not x.is_floating_point():
        made = made.round().to(x.dtype)
    return made if channels_last else to_channels_first(made)


class ImageLayer(Layer):
    """Base of layers on images (height, width, channels), alone or in batches, or a dict with "images".

    In a dict "labels" stay as they are, unless images are mixed, and "segmentation_masks" are moved with the images.
    """

    def __init__(self, data_format=None, bounding_box_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format, self.bounding_box_format = config.standardize_data_format(data_format), bounding_box_format
        self._allow_non_tensor_positional_args = True

    @property
    def _last(self):
        return self.data_format == "channels_last"

    def _sizes(self, shape):
        """Height and width."""
        return tuple(shape[-3:-1] if self._last else shape[-2:])

    def _drawn(self, images, training):
        """What is drawn for a batch."""

    def _changed(self, images, drawn, training):
        """A batch of images, transformed."""
        raise NotImplementedError

    def _masks_changed(self, masks, drawn, training):
        return self._changed(masks, drawn, training)

    def _labels_changed(self, labels, drawn, training):
        """A batch of labels, transformed."""
        return labels

    def call(self, data, training=True):
        if not isinstance(data, dict):
            images, alone = self._batch(data)
            made = self._changed(images, self._drawn(images, training), training)
            return made[0] if alone else made
        if "bounding_boxes" in data:
            raise NotImplementedError(f"{type(self).__name__}: bounding_boxes are not implemented")
        made = dict(data)
        images, alone = self._batch(data["images"])
        drawn = self._drawn(images, training)
        made["images"] = self._changed(images, drawn, training)
        if "labels" in data:
            labels = convert(data["labels"])
            labels = self._labels_changed(labels.unsqueeze(0) if alone else labels, drawn, training)
            made["labels"] = labels[0] if alone else labels
        if "segmentation_masks" in data:
            made["segmentation_masks"] = self._masks_changed(self._batch(data["segmentation_masks"])[0], drawn,
                                                             training)
        if alone:
            for name in ("images", "segmentation_masks"):
                if name in made:
                    made[name] = made[name][0]
        return made

    def _batch(self, x):
        """(images as a batch, whether it was a single one)"""
        x = x if isinstance(x, Tensor) else convert(x)
        if x.ndim not in (3, 4):
            raise ValueError(f"Expected image tensor to have rank 3 (single image) or 4 (batch of images). Received: "
                             f"data.shape={tuple(x.shape)}")
        return (x.unsqueeze(0), True) if x.ndim == 3 else (x, False)

    def _floating(self, x):
        return x.to(config.torch_dtype(self.compute_dtype))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def _sized(self, input_shape, size):
        made = list(input_shape)
        if len(made) not in (3, 4):
            raise ValueError(f"`input_shape` must be a tuple of size 3 (unbatched) or 4 (batched), got {input_shape}")
        made[-3 if self._last else -2], made[-2 if self._last else -1] = size
        return tuple(made)

    def _part(self, x, top, left, height, width):
        return x[..., top:top + height, left:left + width, :] if self._last \
            else x[..., top:top + height, left:left + width]

    def _middle(self, x, target):
        """The largest part in the middle that has the shape of `target`, resized to it."""
        (height, width), (to_height, to_width) = self._sizes(x.shape), target
        h = max(min(height, int(float(width * to_height) / to_width)), 1)
        w = max(min(width, int(float(height * to_width) / to_height)), 1)
        x = self._part(x, int(float(height - h) / 2), int(float(width - w) / 2), h, w)
        return resize(x, target, channels_last=self._last)

    def get_config(self):
        made = {**self._base_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            made["bounding_box_format"] = self.bounding_box_format
        return made


class Resizing(ImageLayer):
    """Images of another height and width.

    Parameters
    ----------
    height, width : int
    interpolation : {"bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"}
    crop_to_aspect_ratio, pad_to_aspect_ratio : bool
        Keep proportions by cropping, or by padding with `fill_value`.
    fill_mode : {"constant"}
    fill_value : float
    antialias : bool
        Whether to smooth what is made smaller.
    data_format : {"channels_last", "channels_first"}, optional

    Shape
    -----
    (..., H, W, channels) -> (..., height, width, channels), single images or batches. Whole numbers are rounded.

    Raises
    ------
    ValueError
        Both ratios are asked for, or another `fill_mode`.

    Examples
    --------
    >>> keras.layers.Resizing(2, 2)(np.arange(16.0).reshape(4, 4, 1)).squeeze(-1)
    tensor([[ 2.5000,  4.5000],
            [10.5000, 12.5000]])
    """

    def __init__(self, height, width, interpolation="bilinear", crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
                 fill_mode="constant", fill_value=0.0, antialias=False, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.height, self.width, self.interpolation, self.antialias = height, width, interpolation, bool(antialias)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value

    def _changed(self, images, drawn, training, interpolation=None):
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ValueError("Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`.")
        if self.fill_mode != "constant":
            raise ValueError(f"Invalid value for argument `fill_mode`. Only `'constant'` is supported. Received: "
                             f"fill_mode={self.fill_mode}")
        (height, width), x = self._sizes(images.shape), images
        tall, wide = int(float(width * self.height) / self.width), int(float(height * self.width) / self.height)
        if self.crop_to_aspect_ratio:
            h, w = max(min(height, tall), 1), max(min(width, wide), 1)
            x = self._part(x, int(float(height - h) / 2), int(float(width - w) / 2), h, w)
        elif self.pad_to_aspect_ratio:
            top, left = int(float(max(height, tall) - height) / 2), int(float(max(width, wide) - width) / 2)
            sides = [0, 0] * self._last + [left, left, top, top]
            x = F.pad(x, sides, value=self.fill_value)
        return resize(x, (self.height, self.width), interpolation or self.interpolation, self.antialias, self._last)

    def _masks_changed(self, masks, drawn, training):
        return self._changed(masks, drawn, training, "nearest")

    def compute_output_shape(self, input_shape):
        return self._sized(input_shape, (self.height, self.width))

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width, "interpolation": self.interpolation,
                "crop_to_aspect_ratio": self.crop_to_aspect_ratio, "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
                "fill_mode": self.fill_mode, "fill_value": self.fill_value, "antialias": self.antialias}


class CenterCrop(ImageLayer):
    """Central part of images; smaller images are resized, keeping proportions, and cropped.

    Parameters
    ----------
    height, width : int
    data_format : {"channels_last", "channels_first"}, optional

    Shape
    -----
    (..., H, W, channels) -> (..., height, width, channels), single images or batches.

    Examples
    --------
    >>> keras.layers.CenterCrop(1, 2)(np.arange(12.0).reshape(3, 4, 1)).flatten()
    tensor([5., 6.])
    """

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.height, self.width = height, width

    def _changed(self, images, drawn, training):
        x, (height, width) = self._floating(images), self._sizes(images.shape)
        if height >= self.height and width >= self.width:
            return self._part(x, (height - self.height) // 2, (width - self.width) // 2, self.height, self.width)
        return self._middle(x, (self.height, self.width))

    def compute_output_shape(self, input_shape):
        return self._sized(input_shape, (self.height, self.width))

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}
