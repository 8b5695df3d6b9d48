"""Random changes of images in training, drawn for each image."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import random
from fastnn.keras.layers.images import FILL_MODES, ImageLayer, affine
from fastnn.ops.indexing import where


class RandomImageLayer(ImageLayer):
    """Base: a stream of random numbers of its own."""

    def __init__(self, seed=None, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.seed, self.generator = seed, random.SeedGenerator(seed)

    def _uniform(self, shape, low, high):
        return random.stream(self.generator).uniform(np.empty(shape, np.float32), float(low), float(high))

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


def bounds(factor, lowest, highest, name="factor", symmetric=True, below=False):
    """(low, high) of one number or two; `below`: `lowest` itself is refused."""
    error = (f"The `{name}` argument should be a number (or a list of two numbers) in the range [{lowest}, {highest}]. "
             f"Received: {name}={factor}")
    pair = isinstance(factor, (tuple, list))
    if pair and len(factor) != 2 or not pair and not isinstance(factor, (int, float)):
        raise ValueError(error)
    if any(f > highest or f < lowest or below and f <= lowest for f in (factor if pair else (factor,))):
        raise ValueError(error)
    if pair:
        return tuple(sorted(factor))
    return (-abs(factor) if symmetric else max(-abs(factor), lowest)), abs(factor)


class RandomFlip(RandomImageLayer):
    """Flips images in training, each with probability 1/2.

    Parameters
    ----------
    mode : {"horizontal", "vertical", "horizontal_and_vertical"}
        Left to right, upside down, or both together.
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    Raises
    ------
    ValueError
        Another `mode`.

    Examples
    --------
    >>> keras.layers.RandomFlip("horizontal", seed=0)(np.ones((2, 2, 1)), training=True).shape
    torch.Size([2, 2, 1])
    """

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        if mode not in ("horizontal", "vertical", "horizontal_and_vertical"):
            raise ValueError(f"RandomFlip: expected mode 'horizontal', 'vertical' or 'horizontal_and_vertical', got "
                             f"{mode!r}")
        self.mode = mode

    def _drawn(self, images, training):
        return self._uniform((images.shape[0], 1, 1, 1), 0, 1) <= 0.5 if training else None

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        if drawn is None:
            return x
        chosen = from_array(drawn)
        for word, axis in (("horizontal", -2), ("vertical", -3)):
            if word in self.mode:
                x = where(chosen, x.flip(axis if self._last else axis + 1), x)
        return x

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}


class RandomCrop(RandomImageLayer):
    """A part of the images at a random position in training, one position for a batch.

    Smaller images are resized, keeping proportions, and cropped. At inference images are returned as they are.

    Parameters
    ----------
    height, width : int
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    Examples
    --------
    >>> keras.layers.RandomCrop(2, 3)(np.ones((4, 4, 1)), training=True).shape
    torch.Size([2, 3, 1])
    """

    def __init__(self, height, width, seed=None, data_format=None, name=None, **kwargs):
        seed = random.make_default_seed() if seed is None else seed
        super().__init__(seed, data_format, name=name, **kwargs)
        self.height, self.width = height, width

    def _drawn(self, images, training):
        height, width = self._sizes(images.shape)
        if not training or height <= self.height or width <= self.width:
            return None
        return [int(self._uniform((), 0, n + 1)) for n in (height - self.height, width - self.width)]

    def _changed(self, images, drawn, training):
        if not training:
            return images
        x, size = self._floating(images), (self.height, self.width)
        if drawn is not None:
            return self._part(x, *drawn, *size)
        return x if self._sizes(x.shape) == size else self._middle(x, size)

    def compute_output_shape(self, input_shape):
        return self._sized(input_shape, (self.height, self.width))

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}


class RandomBrightness(RandomImageLayer):
    """Adds ``u * (high - low)`` to each image in training, u drawn uniformly from `factor`, and clips to `value_range`.

    Parameters
    ----------
    factor : float or pair of float
        Bounds within [-1, 1]; a single number stands for (-factor, factor).
    value_range : pair of float
        Smallest and largest value of images.
    seed : int, optional

    Raises
    ------
    ValueError
        `factor` or `value_range` is another.

    Examples
    --------
    >>> keras.layers.RandomBrightness((0.1, 0.1))(np.zeros((1, 1, 1)), training=True)
    tensor([[[25.5000]]])
    """

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.factor = bounds(factor, -1, 1)
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise ValueError(f"The `value_range` argument should be a list of two numbers. Received: "
                             f"value_range={value_range}")
        self.value_range = sorted(value_range)

    def _drawn(self, images, training):
        low, high = self.value_range
        return self._uniform((images.shape[0], 1, 1, 1), *self.factor) * np.float32(high - low) if training else None

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        return x if drawn is None else (x + from_array(drawn).to(x.dtype)).clamp(*self.value_range)

    def _masks_changed(self, masks, drawn, training):
        return masks

    def get_config(self):
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomContrast(RandomImageLayer):
    """``(x - mean) * u + mean`` for each channel of each image in training, clipped to `value_range`.

    Parameters
    ----------
    factor : float or pair of float
        u is drawn from [1 - lower, 1 + upper]; bounds within [0, 1], a single number is the upper one, with 0 as the
        lower.
    value_range : pair of float
    seed : int, optional

    Examples
    --------
    >>> keras.layers.RandomContrast(0.5, seed=0)(np.full((2, 2, 1), 7.0), training=True).unique()
    tensor([7.])
    """

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.factor, self.value_range = bounds(factor, 0, 1, symmetric=False), value_range

    def _drawn(self, images, training):
        return self._uniform((images.shape[0], 1, 1, 1), 1 - self.factor[0], 1 + self.factor[1]) if training else None

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        if drawn is None:
            return x
        mean = x.mean((-3, -2) if self._last else (-2, -1), keepdim=True)
        return ((x - mean) * from_array(drawn).to(x.dtype) + mean).clamp(*self.value_range)

    def _masks_changed(self, masks, drawn, training):
        return masks

    def get_config(self):
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomAffine(RandomImageLayer):
    """Base of layers that move pixels; `_matrices` gives the position that each comes from."""

    def __init__(self, fill_mode, interpolation, seed, fill_value, data_format, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        if fill_mode not in FILL_MODES or fill_mode == "mirror":
            raise NotImplementedError(f"Unknown `fill_mode` {fill_mode}. Expected of one "
                                      f"{tuple(m for m in FILL_MODES if m != 'mirror')}.")
        if interpolation not in ("nearest", "bilinear"):
            raise NotImplementedError(f"Unknown `interpolation` {interpolation}. Expected of one ('nearest', "
                                      f"'bilinear').")
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def _drawn(self, images, training):
        return self._matrices(images.shape[0], *self._sizes(images.shape)) if training else None

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        return x if drawn is None else affine(x, drawn, self.interpolation, self.fill_mode, self.fill_value, self._last)

    def _masks_changed(self, masks, drawn, training):
        return masks if drawn is None else affine(masks, drawn, "nearest", self.fill_mode, self.fill_value, self._last)

    def get_config(self):
        return {**super().get_config(), "fill_mode": self.fill_mode, "interpolation": self.interpolation,
                "fill_value": self.fill_value}


class RandomRotation(RandomAffine):
    """Rotates each image around its centre in training.

    Parameters
    ----------
    factor : float or pair of float
        Bounds of the angle in full circles, within [-1, 1]; a single number stands for (-factor, factor).
    fill_mode : {"reflect", "constant", "wrap", "nearest"}
        What lies outside of the image.
    interpolation : {"bilinear", "nearest"}
    seed : int, optional
    fill_value : float
        For "constant".
    data_format : {"channels_last", "channels_first"}, optional

    Raises
    ------
    ValueError
        `factor` is out of bounds.
    NotImplementedError
        Another `fill_mode` or `interpolation`.

    Examples
    --------
    >>> x = np.arange(4.0).reshape(2, 2, 1)
    >>> keras.layers.RandomRotation((0.5, 0.5))(x, training=True).squeeze(-1).round()
    tensor([[3., 2.],
            [1., 0.]])
    """

    def __init__(self, factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0,
                 data_format=None, **kwargs):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = bounds(factor, -1, 1)

    def _matrices(self, count, height, width):
        return rotations(self._uniform(count, self.factor[0] * 360, self.factor[1] * 360), height, width)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def rotations(degrees, height, width):
    """Matrices of rotations around the middle."""
    angle = np.asarray(degrees, np.float32) * np.float32(np.pi / 180)
    cos, sin, x, y = np.cos(angle), np.sin(angle), (width - 1) / 2, (height - 1) / 2
    return np.stack([cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos], 1)


class RandomTranslation(RandomAffine):
    """Moves each image in training by shares of its height and width; positive ones down and to the right.

    Parameters
    ----------
    height_factor, width_factor : float or pair of float
        Bounds within [-1, 1]; a single number stands for (-factor, factor).
    fill_mode, interpolation, seed, fill_value, data_format
        As in `RandomRotation`.

    Examples
    --------
    >>> layer = keras.layers.RandomTranslation((0.5, 0.5), 0.0, fill_mode="constant")
    >>> layer(np.ones((2, 2, 1)), training=True).squeeze(-1)
    tensor([[0., 0.],
            [1., 1.]])
    """

    def __init__(self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", seed=None,
                 fill_value=0.0, data_format=None, **kwargs):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._down = bounds(height_factor, -1, 1, "height_factor")
        self._right = bounds(width_factor, -1, 1, "width_factor")

    def _matrices(self, count, height, width):
        down, right = self._uniform(count, *self._down) * height, self._uniform(count, *self._right) * width
        one, zero = np.ones(count, np.float32), np.zeros(count, np.float32)
        return np.stack([one, zero, -right, zero, one, -down], 1)

    def get_config(self):
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}


class RandomZoom(RandomAffine):
    """Scales each image around its centre in training: by ``1 + u``, where positive u makes things smaller.

    Parameters
    ----------
    height_factor : float or pair of float
        Bounds of u, above -1 and up to 1; a single number stands for (-factor, factor).
    width_factor : float or pair of float, optional
        Without it proportions are kept.
    fill_mode, interpolation, seed, fill_value, data_format
        As in `RandomRotation`.

    Examples
    --------
    >>> keras.layers.RandomZoom(0.2)(np.ones((4, 4, 1)), training=True).shape
    torch.Size([4, 4, 1])
    """

    def __init__(self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear", seed=None,
                 fill_value=0.0, data_format=None, **kwargs):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._tall = bounds(height_factor, -1, 1, "height_factor", below=True)
        self._wide = None if width_factor is None else bounds(width_factor, -1, 1, "width_factor", below=True)

    def _matrices(self, count, height, width):
        tall = 1 + self._uniform(count, *self._tall)
        wide = tall if self._wide is None else 1 + self._uniform(count, *self._wide)
        zero = np.zeros(count, np.float32)
        return np.stack([wide, zero, (width - 1) / 2 * (1 - wide), zero, tall, (height - 1) / 2 * (1 - tall)], 1)

    def get_config(self):
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}
