"""What a process of a loader's runs."""
import os
import queue
import threading

from fastnn.config import set_num_threads
from fastnn.utils.data import _transfer, worker
from fastnn.utils.data.worker import Ended, Failure, Fetcher, Over, Resumed, Streams, WorkerInfo

PATIENCE = 5.0  # seconds


def work(connection, others, parent, fetch_arguments, base_seed, init_fn, number, count):
    """Until the connection ends, make what is asked for, in the order in which it is asked for.

    `others` are the loader's ends of connections, which a forked child holds too: while it does, their workers would
    not learn of the loader's end.
    """
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
        _work(connection, asked, fetch_arguments, base_seed, init_fn, number, count)
    except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        pass  # the loader has gone, or is told the same by the system


def _work(connection, asked, fetch_arguments, base_seed, init_fn, number, count):
    set_num_threads(1)
    dataset = fetch_arguments[0]
    worker._worker_info = WorkerInfo(number, count, base_seed + number, dataset)
    Streams(worker._worker_info, base_seed).exchange()
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
    try:
        _transfer.send(connection, answer)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception:
        answer.kind = RuntimeError
        _transfer.send(connection, answer)
