"""Boxes: areas, overlaps, conversions, non-maximum suppression."""
import math

import numpy as np

import fastnn
from fastnn import dtypes
from fastnn.ops._common import need_tensors

FORMATS = ("xyxy", "xywh", "cxcywh")


def _corners(boxes, form, op):
    """The smaller and the greater corners of boxes, (..., 2) each."""
    if form not in FORMATS:
        raise ValueError(f"{op}: expected a format of {', '.join(FORMATS)}, got {form!r}")
    first, second = boxes[..., :2], boxes[..., 2:]
    if form == "xyxy":
        return first, second
    return (first, first + second) if form == "xywh" else (first - 0.5 * second, first + 0.5 * second)


def _wide(x):
    """The tensor in a dtype in which areas do not overflow."""
    if x.is_floating_point():
        return x if x.dtype in (dtypes.float32, dtypes.float64) else x.float()
    return x if x.dtype in (dtypes.int32, dtypes.int64) else x.int()


def box_convert(boxes, in_fmt, out_fmt):
    """Boxes in another format.

    Parameters
    ----------
    boxes : Tensor
        (..., 4)
    in_fmt, out_fmt : "xyxy", "xywh" or "cxcywh"
        Two corners; a corner and the size; the centre and the size.

    Raises
    ------
    ValueError
        Another format; rotated boxes are not implemented.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.box_convert(fastnn.tensor([[1.0, 1.0, 3.0, 5.0]]), "xyxy", "cxcywh")
    tensor([[2., 3., 2., 4.]])
    """
    need_tensors("box_convert", boxes)
    low, high = _corners(boxes, in_fmt, "box_convert")
    if out_fmt not in FORMATS:
        raise ValueError(f"box_convert: expected a format of {', '.join(FORMATS)}, got {out_fmt!r}")
    if in_fmt == out_fmt:
        return boxes.clone()
    pair = {"xyxy": lambda: (low, high), "xywh": lambda: (low, high - low),
            "cxcywh": lambda: ((low + high) / 2, high - low)}[out_fmt]()
    return fastnn.cat(pair, -1)


def box_area(boxes, fmt="xyxy"):
    """Areas of boxes, (...,).

    Parameters
    ----------
    boxes : Tensor
        (..., 4)
    fmt : "xyxy", "xywh" or "cxcywh"

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.box_area(fastnn.tensor([[1.0, 1.0, 3.0, 5.0]]))
    tensor([8.])
    """
    need_tensors("box_area", boxes)
    low, high = _corners(_wide(boxes), fmt, "box_area")
    size = high - low if fmt == "xyxy" else _wide(boxes)[..., 2:]
    return size[..., 0] * size[..., 1]


def _overlaps(boxes1, boxes2, fmt="xyxy"):
    """Areas of intersections and of unions, (..., N, M) each."""
    (low1, high1), (low2, high2) = (_corners(boxes, fmt, "box_iou") for boxes in (boxes1, boxes2))
    low = fastnn.maximum(low1[..., None, :], low2[..., None, :, :])
    high = fastnn.minimum(high1[..., None, :], high2[..., None, :, :])
    size = _wide(high - low).clamp(min=0)
    inside = size[..., 0] * size[..., 1]
    return inside, box_area(boxes1, fmt)[..., None] + box_area(boxes2, fmt)[..., None, :] - inside


def _around(boxes1, boxes2):
    """The size of the smallest box around each pair, (..., N, M, 2)."""
    low = fastnn.minimum(boxes1[..., None, :2], boxes2[..., None, :, :2])
    high = fastnn.maximum(boxes1[..., None, 2:], boxes2[..., None, :, 2:])
    return _wide(high - low).clamp(min=0)


def box_iou(boxes1, boxes2, fmt="xyxy"):
    """Intersection over union of each pair of boxes.

    Parameters
    ----------
    boxes1, boxes2 : Tensor
        (..., N, 4) and (..., M, 4)
    fmt : "xyxy", "xywh" or "cxcywh"

    Returns
    -------
    Tensor
        (..., N, M)

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.box_iou(fastnn.tensor([[0.0, 0.0, 2.0, 2.0]]), fastnn.tensor([[1.0, 0.0, 2.0, 2.0]]))
    tensor([[0.5000]])
    """
    need_tensors("box_iou", boxes1, boxes2)
    inside, union = _overlaps(boxes1, boxes2, fmt)
    return inside / union


def generalized_box_iou(boxes1, boxes2):
    """`box_iou` less the part of the smallest box around both that neither covers (Rezatofighi et al. 2019).

    Parameters
    ----------
    boxes1, boxes2 : Tensor
        (..., N, 4) and (..., M, 4), corners

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.generalized_box_iou(fastnn.tensor([[0.0, 0.0, 1.0, 1.0]]), fastnn.tensor([[1.0, 0.0, 2.0, 1.0]]))
    tensor([[0.]])
    """
    need_tensors("generalized_box_iou", boxes1, boxes2)
    inside, union = _overlaps(boxes1, boxes2)
    size = _around(boxes1, boxes2)
    whole = size[..., 0] * size[..., 1]
    return inside / union - (whole - union) / whole


def _distance_iou(boxes1, boxes2, eps):
    """(distance IoU, IoU)."""
    iou = box_iou(boxes1, boxes2)
    diagonal = _around(boxes1, boxes2).square().sum(-1) + eps
    centre1, centre2 = ((boxes[..., :2] + boxes[..., 2:]) / 2 for boxes in (boxes1, boxes2))
    apart = _wide(centre1[..., None, :] - centre2[..., None, :, :]).square().sum(-1)
    return iou - apart / diagonal, iou


def distance_box_iou(boxes1, boxes2, eps=1e-7):
    """`box_iou` less the squared distance of the centres over the squared diagonal around both (Zheng et al. 2020).

    Parameters
    ----------
    boxes1, boxes2 : Tensor
        (..., N, 4) and (..., M, 4), corners
    eps : float
        Added to the diagonal.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.distance_box_iou(fastnn.tensor([[0.0, 0.0, 1.0, 1.0]]), fastnn.tensor([[1.0, 0.0, 2.0, 1.0]]))
    tensor([[-0.2000]])
    """
    need_tensors("distance_box_iou", boxes1, boxes2)
    return _distance_iou(_wide(boxes1), _wide(boxes2), eps)[0]


def _shape_term(size1, size2, iou, eps):
    """What complete IoU subtracts for sides of other proportions."""
    angle1, angle2 = (fastnn.atan(size[..., 0] / size[..., 1]) for size in (size1, size2))
    v = 4 / math.pi ** 2 * (angle1 - angle2).square()
    with fastnn.no_grad():
        alpha = v / (1 - iou + v + eps)
    return alpha * v


def complete_box_iou(boxes1, boxes2, eps=1e-7):
    """`distance_box_iou` less a term for the proportions of the sides (Zheng et al. 2020).

    Parameters
    ----------
    boxes1, boxes2 : Tensor
        (..., N, 4) and (..., M, 4), corners
    eps : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.complete_box_iou(fastnn.tensor([[0.0, 0.0, 1.0, 1.0]]), fastnn.tensor([[0.0, 0.0, 1.0, 1.0]]))
    tensor([[1.]])
    """
    need_tensors("complete_box_iou", boxes1, boxes2)
    boxes1, boxes2 = _wide(boxes1), _wide(boxes2)
    distance, iou = _distance_iou(boxes1, boxes2, eps)
    size1, size2 = (boxes[..., 2:] - boxes[..., :2] for boxes in (boxes1, boxes2))
    return distance - _shape_term(size1[..., None, :], size2[..., None, :, :], iou, eps)


def clip_boxes_to_image(boxes, size):
    """Boxes cut at the image's edges.

    Parameters
    ----------
    boxes : Tensor
        (..., 4), corners
    size : (height, width)

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.clip_boxes_to_image(fastnn.tensor([[-1.0, 2.0, 9.0, 9.0]]), (4, 5))
    tensor([[0., 2., 5., 4.]])
    """
    need_tensors("clip_boxes_to_image", boxes)
    height, width = size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return fastnn.stack((x, y), boxes.ndim).reshape(boxes.shape)


def remove_small_boxes(boxes, min_size):
    """Indices of the boxes whose sides are both at least `min_size`.

    Parameters
    ----------
    boxes : Tensor
        (N, 4), corners
    min_size : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.remove_small_boxes(fastnn.tensor([[0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 3.0, 3.0]]), 2)
    tensor([1])
    """
    need_tensors("remove_small_boxes", boxes)
    size = boxes[:, 2:] - boxes[:, :2]
    return fastnn.where((size >= min_size).all(1))[0]


def masks_to_boxes(masks):
    """The smallest boxes around masks; zeros for an empty one.

    Parameters
    ----------
    masks : Tensor
        (N, H, W)

    Returns
    -------
    Tensor
        (N, 4), float32: the corners' pixels

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.masks_to_boxes(fastnn.tensor([[[0, 0, 0], [0, 1, 1]]]))
    tensor([[1., 1., 2., 1.]])
    """
    need_tensors("masks_to_boxes", masks)
    found = np.zeros((len(masks), 4), np.float32)
    for box, mask in zip(found, masks.numpy()):
        rows, columns = mask.nonzero()
        if len(rows):
            box[:] = columns.min(), rows.min(), columns.max(), rows.max()
    return fastnn.from_numpy(found)


def nms(boxes, scores, iou_threshold):
    """Non-maximum suppression: each box, from the highest score on, takes out those that overlap it too much.

    Parameters
    ----------
    boxes : Tensor
        (N, 4), corners
    scores : Tensor
        (N,)
    iou_threshold : float
        Boxes of a greater intersection over union go.

    Returns
    -------
    Tensor
        int64, the indices of those left, scores descending

    Raises
    ------
    RuntimeError
        Shapes are others, or do not fit.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> boxes = fastnn.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.1], [5.0, 5.0, 6.0, 6.0]])
    >>> ops.nms(boxes, fastnn.tensor([0.5, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    need_tensors("nms", boxes, scores)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or tuple(scores.shape) != (len(boxes),):
        raise RuntimeError(f"nms: expected boxes (N, 4) and scores (N,), got {tuple(boxes.shape)} and "
                           f"{tuple(scores.shape)}")
    b = boxes.detach().numpy()
    order = np.argsort(-scores.detach().numpy(), kind="stable")
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    kept = []
    while len(order):
        i, order = order[0], order[1:]
        kept.append(i)
        size = np.minimum(b[i, 2:], b[order, 2:]) - np.maximum(b[i, :2], b[order, :2])
        inside = np.maximum(size, 0).prod(1)
        with np.errstate(invalid="ignore"):
            order = order[~(inside / (area[i] + area[order] - inside) > iou_threshold)]
    return fastnn.from_numpy(np.array(kept, np.int64))


def batched_nms(boxes, scores, idxs, iou_threshold):
    """`nms` in each of several groups: boxes of different groups do not take each other out.

    Parameters
    ----------
    boxes : Tensor
        (N, 4), corners
    scores : Tensor
        (N,)
    idxs : Tensor
        (N,), the groups
    iou_threshold : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> boxes = fastnn.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.1]])
    >>> ops.batched_nms(boxes, fastnn.tensor([0.5, 0.9]), fastnn.tensor([0, 1]), 0.5)
    tensor([1, 0])
    """
    need_tensors("batched_nms", boxes, scores, idxs)
    kept = []
    for group in idxs.unique():
        members = fastnn.where(idxs == group)[0]
        kept.append(members[nms(boxes[members], scores[members], iou_threshold)])
    if not kept:
        return fastnn.empty(0, dtype=dtypes.int64)
    kept = fastnn.cat(kept)
    return kept[scores[kept].argsort(descending=True, stable=True)]
