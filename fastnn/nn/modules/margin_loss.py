"""Bases of loss modules, and the losses with margins."""
from fastnn.nn import functional as F
from fastnn.nn.modules.distance import PairwiseDistance
from fastnn.nn.modules.module import Module
from fastnn.ops.loss import legacy_reduction


class _Loss(Module):
    """A loss; `reduction` is "mean", "sum" or "none"."""

    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        super().__init__()
        self.reduction = legacy_reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """A loss with a weight for each class or element, kept as a buffer."""

    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class SoftMarginLoss(_Loss):
    """Logistic loss: log(1 + exp(-y x)), y = 1 or -1.

    Same as torch.nn.SoftMarginLoss; shapes as for `MSELoss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> nn.SoftMarginLoss()(fastnn.tensor([0.0, 0.0]), fastnn.tensor([1.0, -1.0]))
    tensor(0.6931)
    """

    def forward(self, input, target):
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(_Loss):
    """x where y = 1, max(0, margin - x) where y = -1.

    Same as torch.nn.HingeEmbeddingLoss; shapes as for `MSELoss`.

    Parameters
    ----------
    margin, reduction
        As in `CosineEmbeddingLoss`.

    Examples
    --------
    >>> nn.HingeEmbeddingLoss(reduction="none")(fastnn.tensor([0.5, 0.25]), fastnn.tensor([1, -1]))
    tensor([0.5000, 0.7500])
    """

    def __init__(self, margin=1.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input, target):
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1.

    Same as torch.nn.CosineEmbeddingLoss.

    Parameters
    ----------
    margin : float
        In [-1, 1]; default 0.
    reduction : {"mean", "sum", "none"}

    Shape
    -----
    Inputs (N, D) and target (N,), or (D,) and ().

    Examples
    --------
    >>> a, b = fastnn.tensor([[1.0, 0.0]]), fastnn.tensor([[0.0, 2.0]])
    >>> nn.CosineEmbeddingLoss()(a, b, fastnn.tensor([1]))
    tensor(1.)
    """

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    """max(0, -y (x1 - x2) + margin), y = 1 where x1 should rank higher, -1 where x2 should.

    Same as torch.nn.MarginRankingLoss; input1, input2 and target of equal shape.

    Parameters
    ----------
    margin, reduction
        As in `CosineEmbeddingLoss`.

    Examples
    --------
    >>> nn.MarginRankingLoss(1.0)(fastnn.tensor([2.0]), fastnn.tensor([4.0]), fastnn.tensor([1.0]))
    tensor(3.)
    """

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class TripletMarginLoss(_Loss):
    """max(0, d(a, p) - d(a, n) + margin), d(u, v) the p-norm of u - v + eps (Balntas et al. 2016).

    Same as torch.nn.TripletMarginLoss.

    Parameters
    ----------
    margin : float
        Greater than 0.
    p, eps : float
    swap : bool
        Whether min(d(a, n), d(p, n)) replaces d(a, n).
    reduction : {"mean", "sum", "none"}

    Shape
    -----
    Anchor, positive and negative (N, D) or (D,).

    Examples
    --------
    >>> a, p, n = fastnn.zeros(1, 2), fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[0.0, 1.0]])
    >>> round(nn.TripletMarginLoss()(a, p, n).item(), 4)
    5.0
    """

    def __init__(self, margin=1.0, p=2.0, eps=1e-6, swap=False, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginLoss: expected margin to be greater than 0, got {margin} instead")
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor, positive, negative):
        return F.triplet_margin_loss(anchor, positive, negative, margin=self.margin, p=self.p, eps=self.eps,
                                               swap=self.swap, reduction=self.reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with any distance d of two tensors: max(0, d(a, p) - d(a, n) + margin).

    Same as torch.nn.TripletMarginWithDistanceLoss.

    Parameters
    ----------
    distance_function : callable, optional
        A function or module of two tensors; default `PairwiseDistance`.
    margin, swap, reduction
        As in `TripletMarginLoss`.

    Examples
    --------
    >>> loss = nn.TripletMarginWithDistanceLoss(distance_function=lambda u, v: (u - v).abs().sum(-1))
    >>> loss(fastnn.zeros(1, 2), fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[0.0, 1.0]]))
    tensor(7.)
    """

    def __init__(self, *, distance_function=None, margin=1.0, swap=False, reduction="mean"):
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {margin} "
                             f"instead")
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor, positive, negative):
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """Hinge loss of several classes: sum over j != y of w[y] max(0, margin - x[y] + x[j])^p / C.

    Same as torch.nn.MultiMarginLoss.

    Parameters
    ----------
    p : {1, 2}
    margin : float
    weight : Tensor, shape (C,), optional
    reduction : {"mean", "sum", "none"}

    Shape
    -----
    Input (N, C) or (C,), target of int64 class numbers (N,) or ().

    Examples
    --------
    >>> nn.MultiMarginLoss()(fastnn.tensor([[1.0, 2.0]]), fastnn.tensor([0]))
    tensor(1.)
    """

    def __init__(self, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.ndim}D instead")
        self.p, self.margin = p, margin

    def forward(self, input, target):
        return F.multi_margin_loss(input, target, p=self.p, margin=self.margin, weight=self.weight,
                                             reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """Hinge loss of several labels: sum over labels y and other classes j of max(0, 1 - x[y] + x[j]) / C.

    Same as torch.nn.MultiLabelMarginLoss.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Shape
    -----
    Input and int64 target (N, C) or (C,); a row of the target lists labels, and ends at its first -1.

    Examples
    --------
    >>> nn.MultiLabelMarginLoss()(fastnn.tensor([[0.5, 1.0]]), fastnn.tensor([[1, -1]]))
    tensor(0.2500)
    """

    def forward(self, input, target):
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """-mean over classes of w (y log sigmoid(x) + (1 - y) log sigmoid(-x)).

    Same as torch.nn.MultiLabelSoftMarginLoss; input and target (N, C).

    Parameters
    ----------
    weight : Tensor, shape (C,), optional
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> nn.MultiLabelSoftMarginLoss()(fastnn.zeros(1, 2), fastnn.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    def forward(self, input, target):
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)
