"""Images mixed, erased, blurred or bent at random in training, and random choices among such layers."""
import random as python_random

import numpy as np

from fastnn._tensor import from_array
from fastnn.keras import random
from fastnn.keras.layers.augmentation import (RandomAffine, RandomBrightness, RandomContrast, RandomImageLayer,
                                              RandomRotation, RandomTranslation, bounds)
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.colors import (AutoContrast, ColorLayer, Equalization, RandomColorDegeneration,
                                        RandomPosterization, RandomSharpness, Solarization, column)
from fastnn.keras.layers.images import FILL_MODES
from fastnn.keras.ops import image
from fastnn.keras.saving import objects
from fastnn.ops.indexing import where


def _numbers(tensor):
    return np.asarray(tensor.detach().numpy())


class _Mixing(RandomImageLayer):
    """Base of layers that mix images of a batch, and their labels by `mix_weight`."""

    def _ordered(self, x, drawn):
        return x.index_select(0, from_array(np.asarray(drawn["permutation_order"]).astype(np.int64)))

    def _labels_changed(self, labels, drawn, training):
        if not training or drawn is None:
            return labels
        labels = self._floating(labels)
        weight = from_array(np.asarray(drawn["mix_weight"]).reshape(-1, 1)).to(labels.dtype)
        return weight * labels + (1.0 - weight) * self._ordered(labels, drawn)


class MixUp(_Mixing):
    """Weighted means of pairs of images, and of their labels (Zhang et al., 2017); weights are drawn from the beta
    distribution of `alpha`."""

    def __init__(self, alpha=0.2, data_format=None, seed=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.alpha = alpha

    def _drawn(self, images, training):
        if not training:
            return None
        count = images.shape[0]
        return {"mix_weight": _numbers(random.beta((count,), self.alpha, self.alpha, seed=self.generator)),
                "permutation_order": _numbers(random.shuffle(np.arange(count), seed=self.generator))}

    def _changed(self, images, drawn, training):
        if not training or drawn is None:
            return images
        x = self._floating(images)
        weight = from_array(column(drawn["mix_weight"])).to(x.dtype)
        return weight * x + (1.0 - weight) * self._ordered(x, drawn)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


def _box(layer, images, shares, axes):
    """(n, height, width, 1) or with channels first: whether a pixel is within a box that covers these shares of the
    width and the height; and the boxes' sizes."""
    height, width = axes
    sides = []
    for length, share in ((width, shares[0]), (height, shares[1])):
        size = (share * length).astype(np.float32)
        start = layer._uniform((len(size),), 0, 1) * (length - size)
        at = np.arange(length, dtype=np.float32)
        sides.append(((at >= start[:, None]) & (at < (start + size)[:, None]), size))
    (columns, wide), (rows, tall) = sides
    inside = rows[:, :, None] & columns[:, None, :]
    return inside[..., None] if layer._last else inside[:, None], wide, tall


class CutMix(_Mixing):
    """A box of each image comes from another one, and labels are mixed by its share (Yun et al., 2019)."""

    def __init__(self, factor=1.0, seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.factor = bounds(factor, 0, 1, symmetric=False)

    def _drawn(self, images, training):
        if not training:
            return None
        count, (height, width) = images.shape[0], self._sizes(images.shape)
        alpha = float(self._uniform((), *self.factor)) + 1e-6
        kept = np.clip(_numbers(random.beta((count,), alpha, alpha, seed=self.generator)), 0, 1)
        share = np.sqrt(1.0 - kept)
        masks, wide, tall = _box(self, images, (share, share), (height, width))
        return {"batch_masks": masks, "mix_weight": 1.0 - wide * tall / (width * height),
                "permutation_order": _numbers(random.shuffle(np.arange(count), seed=self.generator))}

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        if not training or drawn is None:
            return x
        return where(from_array(np.asarray(drawn["batch_masks"])), self._ordered(x, drawn), x)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class RandomErasing(ColorLayer):
    """Fills a box of images (Zhong et al., 2017).

    Parameters
    ----------
    factor : number or pair
        The probability, or its bounds.
    scale : number or pair
        The box's share of the image.
    fill_value : number, three of them, or None
        None: normal draws.
    """

    def __init__(self, factor=1.0, scale=(0.02, 0.33), fill_value=None, value_range=(0, 255), seed=None,
                 data_format=None, **kwargs):
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        self.scale, self.fill_value = bounds(scale, 0, 1, "scale", symmetric=False), fill_value

    def _drawn(self, images, training):
        if not training:
            return None
        shares = np.sqrt(self._uniform((images.shape[0], 2), *self.scale))
        masks = _box(self, images, shares.T, self._sizes(images.shape))[0]
        return {"apply_erasing": self._chosen(images.shape[0]), "batch_masks": masks,
                "fill_value": self._filling(tuple(images.shape))}

    def _filling(self, shape):
        fill = self.fill_value
        if fill is None:
            fill = _numbers(random.normal(shape, seed=self.generator)) * self.value_range[1]
        elif isinstance(fill, (tuple, list)):
            if len(fill) != 3:
                raise ValueError("The `fill_value` argument should be a number (or a list of three numbers) ")
            fill = np.asarray(fill, np.float32).reshape((3,) if self._last else (3, 1, 1))
        elif not isinstance(fill, (int, float)):
            raise ValueError("The `fill_value` argument should be a number (or a list of three numbers) ")
        return np.clip(np.asarray(fill, np.float32), *self.value_range)

    def _colored(self, x, drawn):
        erased = drawn["batch_masks"] & column(drawn["apply_erasing"])
        filling = from_array(np.ascontiguousarray(np.broadcast_to(drawn["fill_value"], tuple(x.shape)))).to(x.dtype)
        return where(from_array(np.ascontiguousarray(np.broadcast_to(erased, tuple(x.shape)))), filling, x)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "fill_value": self.fill_value}


class RandomGaussianBlur(ColorLayer):
    """Smooths images by a normal distribution, with a probability that is drawn from `factor`.

    Parameters
    ----------
    kernel_size : odd int or pair
    sigma : number or pair
        The distribution's deviation, or its bounds.
    """

    def __init__(self, factor=1.0, kernel_size=3, sigma=1.0, value_range=(0, 255), data_format=None, seed=None,
                 **kwargs):
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        sizes = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        if len(sizes) != 2 or not all(isinstance(n, (int, float)) and n % 2 for n in sizes):
            raise ValueError(f"kernel_size must be an odd number. Received: kernel_size={kernel_size}")
        self.kernel_size, self.sigma = tuple(sizes), bounds(sigma, 0, 1, "sigma", symmetric=False)

    def _drawn(self, images, training):
        if not training:
            return None
        return {"should_apply_blur": self._chosen(images.shape[0]),
                "blur_factor": self._uniform((2,), *self.sigma) + np.float32(1e-6)}

    def _colored(self, x, drawn):
        blurred = image.gaussian_blur(x, self.kernel_size, drawn["blur_factor"], self.data_format)
        return where(from_array(column(drawn["should_apply_blur"])), blurred, x).clamp(*self.value_range)

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size, "sigma": self.sigma}


class RandomShear(RandomAffine):
    """Shears each image by shares of its height and width, to either side."""

    def __init__(self, x_factor=0.0, y_factor=0.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
                 data_format=None, seed=None, **kwargs):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor = self._sheared(x_factor, "x_factor")
        self.y_factor = self._sheared(y_factor, "y_factor")

    @staticmethod
    def _sheared(factor, name):
        if isinstance(factor, (tuple, list)) and len(factor) == 2 and factor[0] == -factor[1]:
            return bounds(factor, -1, 1, name)  # what a record holds of a single number
        return bounds(factor, 0, 1, name)

    def _matrices(self, count, height, width):
        sign = np.where(self._uniform(count, 0, 1) > 0.5, -1, 1).astype(np.float32)
        down, across = (self._uniform(count, *factor) for factor in (self.y_factor, self.x_factor))
        return self._of_factors(np.stack([across * sign, down * sign], 1))

    @staticmethod
    def _of_factors(factors):
        one, zero = np.ones(len(factors), np.float32), np.zeros(len(factors), np.float32)
        return np.stack([one, factors[:, 0], zero, factors[:, 1], one, zero], 1)

    def get_config(self):
        return {**super().get_config(), "x_factor": self.x_factor, "y_factor": self.y_factor}


class _Bending(RandomImageLayer):
    """Base of layers that move pixels of some images; masks are moved alike, by nearest pixels."""

    def _changed(self, images, drawn, training, interpolation=None):
        x = self._floating(images)
        if not training or drawn is None:
            return x
        made = self._bent(x, drawn, interpolation or self.interpolation)
        return where(from_array(column(drawn[self._chosen_name])), made, x)

    def _masks_changed(self, masks, drawn, training):
        return self._changed(masks, drawn, training, "nearest")

    def _chosen(self, count):
        return self._uniform((count,), 0, 1) < self._uniform((count,), *self.factor)


class RandomPerspective(_Bending):
    """Moves the corners of images at random, with a probability that is drawn from `factor`.

    Parameters
    ----------
    scale : float
        How far: up to half of it of the image.
    """

    _chosen_name = "apply_perspective"

    def __init__(self, factor=1.0, scale=1.0, interpolation="bilinear", fill_value=0.0, seed=None, data_format=None,
                 **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.factor = bounds(factor, 0, 1, symmetric=False)
        if scale < 0.0 or scale > 1.0:
            raise ValueError(f"The `scale` argument should be a number in the range [0,1]. Received: scale={scale}")
        if interpolation not in ("nearest", "bilinear"):
            raise NotImplementedError(f"Unknown `interpolation` {interpolation}. Expected of one ('nearest', "
                                      f"'bilinear').")
        self.scale, self.interpolation, self.fill_value = scale, interpolation, fill_value

    def _drawn(self, images, training):
        if not training:
            return None
        count, (height, width) = images.shape[0], self._sizes(images.shape)
        corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float32)
        starts = np.repeat(corners[None], count, 0)
        moves = self._uniform((count, 4, 2), -0.5 * self.scale, 0.5 * self.scale)
        return {"apply_perspective": self._chosen(count), "start_points": starts, "end_points": starts + starts * moves}

    def _bent(self, x, drawn, interpolation):
        return image.perspective_transform(x, drawn["start_points"], drawn["end_points"], interpolation,
                                           self.fill_value, self.data_format)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor, "scale": self.scale,
                "interpolation": self.interpolation, "fill_value": self.fill_value}


class RandomElasticTransform(_Bending):
    """Moves pixels by smooth random fields (Simard et al., 2003), with a probability that is drawn from `factor`.

    Parameters
    ----------
    scale : number or pair
        The strength, or its bounds.
    """

    _chosen_name = "apply_transform"

    def __init__(self, factor=1.0, scale=1.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
                 value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.factor = bounds(factor, 0, 1, symmetric=False)
        self.scale = bounds(scale, 0, 1, "scale", symmetric=False)
        if interpolation not in ("nearest", "bilinear"):
            raise NotImplementedError(f"Unknown `interpolation` {interpolation}. Expected of one ('nearest', "
                                      f"'bilinear').")
        if fill_mode not in FILL_MODES:
            raise NotImplementedError(f"Unknown `fill_mode` {fill_mode}. Expected of one {set(FILL_MODES)}.")
        self.interpolation, self.fill_mode, self.fill_value = interpolation, fill_mode, fill_value
        self.value_range = value_range

    def _drawn(self, images, training):
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        return {"apply_transform": self._chosen(images.shape[0]),
                "distortion_factor": float(self._uniform((), *self.scale)),
                "seed": int(self._uniform((), 0, 2**24))}

    def _bent(self, x, drawn, interpolation):
        height, width = self._sizes(x.shape)
        factor = max(drawn["distortion_factor"], 1e-6)
        made = image.elastic_transform(x, max(height, width) * 0.1 * factor, min(height, width) * 0.05 * factor,
                                       interpolation, self.fill_mode, self.fill_value, drawn["seed"], self.data_format)
        return made.clamp(*self.value_range)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor, "scale": self.scale,
                "interpolation": self.interpolation, "fill_mode": self.fill_mode, "fill_value": self.fill_value,
                "value_range": self.value_range}


def _choices(layer, colors=True):
    """The layers that are chosen among."""
    factor, shared = layer.factor, dict(seed=layer.seed, data_format=layer.data_format)
    moved, ranged = dict(interpolation=layer.interpolation, **shared), dict(value_range=layer.value_range, **shared)
    made = [RandomShear(factor, factor, **moved), RandomTranslation(factor, factor, **moved),
            RandomRotation(factor, **moved)]
    if colors:
        made += [RandomBrightness(factor, **ranged), RandomColorDegeneration(factor, **ranged),
                 RandomContrast(factor, **ranged), RandomSharpness(factor, **ranged)]
    return [*made, RandomPosterization(max(1, int(8 * factor[1])), **ranged), Solarization(factor, factor, **ranged),
            AutoContrast(layer.value_range, data_format=layer.data_format),
            Equalization(layer.value_range, data_format=layer.data_format)]


class RandAugment(RandomImageLayer):
    """`num_ops` layers drawn from eleven that move or recolour images (Cubuk et al., 2019); the same for a batch.

    Parameters
    ----------
    value_range : pair
    num_ops : int
    factor : number or pair
        The layers' factor.
    interpolation : "bilinear" or "nearest"
    """

    def __init__(self, value_range=(0, 255), num_ops=2, factor=0.5, interpolation="bilinear", seed=None,
                 data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.value_range, self.num_ops, self.interpolation = value_range, num_ops, interpolation
        self.factor = bounds(factor, 0, 1, symmetric=False)
        self._choices = _choices(self)

    def _drawn(self, images, training):
        if not training:
            return None
        numbers = np.minimum(self._uniform((self.num_ops,), 0, len(self._choices)).astype(int), len(self._choices) - 1)
        return [(self._choices[i], self._choices[i]._drawn(images, True)) for i in numbers]

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        for layer, own in drawn or ():
            x = layer._changed(x, own, True)
        return x

    def _masks_changed(self, masks, drawn, training):
        for layer, own in drawn or ():
            masks = layer._masks_changed(masks, own, True)
        return masks

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range, "num_ops": self.num_ops,
                "factor": self.factor, "interpolation": self.interpolation}


class AugMix(RandomImageLayer):
    """Means of images and of chains of random layers on them (Hendrycks et al., 2019).

    Parameters
    ----------
    value_range : pair
    num_chains, chain_depth : int
        Chains, and the most layers of each.
    factor : number or pair
        The layers' factor.
    alpha : float
        Of the distributions of the weights.
    all_ops : bool
        Whether layers that recolour take part.
    interpolation : "bilinear" or "nearest"
    """

    def __init__(self, value_range=(0, 255), num_chains=3, chain_depth=3, factor=0.3, alpha=1.0, all_ops=True,
                 interpolation="bilinear", seed=None, data_format=None, **kwargs):
        super().__init__(seed, data_format, **kwargs)
        self.value_range, self.num_chains, self.chain_depth = value_range, num_chains, chain_depth
        self.factor, self.alpha = bounds(factor, 0, 1, symmetric=False), alpha
        self.all_ops, self.interpolation = all_ops, interpolation
        self._choices = _choices(self, all_ops)

    def _drawn(self, images, training):
        if not training:
            return None
        shares = _numbers(random.gamma((self.num_chains,), self.alpha, seed=self.generator))
        source = python_random.Random(int(self._uniform((), 0, 2**24)))
        chains = []
        for _ in range(self.num_chains):
            chosen = [source.choice([*self._choices, None]) for _ in range(self.chain_depth)]
            chains.append([(layer, layer._drawn(images, True)) for layer in chosen if layer is not None])
        return {"chains": chains, "shares": shares / shares.sum(),
                "own": float(random.beta((), self.alpha, self.alpha, seed=self.generator))}

    def _mixed(self, images, drawn, method):
        mixed = 0
        for chain, share in zip(drawn["chains"], drawn["shares"]):
            x = images
            for layer, own in chain:
                x = getattr(layer, method)(x, own, True)
            mixed = mixed + x * float(share)
        return drawn["own"] * images + (1 - drawn["own"]) * mixed

    def _changed(self, images, drawn, training):
        x = self._floating(images)
        return x if drawn is None else self._mixed(x, drawn, "_changed").clamp(*self.value_range)

    def _masks_changed(self, masks, drawn, training):
        return masks

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range, "num_chains": self.num_chains,
                "chain_depth": self.chain_depth, "factor": self.factor, "alpha": self.alpha, "all_ops": self.all_ops,
                "interpolation": self.interpolation}


class Pipeline(Layer):
    """Layers one after the other."""

    def __init__(self, layers, name=None):
        super().__init__(name=name)
        self._pipeline_layers = layers
        self._convert_input_args, self._allow_non_tensor_positional_args = False, True

    @property
    def layers(self):
        return self._pipeline_layers

    def call(self, inputs, training=True, mask=None):
        for layer in self._pipeline_layers:
            options = {"mask": mask} if layer._call_has_mask_arg else {}
            if layer._call_has_training_arg and training is not None:
                options["training"] = training
            inputs = layer(inputs, **options)
        return inputs

    @classmethod
    def from_config(cls, config):
        made = dict(config)
        made["layers"] = [objects.deserialize_keras_object(each) for each in made["layers"]]
        return cls(**made)

    def get_config(self):
        return {"layers": objects.serialize_keras_object(list(self._pipeline_layers)), "name": self.name}
