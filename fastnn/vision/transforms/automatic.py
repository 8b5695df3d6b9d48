"""Random sequences of operations: AutoAugment, RandAugment, TrivialAugment, AugMix."""
import enum
import math

import numpy as np

from fastnn import random
from fastnn._tensor import Tensor, from_array
from fastnn.ops.families import _sample_dirichlet
from fastnn.vision.transforms import functional as F
from fastnn.vision.transforms.augmentation import draw
from fastnn.vision.transforms.base import ModuleTransform
from fastnn.vision.transforms.functional import InterpolationMode
from fastnn.vision.transforms.geometry import interpolation_mode

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]


class AutoAugmentPolicy(enum.Enum):
    """For which data the operations of `AutoAugment` were found.

    Same as torchvision.transforms.AutoAugmentPolicy.

    Parameters
    ----------
    value : {"imagenet", "cifar10", "svhn"}

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.AutoAugmentPolicy("cifar10").name
    'CIFAR10'
    """

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


# Of Cubuk et al. 2019: pairs of operations, each with its probability in tenths and the number of its magnitude.
_FOUND = {
    AutoAugmentPolicy.IMAGENET:
        "Posterize 4 8 Rotate 6 9; Solarize 6 5 AutoContrast 6; Equalize 8 Equalize 6; Posterize 6 7 "
        "Posterize 6 6; Equalize 4 Solarize 2 4; Equalize 4 Rotate 8 8; Solarize 6 3 Equalize 6; Posterize 8 "
        "5 Equalize 10; Rotate 2 3 Solarize 6 8; Equalize 6 Posterize 4 6; Rotate 8 8 Color 4 0; Rotate 4 9 "
        "Equalize 6; Equalize 0 Equalize 8; Invert 6 Equalize 10; Color 6 4 Contrast 10 8; Rotate 8 8 Color "
        "10 2; Color 8 8 Solarize 8 7; Sharpness 4 7 Invert 6; ShearX 6 5 Equalize 10; Color 4 0 Equalize 6; "
        "Equalize 4 Solarize 2 4; Solarize 6 5 AutoContrast 6; Invert 6 Equalize 10; Color 6 4 Contrast 10 8; "
        "Equalize 8 Equalize 6",
    AutoAugmentPolicy.CIFAR10:
        "Invert 1 Contrast 2 6; Rotate 7 2 TranslateX 3 9; Sharpness 8 1 Sharpness 9 3; ShearY 5 8 TranslateY "
        "7 9; AutoContrast 5 Equalize 9; ShearY 2 7 Posterize 3 7; Color 4 3 Brightness 6 7; Sharpness 3 9 "
        "Brightness 7 9; Equalize 6 Equalize 5; Contrast 6 7 Sharpness 6 5; Color 7 7 TranslateX 5 8; "
        "Equalize 3 AutoContrast 4; TranslateY 4 3 Sharpness 2 6; Brightness 9 6 Color 2 8; Solarize 5 2 "
        "Invert 0; Equalize 2 AutoContrast 6; Equalize 2 Equalize 6; Color 9 9 Equalize 6; AutoContrast 8 "
        "Solarize 2 8; Brightness 1 3 Color 7 0; Solarize 4 5 AutoContrast 9; TranslateY 9 9 TranslateY 7 9; "
        "AutoContrast 9 Solarize 8 3; Equalize 8 Invert 1; TranslateY 7 9 AutoContrast 9",
    AutoAugmentPolicy.SVHN:
        "ShearX 9 4 Invert 2; ShearY 9 8 Invert 7; Equalize 6 Solarize 6 6; Invert 9 Equalize 6; Equalize 6 "
        "Rotate 9 3; ShearX 9 4 AutoContrast 8; ShearY 9 8 Invert 4; ShearY 9 5 Solarize 2 6; Invert 9 "
        "AutoContrast 8; Equalize 6 Rotate 9 3; ShearX 9 4 Solarize 3 3; ShearY 8 8 Invert 7; Equalize 9 "
        "TranslateY 6 6; Invert 9 Equalize 6; Contrast 3 3 Rotate 8 4; Invert 8 TranslateY 0 2; ShearY 7 6 "
        "Solarize 4 8; Invert 6 Rotate 8 4; ShearY 3 7 TranslateX 9 3; ShearX 1 6 Invert 6; Solarize 7 2 "
        "TranslateY 6 7; ShearY 8 4 Invert 8; ShearX 7 9 TranslateY 8 3; ShearY 8 5 AutoContrast 7; ShearX 7 "
        "2 Invert 1",
}


def policies(policy):
    """[[(operation, probability, number of its magnitude or None), another]]."""
    if policy not in _FOUND:
        raise ValueError(f"The provided policy {policy} is not recognized.")
    found = []
    for line in _FOUND[policy].split(";"):
        words, pair = line.split(), []
        while words:
            name, tenths, *words = words
            number = int(words.pop(0)) if words and words[0].isdigit() else None
            pair.append((name, int(tenths) / 10, number))
        found.append(pair)
    return found


SIGNED = {"ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness"}


def space(names, bins, size, shear=0.3, reach=150.0 / 331.0, degrees=30.0, share=0.9, bits=(8, 4), top=1.0):
    """{operation: its magnitudes, a float32 array, or None}; `reach` of the height and width, or in pixels."""
    height, width = (size if isinstance(reach, float) else (1, 1))
    ends = {"ShearX": shear, "ShearY": shear, "TranslateX": reach * width, "TranslateY": reach * height,
            "Rotate": degrees, **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), share)}
    found = {}
    for name in names:
        if name in ends:
            found[name] = np.linspace(0.0, ends[name], bins, dtype=np.float32)
        elif name == "Posterize":
            found[name] = (bits[0] - np.arange(bins, dtype=np.float32) / np.float32((bins - 1) / bits[1])).round()
        else:
            found[name] = np.linspace(top, 0.0, bins, dtype=np.float32) if name == "Solarize" else None
    return found


_MOVES = ["ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"]
_LIGHTS = ["Brightness", "Color", "Contrast", "Sharpness"]
_REST = ["Posterize", "Solarize", "AutoContrast", "Equalize"]
FOUND = [*_MOVES, *_LIGHTS, *_REST, "Invert"]
ANY = ["Identity", *_MOVES, *_LIGHTS, *_REST]
MIXED = [*_MOVES, *_REST, *_LIGHTS]
WIDE = {"shear": 0.99, "reach": 32, "degrees": 135.0, "share": 0.99, "bits": (8, 6)}
MIXED_ENDS = {"reach": 1.0 / 3.0, "bits": (4, 4)}


def apply_op(image, name, magnitude, interpolation, fill, F=F, top=255.0):
    """One operation; `top` is the colour that magnitude 1 of "Solarize" stands for."""
    if name in ("ShearX", "ShearY"):
        angle = math.degrees(math.atan(magnitude))
        shear = [angle, 0.0] if name == "ShearX" else [0.0, angle]
        return F.affine(image, 0.0, [0, 0], 1.0, shear, interpolation=interpolation, fill=fill, center=[0, 0])
    if name in ("TranslateX", "TranslateY"):
        shift = [int(magnitude), 0] if name == "TranslateX" else [0, int(magnitude)]
        return F.affine(image, 0.0, shift, 1.0, [0.0, 0.0], interpolation=interpolation, fill=fill)
    if name == "Rotate":
        return F.rotate(image, magnitude, interpolation=interpolation, fill=fill)
    if name in _LIGHTS:
        change = {"Brightness": F.adjust_brightness, "Color": F.adjust_saturation, "Contrast": F.adjust_contrast,
                  "Sharpness": F.adjust_sharpness}[name]
        return change(image, 1.0 + magnitude)
    if name == "Posterize":
        return F.posterize(image, int(magnitude))
    if name == "Solarize":
        return F.solarize(image, top * magnitude)
    return {"AutoContrast": F.autocontrast, "Equalize": F.equalize, "Invert": F.invert,
            "Identity": lambda same: same}[name](image)


def mixed(image, dims, width, depth, alpha, augment):
    """The image and `width` chains of operations on it, mixed in random shares (Hendrycks et al. 2020)."""
    batch = image.reshape(*[1] * max(dims - image.ndim, 0), *image.shape)
    ones = [batch.shape[0]] + [1] * (batch.ndim - 1)
    first = _sample_dirichlet(from_array(np.full((batch.shape[0], 2), alpha, np.float32)))
    shares = _sample_dirichlet(from_array(np.full((batch.shape[0], width), alpha, np.float32))) * first[:, 1:]
    mix = first[:, 0].reshape(ones) * batch
    for i in range(width):
        augmented = batch
        for _ in range(depth if depth > 0 else draw(1, 4)):
            augmented = augment(augmented)
        mix = mix + shares[:, i].reshape(ones) * augmented
    return mix.reshape(image.shape).to(image.dtype)


class _Automatic(ModuleTransform):
    def _fill(self, image):
        if self.fill is None or not isinstance(image, Tensor):
            return self.fill
        return ([float(self.fill)] * F.get_dimensions(image)[0] if isinstance(self.fill, (int, float))
                else [float(value) for value in self.fill])

    def _drawn(self, image, magnitudes, number, size=None):
        """One operation of a space at random; its magnitude is number `number`, or drawn below `size`."""
        name = list(magnitudes)[draw(0, len(magnitudes))]
        known = magnitudes[name]
        if known is None:
            magnitude = 0.0
        else:
            magnitude = float(known[number if size is None else draw(0, size or len(known))])
        if name in SIGNED and draw(0, 2):
            magnitude *= -1
        top = 255.0 if name == "Solarize" else 1.0
        return apply_op(image, name, magnitude, self.interpolation, self._fill(image), top=top)

    def __repr__(self):
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)
        return f"{type(self).__name__}({shown})"


class AutoAugment(_Automatic):
    """One of 25 pairs of operations that were found for a data set (Cubuk et al. 2019).

    Same as torchvision.transforms.AutoAugment.

    Parameters
    ----------
    policy : AutoAugmentPolicy
        Default IMAGENET.
    interpolation : InterpolationMode
        Default NEAREST.
    fill : number or sequence of a number for each channel, optional
        What lies outside; default 0.

    Raises
    ------
    ValueError
        The policy is none.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.AutoAugment()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    shown = "policy", "fill"

    def __init__(self, policy=AutoAugmentPolicy.IMAGENET, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__()
        self.policy, self.interpolation, self.fill = policy, interpolation_mode(interpolation), fill
        self.policies = policies(policy)

    @staticmethod
    def get_params(transform_num):
        """(number of the pair, two random numbers, two signs).

        Parameters
        ----------
        transform_num : int
            Of pairs.
        """
        stream = random.default_generator
        number = draw(0, transform_num)
        probs = from_array(stream.uniform(np.empty(2, np.float32)))
        return number, probs, from_array(np.asarray(stream.randint(0, 2, 2), np.int64))

    def forward(self, img):
        number, probs, signs = self.get_params(len(self.policies))
        magnitudes = space(FOUND, 10, F.get_dimensions(img)[1:])
        for i, (name, p, index) in enumerate(self.policies[number]):
            if float(probs[i]) <= np.float32(p):
                magnitude = 0.0 if magnitudes[name] is None else float(magnitudes[name][index])
                magnitude *= -1.0 if name in SIGNED and not int(signs[i]) else 1.0
                img = apply_op(img, name, magnitude, self.interpolation, self._fill(img))
        return img


class RandAugment(_Automatic):
    """Some operations at random, of a given magnitude (Cubuk et al. 2020).

    Same as torchvision.transforms.RandAugment.

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

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.RandAugment()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    shown = "num_ops", "magnitude", "num_magnitude_bins", "interpolation", "fill"

    def __init__(self, num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST,
                 fill=None):
        super().__init__()
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins
        self.interpolation, self.fill = interpolation_mode(interpolation), fill

    def forward(self, img):
        for _ in range(self.num_ops):
            magnitudes = space(ANY, self.num_magnitude_bins, F.get_dimensions(img)[1:])
            img = self._drawn(img, magnitudes, self.magnitude)
        return img


class TrivialAugmentWide(_Automatic):
    """One operation at random, of random magnitude (Müller and Hutter 2021).

    Same as torchvision.transforms.TrivialAugmentWide.

    Parameters
    ----------
    num_magnitude_bins : int
        How many magnitudes there are; default 31.
    interpolation, fill
        As in `AutoAugment`.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.TrivialAugmentWide()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    shown = "num_magnitude_bins", "interpolation", "fill"

    def __init__(self, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__()
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation, self.fill = interpolation_mode(interpolation), fill

    def forward(self, img):
        return self._drawn(img, space(ANY, self.num_magnitude_bins, None, **WIDE), None, self.num_magnitude_bins)


class AugMix(_Automatic):
    """Random chains of operations, mixed with the image (Hendrycks et al. 2020).

    Same as torchvision.transforms.AugMix.

    Parameters
    ----------
    severity : int
        How many of ten magnitudes are used, default 3.
    mixture_width : int
        How many chains; default 3.
    chain_depth : int
        Their length; by default random, 1 to 3.
    alpha : float
        Of the shares' distribution; default 1.
    all_ops : bool
        Whether brightness, contrast, saturation and sharpness are changed too; default True.
    interpolation : InterpolationMode
        Default BILINEAR.
    fill
        As in `AutoAugment`.

    Raises
    ------
    ValueError
        The severity is beyond 1 to 10.

    Examples
    --------
    >>> from fastnn.vision import transforms
    >>> transforms.AugMix()(fastnn.zeros(3, 8, 8, dtype=fastnn.uint8)).shape
    torch.Size([3, 8, 8])
    """

    shown = "severity", "mixture_width", "chain_depth", "alpha", "all_ops", "interpolation", "fill"

    def __init__(self, severity=3, mixture_width=3, chain_depth=-1, alpha=1.0, all_ops=True,
                 interpolation=InterpolationMode.BILINEAR, fill=None):
        super().__init__()
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity, self.mixture_width, self.chain_depth = severity, mixture_width, chain_depth
        self.alpha, self.all_ops = alpha, all_ops
        self.interpolation, self.fill = interpolation_mode(interpolation), fill

    def forward(self, orig_img):
        whole = isinstance(orig_img, Tensor)
        image = orig_img if whole else F.pil_to_tensor(orig_img)
        magnitudes = space(MIXED if self.all_ops else MIXED[:9], 10, image.shape[-2:], **MIXED_ENDS)
        mix = mixed(image, 4, self.mixture_width, self.chain_depth, self.alpha,
                    lambda part: self._drawn(part, magnitudes, None, self.severity))
        return mix if whole else F.to_pil_image(mix)
