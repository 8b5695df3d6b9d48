"""Losses of detection."""
import fastnn
from fastnn.nn import functional
from fastnn.vision.ops.boxes import _shape_term, _wide


def _reduced(loss, reduction, op):
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{op}: expected a reduction of none, mean, sum, got {reduction!r}")
    if reduction == "mean":
        return loss.mean() if loss.numel() else 0.0 * loss.sum()
    return loss.sum() if reduction == "sum" else loss


def sigmoid_focal_loss(inputs, targets, alpha=0.25, gamma=2, reduction="none"):
    """Cross-entropy that easy examples count less in: (1 - p_t)^gamma of it (Lin et al. 2017).

    Parameters
    ----------
    inputs, targets : Tensor
        Logits, and 0 or 1.
    alpha : float
        Weight of class 1, 1 - alpha that of class 0; -1: no weights.
    gamma : float
    reduction : "none", "mean" or "sum"

    Raises
    ------
    ValueError
        Another `alpha` or `reduction`.

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.sigmoid_focal_loss(fastnn.zeros(1), fastnn.ones(1))
    tensor([0.0433])
    """
    if not (0 <= alpha <= 1 or alpha == -1):
        raise ValueError(f"Invalid alpha value: {alpha}. alpha must be in the range [0,1] or -1 for ignore.")
    p = inputs.sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    loss = entropy * (1 - (p * targets + (1 - p) * (1 - targets))) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return _reduced(loss, reduction, "sigmoid_focal_loss")


def _pairs(boxes1, boxes2, eps):
    """(IoU, union, size of the box around both) of boxes pair by pair."""
    low = fastnn.maximum(boxes1[..., :2], boxes2[..., :2])
    size = fastnn.minimum(boxes1[..., 2:], boxes2[..., 2:]) - low
    inside = fastnn.where((size > 0).all(-1), size.prod(-1), 0.0)
    union = sum((boxes[..., 2:] - boxes[..., :2]).prod(-1) for boxes in (boxes1, boxes2)) - inside
    around = (fastnn.maximum(boxes1[..., 2:], boxes2[..., 2:]) - fastnn.minimum(boxes1[..., :2], boxes2[..., :2]))
    return inside / (union + eps), union, around


def generalized_box_iou_loss(boxes1, boxes2, reduction="none", eps=1e-7):
    """1 - generalized intersection over union, pair by pair (Rezatofighi et al. 2019).

    Parameters
    ----------
    boxes1, boxes2 : Tensor
        (..., 4), corners
    reduction : "none", "mean" or "sum"
    eps : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.generalized_box_iou_loss(fastnn.tensor([[0.0, 0.0, 1.0, 1.0]]), fastnn.tensor([[1.0, 0.0, 2.0, 1.0]]))
    tensor([1.])
    """
    iou, union, around = _pairs(_wide(boxes1), _wide(boxes2), eps)
    whole = around.prod(-1)
    return _reduced(1 - (iou - (whole - union) / (whole + eps)), reduction, "generalized_box_iou_loss")


def _distance(boxes1, boxes2, eps):
    """(1 - distance IoU, IoU)."""
    iou, _, around = _pairs(boxes1, boxes2, eps)
    apart = (boxes1[..., :2] + boxes1[..., 2:]) / 2 - (boxes2[..., :2] + boxes2[..., 2:]) / 2
    return 1 - iou + apart.square().sum(-1) / (around.square().sum(-1) + eps), iou


def distance_box_iou_loss(boxes1, boxes2, reduction="none", eps=1e-7):
    """1 - distance intersection over union, pair by pair (Zheng et al. 2020).

    Parameters
    ----------
    boxes1, boxes2 : Tensor
        (..., 4), corners
    reduction : "none", "mean" or "sum"
    eps : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.distance_box_iou_loss(fastnn.tensor([[0.0, 0.0, 1.0, 1.0]]), fastnn.tensor([[1.0, 0.0, 2.0, 1.0]]))
    tensor([1.2000])
    """
    return _reduced(_distance(_wide(boxes1), _wide(boxes2), eps)[0], reduction, "distance_box_iou_loss")


def complete_box_iou_loss(boxes1, boxes2, reduction="none", eps=1e-7):
    """1 - complete intersection over union, pair by pair (Zheng et al. 2020).

    Parameters
    ----------
    boxes1, boxes2 : Tensor
        (..., 4), corners
    reduction : "none", "mean" or "sum"
    eps : float

    Examples
    --------
    >>> from fastnn.vision import ops
    >>> ops.complete_box_iou_loss(fastnn.tensor([[0.0, 0.0, 1.0, 1.0]]), fastnn.tensor([[1.0, 0.0, 2.0, 1.0]]))
    tensor([1.2000])
    """
    boxes1, boxes2 = _wide(boxes1), _wide(boxes2)
    loss, iou = _distance(boxes1, boxes2, eps)
    size1, size2 = (boxes[..., 2:] - boxes[..., :2] for boxes in (boxes1, boxes2))
    return _reduced(loss + _shape_term(size1, size2, iou, eps), reduction, "complete_box_iou_loss")
