"""Sparse gradients of dense tensors: of an embedding's rows."""
import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn.sparse import rules  # noqa: F401 (such a gradient is a sparse tensor in its leaf)
from fastnn.sparse.patterns import Coordinates, SparseArray
from fastnn.sparse.tensor import frozen


def _embedding_backward(grad, index, rows, padding_idx, by_freq):
    if by_freq:
        raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
    index = index.reshape(-1)
    grad = grad.reshape(index.size, grad.shape[-1])
    if padding_idx >= 0:
        kept = index != padding_idx
        index, grad = index[kept], grad[kept]
    return SparseArray(Coordinates(frozen(index[None].astype(np.int64)), (rows,)), grad)


EMBEDDING = Op("EmbeddingBackward0", _embedding_backward, "index rows padding_idx by_freq")


@EMBEDDING.second
def _embedding_second(step, g):
    """Dense: what differentiates a gradient reads it."""
    def table(grad):
        return kernels.embedding_backward(grad, step.index, step.rows, step.padding_idx, None, None)

    def rows(w):
        y = kernels.embedding_forward(w, step.index)
        return np.where((step.index == step.padding_idx)[..., None], y.dtype.type(0), y)
    return step.linear(g, table, rows)
