"""Transforms of Tensors are operations like others: recorded for backward, counted where they change memory."""
import random

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.vision import transforms, utils
from fastnn.vision.transforms import functional as F

Mode = transforms.InterpolationMode
STATISTICS = ([0.1, 0.2, 0.3], [0.5, 0.6, 0.7])
LINEAR = {
    "normalize": lambda x: F.normalize(x, *STATISTICS),
    "normalize in place": lambda x: F.normalize(x * 1, *STATISTICS, inplace=True),
    "Normalize": transforms.Normalize(*STATISTICS),
    "Normalize in place": lambda x: transforms.Normalize(*STATISTICS, inplace=True)(x * 1),
    "hflip": F.hflip, "vflip": F.vflip,
    "crop": lambda x: F.crop(x, 1, 2, 3, 4),
    "crop beyond": lambda x: F.crop(x, -2, 3, 12, 20),
    "crop of nothing": lambda x: F.crop(x, 20, 30, 3, 3),
    "crop before": lambda x: F.crop(x, -4, -5, 3, 3),
    "center_crop": lambda x: F.center_crop(x, (3, 20)),
    **{f"pad {mode} {sides}": lambda x, sides=sides, mode=mode: F.pad(x, sides, 0, mode)
       for mode in ("constant", "edge", "reflect", "symmetric") for sides in (2, [1, 2, 3, 0], [-1, 2, 1, -2])},
    "pad with colours": lambda x: F.pad(x, 2, (0.1, 0.2, 0.3)),
    **{f"resize {mode.value} {size}": lambda x, size=size, mode=mode: F.resize(x, size, mode, antialias=False)
       for mode in (Mode.NEAREST, Mode.NEAREST_EXACT, Mode.BILINEAR, Mode.BICUBIC) for size in ([3, 12], 5)},
    **{f"resize {mode.value}, antialias": lambda x, mode=mode: F.resize(x, [3, 5], mode)
       for mode in (Mode.BILINEAR, Mode.BICUBIC)},
    **{f"rotate {mode.value} {fill}": lambda x, mode=mode, fill=fill: F.rotate(x, 30, mode, fill=fill)
       for mode in (Mode.NEAREST, Mode.BILINEAR) for fill in (None, 0.5, (0.1, 0.2, 0.3))},
    "rotate and expand": lambda x: F.rotate(x, -50, Mode.BILINEAR, True, (2, 3)),
    "rgb_to_grayscale": F.rgb_to_grayscale,
    "rgb_to_grayscale of three": lambda x: F.rgb_to_grayscale(x, 3),
    "convert_image_dtype": lambda x: F.convert_image_dtype(x, fastnn.float32).double(),
    "RandomCrop": transforms.RandomCrop(5, padding=2), "RandomRotation": transforms.RandomRotation(40),
    "RandomHorizontalFlip": transforms.RandomHorizontalFlip(), "RandomVerticalFlip": transforms.RandomVerticalFlip(),
    "RandomApply": transforms.RandomApply([F.hflip]), "RandomChoice": transforms.RandomChoice([F.hflip, F.vflip]),
    "Compose": transforms.Compose([transforms.CenterCrop(6), transforms.Normalize(*STATISTICS)]),
    "Sequential": nn.Sequential(transforms.CenterCrop(6), transforms.Normalize(*STATISTICS)),
}


def seeded(case, x):
    fastnn.manual_seed(3), random.seed(3)
    return LINEAR[case](x)


@pytest.mark.parametrize("shape", [(3, 7, 9), (2, 3, 8, 6)])
@pytest.mark.parametrize("case", LINEAR)
def test_gradients(case, shape):
    """All are linear but for a constant: dx is the transpose of what they do to a difference."""
    x, other = fastnn.rand(shape, dtype=fastnn.float64), fastnn.rand(shape, dtype=fastnn.float64)
    x.requires_grad_()
    y = seeded(case, x)
    assert y.grad_fn is not None
    weight = fastnn.rand(y.shape, dtype=fastnn.float64)
    (y * weight).sum().backward()
    expected = ((seeded(case, other) - y) * weight).sum().item()
    tolerance = 1e-5 if case == "convert_image_dtype" else 1e-11
    assert ((other - x) * x.grad).sum().item() == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_changes_in_place_are_counted():
    x = fastnn.rand(3, 4, 4)
    version = x._version
    assert transforms.Normalize(*STATISTICS, inplace=True)(x) is x and x._version > version
    leaf = fastnn.rand(3, 4, 4, requires_grad=True)
    saved = leaf.exp()
    loss = saved.sum()
    F.normalize(saved, *STATISTICS, inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    with pytest.raises(RuntimeError, match="in-place"):
        F.normalize(leaf, *STATISTICS, inplace=True)
    with fastnn.no_grad():
        F.normalize(leaf, *STATISTICS, inplace=True)
    weight = nn.Parameter(fastnn.ones(3, 1, 1))
    F.normalize(weight * fastnn.ones(3, 4, 4), *STATISTICS, inplace=True).sum().backward()
    np.testing.assert_allclose(weight.grad.flatten().numpy(), 16 / np.array(STATISTICS[1]), rtol=1e-6)


def test_a_crop_is_a_view():
    x = fastnn.zeros(3, 6, 6)
    F.crop(x, 1, 2, 3, 3).fill_(1.0)
    assert x.sum().item() == 27


def test_grids_are_pictures():
    """Not recorded, as in torchvision."""
    x = fastnn.rand(4, 3, 5, 5, requires_grad=True)
    assert not utils.make_grid(x, normalize=True).requires_grad


# ---- torchvision's numbers ----

def test_rotation_about_a_point_and_with_a_border():
    """Numbers of torchvision 0.29: the whole image fits, and the fill is weighed by the square of its share."""
    x = fastnn.arange(12.0).reshape(1, 3, 4)
    turned = F.rotate(x, 90, expand=True, center=(0, 0))
    assert turned.shape == (1, 4, 3)
    half = F.rotate(fastnn.ones(1, 2, 2), 45, Mode.BILINEAR, fill=10.0)
    plain = F.rotate(fastnn.ones(1, 2, 2), 45, Mode.BILINEAR)
    share = plain.numpy()
    np.testing.assert_allclose(half.numpy(), share * share + (1 - share) * 10, rtol=1e-6)
