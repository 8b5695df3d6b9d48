"""Where a sparse tensor has elements: patterns, which know no values, and the arrays that stand for sparse tensors.

A pattern does not change; what is derived from it (the order of its entries by rows, by columns, without duplicates)
is found once and kept, so that products with one matrix of a graph sort its edges once.
"""
import functools
import math

import numpy as np

from fastnn.dtypes import layout

COO, CSR, CSC, BSR, BSC = map(layout, ("torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc", "torch.sparse_bsr",
                                       "torch.sparse_bsc"))
_STAND_IN = np.dtype([("sparse", "V1")])  # the dtype of no number: what computes with elements refuses it
_BYTE = bytearray(1)


def grouped(index, size):
    """Where each number 0 to size - 1 begins in a sorted list of them, and the list's end."""
    starts = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(index, minlength=size), out=starts[1:])
    return starts


class Pattern:
    """What both kinds have: sizes of the sparse dimensions, the number of entries, positions as numbers."""

    origin = None  # the pattern that this one is the transposed of, with the entries in the same order

    def __repr__(self):
        return f"<{type(self).__name__} {self.sizes}, {self.nnz} entries>"

    @functools.cached_property
    def keys(self):
        """The places as numbers: positions in the flattened dense tensor."""
        keys = np.zeros(self.nnz, np.int64)
        for numbers, size in zip(self.indices, self.sizes):
            keys = keys * size + numbers
        return keys

    @functools.cached_property
    def entries_of(self):
        """(keys in ascending order, numbers of the entries there), for `find`."""
        order = np.argsort(self.keys, kind="stable")
        return self.keys[order], order

    def find(self, keys):
        """The number of the entry at each of the places `keys`, -1 where there is none."""
        known, order = self.entries_of
        if not known.size:
            return np.full(keys.shape, -1)
        at = np.minimum(np.searchsorted(known, keys), known.size - 1)
        return np.where(known[at] == keys, order[at], -1)

    @functools.cached_property
    def by_row(self):
        """(starts, columns, order) of a matrix: row i's entries are order[starts[i]:starts[i + 1]], None: in order."""
        return self._grouped(0) if self.origin is None else self.origin.by_column

    @functools.cached_property
    def by_column(self):
        """The same of the transposed matrix."""
        return self._grouped(1) if self.origin is None else self.origin.by_row

    def _grouped(self, axis):
        own, other = self.indices[axis], self.indices[1 - axis]
        starts = grouped(own, self.sizes[axis])
        if (own[1:] >= own[:-1]).all():
            return starts, np.ascontiguousarray(other), None
        order = np.argsort(own, kind="stable")
        return starts, other[order], order

    def same(self, other):
        """Whether the entries of both are at the same places in the same order."""
        return self is other or self.sizes == other.sizes and np.array_equal(self.indices, other.indices)


class Coordinates(Pattern):
    """The places as coordinates: `indices` (sparse dimensions, nnz), int64."""

    layout = COO

    def __init__(self, indices, sizes, coalesced=None):
        self.indices, self.sizes, self.nnz = indices, tuple(map(int, sizes)), indices.shape[1]
        self.coalesced = self.nnz < 2 if coalesced is None else coalesced

    def __reduce__(self):
        return Coordinates, (self.indices, self.sizes, self.coalesced)

    @functools.cached_property
    def unique(self):
        """(pattern without duplicates, in order; the number of each entry there, None: as it is; entries, one for each
        position)."""
        if self.coalesced:
            return self, None, None
        keys, where, group = np.unique(self.keys, return_index=True, return_inverse=True)
        group = group.reshape(-1)
        if keys.size == self.nnz and (where[1:] > where[:-1]).all():
            return Coordinates(self.indices, self.sizes, True), None, None
        return Coordinates(np.ascontiguousarray(self.indices[:, where]), self.sizes, True), group, where

    def transposed(self):
        """The pattern of the transposed matrix."""
        made = Coordinates(self.indices[::-1], self.sizes[::-1])
        made.origin = self
        return made


class Compressed(Pattern):
    """A matrix by rows (axis 0) or columns (axis 1): `starts` of each, `plain` numbers along the other axis."""

    coalesced = True

    def __init__(self, starts, plain, sizes, axis=0):
        self.starts, self.plain, self.sizes, self.axis = starts, plain, tuple(map(int, sizes)), axis
        self.nnz, self.layout = plain.size, (CSR, CSC)[axis]

    def __reduce__(self):
        return Compressed, (self.starts, self.plain, self.sizes, self.axis)

    @functools.cached_property
    def indices(self):
        own = np.repeat(np.arange(self.sizes[self.axis]), np.diff(self.starts))
        return np.stack((own, self.plain)[::1 - 2 * self.axis]).astype(np.int64, copy=False)

    def _grouped(self, axis):
        if axis == self.axis:
            return self.starts.astype(np.int64, copy=False), self.plain.astype(np.int64, copy=False), None
        return super()._grouped(axis)

    @property
    def unique(self):
        return self, None, None

    def transposed(self):
        """The pattern of the transposed matrix."""
        made = Compressed(self.starts, self.plain, self.sizes[::-1], 1 - self.axis)
        made.origin = self
        return made


class SparseArray(np.ndarray):
    """What stands in the place of a sparse tensor's array, and of a sparse gradient: its shape, a pattern and values.

    It has no numbers of its own, and whatever would read them as an array's raises an error.
    """

    def __new__(cls, pattern, values):
        sizes = pattern.sizes + values.shape[1:]
        made = super().__new__(cls, sizes, _STAND_IN, buffer=_BYTE, strides=(0,) * len(sizes))
        made.pattern, made.values = pattern, values
        return made

    def __array_finalize__(self, origin):
        if origin is not None:
            raise NotImplementedError(f"this operation is not implemented for tensors of layout "
                                      f"{origin.pattern.layout if isinstance(origin, SparseArray) else COO}")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        raise NotImplementedError(f"{ufunc.__name__}: not implemented for tensors of layout {self.pattern.layout}")

    def __array_function__(self, function, kinds, args, kwargs):
        raise NotImplementedError(f"{function.__name__}: not implemented for tensors of layout {self.pattern.layout}")

    def copy(self, order="C"):
        return SparseArray(self.pattern, self.values.copy())

    def dense(self):
        """The array with all elements."""
        flat = np.zeros((math.prod(self.pattern.sizes), *self.values.shape[1:]), self.values.dtype)
        np.add.at(flat, self.pattern.keys, self.values)
        return flat.reshape(self.shape)

    def __add__(self, other):
        """The sum of two gradients."""
        if not isinstance(other, SparseArray):
            return self.dense() + other
        pattern = self.pattern
        if pattern is other.pattern:
            return SparseArray(pattern, self.values + other.values)
        indices = np.concatenate((pattern.indices, other.pattern.indices), 1)
        return SparseArray(Coordinates(indices, pattern.sizes), np.concatenate((self.values, other.values)))

    __radd__ = __add__

    def at(self, pattern):
        """The values at the places of another pattern, 0 where there are none."""
        if self.pattern.same(pattern):
            return self.values
        unique, group, _ = self.pattern.unique
        values = self.values
        if group is not None:
            values = np.zeros((unique.nnz, *values.shape[1:]), values.dtype)
            np.add.at(values, group, self.values)
        return taken(values, unique.find(pattern.keys))


def taken(values, entries):
    """values[entries], 0 where an entry is -1."""
    if not len(values):
        return np.zeros((len(entries), *values.shape[1:]), values.dtype)
    found = values[entries]
    found[entries < 0] = 0
    return found
