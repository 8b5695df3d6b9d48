"""What runs in a loader's worker: a process, or for data sets of arrays a worker in name."""
import dataclasses
import itertools
import os
import random as python_random

import numpy as np

from fastnn import random

PATIENCE = 5.0  # seconds


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
        words = np.random.SeedSequence([info.id, base_seed & 0xffffffff, base_seed >> 32, 0]).generate_state(4)
        self.numpy = np.random.RandomState(words).get_state(legacy=False)

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


# ---- the process ----

def work(connection, others, parent, fetch_arguments, base_seed, init_fn, number, count):
    """Until the connection ends, make what is asked for, in the order in which it is asked for.

    `others` are the loader's ends of connections, which a forked child holds too: while it does, their workers would
    not learn of the loader's end.
    """
    import queue
    import threading

    from fastnn.config import set_num_threads
    for other in others:
        other.close()
    asked = queue.SimpleQueue()

    def listen():
        """Always take what comes, so that the loader never waits for a worker that waits for the loader."""
        while True:
            try:
                if connection.poll(PATIENCE):
                    asked.put(connection.recv())
                    continue
            except (EOFError, OSError):
                break
            if parent != os.getppid() and parent is not None:
                break
        asked.put(Over)

    try:
        threading.Thread(target=listen, daemon=True).start()
        _work(connection, asked, fetch_arguments, base_seed, init_fn, number, count, set_num_threads)
    except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        pass  # the loader has gone, or is told the same by the system


def _work(connection, asked, fetch_arguments, base_seed, init_fn, number, count, set_num_threads):
    from fastnn.utils.data import _transfer
    global _worker_info
    set_num_threads(1)
    dataset = fetch_arguments[0]
    _worker_info = WorkerInfo(number, count, base_seed + number, dataset)
    Streams(_worker_info, base_seed).exchange()
    where = f"in DataLoader worker process {number}"

    def begun(init_fn):
        try:
            if init_fn is not None:
                init_fn(number)
            return Fetcher(*fetch_arguments), None
        except Exception as error:
            return None, Failure(error, where)

    fetch, failure = begun(init_fn)
    ended = False
    while (message := asked.get()) is not Over:
        if message is Resumed:
            _transfer.send(connection, Resumed)
            fetch, failure = begun(None)
            ended = False
            continue
        if ended:
            continue
        try:
            if failure is not None:
                _answer(connection, failure)
                continue
            data = fetch(message)
            _transfer.send(connection, data)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            ended = isinstance(error, StopIteration) and fetch_arguments[1]
            _answer(connection, Ended if ended else Failure(error, where))
        data = message = None  # memory


def _answer(connection, answer):
    """Send what is no batch; an exception whose class cannot be sent (one of a function's own) as a RuntimeError."""
    from fastnn.utils.data import _transfer
    try:
        _transfer.send(connection, answer)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception:
        answer.kind = RuntimeError
        _transfer.send(connection, answer)
