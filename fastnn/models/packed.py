"""Sequences of different lengths one behind the other, without padding."""
from itertools import groupby
from typing import NamedTuple

import numpy as np

from fastnn._tensor import Tensor
from fastnn.ops.creation import from_numpy


class Packed(NamedTuple):
    """Token sequences as one row of numbers, sorted by length, so that equal ones lie together.

    Attributes
    ----------
    ids : Tensor (tokens,) of int64
    positions : Tensor (tokens,) of int64
        The place of each token in its sequence, from 0.
    runs : list of (int, int)
        How many sequences of which length follow each other.
    order : array (sequences,) of int64
        The number that each packed sequence had among those given.

    Examples
    --------
    >>> from fastnn.models import Packed
    >>> batch = Packed.of([[5, 6, 7], [8], [9]])
    >>> batch.ids, batch.runs, batch.back.tolist()
    (tensor([8, 9, 5, 6, 7]), [(2, 1), (1, 3)], [2, 0, 1])
    """

    ids: Tensor
    positions: Tensor
    runs: list
    order: np.ndarray

    @classmethod
    def of(cls, sequences):
        """Pack lists or arrays of token numbers; ValueError for an empty one, TypeError for other than integers."""
        sequences = [np.asarray(sequence) for sequence in sequences]
        for sequence in sequences:
            if sequence.ndim != 1 or len(sequence) and sequence.dtype.kind not in "iu":
                raise TypeError(f"Packed: expected sequences of integers, got {sequence.dtype} of shape "
                                f"{sequence.shape}")
        lengths = np.array([len(sequence) for sequence in sequences], np.int64)
        if len(lengths) and lengths.min() == 0:
            raise ValueError("Packed: expected sequences of at least one token, got an empty one")
        order = np.argsort(lengths, kind="stable")
        runs = [(len(list(same)), length) for length, same in groupby(lengths[order].tolist())]
        ids = np.concatenate([np.asarray(sequences[i], np.int64) for i in order] or [np.empty(0, np.int64)])
        positions = np.concatenate([np.tile(np.arange(length), count) for count, length in runs]
                                   or [np.empty(0, np.int64)])
        return cls(from_numpy(ids), from_numpy(positions), runs, order)

    @property
    def back(self):
        """For results in packed order: the place of each of the given sequences."""
        return np.argsort(self.order, kind="stable")


def pieces(x, runs):
    """Rows of x (tokens, width) as views (count, length, width), one for each run."""
    start = 0
    for count, length in runs:
        stop = start + count * length
        yield x[start:stop].reshape(count, length, x.shape[1])
        start = stop
