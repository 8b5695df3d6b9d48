"""Transforms draw torchvision's random numbers and compute its colours: against torchvision itself where it is
installed, and against sums that were recorded from torchvision 0.28 (with PyTorch 2.13, Pillow 13)."""
import random

import numpy as np
import pytest

import fastnn
from fastnn.vision import transforms as ours

try:
    import torch
    import torchvision.transforms as theirs
except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision's build fits another PyTorch
    theirs, missing = None, str(error)

# What is written in both libraries' names; T is the module of transforms.
ON_ALL = [
    "T.ColorJitter(0.4, 0.5, 0.6, 0.2)", "T.ColorJitter(hue=(-0.3, 0.1))", "T.ColorJitter(contrast=0.9)",
    "T.RandomResizedCrop(6)", "T.RandomResizedCrop((5, 9), scale=(0.9, 1.0), ratio=(2.0, 3.0))",
    "T.RandomResizedCrop(7, interpolation=T.InterpolationMode.NEAREST)",
    "T.RandomAffine(30, (0.2, 0.3), (0.7, 1.3), (-20, 20, -10, 10))", "T.RandomAffine((10, 80), shear=15, fill=7)",
    "T.RandomAffine(40, scale=(0.5, 0.9), interpolation=T.InterpolationMode.BILINEAR, fill=(1, 2, 3), center=(3, 4))",
    "T.RandomPerspective(0.6, 1.0)", "T.RandomPerspective(0.3, 1.0, T.InterpolationMode.NEAREST, fill=9)",
    "T.GaussianBlur(5)", "T.GaussianBlur((3, 7), (0.5, 1.5))", "T.RandomGrayscale(0.6)", "T.RandomInvert()",
    "T.RandomSolarize(0.4)", "T.RandomAdjustSharpness(2.5, 1.0)", "T.RandomAdjustSharpness(0.3, 1.0)",
    "T.RandomAutocontrast(1.0)", "T.FiveCrop(4)", "T.TenCrop((3, 5))", "T.TenCrop(4, vertical_flip=True)",
    "T.ElasticTransform(40.0, 1.0)", "T.ElasticTransform([20.0, 60.0], [1.0, 0.8], fill=3)",
    "T.RandomOrder([T.RandomHorizontalFlip(), T.RandomCrop(8), T.GaussianBlur(3)])",
    "T.Compose([T.RandomCrop(9, padding=2), T.RandomRotation(20), T.RandomVerticalFlip()])",
]
ON_BYTES = ["T.RandomPosterize(3, 1.0)", "T.RandomEqualize(1.0)", "T.RandomSolarize(120, 1.0)"]
ON_TENSORS = ["T.RandomErasing(1.0)", "T.RandomErasing(0.9, value=(1, 2, 3))",
              "T.RandomErasing(1.0, (0.1, 0.5), (0.5, 2.0), 'random')"]
KINDS = {"uint8": ON_ALL + ON_BYTES + ON_TENSORS, "float32": ON_ALL + ON_TENSORS, "float64": ON_ALL,
         "PIL": [text for text in ON_ALL if "Solarize(0.4" not in text] + ON_BYTES}
CASES = [(kind, text) for kind, texts in KINDS.items() for text in texts]


def image(kind):
    numbers = np.random.default_rng(5).integers(0, 256, (12, 14, 3), np.uint8)
    return numbers if kind in ("uint8", "PIL") else (numbers / 255).astype(kind)


def results(library, text, kind):
    """Of three images after one another, as one row of numbers."""
    T = ours if library is fastnn else theirs
    library.manual_seed(3)
    random.seed(3)
    if kind == "PIL":
        from PIL import Image
        picture = Image.fromarray(image(kind))
    else:
        picture = library.from_numpy(np.ascontiguousarray(image(kind).transpose(2, 0, 1)))
    if kind == "PIL" and "fill=(1, 2, 3)" not in text:
        text = text.replace("fill=7", "fill=(7, 7, 7)").replace("fill=9", "fill=(9, 9, 9)")
    transform = eval(text, {"T": T})
    parts = []
    for _ in range(3):
        out = transform(picture)
        parts += out if isinstance(out, tuple) else [out]
    shapes = [getattr(part, "size" if kind == "PIL" else "shape") for part in parts]
    rows = [np.asarray(part if kind == "PIL" else part.numpy()).astype(np.float64).ravel() for part in parts]
    rest = float(library.rand(1))  # the streams stand at the same number afterwards
    return np.concatenate(rows), [tuple(shape) for shape in shapes], rest


# Differences of a unit where a sum ends at half a unit, or of float32 sums in another order.
def tolerance(kind):
    return {"uint8": 1, "PIL": 1, "float32": 2e-5, "float64": 2e-5}[kind]


@pytest.mark.skipif(theirs is None, reason="torchvision is not installed")
@pytest.mark.parametrize("kind, text", CASES)
def test_as_torchvision(kind, text):
    if kind == "PIL":
        pytest.importorskip("PIL")
    (mine, shapes, rest), (other, goal, state) = (results(library, text, kind) for library in (fastnn, torch))
    assert shapes == goal and rest == state
    difference = np.abs(mine - other)
    assert difference.max() <= tolerance(kind), (difference.max(), (difference > tolerance(kind)).sum())
    assert (difference > 1e-9).mean() < 0.02 or kind in ("float32", "float64")


@pytest.mark.skipif(theirs is None, reason="torchvision is not installed")
@pytest.mark.parametrize("text", ON_ALL + ON_BYTES + ON_TENSORS)
def test_looks_like_torchvision(text):
    mine, other = (repr(eval(text, {"T": T})) for T in (ours, theirs))
    assert mine == other


# torchvision's results: means, and means of numbers times the cosines of their positions.
RECORDED = [
    (0.453375, 0.00641956), (0.492525, 0.00718448), (0.495873, 0.00788755), (0.493054, 0.00340648),
    (0.481398, -4.81465e-05), (0.488889, -0.00900655), (0.34563, 0.00224853), (1.36967, -0.0239066),
    (1.58595, 0.00817691), (0.207095, 0.00216476), (2.92589, 0.00564843), (0.49363, 0.000493428),
    (0.492469, 0.000143627), (0.495531, -0.000427805), (0.50568, -0.00229815), (0.270534, -0.000240638),
    (0.494641, 0.00495029), (0.495842, 0.000667093), (0.495643, 0.00238157), (0.503954, -0.00535429),
    (0.503756, 0.001316), (0.503954, 0.00255988), (0.297768, 0.00466308), (1.55921, -0.0141121),
    (0.466846, 0.00754622), (0.358961, 0.00282325), (111.111, 0.557299), (126.052, 0.602843), (66.4901, 0.130696),
    (103.703, -0.151221), (104.072, -0.155091), (107.345, 1.02513),
]


ALONE = [*(("float64", text) for text in ON_ALL), *(("uint8", text) for text in ON_BYTES + ON_TENSORS)]


@pytest.mark.parametrize("kind, text, goal", [(*case, goal) for case, goal in zip(ALONE, RECORDED, strict=True)])
def test_as_recorded_from_torchvision(kind, text, goal):
    row = results(fastnn, text, kind)[0]
    found = row.mean(), (row * np.cos(np.arange(len(row)))).mean()
    np.testing.assert_allclose(found, goal, rtol=2e-5, atol=2e-5)  # recorded with six digits


@pytest.mark.parametrize("make, error, words", [
    (lambda: ours.ColorJitter(-1), ValueError, "brightness"), (lambda: ours.ColorJitter(hue=0.7), ValueError, "hue"),
    (lambda: ours.ColorJitter(contrast="a"), TypeError, "contrast"), (lambda: ours.GaussianBlur(4), ValueError, "odd"),
    (lambda: ours.GaussianBlur(3, -1), ValueError, "sigma"), (lambda: ours.RandomErasing(2), ValueError, "probability"),
    (lambda: ours.RandomErasing(value="a"), ValueError, "random"),
    (lambda: ours.RandomErasing(1.0, value=[1, 2])(fastnn.ones(3, 5, 5)), ValueError, "3"),
    (lambda: ours.RandomAffine(-1), ValueError, "degrees"),
    (lambda: ours.RandomAffine(1, (2, 0)), ValueError, "translation"),
    (lambda: ours.RandomAffine(1, scale=(0, 1)), ValueError, "scale"),
    (lambda: ours.RandomAffine(1, shear=(1, 2, 3)), ValueError, "shear"),
    (lambda: ours.RandomResizedCrop(3, scale=1), TypeError, "Scale"),
    (lambda: ours.FiveCrop(9)(fastnn.ones(3, 5, 5)), ValueError, "bigger"),
    (lambda: ours.ElasticTransform(3), TypeError, "alpha"), (lambda: ours.RandomOrder(3), TypeError, "sequence"),
    (lambda: ours.RandomPerspective(fill={}), TypeError, "Fill"),
    (lambda: ours.functional.posterize(fastnn.ones(1, 2, 2), 3), TypeError, "uint8"),
    (lambda: ours.functional.equalize(fastnn.ones(2, 2, 2)), TypeError, "channel"),
    (lambda: ours.functional.adjust_hue(fastnn.ones(3, 2, 2), 2), ValueError, "hue_factor"),
    (lambda: ours.functional.adjust_gamma(fastnn.ones(3, 2, 2), -2), ValueError, "Gamma"),
    (lambda: ours.functional.adjust_contrast(np.ones(3), 2), TypeError, "img"),
    (lambda: ours.functional.erase(np.ones(3), 0, 0, 1, 1, 2), TypeError, "img"),
    (lambda: ours.functional.perspective(fastnn.ones(3, 2, 2), [[0, 0]], [[0, 0]]), ValueError, "four"),
    (lambda: ours.functional.affine(fastnn.ones(3, 2, 2), 0, [0, 0], 0, 0), ValueError, "scale"),
    (lambda: ours.LinearTransformation(fastnn.ones(2, 3), fastnn.ones(2)), ValueError, "square")])
def test_errors(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("change", [
    lambda F, x: F.adjust_brightness(x, 0.7), lambda F, x: F.adjust_contrast(x, 1.2), lambda F, x: F.adjust_hue(x, 0.1),
    lambda F, x: F.adjust_saturation(x, 0.5), lambda F, x: F.adjust_gamma(x, 1.5), lambda F, x: F.gaussian_blur(x, 3),
    lambda F, x: F.adjust_sharpness(x, 1.5), lambda F, x: F.solarize(x, 0.5), lambda F, x: F.autocontrast(x),
    lambda F, x: F.affine(x, 20, [1, 0], 1.1, 5, ours.InterpolationMode.BILINEAR),
    lambda F, x: F.perspective(x, [[0, 0], [6, 0], [6, 5], [0, 5]], [[1, 0], [5, 1], [6, 5], [0, 4]])])
def test_gradients(change):
    """The slope along a random direction, by differences (hue: of float32 numbers inside, as in torchvision)."""
    fastnn.manual_seed(1)
    x = fastnn.rand(1, 3, 6, 7, dtype=fastnn.float64) * 0.6 + 0.2
    way = fastnn.randn(x.shape, dtype=fastnn.float64)
    x.requires_grad_()
    change(ours.functional, x).square().sum().backward()
    with fastnn.no_grad():
        up, down = (change(ours.functional, x + step * way).square().sum() for step in (1e-5, -1e-5))
    slope = ((up - down) / 2e-5).item()
    assert abs((x.grad * way).sum().item() - slope) < 0.01 * (1 + abs(slope))
