"""Losses as modules.

`reduction` is "mean" (the default), "sum" or "none": the mean or the sum of all losses, or one loss for each element or
sample. `size_average` and `reduce` are PyTorch's deprecated forms of it: ``size_average=False`` means "sum",
``reduce=False`` means "none". x is the input, y the target. Errors of shapes and dtypes are raised by fastnn.ops.loss
and fastnn.ops.loss_composed.
"""
from fastnn.nn import functional as F
from fastnn.nn.modules.margin_loss import (CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss,
                                           MultiLabelMarginLoss, MultiLabelSoftMarginLoss, MultiMarginLoss,
                                           SoftMarginLoss, TripletMarginLoss, TripletMarginWithDistanceLoss, _Loss,
                                           _WeightedLoss)

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss",
    "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "PoissonNLLLoss",
    "SmoothL1Loss", "SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"]


class MSELoss(_Loss):
    """Squared error: (x - y)^2.

    Same as torch.nn.MSELoss.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        `size_average` and `reduce` are its deprecated forms.

    Shape
    -----
    Input and target of equal shape; output a scalar, or alike with "none".

    Examples
    --------
    >>> x, y = fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0])
    >>> nn.MSELoss()(x, y)
    tensor(2.)
    >>> nn.MSELoss(reduction="none")(x, y)
    tensor([0., 4.])
    """

    def forward(self, input, target):
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """Absolute error: abs(x - y).

    Same as torch.nn.L1Loss; shapes as for `MSELoss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> nn.L1Loss()(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.0, 4.0]))
    tensor(1.)
    """

    def forward(self, input, target):
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """0.5 (x - y)^2 / beta where abs(x - y) < beta, else abs(x - y) - 0.5 beta (Girshick 2015).

    Same as torch.nn.SmoothL1Loss; shapes as for `MSELoss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    beta : float
        Where the square ends; 0 gives `L1Loss`.

    Examples
    --------
    >>> nn.SmoothL1Loss(reduction="none")(fastnn.tensor([1.0, 2.0]), fastnn.tensor([1.5, 4.0]))
    tensor([0.1250, 1.5000])
    """

    def __init__(self, size_average=None, reduce=None, reduction="mean", beta=1.0):
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input, target):
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """0.5 (x - y)^2 where abs(x - y) < delta, else delta (abs(x - y) - 0.5 delta) (Huber 1964).

    Same as torch.nn.HuberLoss; shapes as for `MSELoss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    delta : float
        Where the square ends.

    Examples
    --------
    >>> nn.HuberLoss("none", delta=2.0)(fastnn.tensor([1.0, 0.0]), fastnn.tensor([2.0, 4.0]))
    tensor([0.5000, 6.0000])
    """

    def __init__(self, reduction="mean", delta=1.0):
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input, target):
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities: -w (y log x + (1 - y) log(1 - x)), logarithms limited to at least -100.

    Same as torch.nn.BCELoss; shapes as for `MSELoss`.

    Parameters
    ----------
    weight : Tensor, optional
        w, of a shape that broadcasts to the input's.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    RangeError
        An element of the input is not in [0, 1]; a RuntimeError and a ValueError.

    Examples
    --------
    >>> nn.BCELoss()(fastnn.tensor([0.5, 1.0]), fastnn.tensor([1.0, 1.0]))
    tensor(0.3466)
    """

    def forward(self, input, target):
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits: -w (p y log s(x) + (1 - y) log(1 - s(x))), s the sigmoid, without overflow.

    Same as torch.nn.BCEWithLogitsLoss; shapes as for `MSELoss`.

    Parameters
    ----------
    weight : Tensor, optional
        w, of a shape that broadcasts to the input's.
    reduction : {"mean", "sum", "none"}
    pos_weight : Tensor, optional
        p, the weight of positive targets; broadcasts too.

    Examples
    --------
    >>> nn.BCEWithLogitsLoss()(fastnn.tensor([0.0, 200.0]), fastnn.tensor([1.0, 1.0]))
    tensor(0.3466)
    """

    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input, target):
        return F.binary_cross_entropy_with_logits(input, target, self.weight, reduction=self.reduction,
                                                     pos_weight=self.pos_weight)


class CrossEntropyLoss(_WeightedLoss):
    """Cross-entropy of logits: -w[y] log softmax(x)[y], or -sum_c w[c] y[c] log softmax(x)[c] of probabilities y.

    Same as torch.nn.CrossEntropyLoss. The mean over class numbers is weighted: divided by the sum of w[y].

    Parameters
    ----------
    weight : Tensor, shape (C,), optional
        w, weights of the classes.
    ignore_index : int
        A class number whose elements do not count.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float
        Share e in [0, 1] of a uniform distribution: targets become (1 - e) y + e / C (Szegedy et al. 2016).

    Shape
    -----
    Input (N, C, *) or (C,); target of int64 class numbers (N, *) or (), or of probabilities like the input.

    Examples
    --------
    >>> nn.CrossEntropyLoss()(fastnn.zeros(2, 4), fastnn.tensor([0, 3]))
    tensor(1.3863)
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean",
                 label_smoothing=0.0):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input, target):
        return F.cross_entropy(input, target, self.weight, ignore_index=self.ignore_index,
                                  reduction=self.reduction, label_smoothing=self.label_smoothing)


class NLLLoss(_WeightedLoss):
    """Negative log-likelihood: -w[y] x[y] of log-probabilities x; the mean is divided by the sum of w[y].

    Same as torch.nn.NLLLoss.

    Parameters
    ----------
    weight : Tensor, shape (C,), optional
        w, weights of the classes.
    ignore_index : int
        A class number whose elements do not count.
    reduction : {"mean", "sum", "none"}

    Shape
    -----
    Input (N, C, *) or (C,), target of int64 class numbers (N, *) or ().

    Examples
    --------
    >>> nn.NLLLoss()(fastnn.tensor([[-1.0, -2.0], [-3.0, -4.0]]), fastnn.tensor([1, 0]))
    tensor(2.5000)
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input, target):
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence, element by element: y (log y - x), x log-probabilities.

    Same as torch.nn.KLDivLoss; shapes as for `MSELoss`.

    Parameters
    ----------
    reduction : {"mean", "batchmean", "sum", "none"}
        "batchmean" is the sum divided by the first size: the mathematical definition for a batch.
    log_target : bool
        Whether targets are logarithms too: exp(y) (y - x).

    Examples
    --------
    >>> x, y = fastnn.tensor([[0.5, 0.5]]).log(), fastnn.tensor([[1.0, 0.0]])
    >>> nn.KLDivLoss(reduction="batchmean")(x, y)
    tensor(0.6931)
    """

    def __init__(self, size_average=None, reduce=None, reduction="mean", log_target=False):
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input, target):
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of a Poisson distribution: exp(x) - y x, or x - y log(x + eps) of the rate itself.

    Same as torch.nn.PoissonNLLLoss; shapes as for `MSELoss`.

    Parameters
    ----------
    log_input : bool
        Whether x is the logarithm of the rate (default) or the rate.
    full : bool
        Whether Stirling's approximation of log(y!), y log y - y + log(2 pi y) / 2, is added where y > 1.
    eps : float
        Keeps the logarithm finite.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> nn.PoissonNLLLoss(log_input=False)(fastnn.tensor([1.0]), fastnn.tensor([2.0]))
    tensor(1.)
    """

    def __init__(self, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input, target):
        return F.poisson_nll_loss(log_input, target, log_input=self.log_input, full=self.full, eps=self.eps,
                                     reduction=self.reduction)


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of normal distributions: 0.5 (log v + (x - y)^2 / v), v = max(var, eps).

    Same as torch.nn.GaussianNLLLoss (Nix & Weigend 1994).

    Parameters
    ----------
    full : bool
        Whether log(2 pi) / 2 is added.
    eps : float
    reduction : {"mean", "sum", "none"}

    Shape
    -----
    Input and target alike; var alike too, with 1 as its last size, or without its last dimension.

    Examples
    --------
    >>> nn.GaussianNLLLoss()(fastnn.tensor([[1.0]]), fastnn.tensor([[3.0]]), fastnn.tensor([[1.0]]))
    tensor(2.)
    """

    def __init__(self, *, full=False, eps=1e-6, reduction="mean"):
        super().__init__(reduction=reduction)
        self.full, self.eps = full, eps

    def forward(self, input, target, var):
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps,
                                             reduction=self.reduction)


class CTCLoss(_Loss):
    """Connectionist temporal classification: -log of the probability of all alignments of steps with a target.

    Same as torch.nn.CTCLoss (Graves et al. 2006).

    Parameters
    ----------
    blank : int
        The class of the blank.
    reduction : {"mean", "sum", "none"}
        The mean is of the losses over their targets' lengths.
    zero_infinity : bool
        Whether a sample that has no alignment counts 0, instead of inf.

    Shape
    -----
    log_probs (T, N, C) or (T, C), of `log_softmax`; targets (N, S), (sum of target_lengths,) or (S,); input_lengths and
    target_lengths (N,) or (), tensors or tuples.

    Examples
    --------
    >>> log_probs = fastnn.zeros(2, 1, 2).log_softmax(2)
    >>> nn.CTCLoss()(log_probs, fastnn.tensor([[1]]), (2,), (1,))
    tensor(0.2877)
    """

    def __init__(self, blank=0, reduction="mean", zero_infinity=False):
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
                                      self.zero_infinity)
