"""Embeddings as modules."""
from fastnn.autograd.grad_mode import no_grad
from fastnn.nn import functional as F
from fastnn.nn import init
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.utils import check_sizes
from fastnn.nn.parameter import Parameter
from fastnn.ops.creation import empty


class _Embedding(Module):
    def _set_up(self, num_embeddings, embedding_dim, padding_idx, weight, freeze, device, dtype):
        check_sizes(type(self).__name__, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < max(num_embeddings, 1):
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx += num_embeddings if padding_idx < 0 else 0
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        if weight is None:
            self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype),
                                    requires_grad=not freeze)
            self.reset_parameters()
            return
        if list(weight.shape) != [num_embeddings, embedding_dim]:
            raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
        self.weight = Parameter(weight, requires_grad=not freeze)

    def reset_parameters(self):
        """Normally distributed weights; the padding's are 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0


class Embedding(_Embedding):
    """Table of vectors: y = weight[input].

    Same as torch.nn.Embedding.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Rows of the table, and their length.
    padding_idx : int, optional
        A row that starts as zeros and gets no gradient.
    max_norm, norm_type : float
        Rows in use whose `norm_type`-norm (default 2) is larger are scaled to `max_norm`, in place, at each call.
    scale_grad_by_freq : bool
        Whether gradients are divided by the number of occurrences of their row in the batch.
    sparse : bool
        Accepted; gradients are dense (see ``functional.embedding``).
    device, dtype
        As in PyTorch; the device can only be the CPU.

    Attributes
    ----------
    weight : Parameter, shape (num_embeddings, embedding_dim)
        Starts normally distributed.

    Shape
    -----
    Input (*) of int64 or int32, output (*, embedding_dim).

    Raises
    ------
    IndexError
        A number is not in [0, num_embeddings).

    Examples
    --------
    >>> table = nn.Embedding.from_pretrained(fastnn.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    >>> table(fastnn.tensor([2, 0]))
    tensor([[5., 6.],
            [1., 2.]])
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,
                 scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False, device=None, dtype=None):
        super().__init__()
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self._set_up(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype)
        self.sparse = sparse

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, padding_idx=None, max_norm=None, norm_type=2.0,
                        scale_grad_by_freq=False, sparse=False):
        """An Embedding whose weight is a given tensor.

        Parameters
        ----------
        embeddings : Tensor, shape (rows, dim)
        freeze : bool
            Whether the weight is not trained; default True.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
            As in `Embedding`.

        Raises
        ------
        AssertionError
            The tensor is not two-dimensional.

        Examples
        --------
        >>> nn.Embedding.from_pretrained(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))(fastnn.tensor(1))
        tensor([3., 4.])
        """
        if embeddings.ndim != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        return cls(rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def forward(self, input):
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
                             self.scale_grad_by_freq, self.sparse)

    def extra_repr(self):
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        if self.padding_idx is not None:
            parts.append(f"padding_idx={self.padding_idx}")
        if self.max_norm is not None:
            parts.append(f"max_norm={self.max_norm}")
        if self.norm_type != 2:
            parts.append(f"norm_type={self.norm_type}")
        if self.scale_grad_by_freq is not False:
            parts.append(f"scale_grad_by_freq={self.scale_grad_by_freq}")
        if self.sparse is not False:
            parts.append("sparse=True")
        return ", ".join(parts)


class EmbeddingBag(_Embedding):
    """Sum, mean or maximum of the rows of a table, for each bag of indices: y[i] = mode of weight[j] over j in bag i.

    Same as torch.nn.EmbeddingBag; called as ``bag(input, offsets=None, per_sample_weights=None)``.

    Parameters
    ----------
    num_embeddings, embedding_dim, max_norm, norm_type, scale_grad_by_freq, sparse, device, dtype
        As in `Embedding`.
    mode : {"mean", "sum", "max"}
        An empty bag gives 0.
    include_last_offset : bool
        Whether the last offset is the end of the last bag; default False.
    padding_idx : int, optional
        A row that counts as absent.

    Shape
    -----
    Input (bags, length), or (n,) with offsets (bags,), where each bag begins; output (bags, embedding_dim).

    Examples
    --------
    >>> bag = nn.EmbeddingBag.from_pretrained(fastnn.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), mode="sum")
    >>> bag(fastnn.tensor([0, 1, 2]), fastnn.tensor([0, 1]))
    tensor([[ 1.,  2.],
            [ 8., 10.]])
    """

    def __init__(self, num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,
                 mode="mean", sparse=False, _weight=None, include_last_offset=False, padding_idx=None, device=None,
                 dtype=None):
        super().__init__()
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self._set_up(num_embeddings, embedding_dim, padding_idx, _weight, False, device, dtype)
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,
                        mode="mean", sparse=False, include_last_offset=False, padding_idx=None):
        """An EmbeddingBag whose weight is a given tensor.

        Parameters
        ----------
        embeddings : Tensor, shape (rows, dim)
        freeze : bool
            Whether the weight is not trained; default True.
        max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx
            As in `EmbeddingBag`.

        Raises
        ------
        AssertionError
            The tensor is not two-dimensional.

        Examples
        --------
        >>> nn.EmbeddingBag.from_pretrained(fastnn.tensor([[1.0], [3.0]]))(fastnn.tensor([[0, 1]]))
        tensor([[2.]])
        """
        if embeddings.ndim != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        bag = cls(rows, columns, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
                  include_last_offset, padding_idx)
        bag.weight.requires_grad = not freeze
        return bag

    def forward(self, input, offsets=None, per_sample_weights=None):
        return F.embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                                 self.mode, self.sparse, per_sample_weights, self.include_last_offset,
                                 self.padding_idx)

    def extra_repr(self):
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        if self.max_norm is not None:
            parts.append(f"max_norm={self.max_norm}")
        if self.norm_type != 2:
            parts.append(f"norm_type={self.norm_type}")
        if self.scale_grad_by_freq is not False:
            parts.append(f"scale_grad_by_freq={self.scale_grad_by_freq}")
        parts.append(f"mode={self.mode!r}")
        if self.padding_idx is not None:
            parts.append(f"padding_idx={self.padding_idx}")
        return ", ".join(parts)
