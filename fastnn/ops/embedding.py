"""Embedding: rows of a table by their numbers, one by one or in bags, and numbers as rows (one-hot)."""
import numpy as np

from fastnn import kernels
from fastnn._tape import Op
from fastnn._tensor import from_array, record
from fastnn.autograd.grad_mode import no_grad
from fastnn.ops._common import need_tensors, room
from fastnn.ops.declare import operation


@operation("functional")
def one_hot(input, num_classes=-1):
    """A row of zeros with a 1 at each class number, int64.

    Parameters
    ----------
    input : Tensor of int64
        Class numbers.
    num_classes : int, default -1
        -1: one more than the largest number.

    Raises
    ------
    RuntimeError
        A negative number, or one that is not below `num_classes`.

    Examples
    --------
    >>> F.one_hot(fastnn.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    classes = input.numpy()
    if classes.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if classes.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if classes.size and classes.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif num_classes < 1 and classes.size == 0 or num_classes == 0:
        raise RuntimeError("num_classes should be positive")
    if classes.size and classes.max() >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    room("one_hot", (*classes.shape, num_classes), 8)
    return from_array((classes[..., None] == np.arange(num_classes)).astype(np.int64))


def _padding(name, padding_idx, rows):
    """`padding_idx` counted from the start; -1 for none."""
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise (RuntimeError if name == "embedding_bag" else AssertionError)(
            f"{name}: Padding_idx must be within num_embeddings, got {padding_idx} for {rows}")
    return padding_idx + rows if padding_idx < 0 else padding_idx


def _renormalize(weight, index, max_norm, norm_type):
    """Rows in use whose norm exceeds `max_norm` are shortened to it, in place."""
    rows = np.unique(index)
    if not rows.size:
        return
    taken = weight.detach().numpy()[rows]
    norms = np.linalg.norm(taken.astype(np.float64), norm_type, axis=1)
    long = norms > max_norm
    if long.any():
        with no_grad():
            weight[from_array(rows[long])] = from_array(
                (taken[long] * (max_norm / (norms[long] + 1e-7))[:, None]).astype(taken.dtype))


def _frequency(index):
    """1 / how often each entry's row is used."""
    _, which, counts = np.unique(index.reshape(-1), return_inverse=True, return_counts=True)
    return 1.0 / counts[which.reshape(-1)]


def _embedding_backward(grad, index, rows, padding_idx, by_freq):
    scale = _frequency(index).astype(grad.dtype) if by_freq else None
    return kernels.embedding_backward(grad, index, rows, padding_idx, None, scale)


EMBEDDING = Op("EmbeddingBackward0", _embedding_backward, "index rows padding_idx by_freq")


@EMBEDDING.linear
def _embedded(w, index, rows, padding_idx, by_freq):
    """The rows, but for those that get no gradient; what `by_freq` did was done once, as in PyTorch."""
    y = kernels.embedding_forward(w, index)
    return np.where((index == padding_idx)[..., None], y.dtype.type(0), y)


@operation("nn")
def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """``weight[input]``.

    Parameters
    ----------
    input : Tensor (*), int64 or int32
    weight : Tensor (rows, dim)
    padding_idx : int or None
        A row that gets no gradient; negative ones count from the end.
    max_norm, norm_type : float
        Rows in use with a larger p-norm are shortened to it first, in place.
    scale_grad_by_freq : bool
        Divide gradients by how often their row is used in `input`.
    sparse : bool
        Whether the gradient of a leaf is a sparse tensor of the rows in use; for `SparseAdam`, `SGD` and `Adagrad`.
        A dense one touches only the rows in use, too, beside writing the zeros.

    Raises
    ------
    IndexError
        A number in `input` is no row.
    ShapeError, DTypeError
        weight is not 2-D, or a wrong dtype.

    Examples
    --------
    >>> F.embedding(fastnn.tensor([1, 0]), fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    need_tensors("embedding", input, weight)
    w, index = weight.detach().numpy(), input.numpy()
    padding_idx = _padding("embedding", padding_idx, w.shape[0] if w.ndim else 0)
    if max_norm is not None and w.ndim == 2:
        kernels.embedding_forward(w[:, :0], index)  # bad numbers are an error before anything changes
        _renormalize(weight, index, float(max_norm), float(norm_type))
        w = weight.detach().numpy()
    y = kernels.embedding_forward(w, index)
    saved = (index, w.shape[0], padding_idx, bool(scale_grad_by_freq))
    if sparse and weight.is_leaf and weight.requires_grad:
        from fastnn.sparse.gradients import EMBEDDING as SPARSE
        return record(y, SPARSE, (weight,), saved, (input,))
    return record(y, EMBEDDING, (weight,), saved, (input,))


def _bag_backward(grad, index, offsets, w, scale, argmax, mode, padding_idx, by_freq, wants, shape):
    if mode == "max":
        return kernels.embedding_backward(grad, argmax, w.shape[0], -1, None, None, True), None
    end = int(offsets[-1])
    index = index[:end]
    bag = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    dw = dscale = None
    if wants[0]:
        factor = None if scale is None else scale[:end]
        if mode == "mean":
            used = np.bincount(bag[index != padding_idx], minlength=offsets.size - 1)
            factor = (1.0 / np.maximum(used, 1))[bag].astype(grad.dtype)
        if by_freq:
            frequency = _frequency(index).astype(grad.dtype)
            factor = frequency if factor is None else factor * frequency
        dw = kernels.embedding_backward(grad, index, w.shape[0], padding_idx, bag, factor)
    if wants[1]:
        dscale = np.zeros(scale.shape, grad.dtype)
        dscale[:end] = np.einsum("nd,nd->n", kernels.embedding_forward(grad, bag), kernels.embedding_forward(w, index))
        dscale[:end][index == padding_idx] = 0
        dscale = dscale.reshape(shape)
    return dw, dscale


EMBEDDING_BAG = Op("EmbeddingBagBackward0", _bag_backward,
                   "index offsets w scale argmax mode padding_idx by_freq wants shape")


@EMBEDDING_BAG.second
def _bag_second(step, g):
    """Sums of rows, by the rows' own gradients: those of each bag, times their factors, added up by their numbers."""
    if step.mode == "max":
        return step.linear(g, lambda grad: _bag_backward(grad, *step.saved)[0], lambda w: np.where(
            step.argmax < 0, w.dtype.type(0), np.take_along_axis(w, np.maximum(step.argmax, 0), 0))), None
    end, bags = int(step.offsets[-1]), step.offsets.size - 1
    index, bag = step.index[:end], np.repeat(np.arange(bags), np.diff(step.offsets))
    counts = index != step.padding_idx
    kind = g.detach().numpy().dtype
    rows = g[from_array(bag)]
    dw = dscale = None
    if step.wants[1]:
        dots = (rows * step.input(step.w, 0)[from_array(index)]).sum(-1) * from_array(counts.astype(kind))
        dscale = step.cat((dots, from_array(np.zeros(step.scale.size - end, kind))), 0).reshape(step.shape)
    if step.wants[0]:
        factor = from_array(counts.astype(kind))
        if step.scale is not None:
            factor = factor * step.input(step.scale.reshape(step.shape), 1).reshape(-1)[:end]
        if step.mode == "mean":
            used = np.bincount(bag[counts], minlength=bags)
            factor = factor * from_array((1.0 / np.maximum(used, 1))[bag].astype(kind))
        if step.by_freq:
            factor = factor * from_array(_frequency(index).astype(kind))
        scaled, size = rows * factor.unsqueeze(-1), step.w.shape[0]
        dw = step.linear(scaled, lambda a: kernels.embedding_backward(a, index, size, -1, None, None),
                         lambda w: kernels.embedding_forward(w, index))
    return dw, dscale


@operation("nn")
def embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean",
                  sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None):
    """Sum, mean or maximum of the rows of each bag, without making the rows.

    Parameters
    ----------
    input : Tensor (n,) with `offsets`, or (bags, length)
        Numbers of rows, int64 or int32.
    weight : Tensor (rows, dim)
    offsets : Tensor (bags,)
        Where each bag begins in `input`; with `include_last_offset` also where the last one ends.
    mode : "sum", "mean" or "max"
    per_sample_weights : Tensor like input
        Factors of the rows, for "sum" alone.
    padding_idx : int or None
        A row that counts as absent.
    max_norm, norm_type, scale_grad_by_freq, sparse
        As for ``embedding``.

    Returns
    -------
    Tensor (bags, dim), 0 for an empty bag.

    Examples
    --------
    >>> F.embedding_bag(fastnn.tensor([0, 1, 1]), fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]), fastnn.tensor([0, 2]))
    tensor([[2., 3.],
            [3., 4.]])
    """
    need_tensors("embedding_bag", input, weight)
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must "
                         f"have the same shape as the input ({input.shape})")
    if weight.ndim != 2:
        raise ValueError(f"embedding_bag: weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, got {mode!r}")
    index, guards = input.numpy(), (input,)
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: if input is 2D, then offsets has to be None, as input is treated is a "
                             f"mini-batch of fixed length sequences. However, found offsets of type {type(offsets)}")
        bags, length = index.shape
        index, starts = index.reshape(-1), np.arange(bags + 1, dtype=np.int64) * length
    elif input.ndim == 1:
        if offsets is None or offsets.ndim != 1:
            raise ValueError(f"embedding_bag: offsets has to be a 1D Tensor but got "
                             f"{None if offsets is None else f'{offsets.ndim}D'}")
        starts, guards = offsets.numpy(), (input, offsets)
        if starts.dtype.kind != "i":
            raise RuntimeError(f"embedding_bag: expected offsets of int64 or int32, got {offsets.dtype}")
        if include_last_offset and not starts.size:
            raise RuntimeError("embedding_bag: include_last_offset: number of offset should be at least 1")
        if not include_last_offset:
            starts = np.append(starts, index.size).astype(np.int64)
        starts = starts.astype(np.int64)
    else:
        raise ValueError(f"embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("embedding_bag: max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("embedding_bag: max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"embedding_bag: per_sample_weights is only supported for mode='sum' (got "
                                  f"mode='{mode}').")
    padding_idx = _padding("embedding_bag", padding_idx, weight.shape[0])
    if max_norm is not None:
        kernels.embedding_forward(weight.detach().numpy()[:, :0], index)
        _renormalize(weight, index, float(max_norm), float(norm_type))
    w, scale = weight.detach().numpy(), None
    if per_sample_weights is not None:
        scale = per_sample_weights.detach().numpy().reshape(-1)
    y, argmax = kernels.embedding_bag_forward(w, index, starts, mode, scale, padding_idx)
    wants = weight.requires_grad, per_sample_weights is not None and per_sample_weights.requires_grad
    shape = () if per_sample_weights is None else per_sample_weights.shape
    if wants[1]:
        guards = (*guards, weight)[-3:]
    return record(y, EMBEDDING_BAG, (weight, per_sample_weights),
                  (index, starts, w, scale, argmax, mode, padding_idx, bool(scale_grad_by_freq), wants, shape), guards)
