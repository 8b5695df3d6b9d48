"""Sequences of different lengths in one batch: padded, or packed step by step without padding."""
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.ops._common import need_tensors
from fastnn.ops.creation import as_tensor
from fastnn.ops.recurrent import pad_rows, put_rows

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
           "pad_sequence", "unpack_sequence", "unpad_sequence"]


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences, longest first, as rows: the first step of all, the second step of all that have one, and so on.

    Same as torch.nn.utils.rnn.PackedSequence; `pack_padded_sequence` and `pack_sequence` make it.

    Parameters
    ----------
    data : Tensor, shape (rows, *)
    batch_sizes : Tensor of int64, shape (longest,)
        How many sequences have each step.
    sorted_indices, unsorted_indices : Tensor of int64, shape (batch,), optional
        The order in which the sequences were taken, and its inverse; default the order given.

    Examples
    --------
    >>> nn.utils.rnn.pack_sequence([fastnn.tensor([1, 2, 3]), fastnn.tensor([4])])
    PackedSequence(data=tensor([1, 4, 2, 3]), batch_sizes=tensor([2, 1, 1]), sorted_indices=None, unsorted_indices=None)
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs):
        """Convert `data`.

        Parameters
        ----------
        *args, **kwargs
            Of ``Tensor.to``.

        Examples
        --------
        >>> nn.utils.rnn.pack_sequence([fastnn.ones(2)]).to(fastnn.float64).data.dtype
        torch.float64
        """
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def float(self):
        """`data` as float32.

        Examples
        --------
        >>> nn.utils.rnn.pack_sequence([fastnn.tensor([1, 2])]).float().data
        tensor([1., 2.])
        """
        return self.to(dtype=np.float32)

    def double(self):
        """`data` as float64.

        Examples
        --------
        >>> nn.utils.rnn.pack_sequence([fastnn.tensor([1, 2])]).double().data.dtype
        torch.float64
        """
        return self.to(dtype=np.float64)

    def cpu(self, *args, **kwargs):
        """Itself: all memory is the CPU's."""
        return self

    def pin_memory(self):
        """Itself."""
        return self

    @property
    def is_cuda(self):
        """False."""
        return False

    def is_pinned(self):
        """False."""
        return False


def invert_permutation(permutation):
    """The inverse of a permutation; None of None.

    Same as torch.nn.utils.rnn.invert_permutation.

    Parameters
    ----------
    permutation : Tensor of int64, or None

    Examples
    --------
    >>> nn.utils.rnn.invert_permutation(fastnn.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    order = permutation.numpy()
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return from_array(inverse)


def _row_indices(lengths, steps, batch_first):
    """Rows of a padded array made a matrix, in packed order, for lengths that do not increase; and the batch sizes."""
    sizes = (lengths[None, :] > np.arange(lengths[0])[:, None]).sum(axis=1)
    t = np.repeat(np.arange(len(sizes)), sizes)
    b = np.arange(len(t)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return (b * steps + t if batch_first else t * len(lengths) + b), sizes


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """A PackedSequence of the first ``lengths[b]`` steps of each sequence b of a padded batch.

    Same as torch.nn.utils.rnn.pack_padded_sequence.

    Parameters
    ----------
    input : Tensor, shape (steps, batch, *), or (batch, steps, *) with `batch_first`
    lengths : Tensor or list of int
        At least 1 each.
    batch_first : bool
    enforce_sorted : bool
        Whether lengths must not increase (default); False: the sequences are sorted, and the order is stored.

    Raises
    ------
    RuntimeError
        Lengths do not fit the input, or increase with `enforce_sorted`.

    Examples
    --------
    >>> padded = fastnn.tensor([[1, 2, 3], [4, 0, 0]])
    >>> nn.utils.rnn.pack_padded_sequence(padded, [3, 1], batch_first=True).data
    tensor([1, 4, 2, 3])
    """
    need_tensors("pack_padded_sequence", input)
    lengths = np.asarray(lengths.numpy() if isinstance(lengths, Tensor) else lengths).astype(np.int64)
    if input.ndim < 2:
        raise RuntimeError(f"pack_padded_sequence: expected input of at least 2 dimensions, got {input.ndim}")
    batch, steps = (0, 1) if batch_first else (1, 0)
    batch, steps = input.shape[batch], input.shape[steps]
    if lengths.shape != (batch,):
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {lengths.size} "
                           f"(batch_size={batch})")
    if batch == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if lengths.min() <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is "
                           "<= 0")
    if lengths.max() > steps:
        raise RuntimeError(f"Expected lengths of at most {steps}, the steps of the input, got {lengths.max()}")
    order = None
    if enforce_sorted:
        if (np.diff(lengths) > 0).any():
            raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
                               "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
                               "sidestep this requirement if you do not need ONNX exportability.")
        rows, sizes = _row_indices(lengths, steps, batch_first)
    else:
        order = np.argsort(-lengths, kind="stable")
        rows, sizes = _row_indices(lengths[order], steps, batch_first)
        rows = order[rows // steps] * steps + rows % steps if batch_first else \
            rows - rows % batch + order[rows % batch]
    data = input.reshape(batch * steps, *input.shape[2:]).index_select(0, from_array(rows))
    return PackedSequence(data, from_array(sizes), None if order is None else from_array(order), None)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """The inverse of `pack_padded_sequence`: (padded batch, lengths).

    Same as torch.nn.utils.rnn.pad_packed_sequence.

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool
    padding_value : float
        Value of padded elements; default 0.
    total_length : int, optional
        Number of steps, at least that of the longest sequence, which is the default.

    Raises
    ------
    ValueError
        `total_length` is too small.

    Examples
    --------
    >>> packed = nn.utils.rnn.pack_sequence([fastnn.tensor([1, 2, 3]), fastnn.tensor([4])])
    >>> nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2, 3],
            [4, 0, 0]]), tensor([3, 1]))
    """
    sizes = sequence.batch_sizes.numpy()
    steps, batch = len(sizes), int(sizes[0])
    if total_length is not None:
        if total_length < steps:
            raise ValueError(f"Expected total_length to be at least the length of the longest sequence in input, but "
                             f"got total_length={total_length} and max sequence length being {steps}")
        steps = total_length
    lengths = (sizes[:, None] > np.arange(batch)[None, :]).sum(axis=0)
    rows, _ = _row_indices(lengths, steps, batch_first)
    if sequence.unsorted_indices is not None:
        back = sequence.unsorted_indices.numpy()
        order = np.argsort(back, kind="stable")
        rows = order[rows // steps] * steps + rows % steps if batch_first else \
            rows - rows % batch + order[rows % batch]
        lengths = lengths[back]
    padded = put_rows(sequence.data, rows, (batch, steps) if batch_first else (steps, batch), padding_value)
    return padded, from_array(lengths)


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Sequences (length, *) as one padded tensor (longest, batch, *), or (batch, longest, *) with `batch_first`.

    Same as torch.nn.utils.rnn.pad_sequence.

    Parameters
    ----------
    sequences : iterable of Tensor
    batch_first : bool
    padding_value : float
        Default 0.
    padding_side : {"right", "left"}

    Raises
    ------
    RuntimeError
        There are no sequences, or their sizes but the first differ.

    Examples
    --------
    >>> nn.utils.rnn.pad_sequence([fastnn.tensor([1, 2, 3]), fastnn.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: "
                           f"{type(sequences)}")
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise ValueError(f"padding_side must be 'left' or 'right', got {padding_side!r}")
    for sequence in sequences:
        if not isinstance(sequence, Tensor):
            raise TypeError(f"pad_sequence: expected Tensors, got {type(sequence).__name__}")
        if sequence.ndim == 0 or sequence.shape[1:] != sequences[0].shape[1:]:
            raise RuntimeError(f"pad_sequence: expected sequences (*, {', '.join(map(str, sequences[0].shape[1:]))}), "
                               f"got {tuple(sequence.shape)}")
    return pad_rows(sequences, batch_first, padding_value, padding_side == "left")


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The list of sequences of a padded batch.

    Same as torch.nn.utils.rnn.unpad_sequence.

    Parameters
    ----------
    padded_sequences : Tensor, shape (steps, batch, *), or (batch, steps, *) with `batch_first`
    lengths : Tensor or list of int
    batch_first : bool

    Examples
    --------
    >>> nn.utils.rnn.unpad_sequence(fastnn.tensor([[1, 2, 3], [4, 0, 0]]), fastnn.tensor([3, 1]), batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [sequence[:int(length)] for sequence, length in zip(padded_sequences, lengths, strict=True)]


def pack_sequence(sequences, enforce_sorted=True):
    """A PackedSequence of sequences (length, *).

    Same as torch.nn.utils.rnn.pack_sequence.

    Parameters
    ----------
    sequences : list of Tensor
    enforce_sorted : bool
        Whether lengths must not increase (default).

    Raises
    ------
    RuntimeError
        Lengths increase with `enforce_sorted`.

    Examples
    --------
    >>> nn.utils.rnn.pack_sequence([fastnn.tensor([4]), fastnn.tensor([1, 2, 3])], enforce_sorted=False).sorted_indices
    tensor([1, 0])
    """
    lengths = as_tensor([len(sequence) for sequence in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The list of sequences of a PackedSequence.

    Same as torch.nn.utils.rnn.unpack_sequence.

    Parameters
    ----------
    packed_sequences : PackedSequence

    Examples
    --------
    >>> nn.utils.rnn.unpack_sequence(nn.utils.rnn.pack_sequence([fastnn.tensor([1, 2, 3]), fastnn.tensor([4])]))
    [tensor([1, 2, 3]), tensor([4])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
