"""Data sets whose batches a program makes."""
import collections
import itertools

import numpy as np


class PyDataset:
    """Batches by number: subclasses have ``__getitem__`` and ``__len__`` (or `num_batches`).

    Parameters
    ----------
    workers : int
        More than 1: so many threads make batches ahead. Batches come in their order.
    use_multiprocessing : bool
        Taken for Keras programs; batches are made on threads all the same, which share the data.
    max_queue_size : int
        Most batches made ahead.

    Examples
    --------
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, i):
    ...         x = np.full((4, 1), i, np.float32)
    ...         return x, x * x
    >>> Squares().num_batches
    2
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    # For subclasses that do not call __init__.
    workers, use_multiprocessing, max_queue_size = 1, False, 10

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(index), which returns a batch")

    @property
    def num_batches(self):
        """Batches of an epoch; None: without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} has neither `__len__()` nor `num_batches`")

    def on_epoch_begin(self):
        """Called before an epoch."""

    def on_epoch_end(self):
        """Called after an epoch of training."""

    def as_batches(self, shuffle=False):
        """What the loop iterates: epochs of batches, in random order with `shuffle`."""
        return _Endless(self) if self.num_batches is None else _Epochs(self, shuffle)

    def _batches(self, numbers):
        if self.workers <= 1:
            yield from (self[number] for number in numbers)
            return
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(self.workers) as threads:
            numbers, waiting = iter(numbers), collections.deque()
            try:
                while True:
                    for number in itertools.islice(numbers, max(self.max_queue_size, 1) - len(waiting)):
                        waiting.append(threads.submit(self.__getitem__, number))
                    if not waiting:
                        return
                    yield waiting.popleft().result()
            finally:  # the epoch may be left early
                for each in waiting:
                    each.cancel()


class _Epochs:
    def __init__(self, source, shuffle):
        self.source, self.shuffle = source, shuffle

    def __len__(self):
        return self.source.num_batches

    def __iter__(self):
        self.source.on_epoch_begin()
        numbers = range(len(self))
        yield from self.source._batches(np.random.permutation(numbers).tolist() if self.shuffle else numbers)


class _Endless:
    """Goes on where the epoch before stopped."""

    def __init__(self, source):
        self.batches = source._batches(itertools.count())

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.batches)
