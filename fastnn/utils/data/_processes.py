"""A loader's iterator over worker processes: who is asked for what, and what happens if one of them fails."""
import itertools
import multiprocessing
import os
import signal
import time
import warnings
import weakref
from multiprocessing import connection

from fastnn.utils.data import _transfer
from fastnn.utils.data._worker_process import PATIENCE, work
from fastnn.utils.data.worker import Ended, Failure, Resumed

LEAVING = 0.4  # seconds for a worker to finish the item it is at, which nobody waits for any more


class Pool:
    """Processes, each with a connection; ended with the iterator, by whatever comes first."""

    def __init__(self, context, count, fetch_arguments, base_seed, init_fn):
        self.owner = os.getpid()
        self.connections, self.processes = [], []
        forked = context.get_start_method() == "fork"
        try:
            for number in range(count):
                ours, theirs = context.Pipe(duplex=True)
                others = [*self.connections, ours] if forked else []
                self.connections.append(ours)
                process = context.Process(
                    target=work, daemon=True,
                    args=(theirs, others, self.owner if forked or context.get_start_method() == "spawn" else None,
                          fetch_arguments, base_seed, init_fn, number, count))
                try:
                    process.start()
                finally:
                    theirs.close()
                self.processes.append(process)
        except BaseException:
            self.end(0)
            raise

    def end(self, patience=LEAVING):
        """Let the workers end; those that do not within `patience` seconds are ended."""
        if os.getpid() != self.owner:  # in a forked child the object means nothing
            return
        for each in self.connections:
            each.close()
        until = time.monotonic() + patience
        for process in self.processes:
            process.join(max(0, until - time.monotonic()))
        for way in ("terminate", "kill"):
            for process in self.processes:
                if process.is_alive():
                    getattr(process, way)()
                    process.join(PATIENCE)
        self.processes = []

    def dead(self):
        """Numbers of the workers that have ended."""
        return [number for number, process in enumerate(self.processes) if not process.is_alive()]


def _fate(process):
    """How a process ended, in PyTorch's words."""
    code = process.exitcode
    if code is not None and code < 0:
        return f"DataLoader worker (pid {process.pid}) is killed by signal: {signal.strsignal(-code)}. "
    return (f"DataLoader worker (pid {process.pid}) exited unexpectedly with exit code {code}. Details are lost due to "
            "multiprocessing. Rerunning with num_workers=0 may give better error trace.")


class Processes:
    """Batches that worker processes make; `start` begins an iteration, ``next`` gives a batch.

    Batch i is asked of worker i modulo their number, if that has not ended its part of a stream, `prefetch_factor`
    batches ahead; its answers come in the order of what it was asked.
    """

    def __init__(self, loader, fetch_arguments, base_seed):
        if loader.prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self.count, self.ahead = loader.num_workers, loader.prefetch_factor
        self.timeout, self.in_order = loader.timeout, loader.in_order
        self.persistent, self.stream = loader.persistent_workers, fetch_arguments[1]
        context = loader.multiprocessing_context or multiprocessing
        try:
            self.pool = Pool(context, self.count, fetch_arguments, base_seed, loader.worker_init_fn)
        except (TypeError, AttributeError, _transfer.pickle.PicklingError):
            warnings.warn("Got pickle error when attempting to start a worker Process. This might be because the "
                          "worker Process arguments are not picklable. Python 3.14+ changed the multiprocessing start "
                          "method in non-Mac POSIX platforms to 'forkserver', which requires the worker Process "
                          "arguments to be picklable. You can also try multiprocessing.set_start_method('fork').",
                          stacklevel=4)
            raise
        self.finish = weakref.finalize(self, self.pool.end)
        self.first = True

    def start(self, indices):
        """Begin an iteration over what is asked for."""
        if not self.first:
            for each in self.pool.connections:
                self._send(each, Resumed)
            for number in range(self.count):
                while self._receive([number])[1] is not Resumed:
                    pass
        self.first = False
        self.indices = iter(indices)
        self.sent = self.received = 0
        self.worker_of = {}  # of what was asked for and not given
        self.active = [True] * self.count
        self.load = [0] * self.count
        self.cycle = itertools.cycle(range(self.count))
        for _ in range(self.ahead * self.count):
            self._ask()

    def _ask(self):
        """Ask the next worker for the next batch, if there are both."""
        try:
            index = next(self.indices)
        except StopIteration:
            return
        most = self.ahead * self.count // max(1, sum(self.active))
        for number in itertools.islice(self.cycle, self.count):
            if self.active[number] and (self.in_order or self.load[number] < most):
                break
        else:
            return
        self._send(self.pool.connections[number], index)
        self.worker_of[self.sent] = number
        self.load[number] += 1
        self.sent += 1

    def _send(self, to, message):
        try:
            to.send(message)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has ended; whoever waits for its answer is told

    def __next__(self):
        while True:
            while self.received not in self.worker_of or not self.active[self.worker_of[self.received]]:
                self.worker_of.pop(self.received, None)
                if self.received >= self.sent:
                    if not self.persistent:
                        self.finish()
                    raise StopIteration
                self.received += 1
            if self.in_order:
                number, data = self._receive([self.worker_of[self.received]])
                task = self.received
            else:
                number, data = self._receive({each for each in self.worker_of.values() if self.active[each]})
                task = min(task for task, worker in self.worker_of.items() if worker == number)
            if data is Ended:
                self.active[number] = False
                self._ask()
                continue
            del self.worker_of[task]
            self.load[number] -= 1
            self._ask()
            if isinstance(data, Failure):
                data.reraise()
            return data

    def _receive(self, numbers):
        """(number, answer) of the first of several workers to answer. If any worker dies, or time is over: an error."""
        pool = self.pool
        if not self.finish.alive:
            raise RuntimeError("DataLoader: the workers of this iterator have ended")
        waiting = {pool.connections[number]: number for number in numbers}
        watched = [*waiting, *(process.sentinel for process in pool.processes)]
        try:
            ready = connection.wait(watched, self.timeout or None)
            if not ready:
                self._fail(f"DataLoader timed out after {self.timeout} seconds")
            for each in ready:
                if each in waiting:
                    return waiting[each], _transfer.receive(each)
        except (EOFError, ConnectionResetError):
            pass  # it died before it answered
        except OSError as error:
            if error.errno is not None:  # else it died while it answered
                raise
        except KeyboardInterrupt:
            self.finish.detach()
            pool.end(0)
            raise
        until = time.monotonic() + PATIENCE
        while not (dead := pool.dead()) and time.monotonic() < until:
            time.sleep(0.01)
        dead = [pool.processes[number] for number in dead]
        cause = RuntimeError(_fate(dead[0])) if dead else None
        self._fail(f"DataLoader worker (pid(s) {', '.join(str(process.pid) for process in dead)}) exited unexpectedly",
                   cause)

    def _fail(self, message, cause=None):
        self.finish.detach()
        self.pool.end(0)
        raise RuntimeError(message) from cause
