"""DataLoader: batches of a data set, in order or shuffled."""
import enum
import itertools
import math
import warnings
from typing import Generic, TypeVar

import numpy as np

from fastnn import random
from fastnn.config import default_num_threads
from fastnn.utils.data.collate import default_collate, default_convert
from fastnn.utils.data.dataset import Dataset, IterableDataset, batch_method
from fastnn.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, batches
from fastnn.utils.data.worker import Fetcher, Streams, WorkerInfo, get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)


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
    num_workers : int
        Processes that make the batches, for data sets whose ``__getitem__`` is real work; 0: this process does. A data
        set of arrays, which makes a whole batch at once (see Notes), stays in this process whatever the number, because
        that is quicker than sending its batches.
    collate_fn : callable, optional
        Makes a batch from a list of items. Default `default_collate`, or `default_convert` without batches.
    pin_memory, pin_memory_device
        Accepted, without effect.
    drop_last : bool
        Leave out a last batch that is smaller.
    timeout : float
        Seconds to wait for a batch of the workers; 0: for ever.
    worker_init_fn : callable, optional
        Called in each worker with its number, after its streams are seeded.
    multiprocessing_context : str or context, optional
        How processes are started: "fork", "spawn", "forkserver"; default: Python's.
    generator : Generator, optional
        For shuffling and the workers' seeds; default: the default stream.
    prefetch_factor : int, optional
        Batches that each worker makes in advance; default 2.
    persistent_workers : bool
        Keep the workers, and their copies of the data set, from one iteration to the next.
    in_order : bool
        False: batches come as soon as any worker has one.

    Raises
    ------
    RuntimeError
        A worker was killed, or `timeout` is over. An exception in a worker is raised as one of its class, whose text
        holds the worker's traceback. Whatever ends an iteration ends its workers.

    Notes
    -----
    Orders and draws are PyTorch's for the same seeds, in workers too: worker i is seeded with the loader's base seed
    plus i. Every worker iterates an `IterableDataset` from its beginning: `get_worker_info` tells which part is its.

    Items come in batches of `TensorDataset`, `Subset` and the data sets of `fastnn.vision` by indexing their arrays
    once per batch, if the collation is the default one and transforms do not draw. With ``num_workers > 0``,
    `worker_init_fn` is then called in this process for workers in name, whose random streams are apart from the
    caller's.

    Workers compute on one thread each. Their batches of 64 KB and more lie in memory that both processes map: one copy,
    nothing in /dev/shm, no limit of its own.

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

    def __init__(self, dataset: "Dataset[T_co]", batch_size=1, shuffle=None, sampler=None, batch_sampler=None,
                 num_workers=0, collate_fn=None, pin_memory=False, drop_last=False, timeout=0, worker_init_fn=None,
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
        """How workers are started; None: as Python does."""
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

    def check_worker_number_rationality(self):
        """Warn where there are more workers than processors; for subclasses, as PyTorch's own loader does it."""
        most = default_num_threads()
        if self.num_workers > most:
            warnings.warn(f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested "
                          f"max number of worker in current system is {most}, which is smaller than what this "
                          f"DataLoader is going to create.", stacklevel=2)

    def _get_iterator(self):
        return (_MultiProcessingDataLoaderIter if self.num_workers else _SingleProcessDataLoaderIter)(self)

    def __iter__(self):
        if not (self.persistent_workers and self.num_workers > 0):
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = self._get_iterator()
        else:
            self._iterator._reset(self)
        return self._iterator

    def __len__(self):
        if not self._iterable:
            return len(self._index_sampler)
        length = self._reported_length = len(self.dataset)
        if self.batch_size is not None:
            length = length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)
        return length


class _DatasetKind(enum.IntEnum):
    """How a loader reads: by indices or as a stream."""

    Map, Iterable = 0, 1


class _Endless:
    """The sampler of streams."""

    def __iter__(self):
        return itertools.repeat(None)


def _plain(index, batched):
    """Indices as a sampler of PyTorch's gives them."""
    if isinstance(index, slice):
        return list(range(index.start, index.stop))
    return index.tolist() if isinstance(index, np.ndarray) and batched else index


class _BaseDataLoaderIter:
    """One pass over a loader.

    Who makes the batches: the data set itself, asked for whole batches, in this process, if it does that; else the
    worker processes, or this process without workers.
    """

    def __init__(self, loader):
        if loader.timeout != 0 and loader.num_workers == 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self.loader = loader
        self.dataset = loader.dataset
        self.arguments = loader.dataset, loader._iterable, loader._auto_collation, loader.collate_fn, loader.drop_last
        generator = loader.generator or random.default_generator
        self.base_seed = generator.random63()  # PyTorch draws it for the workers, needed or not
        self.processes, self.workers = None, []
        self._reset(loader, True)

    def _reset(self, loader, first_iter=False):
        self.yielded = 0
        arrays = None if loader._iterable else batches(loader._index_sampler)
        self.indices = iter(loader._index_sampler) if arrays is None else arrays
        self.getbatch, self.first = None, None
        if arrays is not None and loader.collate_fn is default_collate:
            self.getbatch = batch_method(self.dataset)
        if not loader.num_workers:
            self.fetch = Fetcher(*self.arguments)
            return
        if self.getbatch is not None and self._name_workers():
            return
        if self.processes is None:
            from fastnn.utils.data._processes import Processes  # with multiprocessing, which most programs do not need
            self.processes = Processes(loader, self.arguments, self.base_seed)
        batched = loader._auto_collation
        self.processes.start(_plain(index, batched) for index in self.indices)

    def _name_workers(self):
        """Workers in name for a data set that makes whole batches; False if it does not, asked for the first."""
        index = next(self.indices, None)
        if index is None:
            return True
        self.first = self.getbatch(index)
        if self.first is None:
            self.getbatch, self.indices = None, itertools.chain([index], self.indices)
            return False
        if not self.workers:
            count = self.loader.num_workers
            self.workers = [Streams(WorkerInfo(i, count, self.base_seed + i, self.dataset), self.base_seed)
                            for i in range(count)]
            for worker in self.workers if self.loader.worker_init_fn is not None else ():
                with worker:
                    self.loader.worker_init_fn(worker.info.id)
        return True

    def __iter__(self):
        return self

    def __next__(self):
        data = self._next_data()
        self.yielded += 1
        reported = self.loader._reported_length
        if self.loader._iterable and reported is not None and self.yielded > reported:
            text = (f"Length of IterableDataset {self.dataset} was reported to be {reported}(when accessing "
                    f"len(dataloader)), but {self.yielded} samples have been fetched. ")
            if self.loader.num_workers > 1:
                text += ("For multiprocessing data-loading, this could be caused by not properly configuring the "
                         "IterableDataset replica at each worker. Please see "
                         "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples.")
            warnings.warn(text, stacklevel=2)
        return data

    def _next_data(self):
        if self.processes is not None:
            return next(self.processes)
        if self.first is not None:
            batch, self.first = self.first, None
            return batch
        index = next(self.indices)
        if self.getbatch is not None:
            batch = self.getbatch(index)
            if batch is not None:
                return batch
            if self.workers:
                raise RuntimeError(f"{type(self.dataset).__name__}.__getbatch__ gave None after it had given batches")
            self.getbatch = None  # once asked in vain, not again in this pass
        return self.fetch(_plain(index, self.loader._auto_collation))

    def __len__(self):
        return len(self.loader._index_sampler)

    def __getstate__(self):
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """The one of a loader without workers."""


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """The one of a loader with workers, which may be in name alone."""

    processes = None

    def _shutdown_workers(self):
        """End the processes, if there are any."""
        if self.processes is not None:
            self.processes.finish()

    def __del__(self):
        self._shutdown_workers()
