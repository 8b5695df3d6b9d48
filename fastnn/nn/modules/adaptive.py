"""Adaptive softmax (Grave et al. 2017)."""
from typing import NamedTuple

from fastnn._tensor import Tensor
from fastnn.nn import functional as F
from fastnn.nn.modules.container import ModuleList, Sequential
from fastnn.nn.modules.linear import Linear
from fastnn.nn.modules.module import Module
from fastnn.ops import creation, joining


class _ASMoutput(NamedTuple):  # noqa: N801 (PyTorch's name)
    output: Tensor
    loss: Tensor



class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax over many classes that are ordered by their frequency, and its loss.

    Same as torch.nn.AdaptiveLogSoftmaxWithLoss (Grave et al. 2017). The head holds the most frequent classes, and one
    class for each cluster of rare ones, which has a projection of its own, the smaller the rarer.

    Parameters
    ----------
    in_features : int
    n_classes : int
    cutoffs : sequence of int
        Increasing borders of the clusters, below `n_classes`.
    div_value : float
        By how much each cluster's projection is smaller than the one before.
    head_bias : bool
        Whether the head has a bias.

    Shape
    -----
    Input (N, in_features) or (in_features,), target (N,) or (); output (N,) or (): the targets' log-probabilities,
    loss (): minus their mean.

    Attributes
    ----------
    head : Linear
    tail : ModuleList

    Examples
    --------
    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10])
    >>> output, loss = layer(fastnn.ones(2, 16), fastnn.tensor([3, 12]))
    >>> layer.log_prob(fastnn.ones(2, 16)).shape
    torch.Size([2, 20])
    """

    def __init__(self, in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, device=None, dtype=None):
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if cutoffs != sorted(cutoffs) or min(cutoffs) <= 0 or max(cutoffs) > n_classes - 1 \
                or len(set(cutoffs)) != len(cutoffs) or any(int(cutoff) != cutoff for cutoff in cutoffs):
            raise ValueError("cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                             "where each value is between 1 and n_classes-1")
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = self.cutoffs[0], len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        options = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **options)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            inner = int(in_features // (div_value ** (i + 1)))
            self.tail.append(Sequential(Linear(in_features, inner, bias=False, **options), Linear(
                inner, self.cutoffs[i + 1] - self.cutoffs[i], bias=False, **options)))

    def reset_parameters(self):
        """Draw the initial values anew."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_, target_):
        if target_.dim() not in (0, 1):
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input_.dim() != target_.dim() + 1:
            raise RuntimeError(f"{target_.dim()}D target tensor expects {target_.dim() + 1}D input tensors, but found "
                               f"inputs with size {tuple(input_.shape)}.")
        if target_.dim() and input_.size(0) != target_.size(0):
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        rows, target = (input_, target_) if target_.dim() else (input_.unsqueeze(0), target_.unsqueeze(0))
        if target.numel() and (int(target.min()) < 0 or int(target.max()) >= self.n_classes):
            raise RuntimeError(f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                               f"[{target.min().item()}, {target.max().item()}] were found. ")
        head = F.log_softmax(self.head(rows), 1)
        output = creation.zeros(len(target), dtype=head.dtype)
        for i, (low, high) in enumerate(zip([0, *self.cutoffs], self.cutoffs)):
            place = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if not place.numel():
                continue
            own = target[place]
            found = head[place]
            if i == 0:
                found = found.gather(1, own.unsqueeze(1)).squeeze(1)
            else:
                tail = F.log_softmax(self.tail[i - 1](rows[place]), 1)
                found = found[:, self.shortlist_size + i - 1] + tail.gather(1, (own - low).unsqueeze(1)).squeeze(1)
            output = output.index_copy(0, place, found)
        loss = (-output).mean()
        return _ASMoutput(output if target_.dim() else output.squeeze(0), loss)

    def log_prob(self, input):
        """The log-probabilities of all classes, (N, n_classes)."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, :self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            parts.append(F.log_softmax(tail(input), 1) + head[:, self.shortlist_size + i].unsqueeze(1))
        return joining.cat(parts, 1)

    def predict(self, input):
        """The classes of the greatest probability, (N,)."""
        return self.log_prob(input).argmax(1)
