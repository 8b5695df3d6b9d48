"""Transforms of samples draw torchvision's random numbers and move images, masks and boxes as it does: against
torchvision itself where it is installed, and against sums that were recorded from torchvision 0.28 (PyTorch 2.13)."""
import copy
import pickle
import random
import warnings

import numpy as np
import pytest

import fastnn
from fastnn.vision import tv_tensors as our_kinds
from fastnn.vision.transforms import v2 as ours

try:
    import torch
    import torchvision.tv_tensors as their_kinds
    from torchvision.transforms import v2 as theirs
except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision's build fits another PyTorch
    theirs, missing = None, str(error)
needs_torchvision = pytest.mark.skipif(theirs is None, reason="torchvision is not installed")

# What is written in both libraries' names; T is the module of transforms, K that of kinds.
GEOMETRY = [
    "T.RandomHorizontalFlip(0.6)", "T.RandomVerticalFlip(0.6)", "T.Resize(7)", "T.Resize((9, 5), antialias=False)",
    "T.Resize(None, max_size=9)", "T.Resize(20, max_size=22)", "T.CenterCrop(8)", "T.CenterCrop((20, 6))",
    "T.Pad((1, 2, 3, 4), fill=7)", "T.Pad(2, {K.Image: 3, 'others': 0})", "T.RandomCrop(8, padding=1)",
    "T.RandomCrop((20, 9), pad_if_needed=True)", "T.RandomResizedCrop(6)", "T.RandomResizedCrop((5, 9), (0.3, 0.5))",
    "T.RandomRotation(30)", "T.RandomRotation(40, 'bilinear', expand=True)", "T.RandomRotation((90, 90))",
    "T.RandomRotation((180, 180))", "T.RandomRotation(20, center=(2, 3), fill=4)",
    "T.RandomAffine(30, (0.2, 0.3), (0.7, 1.3), (-20, 20, -10, 10))", "T.RandomAffine((10, 80), shear=15)",
    "T.RandomPerspective(0.6, 1.0)", "T.RandomPerspective(0.3, 0.7)", "T.ElasticTransform(40.0, 1.0)",
    "T.RandomZoomOut(side_range=(1.0, 2.0), p=0.7)", "T.RandomIoUCrop()", "T.ScaleJitter((10, 10), (0.5, 1.5))",
    "T.RandomShortestSize([6, 8, 10], 12)", "T.RandomResize(5, 12)", "T.SanitizeBoundingBoxes(2, labels_getter=None)",
    "T.ClampBoundingBoxes()", "T.ConvertBoundingBoxFormat('CXCYWH')", "T.SetClampingMode(None)",
]
COLOUR = [
    "T.ColorJitter(0.4, 0.5, 0.6, 0.2)", "T.ColorJitter(contrast=(0.5, 0.9))", "T.Grayscale()", "T.Grayscale(3)",
    "T.RandomGrayscale(0.6)", "T.RandomChannelPermutation()", "T.RandomPhotometricDistort(p=0.8)", "T.RGB()",
    "T.RandomInvert()", "T.RandomSolarize(0.4)", "T.RandomAutocontrast(1.0)", "T.RandomAdjustSharpness(2.5, 1.0)",
    "T.GaussianBlur(5)", "T.GaussianBlur((3, 7), (0.5, 1.5))", "T.GaussianNoise(0.1, 0.2)", "T.RandomErasing(1.0)",
    "T.RandomErasing(0.9, value=(1, 2, 3))", "T.RandomErasing(1.0, (0.1, 0.5), (0.5, 2.0), 'random')",
    "T.ToDtype(D.float32, scale=True)", "T.ToDtype({K.Mask: D.float64, 'others': None})",
    "T.ConvertImageDtype(D.float64)",
]
BYTES = ["T.RandomPosterize(3, 1.0)", "T.RandomEqualize(1.0)"]
ALONE = [  # of an image alone
    "T.AutoAugment()", "T.AutoAugment(T.AutoAugmentPolicy.SVHN, 'bilinear', 5)", "T.RandAugment()",
    "T.AutoAugment(T.AutoAugmentPolicy.CIFAR10)", "T.RandAugment(3, 20)", "T.TrivialAugmentWide()",
    "T.AugMix()", "T.AugMix(5, 2, 2, all_ops=False)", "T.FiveCrop(4)", "T.TenCrop((3, 5), vertical_flip=True)",
    "T.RandomOrder([T.RandomHorizontalFlip(), T.RandomCrop(8), T.GaussianBlur(3)])",
    "T.RandomChoice([T.RandomHorizontalFlip(1.0), T.RandomCrop(8), T.Resize(5)], [1, 2, 3])",
    "T.RandomApply([T.RandomRotation(20), T.RandomCrop(9, padding=2)])",
    "T.Compose([T.RandomResizedCrop(7), T.ToDtype(D.float32, scale=True), T.Normalize([0.5] * 3, [0.2, 0.3, 0.4])])",
]
V1 = ["V.AutoAugment()", "V.AutoAugment(V.AutoAugmentPolicy.CIFAR10)", "V.RandAugment()", "V.RandAugment(3, 20)",
      "V.TrivialAugmentWide()", "V.AugMix()", "V.AugMix(5, 2, 2, all_ops=False)"]
BOX_FORMATS = "XYXY", "XYWH", "CXCYWH"


def names(library):
    if library is fastnn:
        from fastnn.vision import transforms
        return {"T": ours, "K": our_kinds, "D": fastnn, "V": transforms}
    import torchvision
    return {"T": theirs, "K": their_kinds, "D": torch, "V": torchvision.transforms}


def sample(library, form="XYXY", kind="uint8", alone=False):
    """An image, with a mask, boxes and a label."""
    known = names(library)["K"]
    stream = np.random.default_rng(5)
    image = stream.integers(0, 256, (3, 14, 14), np.uint8)
    image = known.Image(library.from_numpy(image if kind == "uint8" else (image / 255).astype(kind)))
    if alone:
        return image
    corners = np.array([[1, 2, 6, 9], [0, 0, 14, 14], [4, 3, 5, 13], [8, 8, 13, 11]])
    corners = corners + 0.25 if kind != "uint8" else corners
    low, size = corners[:, :2], corners[:, 2:] - corners[:, :2]
    boxes = {"XYXY": corners, "XYWH": np.concatenate([low, size], 1),
             "CXCYWH": np.concatenate([low + size // 2, size], 1)}[form]
    boxes = known.BoundingBoxes(library.from_numpy(boxes.astype(np.int64 if kind == "uint8" else kind)), format=form,
                                canvas_size=(14, 14))
    mask = known.Mask(library.from_numpy(stream.integers(0, 5, (14, 14))))
    return {"image": image, "rest": [mask, boxes, "label", 3, library.tensor([1.0, 2.0])]}


def results(library, text, *args, **kwargs):
    """Of three samples after one another: numbers, what describes them, where the stream stands."""
    library.manual_seed(3)
    random.seed(3)
    transform = eval(text, names(library))
    parts, told = [], []
    for _ in range(3):
        out = transform(sample(library, *args, **kwargs))
        for leaf in names(library)["D"].utils._pytree.tree_leaves(out):
            if isinstance(leaf, library.Tensor):
                parts.append(leaf.numpy().astype(np.float64).ravel())
                told.append((type(leaf).__name__, tuple(leaf.shape), str(leaf.dtype)))
                if isinstance(leaf, names(library)["K"].BoundingBoxes):
                    told.append((leaf.format.name, tuple(leaf.canvas_size), leaf.clamping_mode))
            else:
                told.append(leaf)
    return parts, told, float(library.rand(1))


def compare(mine, other, kind, edges=0.02):
    assert mine[1] == other[1] and mine[2] == other[2]
    for part, goal in zip(mine[0], other[0], strict=True):
        off = np.abs(part - goal)
        # A unit where a sum ends at half a unit (PyTorch resizes bytes with rounded weights), and few points that lie
        # on the edge of two pixels.
        assert (off > (1 if kind == "uint8" else 2e-5 * (1 + np.abs(goal).max()))).mean() <= edges


@needs_torchvision
@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("text", GEOMETRY + COLOUR)
def test_as_torchvision(kind, text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's of masks that are not erased
        compare(*(results(library, text, "XYXY", kind) for library in (fastnn, torch)), kind)


@needs_torchvision
@pytest.mark.parametrize("form", BOX_FORMATS[1:])
@pytest.mark.parametrize("text", GEOMETRY)
def test_boxes_as_torchvision(form, text):
    for kind in ("uint8", "float32"):
        compare(*(results(library, text, form, kind) for library in (fastnn, torch)), kind)


@needs_torchvision
@pytest.mark.parametrize("text", ALONE + BYTES + V1)
def test_images_as_torchvision(text):
    compare(*(results(library, text, alone=True) for library in (fastnn, torch)), "uint8")


@needs_torchvision
@pytest.mark.parametrize("text", GEOMETRY + COLOUR + BYTES + ALONE + V1)
def test_looks_like_torchvision(text):
    mine, other = (repr(eval(text, names(library))) for library in (fastnn, torch))
    assert mine == other


# Of torchvision: the mean of all numbers, and the next random number.
RECORDED = [
    (1.0133, 0.0269548), (0.99083, 0.0269548), (1.1002, 0.00426352), (1.2055, 0.00426352), (1.0826, 0.00426352),
    (0.9837, 0.00426352), (1.0146, 0.00426352), (0.81933, 0.00426352), (3.7192, 0.00426352), (1.515, 0.00426352),
    (1.0849, 0.771866), (0.78656, 0.771866), (1.1051, 0.149841), (1.0892, 0.149841), (0.89055, 0.0269548),
    (0.54304, 0.0269548), (1.0133, 0.0269548), (0.99894, 0.0269548), (1.4557, 0.0269548), (0.72992, 0.847319),
    (0.89268, 0.771866), (0.52907, 0.599699), (0.8219, 0.874856), (0.72894, 0.820786), (0.56989, 0.149841),
    (0.99188, 0.289621), (1.0997, 0.0269548), (1.0784, 0.0269548), (1.0784, 0.0269548), (0.94666, 0.00426352),
    (1.0052, 0.00426352), (1.0077, 0.00426352), (1.0058, 0.00426352), (0.97802, 0.214758), (1.0047, 0.149841),
    (1.4957, 0.00426352), (1.0022, 0.00426352), (1.0022, 0.0269548), (1.0058, 0.771866), (0.9939, 0.805172),
    (1.0058, 0.00426352), (1.0191, 0.0269548), (0.8447, 0.0269548), (1.0044, 0.0269548), (1.0071, 0.0269548),
    (1.0053, 0.0269548), (1.0044, 0.0269548), (1.0652, 0.0546142), (0.9379, 0.459405), (1.2197, 0.459405),
    (0.9492, 0.173867), (1.0058, 0.00426352), (1.0058, 0.00426352), (1.0058, 0.00426352), (112.43, 0.799491),
    (123.35, 0.149841), (100.79, 0.594421), (124.28, 0.451031), (93.652, 0.0541769), (116.37, 0.0601163),
    (122.85, 0.00949639), (109.03, 0.296681), (127.35, 0.00426352), (124.33, 0.00426352), (126.69, 0.847319),
    (124.2, 0.0121087), (117.31, 0.887857), (-0.074241, 0.149841), (110.1, 0.0269548), (125.18, 0.0269548),
    (112.28, 0.459405), (124.96, 0.459405), (100.79, 0.594421), (58.028, 0.0541769), (116.37, 0.0601163),
    (122.78, 0.00949639), (109.1, 0.296681),
]
CASES = [*((text, {"kind": "float32"}) for text in GEOMETRY + COLOUR),
         *((text, {"alone": True}) for text in ALONE + BYTES + V1)]


@pytest.mark.parametrize("text, options, goal", [(*case, goal) for case, goal in zip(CASES, RECORDED, strict=True)])
def test_as_recorded_from_torchvision(text, options, goal):
    parts, _, rest = results(fastnn, text, **options)
    # A few pixels lie on the edge of two others, and bytes where a sum ends at half a unit.
    assert np.concatenate(parts).mean() == pytest.approx(goal[0], rel=5e-3, abs=2e-3)
    assert rest == pytest.approx(goal[1], rel=1e-5)


# ---- kinds of tensors ----

def test_kinds():
    image = our_kinds.Image(np.zeros((4, 5), np.uint8))
    assert image.shape == (1, 4, 5) and type(image + 1) is type(image[0]) is fastnn.Tensor
    for same in (image.clone(), image.detach(), image.to(fastnn.float64), copy.deepcopy(image),
                 pickle.loads(pickle.dumps(image)), our_kinds.wrap(image + 1, like=image)):
        assert type(same) is our_kinds.Image
    boxes = our_kinds.BoundingBoxes([1, 2, 3, 4], format="xywh", canvas_size=(4, 5))
    assert boxes.shape == (1, 4) and boxes.clone().format is our_kinds.BoundingBoxFormat.XYWH
    assert copy.deepcopy(boxes).canvas_size == pickle.loads(pickle.dumps(boxes)).canvas_size == (4, 5)
    assert type(next(iter(fastnn.utils.data.DataLoader([image, image], 2)))) is fastnn.Tensor


def test_gradients_go_through_kinds():
    x = fastnn.rand(3, 6, 6, dtype=fastnn.float64, requires_grad=True)
    out = ours.RandomHorizontalFlip(1.0)(our_kinds.Image(x * 2))
    out.square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 8 * x.detach().numpy())
    leaf = our_kinds.Image(fastnn.ones(1, 2, 2), requires_grad=True)
    (leaf * 3).sum().backward()
    assert leaf.grad.flatten().tolist() == [3.0] * 4


def test_which_parts_of_a_sample_change():
    flip, x = ours.RandomHorizontalFlip(1.0), fastnn.tensor([[[1, 2]]])
    first, second, text = flip(x, x, "text")  # the first plain tensor alone
    assert first.flatten().tolist() == [2, 1] and second is x and text == "text"
    image, plain = flip([our_kinds.Image(x), x])  # none beside an image
    assert image.flatten().tolist() == [2, 1] and plain is x
    assert isinstance(flip({"a": (x,)})["a"], tuple)


@pytest.mark.parametrize("alpha", [0.4, 1.0])
@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
def test_mixing(name, alpha):
    found = []
    for library in (fastnn,) if theirs is None else (fastnn, torch):
        library.manual_seed(7)
        mixing = getattr(names(library)["T"], name)(alpha=alpha, num_classes=5)
        images = library.arange(4.0).reshape(4, 1, 1, 1).repeat(1, 2, 6, 6)
        images, labels = mixing(images, library.tensor([0, 1, 2, 4]))
        np.testing.assert_allclose(labels.sum(1).numpy(), 1, rtol=1e-6)
        share = (images.mean((1, 2, 3)) - library.arange(4.0)).numpy()  # of the image before each
        np.testing.assert_allclose(share[0] / 3, 1 - labels[0, 0].item(), atol=1e-6)
        found.append((images.numpy(), labels.numpy(), library.rand(1).item()))
    for mine, other in zip(*found) if theirs is not None else ():
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_arrays_of_data_sets():
    """A data set gives arrays as they lie to what takes them, so Pillow is not needed."""
    transform = ours.Compose([ours.ToImage(), ours.ToDtype(fastnn.float32, scale=True)])
    assert transform.takes_arrays and not ours.Compose([ours.Resize(3)]).takes_arrays
    assert transform(np.full((2, 3, 3), 255, np.uint8)).tolist() == fastnn.ones(3, 2, 3).tolist()


def test_pictures():
    pictures = pytest.importorskip("PIL.Image")
    picture = pictures.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    out, mask = ours.RandomHorizontalFlip(1.0)(picture, our_kinds.Mask(fastnn.arange(16).reshape(4, 4)))
    assert np.array_equal(np.asarray(out), np.asarray(picture)[:, ::-1]) and mask[0].tolist() == [3, 2, 1, 0]
    assert type(ours.ToImage()(picture)) is our_kinds.Image and type(ours.PILToTensor()(picture)) is fastnn.Tensor
    assert ours.ToPILImage()(fastnn.zeros(3, 4, 6)).size == (6, 4)
    assert ours.Compose([ours.Resize(2), ours.ColorJitter(0.1), ours.TrivialAugmentWide()])(picture).size == (2, 2)


BOX = our_kinds.BoundingBoxes([[0, 0, 2, 2]], format="XYXY", canvas_size=(4, 4))


@pytest.mark.parametrize("make, error, words", [
    (lambda: ours.RandomCrop(9)(fastnn.ones(3, 5, 5)), ValueError, "larger"),
    (lambda: ours.Compose([]), ValueError, "at least one"), (lambda: ours.Compose(3), TypeError, "sequence"),
    (lambda: ours.RandomApply([], 0.5), ValueError, "at least one"), (lambda: ours.Resize("a"), ValueError, "size"),
    (lambda: ours.RandomChoice([ours.Identity()], [1, 2]), ValueError, "Length"),
    (lambda: ours.Pad(2, "a"), TypeError, "fill"), (lambda: ours.Pad("a"), ValueError, "Padding"),
    (lambda: ours.RandomHorizontalFlip(2), ValueError, "p"), (lambda: ours.ToDtype(3), ValueError, "dtype"),
    (lambda: ours.FiveCrop(2)(BOX), TypeError, "FiveCrop"), (lambda: ours.RandomIoUCrop()(BOX), TypeError, "image"),
    (lambda: ours.RandAugment()(fastnn.ones(3, 4, 4), BOX), TypeError, "BoundingBoxes"),
    (lambda: ours.RandAugment()("text"), TypeError, "no image"),
    (lambda: ours.Transform()(BOX), NotImplementedError, "transform"),
    (lambda: ours.MixUp(num_classes=3)(fastnn.ones(2, 3, 4, 4), 3), ValueError, "labels"),
    (lambda: ours.CutMix()(fastnn.ones(2, 3, 4, 4), fastnn.tensor([1, 2])), ValueError, "num_classes"),
    (lambda: ours.SanitizeBoundingBoxes()({"x": BOX}), ValueError, "labels"),
    (lambda: ours.query_size([fastnn.ones(3, 4, 4), fastnn.ones(3, 5, 4)]), ValueError, "multiple"),
    (lambda: ours.Pad(1, padding_mode="edge")(BOX), ValueError, "bounding boxes"),
    (lambda: ours.functional.hflip("a"), TypeError, "hflip"),
    (lambda: ours.functional.invert(BOX), TypeError, "invert"),
    (lambda: ours.functional.convert_bounding_box_format(BOX, "XYXY", "XYWH"), ValueError, "format"),
    (lambda: our_kinds.BoundingBoxes([[1, 2]], format="XYXYXYXY", canvas_size=(4, 4)), NotImplementedError, "rotat"),
    (lambda: our_kinds.BoundingBoxes(fastnn.ones(1, 1, 4), format="XYXY", canvas_size=(4, 4)), ValueError, "3D"),
    (lambda: our_kinds.set_return_type("TVTensor"), NotImplementedError, "wrap"),
    (lambda: our_kinds.Image(fastnn.ones(2)), ValueError, "2D"), (lambda: ours.JPEG, AttributeError, "JPEG"),
    (lambda: our_kinds.KeyPoints, AttributeError, "KeyPoints")])
def test_errors(make, error, words):
    with pytest.raises(error, match=words):
        make()
