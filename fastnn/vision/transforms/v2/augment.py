"""Transforms that hide parts of images, mix them, or draw operations at random."""
import math
import numbers

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.nn.functional import one_hot
from fastnn.ops.families import _sample_dirichlet
from fastnn.utils._pytree import tree_flatten, tree_unflatten
from fastnn.vision import tv_tensors
from fastnn.vision.transforms import automatic, distortion
from fastnn.vision.transforms.augmentation import draw, uniform
from fastnn.vision.transforms.automatic import SIGNED, AutoAugmentPolicy, space
from fastnn.vision.transforms.colour import highest
from fastnn.vision.transforms.images import is_pil
from fastnn.vision.transforms.v2 import functional as F
from fastnn.vision.transforms.v2.base import (
    IMAGES, Sometimes, Transform, check_type, fill_of, fills, has_any, labels_getter_of, query_chw, query_size)

MARKS = tv_tensors.BoundingBoxes, tv_tensors.Mask


class RandomErasing(Sometimes):
    """A random rectangle of images overwritten, with a probability (Zhong et al. 2017).

    Same as torchvision.transforms.v2.RandomErasing.

    Parameters
    ----------
    p : float
        The probability; default 0.5.
    scale : (lowest, highest)
        Share of the image's area; default (0.02, 0.33).
    ratio : (lowest, highest)
        Height by width; default (0.3, 3.3).
    value : number, sequence of a number for each channel, or "random"
        What is written; "random" writes normal numbers. Default 0.
    inplace : bool
        Whether it is written into the image's memory; default False.

    Raises
    ------
    TypeError, ValueError
        An argument is of another kind or range.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> bool(v2.RandomErasing(p=1.0)(fastnn.ones(1, 8, 8)).sum() < 64)
    True
    """

    _v1 = distortion.RandomErasing

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0.0, inplace=False):
        super().__init__(p)
        self._v1(p, scale, ratio, value)  # its checks
        self.scale, self.ratio = scale, ratio
        self.value = None if value == "random" else (
            [float(value)] if isinstance(value, numbers.Number) else [float(part) for part in value])
        self.inplace = inplace

    def make_params(self, flat_inputs):
        channels, height, width = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, channels):
            raise ValueError(f"If value is a sequence, it should have either a single value or {channels} (number of "
                             "inpt channels)")
        part = distortion.hidden(channels, height, width, self.scale, self.ratio, self.value)
        return {} if part is None else dict(zip("ijhwv", part))

    def transform(self, inpt, params):
        return self._call_kernel(F.erase, inpt, **params, inplace=self.inplace) if params else inpt


class _Mixing(Transform):
    """What mixes each image of a batch with the one before it, and their labels."""

    def __init__(self, *, alpha=1.0, num_classes=None, labels_getter="default"):
        super().__init__()
        self.alpha, self.num_classes = float(alpha), num_classes
        self._labels_getter = labels_getter_of(labels_getter)

    def _share(self):
        return float(_sample_dirichlet(from_array(np.full((1, 2), self.alpha, np.float32)))[0, 0])

    def forward(self, *inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs, spec = tree_flatten(inputs)
        name = type(self).__name__
        if has_any(flat_inputs, is_pil, *MARKS):
            raise ValueError(f"{name}() does not support PIL images, bounding boxes, keypoints and masks.")
        labels = self._labels_getter(inputs)
        if not isinstance(labels, Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError("labels should be index based with shape (batch_size,) or probability based with shape "
                             f"(batch_size, num_classes), but got a tensor of shape {labels.shape} instead.")
        if labels.ndim == 2 and self.num_classes not in (None, labels.shape[-1]):
            raise ValueError("When passing 2D labels, the number of elements in last dimension must match num_classes: "
                             f"{labels.shape[-1]} != {self.num_classes}. You can Leave num_classes to None.")
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")
        needs = self._needs_transform_list(flat_inputs)
        params = self.make_params([inpt for inpt, wanted in zip(flat_inputs, needs) if wanted])

        def changed(inpt, wanted):
            if inpt is labels:
                soft = one_hot(labels, self.num_classes) if labels.ndim == 1 else labels
                return self._mix(soft if soft.dtype.is_floating_point else soft.float(), params["lam"])
            if not (wanted and check_type(inpt, IMAGES)):
                return inpt
            dims = 5 if isinstance(inpt, tv_tensors.Video) else 4
            if inpt.ndim != dims:
                raise ValueError(f"Expected a batched input with {dims} dims, but got {inpt.ndim} dimensions instead.")
            if inpt.shape[0] != labels.shape[0]:
                raise ValueError("The batch size of the image or video does not match the batch size of the labels: "
                                 f"{inpt.shape[0]} != {labels.shape[0]}.")
            return tv_tensors.wrap(self.transform(inpt, params), like=inpt)
        return tree_unflatten([changed(*item) for item in zip(flat_inputs, needs)], spec)

    @staticmethod
    def _mix(batch, share):
        return batch.roll(1, 0) * (1.0 - share) + batch * share


class MixUp(_Mixing):
    """Images and labels of a batch mixed with those before them, in a random share (Zhang et al. 2018).

    Same as torchvision.transforms.v2.MixUp.

    Parameters
    ----------
    alpha : float
        Of the beta distribution of the share; default 1.
    num_classes : int, optional
        Needed if labels are numbers of classes.
    labels_getter : "default" or callable
        What finds the labels of a batch; by default the second of a pair, or what is called so in a dictionary.

    Raises
    ------
    ValueError
        No batch, no labels, or labels that do not fit.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> images, labels = v2.MixUp(num_classes=3)(fastnn.ones(2, 1, 1, 1), fastnn.tensor([0, 2]))
    >>> images.flatten(), labels.shape
    (tensor([1., 1.]), torch.Size([2, 3]))
    """

    def make_params(self, flat_inputs):
        return {"lam": self._share()}

    def transform(self, inpt, params):
        return self._mix(tv_tensors.plain(inpt), params["lam"])


class CutMix(_Mixing):
    """A random rectangle of the images of a batch taken from those before them, labels mixed alike (Yun et al. 2019).

    Same as torchvision.transforms.v2.CutMix.

    Parameters
    ----------
    alpha, num_classes, labels_getter
        As in `MixUp`.

    Raises
    ------
    ValueError
        No batch, no labels, or labels that do not fit.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> images, labels = v2.CutMix(num_classes=3)(fastnn.ones(2, 1, 4, 4), fastnn.tensor([0, 2]))
    >>> images.shape, labels.shape
    (torch.Size([2, 1, 4, 4]), torch.Size([2, 3]))
    """

    def make_params(self, flat_inputs):
        share = self._share()
        height, width = query_size(flat_inputs)
        x, y = draw(0, width), draw(0, height)
        half = 0.5 * math.sqrt(1.0 - share)
        half_x, half_y = int(half * width), int(half * height)
        box = max(x - half_x, 0), max(y - half_y, 0), min(x + half_x, width), min(y + half_y, height)
        x1, y1, x2, y2 = box
        return {"box": box, "lam": 1.0 - (x2 - x1) * (y2 - y1) / (width * height)}

    def transform(self, inpt, params):
        x1, y1, x2, y2 = params["box"]
        out = tv_tensors.plain(inpt).clone()
        out[..., y1:y2, x1:x2] = tv_tensors.plain(inpt).roll(1, 0)[..., y1:y2, x1:x2]
        return out


# ---- operations at random ----

class _Automatic(Transform):
    def __init__(self, interpolation, fill):
        super().__init__()
        self.interpolation, self.fill, self._fill = interpolation, fill, fills(fill)

    def forward(self, *inputs):
        flat_inputs, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        needs = self._needs_transform_list(flat_inputs)
        name = type(self).__name__
        for inpt in flat_inputs:
            if isinstance(inpt, MARKS):
                raise TypeError(f"Inputs of type {type(inpt).__name__} are not supported by {name}()")
        found = [i for i, inpt in enumerate(flat_inputs) if needs[i] and check_type(inpt, IMAGES)]
        if not found:
            raise TypeError("Found no image in the sample.")
        if len(found) > 1:
            raise TypeError("Auto augment transformations are only properly defined for a single image or video, but "
                            f"found {len(found)}.")
        flat_inputs[found[0]] = self.augment(flat_inputs[found[0]])
        return tree_unflatten(flat_inputs, spec)

    def _apply(self, image, name, magnitudes, number):
        known = magnitudes[name]
        magnitude = 0.0 if known is None else float(known[number() if callable(number) else number])
        if name in SIGNED and uniform() <= 0.5:
            magnitude *= -1
        top = highest(image.dtype) if isinstance(image, Tensor) else 255.0
        return automatic.apply_op(image, name, magnitude, self.interpolation, fill_of(self._fill, image), F, top)

    def _drawn(self, image, magnitudes, number):
        return self._apply(image, list(magnitudes)[draw(0, len(magnitudes))], magnitudes, number)


class AutoAugment(_Automatic):
    """One of 25 pairs of operations that were found for a data set (Cubuk et al. 2019).

    Same as torchvision.transforms.v2.AutoAugment.

    Parameters
    ----------
    policy : AutoAugmentPolicy
        Default IMAGENET.
    interpolation : str or InterpolationMode
        Default "nearest".
    fill : number, sequence or dict, optional
        As in `Pad`.

    Raises
    ------
    TypeError, ValueError
        The policy is none, or there is not one image alone.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.AutoAugment()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    _v1 = automatic.AutoAugment

    def __init__(self, policy=AutoAugmentPolicy.IMAGENET, interpolation="nearest", fill=None):
        super().__init__(interpolation, fill)
        self.policy, self._policies = policy, automatic.policies(policy)

    def augment(self, image):
        pair = self._policies[draw(0, len(self._policies))]
        magnitudes = space(automatic.FOUND, 10, F.get_size(image))
        for name, p, number in pair:
            if uniform() <= np.float32(p):
                image = self._apply(image, name, magnitudes, number)
        return image


class RandAugment(_Automatic):
    """Some operations at random, of a given magnitude (Cubuk et al. 2020).

    Same as torchvision.transforms.v2.RandAugment.

    Parameters
    ----------
    num_ops : int
        Default 2.
    magnitude : int
        The number of the magnitude; default 9.
    num_magnitude_bins : int
        How many magnitudes there are; default 31.
    interpolation, fill
        As in `AutoAugment`.

    Raises
    ------
    TypeError, ValueError
        `num_ops` is negative, or there is not one image alone.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.RandAugment()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    _v1 = automatic.RandAugment

    def __init__(self, num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation="nearest", fill=None):
        super().__init__(interpolation, fill)
        if not isinstance(num_ops, int) or num_ops < 0:
            raise ValueError(f"num_ops should be a non-negative integer, but got {num_ops} instead.")
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins

    def augment(self, image):
        magnitudes = space(automatic.ANY, self.num_magnitude_bins, F.get_size(image))
        for _ in range(self.num_ops):
            image = self._drawn(image, magnitudes, self.magnitude)
        return image


class TrivialAugmentWide(_Automatic):
    """One operation at random, of random magnitude (Müller and Hutter 2021).

    Same as torchvision.transforms.v2.TrivialAugmentWide.

    Parameters
    ----------
    num_magnitude_bins : int
        How many magnitudes there are; default 31.
    interpolation, fill
        As in `AutoAugment`.

    Raises
    ------
    TypeError
        There is not one image alone.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.TrivialAugmentWide()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    _v1 = automatic.TrivialAugmentWide

    def __init__(self, num_magnitude_bins=31, interpolation="nearest", fill=None):
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def augment(self, image):
        magnitudes = space(automatic.ANY, self.num_magnitude_bins, None, **automatic.WIDE)
        return self._drawn(image, magnitudes, lambda: draw(0, self.num_magnitude_bins))


class AugMix(_Automatic):
    """Random chains of operations, mixed with the image (Hendrycks et al. 2020).

    Same as torchvision.transforms.v2.AugMix.

    Parameters
    ----------
    severity, mixture_width, chain_depth, alpha, all_ops
        As in `fastnn.vision.transforms.AugMix`.
    interpolation : str or InterpolationMode
        Default "bilinear".
    fill
        As in `AutoAugment`.

    Raises
    ------
    TypeError, ValueError
        The severity is beyond 1 to 10, or there is not one image alone.

    Examples
    --------
    >>> from fastnn.vision.transforms import v2
    >>> v2.AugMix()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    _v1 = automatic.AugMix

    def __init__(self, severity=3, mixture_width=3, chain_depth=-1, alpha=1.0, all_ops=True, interpolation="bilinear",
                 fill=None):
        super().__init__(interpolation, fill)
        self._v1(severity)  # its check
        self.severity, self.mixture_width, self.chain_depth = severity, mixture_width, chain_depth
        self.alpha, self.all_ops = alpha, all_ops

    def augment(self, image):
        pil = is_pil(image)
        numbers_ = F.pil_to_tensor(image) if pil else tv_tensors.plain(image)
        names = automatic.MIXED if self.all_ops else automatic.MIXED[:9]
        magnitudes = space(names, 10, F.get_size(image), **automatic.MIXED_ENDS)
        mix = automatic.mixed(numbers_, 5 if isinstance(image, tv_tensors.Video) else 4, self.mixture_width,
                              self.chain_depth, self.alpha,
                              lambda part: self._drawn(part, magnitudes, lambda: draw(0, self.severity)))
        return F.to_pil_image(mix) if pil else tv_tensors.wrap(mix, like=image)
