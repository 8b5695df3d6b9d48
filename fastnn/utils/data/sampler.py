"""Orders in which a data set is read.

The built-in samplers also have ``chunks()``: their indices as int64 arrays, drawn from the generator at the same
moments as PyTorch draws them, which saves the loader one Python integer per row.
"""
import itertools
from typing import Generic, TypeVar

import numpy as np

from fastnn import random
from fastnn._tensor import from_array

__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
           "WeightedRandomSampler"]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base class of samplers, iterables of indices or of lists of indices; subclasses define ``__iter__``.

    Same as torch.utils.data.Sampler.

    Examples
    --------
    >>> class Reversed(fastnn.utils.data.Sampler):
    ...     def __init__(self, data):
    ...         self.data = data
    ...
    ...     def __iter__(self):
    ...         return iter(range(len(self.data) - 1, -1, -1))
    >>> data = fastnn.tensor([10, 20, 30])
    >>> list(fastnn.utils.data.DataLoader(data, batch_size=3, sampler=Reversed(data)))
    [tensor([30, 20, 10])]
    """

    def __iter__(self):
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """0, 1, ..., len(data_source) - 1.

    Same as torch.utils.data.SequentialSampler.

    Parameters
    ----------
    data_source : sized

    Examples
    --------
    >>> list(fastnn.utils.data.SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """A random order, anew for every iteration; or random draws with replacement.

    Same as torch.utils.data.RandomSampler.

    Parameters
    ----------
    data_source : sized
    replacement : bool
        Default False.
    num_samples : int, optional
        Default the length of `data_source`.
    generator : Generator, optional
        Default one whose seed is drawn from the global stream.

    Raises
    ------
    ValueError
        `num_samples` is not positive.

    Examples
    --------
    >>> _ = fastnn.manual_seed(0)
    >>> list(fastnn.utils.data.RandomSampler(range(5)))
    [1, 3, 4, 2, 0]
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={self.num_samples}")

    @property
    def num_samples(self):
        """Number of indices of one iteration."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def chunks(self):
        """The indices as arrays."""
        n = len(self.data_source)
        generator = self.generator
        if generator is None:
            generator = random.Generator().manual_seed(random.default_generator.random63())
        if self.replacement:
            for _ in range(self.num_samples // 32):
                yield generator.randint(0, n, 32)
            yield generator.randint(0, n, self.num_samples % 32)
        else:
            for _ in range(self.num_samples // n):
                yield generator.randperm(n)
            # Drawn even if nothing of it is needed, as in PyTorch: a generator of the caller's has moved on then.
            yield generator.randperm(n)[:self.num_samples % n]

    def __iter__(self):
        for chunk in self.chunks():
            yield from chunk.tolist()

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order, without replacement.

    Same as torch.utils.data.SubsetRandomSampler.

    Parameters
    ----------
    indices : sequence
    generator : Generator, optional
        Default the global stream.

    Examples
    --------
    >>> sampler = fastnn.utils.data.SubsetRandomSampler([3, 5, 8], fastnn.Generator().manual_seed(0))
    >>> sorted(sampler)
    [3, 5, 8]
    """

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def permutation(self):
        """A new random order of positions in `indices`, an int64 array."""
        return (self.generator or random.default_generator).randperm(len(self.indices))

    def chunks(self):
        """The indices as one array."""
        order = self.permutation()
        yield index_array(self.indices)[order]

    def __iter__(self):
        for i in self.permutation().tolist():
            yield self.indices[i]

    def __len__(self):
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices 0 to len(weights) - 1 drawn in proportion to the weights.

    Same as torch.utils.data.WeightedRandomSampler.

    Parameters
    ----------
    weights : sequence of float
        Need not sum to one.
    num_samples : int
        Number of indices of one iteration.
    replacement : bool
        Default True.
    generator : Generator, optional
        Default the global stream.

    Raises
    ------
    ValueError
        `num_samples` is not positive, or `weights` is not one-dimensional.

    Examples
    --------
    >>> sorted(fastnn.utils.data.WeightedRandomSampler([1.0, 0.0, 1.0], 2, replacement=False))
    [0, 2]
    """

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not hasattr(weights, "__array__"):
            weights = [w if isinstance(w, (list, tuple)) else float(w) for w in weights]
        array = np.array(weights, np.float64)
        if array.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {array.shape}")
        self.weights = from_array(array)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def chunks(self):
        """The indices as one array."""
        generator = self.generator or random.default_generator
        yield generator.multinomial(self.weights.numpy(), self.num_samples, self.replacement)

    def __iter__(self):
        for chunk in self.chunks():
            yield from chunk.tolist()

    def __len__(self):
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices of another sampler.

    Same as torch.utils.data.BatchSampler.

    Parameters
    ----------
    sampler : iterable of indices
    batch_size : int
    drop_last : bool
        Whether a last batch that is smaller is left out.

    Raises
    ------
    ValueError
        `batch_size` is no positive integer.

    Examples
    --------
    >>> list(fastnn.utils.data.BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler, batch_size, drop_last):
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size:
                yield batch
            else:
                if not self.drop_last:
                    yield batch
                return

    def __len__(self):
        if self.drop_last:
            return len(self.sampler) // self.batch_size
        return (len(self.sampler) + self.batch_size - 1) // self.batch_size


# ---- for the loader ----

CHUNKED = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


def index_array(indices):
    """A sequence of integers as an int64 array, or None."""
    try:
        array = np.asarray(indices)
    except (TypeError, ValueError):
        return None
    if array.ndim != 1 or array.dtype.kind not in "iu":
        return np.empty(0, np.int64) if array.shape == (0,) else None
    return array.astype(np.int64, copy=False)


def batches(index_sampler):
    """What iterating `index_sampler` gives, each batch as a slice or an array; None if it must be iterated itself.

    Only for the built-in classes themselves: a subclass may do anything.
    """
    if type(index_sampler) is not BatchSampler:
        return None
    sampler, size, drop_last = index_sampler.sampler, index_sampler.batch_size, index_sampler.drop_last
    if type(sampler) is SequentialSampler:
        return _slices(len(sampler), size, drop_last)
    if type(sampler) not in CHUNKED and not vars(type(sampler)).get("chunked", False):
        return None
    if type(sampler) is SubsetRandomSampler and index_array(sampler.indices) is None:
        return None
    return _arrays(sampler.chunks(), size, drop_last)


def _slices(n, size, drop_last):
    for start in range(0, n - n % size if drop_last else n, size):
        yield slice(start, min(start + size, n))


def _arrays(chunks, size, drop_last):
    """Batches cut from chunks; a chunk is asked for when an index of it is needed, not before."""
    rest = np.empty(0, np.int64)
    while True:
        while len(rest) < size:
            try:
                chunk = next(chunks)
            except StopIteration:
                if len(rest) and not drop_last:
                    yield rest
                return
            rest = np.concatenate([rest, chunk]) if len(rest) else chunk
        start = 0
        while start + size <= len(rest):
            yield rest[start:start + size]
            start += size
        rest = rest[start:]
