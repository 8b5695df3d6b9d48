"""Data sets: anything that is indexed (`Dataset`) or iterated (`IterableDataset`)."""
import bisect
import itertools
import math
import warnings
from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np

from fastnn import random
from fastnn._tensor import Tensor, from_array
from fastnn.utils.data._rows import take_rows

__all__ = ["ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
           "random_split"]

T_co = TypeVar("T_co", covariant=True)


def shortcut(thing, name, *plain):
    """Attribute `name` of `thing`, which does in one step what the methods `plain` do; None if there is none, or if
    `thing` or a more derived class defines one of `plain`, which the shortcut would ignore."""
    if any(method in getattr(thing, "__dict__", ()) for method in plain):
        return None
    for kind in type(thing).__mro__:
        if name in vars(kind):
            return getattr(thing, name)
        if any(method in vars(kind) for method in plain):
            return None
    return None


def batch_method(dataset):
    """``__getbatch__`` of a data set, where it may be used."""
    return shortcut(dataset, "__getbatch__", "__getitem__", "__getitems__")


class Dataset(Generic[T_co]):
    """Base class of data sets that map an index to an item.

    Subclasses define ``__getitem__``, and ``__len__`` for most uses; ``__getitems__(list of indices)`` and
    ``__getbatch__(indices)`` (see `fastnn.utils.data`) are optional. Same as torch.utils.data.Dataset.

    Examples
    --------
    >>> class Squares(fastnn.utils.data.Dataset):
    ...     def __len__(self):
    ...         return 4
    ...
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> list(fastnn.utils.data.DataLoader(Squares(), batch_size=4))
    [tensor([0, 1, 4, 9])]
    """

    def __getitem__(self, index):
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other):
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """Base class of data sets that are streams; subclasses define ``__iter__``.

    Same as torch.utils.data.IterableDataset.

    Examples
    --------
    >>> class Stream(fastnn.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         yield from (3, 1, 2)
    >>> list(fastnn.utils.data.DataLoader(Stream(), batch_size=2))
    [tensor([3, 1]), tensor([2])]
    """

    def __add__(self, other):
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple]):
    """Rows of tensors: item i is the tuple of ``tensor[i]``.

    Same as torch.utils.data.TensorDataset. `DataLoader` indexes each tensor once per batch.

    Parameters
    ----------
    *tensors : Tensor
        All of the same first size.

    Raises
    ------
    AssertionError
        First sizes differ.
    TypeError
        An argument is no Tensor.

    Examples
    --------
    >>> data = fastnn.utils.data.TensorDataset(fastnn.tensor([[1, 2], [3, 4]]), fastnn.tensor([0, 1]))
    >>> len(data), data[1]
    (2, (tensor([3, 4]), tensor(1)))
    """

    def __init__(self, *tensors):
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"TensorDataset: expected Tensors, got {type(tensor).__name__} (see torch.from_numpy)")
        if any(tensors[0].size(0) != tensor.size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(tensor[index] for tensor in self.tensors)

    def __getbatch__(self, indices):
        if any(tensor.requires_grad for tensor in self.tensors):
            return None
        return [from_array(take_rows(tensor.numpy(), indices)) for tensor in self.tensors]

    def __len__(self):
        return self.tensors[0].size(0)


class StackDataset(Dataset):
    """Several data sets side by side: an item is the tuple, or dict, of their items.

    Same as torch.utils.data.StackDataset.

    Parameters
    ----------
    *args : Dataset
        For tuples.
    **kwargs : Dataset
        For dicts.

    Raises
    ------
    ValueError
        Lengths differ, or there are no arguments or both kinds.

    Examples
    --------
    >>> fastnn.utils.data.StackDataset(x=[1, 2], y=["a", "b"])[1]
    {'x': 2, 'y': 'b'}
    """

    def __init__(self, *args, **kwargs):
        if args and kwargs:
            raise ValueError("Supported either ``tuple``- (via ``args``) or ``dict``- (via ``kwargs``) like "
                             "input/output, but both types are given.")
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets = args or kwargs
        lengths = {len(dataset) for dataset in self._members()}
        if len(lengths) > 1:
            raise ValueError("Size mismatch between datasets")
        self._length = lengths.pop()

    def _members(self):
        return list(self.datasets.values()) if isinstance(self.datasets, dict) else list(self.datasets)

    def _join(self, items):
        return dict(zip(self.datasets, items)) if isinstance(self.datasets, dict) else tuple(items)

    def __getitem__(self, index):
        return self._join([dataset[index] for dataset in self._members()])

    def __getitems__(self, indices):
        columns = []
        for dataset in self._members():
            if callable(getattr(dataset, "__getitems__", None)):
                items = dataset.__getitems__(indices)
                if len(items) != len(indices):
                    raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, "
                                     f"got {len(items)}")
            else:
                items = [dataset[index] for index in indices]
            columns.append(items)
        return [self._join(items) for items in zip(*columns)]

    def __len__(self):
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Data sets one after the other; also ``first + second``.

    Same as torch.utils.data.ConcatDataset.

    Parameters
    ----------
    datasets : iterable of Dataset

    Raises
    ------
    AssertionError
        There is none, or an `IterableDataset`.

    Examples
    --------
    >>> data = fastnn.utils.data.ConcatDataset([[1, 2], [3]])
    >>> len(data), data[2]
    (3, 3)
    """

    @staticmethod
    def cumsum(sequence):
        """Running sums of the lengths."""
        return list(itertools.accumulate(len(dataset) for dataset in sequence))

    def __init__(self, datasets: "Iterable[Dataset[T_co]]"):
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self):
        return self.cumulative_sizes[-1]

    def __getitem__(self, index):
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        number = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[number][index - (self.cumulative_sizes[number - 1] if number else 0)]


class ChainDataset(IterableDataset):
    """Streams one after the other.

    Same as torch.utils.data.ChainDataset.

    Parameters
    ----------
    datasets : iterable of IterableDataset

    Raises
    ------
    AssertionError
        One is no `IterableDataset`, when it is iterated.

    Examples
    --------
    >>> class Stream(fastnn.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         yield from (1, 2)
    >>> list(fastnn.utils.data.ChainDataset([Stream(), Stream()]))
    [1, 2, 1, 2]
    """

    def __init__(self, datasets):
        self.datasets = datasets

    def _checked(self):
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield dataset

    def __iter__(self):
        for dataset in self._checked():
            yield from dataset

    def __len__(self):
        return sum(len(dataset) for dataset in self._checked())


class Subset(Dataset[T_co]):
    """The items of a data set at given indices.

    Same as torch.utils.data.Subset.

    Parameters
    ----------
    dataset : Dataset
    indices : sequence of int

    Raises
    ------
    NotImplementedError
        A subclass overrides ``__getitem__`` but not ``__getitems__``, which the loader calls.

    Examples
    --------
    >>> list(fastnn.utils.data.Subset([10, 20, 30], [2, 0]))
    [30, 10]
    """

    def __init__(self, dataset: "Dataset[T_co]", indices):
        self.dataset = dataset
        self.indices = indices
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{kind.__name__} overrides __getitem__ but not __getitems__. When subclassing Subset and overriding "
                "__getitem__, you must also override __getitems__ to ensure DataLoader works correctly with your "
                "custom logic. A simple implementation:\n\n"
                "def __getitems__(self, indices):\n    return [self.__getitem__(idx) for idx in indices]")

    def __getitem__(self, index):
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices):
        chosen = [self.indices[index] for index in indices]
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[index] for index in chosen]

    def __getbatch__(self, indices):
        getbatch = batch_method(self.dataset)
        if getbatch is None:
            return None
        if isinstance(self.indices, range) and isinstance(indices, slice) and self.indices.step == 1:
            chosen = self.indices[indices]
            return getbatch(slice(chosen.start, chosen.stop))
        if isinstance(indices, slice):
            chosen = self.indices[indices]
        elif isinstance(self.indices, np.ndarray):
            chosen = self.indices[indices]
        else:
            chosen = [self.indices[index] for index in indices.tolist()]
        try:
            chosen = np.asarray(chosen)
        except (TypeError, ValueError):
            return None
        return getbatch(chosen.astype(np.int64, copy=False)) if chosen.dtype.kind in "iu" else None

    def __len__(self):
        return len(self.indices)


def random_split(dataset, lengths, generator=random.default_generator):
    """Split a data set at random into parts of given lengths, or fractions of its length.

    Same as torch.utils.data.random_split.

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of number
        Fractions that sum to 1 are rounded down; the remainder is given to the parts one by one.
    generator : Generator, optional
        Default the global stream.

    Returns
    -------
    list of Subset

    Raises
    ------
    ValueError
        The lengths do not sum to ``len(dataset)``, or a fraction is outside of [0, 1].

    Examples
    --------
    >>> parts = fastnn.utils.data.random_split(range(10), [0.7, 0.3], generator=fastnn.Generator().manual_seed(0))
    >>> [sorted(part) for part in parts]
    [[0, 1, 3, 4, 5, 7, 9], [2, 6, 8]]
    """
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        counts = []
        for i, fraction in enumerate(lengths):
            if fraction < 0 or fraction > 1:
                raise ValueError(f"Fraction at index {i} is not between 0 and 1")
            counts.append(math.floor(len(dataset) * fraction))
        for i in range(len(dataset) - sum(counts)):
            counts[i % len(counts)] += 1
        lengths = counts
        for i, length in enumerate(lengths):
            if length == 0:
                warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.",
                              stacklevel=2)
    if sum(lengths) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    indices = (generator or random.default_generator).randperm(sum(lengths)).tolist()
    return [Subset(dataset, indices[end - length:end]) for end, length in zip(itertools.accumulate(lengths), lengths)]
