"""Distances and similarities as modules."""
from fastnn.nn.modules.module import Module
from fastnn.nn.functional import cosine_similarity, pairwise_distance


class PairwiseDistance(Module):
    """Distances of vectors: the p-norm of x1 - x2 + eps along the last dimension.

    Same as torch.nn.PairwiseDistance.

    Parameters
    ----------
    p : float
        Order of the norm; default 2.
    eps : float
        Added to each difference, so that the gradient at 0 is finite.
    keepdim : bool
        Whether the last dimension stays, of size 1.

    Shape
    -----
    Inputs (N, D) or (D,), output (N,) or (); with `keepdim` (N, 1) or (1,).

    Examples
    --------
    >>> nn.PairwiseDistance(eps=0.0)(fastnn.tensor([[3.0, 4.0]]), fastnn.zeros(1, 2))
    tensor([5.])
    """

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1, x2):
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """Cosine of the angle between vectors: x1 . x2 / (max(norm(x1), eps) max(norm(x2), eps)) along a dimension.

    Same as torch.nn.CosineSimilarity.

    Parameters
    ----------
    dim : int
        The vectors' dimension; default 1.
    eps : float
        The least norm.

    Shape
    -----
    Inputs that broadcast to one shape; output that shape without `dim`.

    Examples
    --------
    >>> nn.CosineSimilarity()(fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[5.0, 0.0]]))
    tensor([0.6000])
    """

    def __init__(self, dim=1, eps=1e-8):
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1, x2):
        return cosine_similarity(x1, x2, self.dim, self.eps)
