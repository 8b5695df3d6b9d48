"""Orders in which a data set is read.

The built-in samplers also have ``chunks()``: their indices as int64 arrays, drawn from the generator at the same
moments as PyTorch draws them, which saves the loader one Python integer per row.
"""
import itertools
from typing import Generic, TypeVar

import numpy as np

from fastnn import random

__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
           "WeightedRandomSampler"]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base class: an iterable of indices, or of lists of indices; subclasses write ``__iter__`` and may ``__len__``."""

    def __iter__(self):
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """0, 1, ... len(data_source) - 1.

    Parameters
    ----------
    data_source : sized
    """

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """A random order, anew for every iteration; or random draws with replacement.

    Parameters
    ----------
    data_source : sized
    replacement : bool
    num_samples : int, optional
        Default: the length of `data_source`.
    generator : Generator, optional
        Default: one whose seed is drawn from the default stream.
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
        """How many indices one iteration gives."""
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

    Parameters
    ----------
    indices : sequence
    generator : Generator, optional
        Default: the default stream.
    """

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def permutation(self):
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
    """Indices 0 .. len(weights) - 1 drawn in proportion to the weights.

    Parameters
    ----------
    weights : sequence of float
        Need not sum to one.
    num_samples : int
    replacement : bool
    generator : Generator, optional
        Default: the default stream.
    """

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        from fastnn._tensor import from_array
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

    Parameters
    ----------
    sampler : iterable of indices
    batch_size : int
    drop_last : bool
        Leave out a last batch that is smaller.
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
