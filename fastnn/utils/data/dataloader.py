"""DataLoader: batches of a data set, in order or shuffled."""
import contextlib
import dataclasses
import itertools
import math
import random as python_random
import warnings
from typing import Generic, TypeVar

import numpy as np

from fastnn import random
from fastnn.utils.data.collate import default_collate, default_convert
from fastnn.utils.data.dataset import IterableDataset, batch_method
from fastnn.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, batches

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)


@dataclasses.dataclass
class WorkerInfo:
    """Result of `get_worker_info`: number of the worker, number of workers, seed and data set.

    Parameters
    ----------
    id, num_workers, seed : int
    dataset : Dataset

    Examples
    --------
    >>> fastnn.utils.data.dataloader.WorkerInfo(0, 2, 7, None).num_workers
    2
    """

    id: int
    num_workers: int
    seed: int
    dataset: object


_worker_info = None


def get_worker_info():
    """The `WorkerInfo` of the present worker, in code called by a loader with ``num_workers > 0``; otherwise None.

    Same as torch.utils.data.get_worker_info; workers are nominal (see `DataLoader`).

    Examples
    --------
    >>> fastnn.utils.data.get_worker_info() is None
    True
    """
    return _worker_info


class _Worker:
    """A nominal worker: a context in which `get_worker_info` describes it and random numbers are its own.

    They are those of PyTorch's worker process: fastnn's, Python's and NumPy's streams are seeded from the loader's
    `base_seed` and the worker's number, and what is drawn leaves the caller's streams alone.
    """

    def __init__(self, info, base_seed):
        self.info = info
        self.generator = random.Generator().manual_seed(info.seed & 0xffffffffffffffff)
        self.python = python_random.Random(info.seed).getstate()
        words = np.random.SeedSequence([info.id, base_seed & 0xffffffff, base_seed >> 32, 0]).generate_state(4)
        self.numpy = np.random.RandomState(words).get_state(legacy=False)

    def exchange(self):
        """Exchange the streams of the process and of the worker."""
        random.default_generator.exchange(self.generator)
        python, numpy = python_random.getstate(), np.random.get_state(legacy=False)
        python_random.setstate(self.python), np.random.set_state(self.numpy)
        self.python, self.numpy = python, numpy

    def __enter__(self):
        global _worker_info
        self.before, _worker_info = _worker_info, self.info
        self.exchange()

    def __exit__(self, *exception):
        global _worker_info
        self.exchange()
        _worker_info = self.before


class DataLoader(Generic[T_co]):
    """Iterate over batches of a data set.

    Orders and random draws are PyTorch's for the same seeds. Batches of `TensorDataset`, `Subset` and the data sets of
    `fastnn.vision` are made by indexing their arrays once per batch. Same as torch.utils.data.DataLoader, in one
    process.

    Parameters
    ----------
    dataset : Dataset
        Anything with ``__getitem__`` and ``__len__``, or an `IterableDataset`.
    batch_size : int or None
        Default 1; None: single items.
    shuffle : bool, optional
        Whether each iteration has a new random order.
    sampler : iterable of indices, optional
        Excludes `shuffle`.
    batch_sampler : iterable of lists of indices, optional
        Excludes `batch_size`, `shuffle`, `sampler` and `drop_last`.
    num_workers, prefetch_factor, persistent_workers, multiprocessing_context, timeout, in_order
        Accepted and checked as in PyTorch, but everything runs in the calling process, where an array data set is read
        faster than another process could send it. Workers are nominal: batches are assigned to them in rotation, each
        draws the random numbers that PyTorch's worker draws, `worker_init_fn` is called for each before an iteration,
        and `get_worker_info` describes the current one. For an `IterableDataset` there is one, so that nothing is
        repeated.
    collate_fn : callable, optional
        Makes a batch from a list of items. Default `default_collate`, or `default_convert` without batches.
    pin_memory, pin_memory_device
        Accepted, without effect.
    drop_last : bool
        Whether a last batch that is smaller is left out.
    worker_init_fn : callable, optional
        ``worker_init_fn(number of the worker)``.
    generator : Generator, optional
        For shuffling; default the global stream.

    Raises
    ------
    ValueError
        Options exclude each other or are outside of their range.

    Examples
    --------
    >>> data = fastnn.utils.data.TensorDataset(fastnn.arange(5), fastnn.arange(5) * 10)
    >>> for x, y in fastnn.utils.data.DataLoader(data, batch_size=2):
    ...     print(x, y)
    tensor([0, 1]) tensor([ 0, 10])
    tensor([2, 3]) tensor([20, 30])
    tensor([4]) tensor([40])
    >>> _ = fastnn.manual_seed(0)
    >>> [x.tolist() for x, y in fastnn.utils.data.DataLoader(data, batch_size=2, shuffle=True)]
    [[1, 4], [2, 3], [0]]
    """

    __initialized = False

    def __init__(self, dataset, batch_size=1, shuffle=None, sampler=None, batch_sampler=None, num_workers=0,
                 collate_fn=None, pin_memory=False, drop_last=False, timeout=0, worker_init_fn=None,
                 multiprocessing_context=None, generator=None, *, prefetch_factor=None, persistent_workers=False,
                 pin_memory_device="", in_order=True):
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError("prefetch_factor option could only be specified in multiprocessing."
                             "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None.")
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
        elif prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            unset = {"shuffle": (None, False), "sampler": (None,), "batch_sampler": (None,)}
            for option, value in (("shuffle", shuffle), ("sampler", sampler), ("batch_sampler", batch_sampler)):
                if not any(value is default for default in unset[option]):
                    raise ValueError(f"DataLoader with IterableDataset: expected unspecified {option} option, but got "
                                     f"{option}={value}")
        shuffle = bool(shuffle)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                                 "drop_last")
            batch_size, drop_last = None, False
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            if self._iterable:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._iterator = None
        self._reported_length = None
        self.__initialized = True

    @property
    def multiprocessing_context(self):
        """A start method or context; checked, but unused."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context):
        if context is not None:
            import multiprocessing.context  # most programs never need it
            if self.num_workers <= 0:
                raise ValueError("multiprocessing_context can only be used with multi-process loading "
                                 f"(num_workers > 0), but got num_workers={self.num_workers}")
            if isinstance(context, str):
                methods = multiprocessing.get_all_start_methods()
                if context not in methods:
                    raise ValueError("multiprocessing_context option should specify a valid start method in "
                                     f"{methods!r}, but got multiprocessing_context={context!r}")
                context = multiprocessing.get_context(context)
            if not isinstance(context, multiprocessing.context.BaseContext):
                raise TypeError("multiprocessing_context option should be a valid context object or a string "
                                f"specifying the start method, but got multiprocessing_context={context}")
        self.__multiprocessing_context = context

    def __setattr__(self, name, value):
        if self.__initialized and name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset",
                                           "persistent_workers"):
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def _auto_collation(self):
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self):
        if not (self.persistent_workers and self.num_workers > 0):
            return _Iterator(self)
        if self._iterator is None:
            self._iterator = _Iterator(self)
        else:
            self._iterator.restart()
        return self._iterator

    def __len__(self):
        if not self._iterable:
            return len(self._index_sampler)
        length = self._reported_length = len(self.dataset)
        if self.batch_size is not None:
            length = length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)
        return length


class _Endless:
    """The sampler of streams."""

    def __iter__(self):
        return itertools.repeat(None)


class _Iterator:
    """One pass over a loader."""

    def __init__(self, loader):
        if loader.timeout != 0 and loader.num_workers == 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self.loader = loader
        self.dataset = loader.dataset
        self.collate_fn = loader.collate_fn
        self.auto_collation = loader._auto_collation
        generator = loader.generator or random.default_generator
        base_seed = generator.random63()  # PyTorch draws it for the workers, needed or not
        count = min(loader.num_workers, 1) if loader._iterable else loader.num_workers
        self.workers = [_Worker(WorkerInfo(i, count, base_seed + i, self.dataset), base_seed) for i in range(count)]
        for worker in self.workers if loader.worker_init_fn is not None else ():
            with worker:
                loader.worker_init_fn(worker.info.id)
        self.restart()

    def worker(self):
        """The context of the present worker."""
        return self.workers[self.yielded % len(self.workers)] if self.workers else contextlib.nullcontext()

    def restart(self):
        loader = self.loader
        self.yielded = 0
        self.ended = False
        self.stream = None
        if loader._iterable:
            with self.worker():
                self.stream = iter(self.dataset)
        arrays = batches(loader._index_sampler) if self.stream is None else None
        self.indices = iter(loader._index_sampler) if arrays is None else arrays
        self.getbatch = None
        if arrays is not None and self.collate_fn is default_collate:
            self.getbatch = batch_method(self.dataset)

    def __iter__(self):
        return self

    def __next__(self):
        data = self.fetch()
        self.yielded += 1
        reported = self.loader._reported_length
        if self.stream is not None and reported is not None and self.yielded > reported:
            warnings.warn(f"Length of IterableDataset {self.dataset} was reported to be {reported}(when accessing "
                          f"len(dataloader)), but {self.yielded} samples have been fetched. ", stacklevel=2)
        return data

    def fetch(self):
        index = next(self.indices)
        if self.getbatch is not None:
            batch = self.getbatch(index)
            if batch is not None:
                return batch
            self.getbatch = None  # once asked in vain, not again in this pass
        if isinstance(index, slice):
            index = list(range(index.start, index.stop))
        elif isinstance(index, np.ndarray) and self.auto_collation:
            index = index.tolist()
        if not self.workers:
            return self.make(index)
        with self.worker():
            return self.make(index)

    def make(self, index):
        """The result of the data set."""
        if self.stream is not None:
            return self.take(index)
        dataset = self.dataset
        if not self.auto_collation:
            return self.collate_fn(dataset[index])
        if getattr(dataset, "__getitems__", None):
            return self.collate_fn(dataset.__getitems__(index))
        return self.collate_fn([dataset[i] for i in index])

    def take(self, index):
        if not self.auto_collation:
            return self.collate_fn(next(self.stream))
        if self.ended:
            raise StopIteration
        wanted = len(index)
        items = list(itertools.islice(self.stream, wanted))
        self.ended = len(items) < wanted
        if not items or self.ended and self.loader.drop_last:
            raise StopIteration
        return self.collate_fn(items)

    def __len__(self):
        return len(self.loader._index_sampler)

    def __getstate__(self):
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)
