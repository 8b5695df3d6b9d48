"""Boxes, regions and layers of ``torchvision.ops``, beside plain loops and formulas."""
import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.vision import ops

RNG = np.random.default_rng(3)


def some_boxes(n):
    corner = RNG.uniform(0, 20, (n, 2))
    return np.concatenate([corner, corner + RNG.uniform(1, 12, (n, 2))], 1)


def overlap(a, b):
    """(intersection, union, area of the smallest box around both)."""
    size = [max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    around = [max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)]
    areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    return size[0] * size[1], sum(areas) - size[0] * size[1], around[0] * around[1]


def test_overlaps():
    a, b = some_boxes(7), some_boxes(5)
    x, y = fastnn.tensor(a), fastnn.tensor(b)
    shares = np.array([[overlap(p, q)[0] / overlap(p, q)[1] for q in b] for p in a])
    np.testing.assert_allclose(ops.box_iou(x, y).numpy(), shares, atol=1e-12)
    general = np.array([[overlap(p, q)[0] / overlap(p, q)[1] - 1 + overlap(p, q)[1] / overlap(p, q)[2] for q in b]
                        for p in a])
    np.testing.assert_allclose(ops.generalized_box_iou(x, y).numpy(), general, atol=1e-12)
    np.testing.assert_allclose(ops.generalized_box_iou_loss(x[:5], y).numpy(), 1 - np.diag(general[:5]), atol=1e-6)
    np.testing.assert_allclose(ops.box_area(x).numpy(), (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]))


@pytest.mark.parametrize("form", ["xywh", "cxcywh"])
def test_forms_go_both_ways(form):
    x = fastnn.tensor(some_boxes(6))
    there = ops.box_convert(x, "xyxy", form)
    assert fastnn.allclose(there[:, 2:], x[:, 2:] - x[:, :2])
    assert fastnn.allclose(ops.box_convert(there, form, "xyxy"), x)
    with pytest.raises(ValueError):
        ops.box_convert(x, "xyxy", "corners")


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_suppression(share):
    boxes, scores = some_boxes(40), RNG.permutation(40).astype(float)
    kept = []
    for i in np.argsort(-scores):
        if all(overlap(boxes[i], boxes[j])[0] / overlap(boxes[i], boxes[j])[1] <= share for j in kept):
            kept.append(i)
    x, s = fastnn.tensor(boxes), fastnn.tensor(scores)
    assert ops.nms(x, s, share).tolist() == kept
    groups = fastnn.arange(40) % 2
    each = [i for at in (groups == 0, groups == 1) for i in fastnn.nonzero(at)[:, 0][ops.nms(x[at], s[at], share)]]
    assert sorted(ops.batched_nms(x, s, groups, share).tolist()) == sorted(int(i) for i in each)
    assert ops.nms(x[:0], s[:0], share).tolist() == []


def test_regions_of_a_plane_are_its_values_at_the_bins_centres():
    rows, columns = fastnn.arange(9.0), fastnn.arange(12.0)
    image = (3 * rows[:, None] + 2 * columns[None]).reshape(1, 1, 9, 12).double().requires_grad_()
    boxes = fastnn.tensor([[0.0, 2.0, 1.0, 8.0, 5.0], [0.0, 1.0, 3.0, 4.0, 7.0]], dtype=fastnn.float64)
    found = ops.roi_align(image, boxes, (2, 3), sampling_ratio=2)
    for part, (_, left, top, right, bottom) in zip(found, boxes.tolist()):
        down = top + (np.arange(2) + 0.5) * (bottom - top) / 2
        across = left + (np.arange(3) + 0.5) * (right - left) / 3
        np.testing.assert_allclose(part[0].detach().numpy(), 3 * down[:, None] + 2 * across[None])
    found.sum().backward()
    assert image.grad.sum().item() == pytest.approx(12)
    with pytest.raises(ValueError, match="boxes"):
        ops.roi_align(image, boxes[:, 1:], 2)


def test_layers():
    x = fastnn.randn(4, 3, 8, 8)
    norm, frozen = nn.BatchNorm2d(3).eval(), ops.FrozenBatchNorm2d(3)
    frozen.load_state_dict({k: v for k, v in norm.state_dict().items() if k in frozen.state_dict()})
    assert fastnn.allclose(frozen(x), norm(x), atol=1e-5) and not list(frozen.parameters())
    assert ops.Conv2dNormActivation(3, 6, 3)(x).shape == (4, 6, 8, 8)
    assert ops.SqueezeExcitation(3, 2)(x).shape == x.shape and ops.MLP(3, [5, 2])(x[:, :, 0, 0]).shape == (4, 2)
    assert ops.Permute([0, 2, 3, 1])(x).shape == (4, 8, 8, 3)
    fastnn.manual_seed(0)
    dropped = ops.stochastic_depth(fastnn.ones(1000, 2), 0.25, "row")
    assert sorted(dropped.unique().tolist()) == pytest.approx([0.0, 4 / 3])
    assert (dropped[:, 0] == dropped[:, 1]).all() and abs(dropped.mean().item() - 1) < 0.1
    assert ops.stochastic_depth(x, 0.25, "batch", training=False) is x


@pytest.mark.parametrize("name", ["box_area", "masks_to_boxes", "box_convert", "clip_boxes_to_image", "nms",
                                  "batched_nms", "box_iou", "generalized_box_iou", "distance_box_iou",
                                  "complete_box_iou"])
def test_boxes_are_tensors(name):
    more = {"box_area": (), "masks_to_boxes": (), "box_convert": ("xyxy", "xywh"), "clip_boxes_to_image": ((4, 4),),
            "nms": (fastnn.ones(1), 0.5), "batched_nms": (fastnn.ones(1), fastnn.zeros(1), 0.5)}
    for boxes in (None, [[0, 0, 1, 1]], np.zeros((1, 4))):
        with pytest.raises(TypeError, match=rf"{name}\(\): argument 1 must be Tensor"):
            getattr(ops, name)(boxes, *more.get(name, (fastnn.zeros(1, 4),)))
