"""What a loader's worker is, a process, or for data sets of arrays a worker in name; `_worker_process` runs it."""
import dataclasses
import itertools
import random as python_random

import numpy as np

from fastnn import random


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Result of `get_worker_info`: number of the worker, number of workers, seed and data set.

    Parameters
    ----------
    id, num_workers, seed : int
    dataset : Dataset

    Examples
    --------
    >>> WorkerInfo(0, 2, 7, None).num_workers
    2
    """

    id: int
    num_workers: int
    seed: int
    dataset: object


_worker_info = None


def get_worker_info():
    """In a worker of a loader: its `WorkerInfo` (`id`, `num_workers`, `seed`, `dataset`); elsewhere None.

    Examples
    --------
    >>> fastnn.utils.data.get_worker_info() is None
    True
    """
    return _worker_info


def _generate_state(base_seed, worker_id):
    """The seeds of a worker's NumPy stream, four words."""
    words = [worker_id, base_seed & 0xffffffff, base_seed >> 32, 0]
    return np.random.SeedSequence(words).generate_state(4).tolist()


class Streams:
    """The random numbers of a worker, those of PyTorch's: fastnn's, Python's and NumPy's streams are seeded from the
    loader's `base_seed` and the worker's number.

    As a context in the loader's own process: meanwhile random numbers are the worker's and `get_worker_info` tells of
    it; what is drawn leaves the caller's streams alone.
    """

    def __init__(self, info, base_seed):
        self.info = info
        self.generator = random.Generator().manual_seed(info.seed & 0xffffffffffffffff)
        self.python = python_random.Random(info.seed).getstate()
        self.numpy = np.random.RandomState(_generate_state(base_seed, info.id)).get_state(legacy=False)

    def exchange(self):
        """The process's streams for the worker's, and back."""
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


class Fetcher:
    """Makes batches of a data set's own words.

    Parameters
    ----------
    dataset : Dataset
    iterable : bool
        It is a stream, which begins here.
    batched : bool
        What is asked for is a list of indices, not one.
    collate_fn : callable
    drop_last : bool
    """

    def __init__(self, dataset, iterable, batched, collate_fn, drop_last):
        self.dataset, self.batched, self.collate_fn, self.drop_last = dataset, batched, collate_fn, drop_last
        self.stream = iter(dataset) if iterable else None
        self.ended = False

    def __call__(self, index):
        if self.stream is not None:
            return self.take(index)
        dataset = self.dataset
        if not self.batched:
            return self.collate_fn(dataset[index])
        if getattr(dataset, "__getitems__", None):
            return self.collate_fn(dataset.__getitems__(index))
        return self.collate_fn([dataset[i] for i in index])

    def take(self, index):
        if not self.batched:
            return self.collate_fn(next(self.stream))
        if self.ended:
            raise StopIteration
        wanted = len(index)
        items = list(itertools.islice(self.stream, wanted))
        self.ended = len(items) < wanted
        if not items or self.ended and self.drop_last:
            raise StopIteration
        return self.collate_fn(items)


# ---- what a worker answers besides batches ----

class Ended:
    """The worker's part of the stream is over."""


class Over:
    """The loader has gone."""


class Resumed:
    """A new iteration begins: what is asked of a persistent worker, and its answer."""


class KeyErrorMessage(str):
    """A KeyError shows its argument as repr does; this one reads as it is."""

    def __repr__(self):
        return self


class Failure:
    """An exception of a worker, as text, which can always be sent."""

    def __init__(self, error, where):
        import traceback
        self.kind = type(error)
        text = "".join(traceback.format_exception(error))
        self.message = f"Caught {self.kind.__name__} {where}.\nOriginal {text}"

    def reraise(self):
        """Raise an exception of the same class, whose text is the worker's traceback."""
        message = KeyErrorMessage(self.message) if self.kind is KeyError else self.message
        try:
            error = self.kind(message=message) if getattr(self.kind, "message", None) else self.kind(message)
        except Exception:  # a class that takes other arguments
            raise RuntimeError(message) from None
        raise error
