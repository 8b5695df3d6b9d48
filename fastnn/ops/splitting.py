"""One tensor as several: split, chunk, unbind."""
import numpy as np

from fastnn._tape import Op
from fastnn._tensor import Tensor, record
from fastnn.ops._common import axis_of, room
from fastnn.ops.declare import operation
from fastnn.ops.indexing import narrow
from fastnn.ops.slicing import slices

SECTIONS = {"sections": "indices_or_sections", "indices": "indices_or_sections"}  # PyTorch's keywords


@operation(keywords=SECTIONS)
def hsplit(input, indices_or_sections) -> tuple[Tensor, ...]:
    """Pieces along dimension 1 (of a vector: 0).

    Parameters
    ----------
    input : Tensor
    indices_or_sections : int or sequence of ints
        As for ``tensor_split``, but a number must divide the size.

    Examples
    --------
    >>> fastnn.hsplit(fastnn.tensor([1, 2, 3, 4]), 2)
    (tensor([1, 2]), tensor([3, 4]))
    """
    return _split("hsplit", input, indices_or_sections, 1, 0 if input.ndim == 1 else 1)


@operation(keywords=SECTIONS)
def vsplit(input, indices_or_sections) -> tuple[Tensor, ...]:
    """Pieces along dimension 0.

    Parameters
    ----------
    input : Tensor
    indices_or_sections : int or sequence of ints
        As for ``hsplit``.

    Examples
    --------
    >>> fastnn.vsplit(fastnn.tensor([[1, 2], [3, 4]]), 2)
    (tensor([[1, 2]]), tensor([[3, 4]]))
    """
    return _split("vsplit", input, indices_or_sections, 2, 0)


@operation(keywords=SECTIONS)
def dsplit(input, indices_or_sections) -> tuple[Tensor, ...]:
    """Pieces along dimension 2.

    Parameters
    ----------
    input : Tensor
    indices_or_sections : int or sequence of ints
        As for ``hsplit``.

    Examples
    --------
    >>> fastnn.dsplit(fastnn.ones(1, 1, 4), [1])[1].shape
    torch.Size([1, 1, 3])
    """
    return _split("dsplit", input, indices_or_sections, 3, 2)


def _split(op, input, given, ndim, dim):
    if input.ndim < ndim:
        raise RuntimeError(f"torch.{op} requires a tensor with at least {ndim} dimension, but got a tensor with "
                           f"{input.ndim} dimensions!")
    if isinstance(given, int) and (given <= 0 or input.shape[dim] % given):
        raise RuntimeError(f"torch.{op} attempted to split along dimension {dim}, but the size of the dimension "
                           f"{input.shape[dim]} is not divisible by the split_size {given}!")
    return tensor_split(input, given, dim)


def _piece_backward(grad, shape, index):
    dx = np.zeros(shape, grad.dtype)
    dx[index] = grad
    return dx


UNSAFE_SPLIT = Op("UnsafeSplitBackward0", _piece_backward, "shape index")
UNSAFE_SPLIT.linear(lambda x, shape, index: x[index])


@operation()
def unsafe_chunk(input, chunks, dim=0) -> tuple[Tensor, ...]:
    """``chunk``; the pieces share memory, but a change of one in place is nothing that another's gradient knows of.

    Parameters
    ----------
    input : Tensor
    chunks : int
    dim : int, default 0
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.unsafe_chunk(fastnn.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    pieces, axis, start, made = chunk(input, chunks, dim), axis_of(dim, input.ndim), 0, []
    for piece in pieces:
        index = (slice(None),) * axis + (slice(start, start + piece.shape[axis]),)
        made.append(record(piece.detach().numpy(), UNSAFE_SPLIT, (input,), (tuple(input.shape), index)))
        start += piece.shape[axis]
    return tuple(made)


@operation()
def split_with_sizes(input, split_sizes, dim=0) -> tuple[Tensor, ...]:
    """``split`` by a list of sizes.

    Parameters
    ----------
    input : Tensor
    split_sizes : sequence of ints
    dim : int, default 0
        Dimension; negative ones count from the end.

    Examples
    --------
    >>> fastnn.split_with_sizes(fastnn.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return split(input, list(split_sizes), dim)


TENSOR_BYTES = 256  # about what one of many views takes


@operation()
def unbind(input, dim=0) -> tuple[Tensor, ...]:
    """All slices along `dim`.

    Parameters
    ----------
    input : Tensor
    dim : int, default 0
        Dimension; negative ones count from the end.

    Returns
    -------
    tuple of Tensors
        Views.

    Examples
    --------
    >>> fastnn.unbind(fastnn.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = axis_of(dim, input.ndim)
    room("unbind", (input.shape[dim],), TENSOR_BYTES)
    return slices(input, dim)


@operation(keywords={"split_size": "split_size_or_sections"})
def split(tensor, split_size_or_sections, dim=0) -> tuple[Tensor, ...]:
    """Pieces along `dim`: of one size (the last may be smaller), or of the sizes in a list.

    Parameters
    ----------
    tensor : Tensor
    split_size_or_sections : int or sequence of ints
    dim : int, default 0
        Dimension; negative ones count from the end.

    Returns
    -------
    tuple of Tensors
        Views.

    Raises
    ------
    RuntimeError
        The sizes do not add up to the dimension's.

    Examples
    --------
    >>> fastnn.split(fastnn.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    need_dimensions("split", tensor)
    dim = axis_of(dim, tensor.ndim)
    size = tensor.shape[dim]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 0 or (step == 0 and size):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
        room("split", (size // step if step else 1,), TENSOR_BYTES)
        sections = [min(step, size - i) for i in range(0, size, step)] if size else [0]
    else:
        sections = list(split_size_or_sections)
        if sum(sections) != size:
            raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
                               f"dimension {dim}), but got split_sizes={sections}")
    starts = np.cumsum([0] + sections[:-1])
    return tuple(narrow(tensor, dim, int(start), length) for start, length in zip(starts, sections))


def need_dimensions(op, input):
    """RuntimeError for a tensor that has nothing to divide."""
    if input.ndim == 0:
        raise RuntimeError(f"{op} expects at least a 1-dimensional tensor")


@operation()
def chunk(input, chunks, dim=0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of equal size along `dim` (the last may be smaller).

    Parameters
    ----------
    input : Tensor
    chunks : int
    dim : int, default 0
        Dimension; negative ones count from the end.

    Returns
    -------
    tuple of Tensors
        Views.

    Examples
    --------
    >>> fastnn.chunk(fastnn.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    need_dimensions("chunk", input)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.shape[axis_of(dim, input.ndim)]
    if size == 0:
        room("chunk", (chunks,), 8)
        return (input,) * chunks
    return split(input, -(-size // chunks), dim)


@operation(keywords={**SECTIONS, "tensor_indices_or_sections": "indices_or_sections"})
def tensor_split(input, indices_or_sections, dim=0) -> tuple[Tensor, ...]:
    """Pieces along `dim`: so many of nearly equal size, or cut at given positions.

    Parameters
    ----------
    input : Tensor
    indices_or_sections : int, sequence of ints or Tensor
    dim : int, default 0
        Dimension; negative ones count from the end.

    Returns
    -------
    tuple of Tensors
        Views.

    Examples
    --------
    >>> fastnn.tensor_split(fastnn.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    need_dimensions("tensor_split", input)
    dim = axis_of(dim, input.ndim)
    size = input.shape[dim]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        room("tensor_split", (indices_or_sections,), TENSOR_BYTES)
        small, larger = divmod(size, indices_or_sections)
        return split(input, [small + (i < larger) for i in range(indices_or_sections)], dim)
    cuts = [0] + [min(max(i + size if i < 0 else i, 0), size) for i in indices_or_sections] + [size]
    return tuple(input.narrow(dim, a, max(b - a, 0)) for a, b in zip(cuts, cuts[1:]))
