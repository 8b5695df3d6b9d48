"""Changes of the colours of images: at random in training, or always."""
import numpy as np

import fastnn
from fastnn._tensor import from_array
from fastnn.keras import config
from fastnn.keras.layers.augmentation import RandomBrightness, RandomContrast, RandomImageLayer, bounds
from fastnn.keras.layers.images import ImageLayer
from fastnn.keras.ops import image
from fastnn.keras.ops.image import _each_channel
from fastnn.keras.variables import array_of
from fastnn.ops.indexing import where


def checked_range(value_range):
    """The smallest and the largest value of images.

    Raises
    ------
    ValueError
        They are not two numbers.
    """
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
        raise ValueError(f"The `value_range` argument should be a list of two numbers. Received: "
                         f"value_range={value_range}")
    return sorted(value_range)


def ranged(x, before, after):
    """Values of one range in another."""
    if tuple(before) == tuple(after):
        return x
    return (x - before[0]) / (before[1] - before[0]) * (after[1] - after[0]) + after[0]


def column(numbers):
    """A number for each image, as an array that broadcasts."""
    return np.asarray(numbers).reshape(-1, 1, 1, 1)


class ColorLayer(RandomImageLayer):
    """Base of layers that change colours in training by what they draw for each image; masks stay as they are.

    Parameters
    ----------
    factor : number or pair
        Its bounds are `least` and `most` of the class.
    """

    least, most, symmetric = 0, 1, False

    def __init__(self, factor, value_range, data_format, seed, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.factor = bounds(factor, self.least, self.most, symmetric=self.symmetric)
        self.value_range = value_range

    def _drawn(self, images, training):
        return {"factor": self._uniform((images.shape[0],), *self.factor)} if training else None

    def _changed(self, images, drawn, training):
        if not training or drawn is None:
            return self._floating(images)
        return self._colored(self._floating(images), {name: np.asarray(value) for name, value in drawn.items()})

    def _chosen(self, count):
        """For each image, whether it is changed: with a probability that is drawn from `factor`."""
        return self._uniform((count,), 0, 1) < self._uniform((count,), *self.factor)

    def _masks_changed(self, masks, drawn, training):
        return masks

    def get_config(self):
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


def _hsv(x, change, data_format):
    """Images whose hue, saturation and value are changed by a function of the three."""
    axis = 1 if data_format == "channels_first" else 3
    changed = change(*image.rgb_to_hsv(x, data_format).unbind(axis))
    return image.hsv_to_rgb(fastnn.stack(list(changed), axis), data_format)


class RandomHue(ColorLayer):
    """Shifts the hue of each image in training, by ``u / 2`` of the colour circle in either direction.

    Parameters
    ----------
    factor : float or pair of float
        Bounds of u within [0, 1]; a single number is the upper one.
    value_range, data_format, seed
        As in `RandomColorDegeneration`.

    Examples
    --------
    >>> layer = keras.layers.RandomHue((1.0, 1.0))
    >>> layer(np.array([[[200.0, 0.0, 0.0]]]), training=True).round()
    tensor([[[  0., 200., 200.]]])
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def _drawn(self, images, training):
        if not training:
            return None
        count = images.shape[0]
        sign = np.where(self._uniform((count,), 0, 1) > 0.5, -1, 1).astype(np.float32)
        return {"factor": sign * self._uniform((count,), *self.factor) * np.float32(0.5)}

    def _colored(self, x, drawn):
        shift = from_array(column(drawn["factor"])[..., 0]).to(x.dtype)

        def change(hue, saturation, value):
            hue = hue + shift
            hue = where(hue > 1.0, hue - 1.0, hue)
            return where(hue < 0.0, hue + 1.0, hue), saturation, value
        made = _hsv(ranged(x, self.value_range, (0, 1)), change, self.data_format).clamp(0, 1)
        return ranged(made, (0, 1), self.value_range)


class RandomSaturation(ColorLayer):
    """Multiplies the saturation of each image by ``u / (1 - u)`` in training: 0.5 changes nothing, 0 is grey.

    Parameters
    ----------
    factor : float or pair of float
        Bounds of u within [-1, 1].
    value_range, data_format, seed
        As in `RandomColorDegeneration`.

    Examples
    --------
    >>> layer = keras.layers.RandomSaturation((0.0, 0.0), value_range=(0, 1))
    >>> layer(np.array([[[0.2, 0.8, 0.4]]]), training=True).round(decimals=2)
    tensor([[[0.8000, 0.8000, 0.8000]]])
    """

    least, symmetric = -1, True

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, checked_range(value_range), data_format, seed, **kwargs)

    def _drawn(self, images, training):
        if not training:
            return None
        drawn = self._uniform((images.shape[0],), *self.factor)
        return {"factor": drawn / (1 - drawn + np.float32(config.epsilon()))}

    def _colored(self, x, drawn):
        times = from_array(column(drawn["factor"])[..., 0]).to(x.dtype)
        return _hsv(x, lambda hue, saturation, value: (hue, (saturation * times).clamp(*self.value_range), value),
                    self.data_format)


class RandomGrayscale(ColorLayer):
    """Makes images grey in training, each with probability `factor`; three channels stay.

    Parameters
    ----------
    factor : float
        Between 0 and 1.
    data_format : {"channels_last", "channels_first"}, optional
    seed : int, optional

    Raises
    ------
    ValueError
        `factor` is not between 0 and 1.

    Examples
    --------
    >>> keras.layers.RandomGrayscale(1.0)(np.array([[[0.0, 100.0, 0.0]]]), training=True).round(decimals=1)
    tensor([[[58.7000, 58.7000, 58.7000]]])
    """

    def __init__(self, factor=0.5, data_format=None, seed=None, **kwargs):
        super().__init__(factor, None, data_format, seed, **kwargs)
        if not isinstance(factor, (int, float)) or not 0 <= factor <= 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={factor}")
        self.factor = factor

    def _drawn(self, images, training):
        return {"chosen": self._uniform((images.shape[0],), 0, 1) < self.factor} if training else None

    def _colored(self, x, drawn):
        grey = image.rgb_to_grayscale(x, self.data_format).expand(*x.shape)
        return where(from_array(column(drawn["chosen"])), grey, x)

    def get_config(self):
        made = super().get_config()
        for name in ("value_range", "seed"):  # as in Keras
            made.pop(name)
        return made


class RandomInvert(ColorLayer):
    """``high - x`` for images in training, with a probability drawn from `factor`.

    Parameters
    ----------
    factor : float or pair of float
        Bounds of the probability within [0, 1]; a single number is the upper one.
    value_range : pair of float
        ``(low, high)``
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.RandomInvert((1.0, 1.0))(np.array([[[55.0]]]), training=True)
    tensor([[[200.]]])
    """

    def __init__(self, factor=1.0, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def _drawn(self, images, training):
        return {"apply_inversion": self._chosen(images.shape[0])} if training else None

    def _colored(self, x, drawn):
        return where(from_array(column(drawn["apply_inversion"])), self.value_range[1] - x, x)


class RandomPosterization(ColorLayer):
    """Keeps the highest bits of each value, of eight, in training.

    Parameters
    ----------
    factor : int or pair of int
        Bounds of the number of bits within [1, 8].
    value_range, data_format, seed
        As in `RandomColorDegeneration`.

    Examples
    --------
    >>> keras.layers.RandomPosterization((1, 1))(np.array([[[100.0], [200.0]]]), training=True).flatten()
    tensor([  0., 128.])
    """

    least, most = 1, 8

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, checked_range(value_range), data_format, seed, **kwargs)

    def _drawn(self, images, training):
        if not training:
            return None
        low, high = self.factor
        kept = np.full(images.shape[0], low) if low == high else \
            np.minimum(np.floor(self._uniform((images.shape[0],), low, high)), high - 1)
        return {"shift_factor": (8 - kept).astype(np.uint8)}

    def _colored(self, x, drawn):
        shift = column(drawn["shift_factor"]).astype(np.uint8)
        whole = array_of(ranged(x, self.value_range, (0, 255))).astype(np.uint8)
        made = from_array((whole >> shift << shift).astype(array_of(x).dtype))
        return ranged(made, (0, 255), self.value_range)


class RandomSharpness(ColorLayer):
    """``x + (1 - 2 * u) * (smooth(x) - x)`` in training: 0 smooths each image, 0.5 changes nothing, 1 sharpens.

    Parameters
    ----------
    factor : float or pair of float
        Bounds of u within [0, 1]; a single number is the upper one.
    value_range, data_format, seed
        As in `RandomColorDegeneration`.

    Examples
    --------
    >>> layer = keras.layers.RandomSharpness((0.5, 0.5))
    >>> layer(np.arange(9.0).reshape(3, 3, 1), training=True).flatten()
    tensor([0., 1., 2., 3., 4., 5., 6., 7., 8.])
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, checked_range(value_range), data_format, seed, **kwargs)

    def _colored(self, x, drawn):
        kernel = np.full((3, 3), 1.0 / 13.0)
        kernel[1, 1] = 5.0 / 13.0
        smooth = _each_channel(x.permute(0, 3, 1, 2) if self._last else x, kernel, 1)
        smooth = smooth.permute(0, 2, 3, 1) if self._last else smooth
        away = from_array(column(1.0 - 2 * drawn["factor"])).to(x.dtype)
        return (x + away * (smooth - x)).clamp(*self.value_range)


class RandomColorDegeneration(ColorLayer):
    """``x + u * (grey(x) - x)`` for each image in training: 1 is grey, 0 changes nothing.

    Parameters
    ----------
    factor : float or pair of float
        Bounds of u within [-1, 1]; a single number stands for (-factor, factor).
    value_range : pair of float
    data_format : {"channels_last", "channels_first"}, optional
    seed : int, optional

    Examples
    --------
    >>> layer = keras.layers.RandomColorDegeneration((1.0, 1.0))
    >>> layer(np.array([[[0.0, 100.0, 0.0]]]), training=True).round(decimals=1)
    tensor([[[58.7000, 58.7000, 58.7000]]])
    """

    least, symmetric = -1, True

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, checked_range(value_range), data_format, seed, **kwargs)

    def _colored(self, x, drawn):
        share = from_array(column(drawn["factor"])).to(x.dtype)
        return (x + share * (image.rgb_to_grayscale(x, self.data_format) - x)).clamp(*self.value_range)


class RandomColorJitter(RandomImageLayer):
    """`RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue` in this order, those that have a factor.

    Parameters
    ----------
    value_range : pair of float
    brightness_factor, contrast_factor, saturation_factor, hue_factor : float or pair of float, optional
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> layer = keras.layers.RandomColorJitter(brightness_factor=(0.2, 0.2))
    >>> layer(np.zeros((1, 1, 3)), training=True)
    tensor([[[51., 51., 51.]]])
    """

    def __init__(self, value_range=(0, 255), brightness_factor=None, contrast_factor=None, saturation_factor=None,
                 hue_factor=None, seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.value_range = value_range
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        kinds = (RandomBrightness, brightness_factor), (RandomContrast, contrast_factor), \
            (RandomSaturation, saturation_factor), (RandomHue, hue_factor)
        self._parts = [kind(factor=factor, value_range=value_range, seed=seed, data_format=data_format)
                       for kind, factor in kinds if factor is not None]

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        for part in self._parts if training else ():
            x = part._changed(x, part._drawn(x, True), True)
        return x

    def _masks_changed(self, masks, drawn, training):
        return masks

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range, "brightness_factor": self.brightness_factor,
                "contrast_factor": self.contrast_factor, "saturation_factor": self.saturation_factor,
                "hue_factor": self.hue_factor}


class Solarization(RandomImageLayer):
    """In training adds a number to each image, then inverts values that are not below a threshold.

    Parameters
    ----------
    addition_factor, threshold_factor : float or pair of float
        Bounds of the number and of the threshold, as shares of 255; a single one is the upper bound.
    value_range : pair of float
    seed : int, optional

    Examples
    --------
    >>> layer = keras.layers.Solarization(threshold_factor=(0.5, 0.5))
    >>> layer(np.array([[[100.0], [200.0]]]), training=True).flatten()
    tensor([100.,  55.])
    """

    def __init__(self, addition_factor=0.0, threshold_factor=0.0, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.addition_factor = bounds(addition_factor, 0, 1, "addition_factor", symmetric=False)
        self.threshold_factor = bounds(threshold_factor, 0, 1, "threshold_factor", symmetric=False)
        self.value_range = checked_range(value_range)

    def _drawn(self, images, training):
        if not training:
            return None
        return {name: self._uniform((images.shape[0], 1, 1, 1), low, high * 255) for name, (low, high) in (
            ("additions", self.addition_factor), ("thresholds", self.threshold_factor))}

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        if drawn is None or not training:
            return x
        additions, thresholds = (from_array(column(drawn[name])).to(x.dtype) for name in ("additions", "thresholds"))
        made = (ranged(x, self.value_range, (0, 255)) + additions).clamp(0, 255)
        return ranged(where(made < thresholds, made, 255 - made), (0, 255), self.value_range)

    def _masks_changed(self, masks, drawn, training):
        return masks

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range, "addition_factor": self.addition_factor,
                "threshold_factor": self.threshold_factor}


class _Always(ImageLayer):
    """Base of layers that do the same to all images."""

    def _masks_changed(self, masks, drawn, training):
        return masks


class AutoContrast(_Always):
    """Stretches the values of each channel of each image over the whole `value_range`.

    Parameters
    ----------
    value_range : pair of float

    Examples
    --------
    >>> keras.layers.AutoContrast()(np.array([10.0, 20.0]).reshape(1, 2, 1)).flatten()
    tensor([  0., 255.])
    """

    def __init__(self, value_range=(0, 255), **kwargs):
        super().__init__(**kwargs)
        self.value_range = checked_range(value_range)

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        y = ranged(x, self.value_range, (0, 255))
        axes = (1, 2) if self._last else (2, 3)
        low, high = y.amin(axes, keepdim=True), y.amax(axes, keepdim=True)
        flat = high == low
        scale = 255.0 / where(flat, high * 0 + 1, high - low)
        made = ranged((y * scale - low * scale).clamp(0.0, 255.0), (0, 255), self.value_range)
        return where(flat, x, made)

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range}


class Equalization(_Always):
    """Equalizes the histogram of each channel in training; one histogram for the whole batch.

    Parameters
    ----------
    value_range : pair of float
    bins : int
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.Equalization()(np.array([10.0, 20.0, 30.0]).reshape(1, 3, 1), training=True).flatten()
    tensor([  0., 128., 255.])
    """

    def __init__(self, value_range=(0, 255), bins=256, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.value_range, self.bins = checked_range(value_range), bins

    def _changed(self, images, drawn, training):
        if not training:
            return images
        x = array_of(ranged(self._floating(images), self.value_range, (0, 255)))
        made, axis = np.empty_like(x), 3 if self._last else 1
        for i in range(x.shape[axis]):
            at = (slice(None),) * axis + (i,)
            made[at] = self._equalized(x[at])
        return ranged(from_array(made), (0, 255), self.value_range)

    def _equalized(self, x):
        numbers = np.clip((x.astype(np.float32) * (self.bins - 1) / 255.0).astype(np.int32), 0, self.bins - 1)
        counts = np.bincount(numbers.ravel(), minlength=self.bins)
        if np.count_nonzero(counts) <= 1:
            return x
        below = counts.cumsum()
        least = below[np.flatnonzero(below)[0]]
        table = np.clip(np.round((below - least) * 255 / max(below[-1] - least, 1)), 0, 255)
        return table[np.clip(x / 255.0 * (self.bins - 1), 0, self.bins - 1).astype(np.int32)]

    def get_config(self):
        return {**super().get_config(), "bins": self.bins, "value_range": self.value_range}


class ContrastLimitedAdaptiveHistogramEqualization(_Always):
    """Equalizes the histogram of each tile of an image, with limited contrast (Pizer et al., 1987).

    Between tiles results are interpolated linearly.

    Parameters
    ----------
    value_range : pair of float
    clip_limit : float
        Largest histogram entry, as a multiple of the mean entry; 0: no limit.
    tile_grid_size : pair of int
        Numbers of tiles down and across.
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> layer = keras.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    >>> layer(np.ones((1, 8, 8, 1))).shape
    torch.Size([1, 8, 8, 1])
    """

    def __init__(self, value_range=(0, 255), clip_limit=4.0, tile_grid_size=(8, 8), data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.value_range, self.clip_limit, self.tile_grid_size = value_range, clip_limit, tile_grid_size

    def _changed(self, images, drawn, training):
        x = images if self._last else images.permute(0, 2, 3, 1)
        made = self._equalized(np.asarray(array_of(ranged(x, self.value_range, (0, 255))), np.float32))
        made = from_array(np.asarray(ranged(made, (0, 255), self.value_range), array_of(images).dtype))
        return made if self._last else made.permute(0, 3, 1, 2)

    def _equalized(self, x):
        batch, height, width, channels = x.shape
        down, across = self.tile_grid_size
        h, w = -(-height // down), -(-width // across)
        x = np.pad(x, ((0, 0), (0, h * down - height), (0, w * across - width), (0, 0)), mode="symmetric")
        values = np.clip(x, 0, 255).astype(np.int32)
        tiles = values.reshape(batch, down, h, across, w, channels).transpose(0, 1, 3, 5, 2, 4)
        flat = tiles.reshape(-1, h * w) + 256 * np.arange(batch * down * across * channels)[:, None]
        counts = np.bincount(flat.ravel(), minlength=256 * len(flat)).reshape(batch, down, across, channels, 256)
        counts = counts.astype(np.float32)
        if self.clip_limit > 0:
            clipped = np.minimum(counts, np.float32(self.clip_limit * (h * w) / 256.0))
            counts = clipped + (counts - clipped).sum(-1, keepdims=True) / 256.0
        below = counts.cumsum(-1)
        least = below.min(-1, keepdims=True)
        rest = h * w - least
        table = np.clip((below - least) * 255.0 / np.where(rest == 0, 1, rest), 0, 255)
        table = np.pad(table, ((0, 0), (1, 1), (1, 1), (0, 0), (0, 0)), mode="edge")
        (y0, y1, wy), (x0, x1, wx) = (self._between(n * size, size, n) for n, size in ((down, h), (across, w)))
        b, c = np.arange(batch)[:, None, None, None], np.arange(channels)

        def at(rows, columns):
            return table[b, rows[:, None, None], columns[:, None], c, values]
        wy, wx = wy[:, None, None], wx[:, None]
        made = (at(y0, x0) * (1 - wx) + at(y0, x1) * wx) * (1 - wy) + (at(y1, x0) * (1 - wx) + at(y1, x1) * wx) * wy
        return made[:, :height, :width]

    @staticmethod
    def _between(length, size, count):
        """The tiles before and behind each pixel, and the share of the second."""
        place = (np.arange(length, dtype=np.float32) - size / 2.0) / size + 1.0
        first = np.floor(place)
        share = place - first
        return (*(np.clip(first + i, 0, count + 1).astype(np.int32) for i in (0, 1)), share)

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range, "clip_limit": self.clip_limit,
                "tile_grid_size": self.tile_grid_size}
