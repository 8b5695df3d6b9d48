"""``torch.multiprocessing``: Python's own, whose queues, pools and processes share the memory of tensors they carry."""
import multiprocessing as _python
import os
import signal
import sys
from multiprocessing import *  # noqa: F403
from multiprocessing import connection

if os.name == "posix" and hasattr(_python.reduction, "DupFd"):
    from fastnn.compat.multiprocessing import reductions
    reductions.init_reductions()

__all__ = [  # noqa: PLE0604 (the rest are strings too)
    *_python.__all__, "ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException",
    "SpawnContext", "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn",
    "start_processes"]


def get_all_sharing_strategies():
    """The ways that processes may share memory of tensors by: handles.

    Examples
    --------
    >>> fastnn.multiprocessing.get_all_sharing_strategies()
    {'file_descriptor'}
    """
    return {"file_descriptor"}


def get_sharing_strategy():
    """``"file_descriptor"``

    Examples
    --------
    >>> fastnn.multiprocessing.get_sharing_strategy()
    'file_descriptor'
    """
    return "file_descriptor"


def set_sharing_strategy(new_strategy):
    """Accepted: PyTorch's two strategies differ in what they share memory by.

    Parameters
    ----------
    new_strategy : {"file_descriptor", "file_system"}

    Examples
    --------
    >>> fastnn.multiprocessing.set_sharing_strategy("file_system")
    """
    if new_strategy not in ("file_descriptor", "file_system"):
        raise AssertionError(f"set_sharing_strategy: expected 'file_descriptor' or 'file_system', got {new_strategy!r}")


class ProcessException(Exception):
    """A process of `spawn` failed.

    Parameters
    ----------
    msg : str
    error_index : int
        Which of them.
    pid : int
    """

    def __init__(self, msg, error_index, pid):
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid

    def __reduce__(self):
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """Its function raised; the message has the traceback."""


class ProcessExitedException(ProcessException):
    """It ended by a signal or an exit code.

    Parameters
    ----------
    msg : str
    error_index, pid, exit_code : int
    signal_name : str, optional
    """

    def __init__(self, msg, error_index, pid, exit_code, signal_name=None):
        super().__init__(msg, error_index, pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self):
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _run(fn, i, args, errors):
    """What a started process does: its error, if there is one, goes to the one that started it."""
    try:
        fn(i, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        import traceback
        errors.send(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """Started processes; `join` waits for them and raises if one failed."""

    def __init__(self, processes, errors):
        self.processes, self._errors = processes, errors
        self._left = {process.sentinel: i for i, process in enumerate(processes)}

    def pids(self):
        """Their numbers."""
        return [process.pid for process in self.processes]

    def join(self, timeout=None, grace_period=None):
        """Wait until one has ended, or `timeout` seconds; True when all have.

        One that failed ends the others and raises ProcessRaisedException or ProcessExitedException.
        """
        if not self._left:
            return True
        failed = None
        for sentinel in connection.wait(list(self._left), timeout):
            i = self._left.pop(sentinel)
            self.processes[i].join()
            if self.processes[i].exitcode and failed is None:
                failed = i
        if failed is None:
            return not self._left
        for process in self.processes:
            if grace_period is not None:
                process.join(grace_period)
            if process.is_alive():
                process.terminate()
            process.join(30)
            if process.is_alive():
                process.kill()
                process.join()
        process, errors = self.processes[failed], self._errors[failed]
        try:
            text = errors.recv() if errors.poll() else None
        except EOFError:  # it ended without a word
            text = None
        if text is not None:
            raise ProcessRaisedException(f"\n\n-- Process {failed} terminated with the following error:\n{text}",
                                         failed, process.pid)
        code = process.exitcode
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"<Unknown signal {-code}>"
            raise ProcessExitedException(f"process {failed} terminated with signal {name}", failed, process.pid, code,
                                         name)
        raise ProcessExitedException(f"process {failed} terminated with exit code {code}", failed, process.pid, code)


SpawnContext = ProcessContext


def start_processes(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """Run ``fn(i, *args)`` in `nprocs` processes, i = 0 ... nprocs - 1; wait for them, or return what can.

    Parameters
    ----------
    fn : callable
    args : tuple
        Tensors in it, and the parameters of modules, lie in shared memory then.
    nprocs : int
    join : bool
        Whether to wait for them.
    daemon : bool
        Whether they end with this process.
    start_method : {"spawn", "fork", "forkserver"}

    Raises
    ------
    ProcessRaisedException, ProcessExitedException
        One of them failed.
    """
    context = _python.get_context(start_method)
    processes, errors = [], []
    for i in range(nprocs):
        receive, send = context.Pipe(False)
        process = context.Process(target=_run, args=(fn, i, args, send), daemon=daemon)
        process.start()
        send.close()
        processes.append(process)
        errors.append(receive)
    started = ProcessContext(processes, errors)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """``start_processes`` in fresh interpreters.

    Parameters
    ----------
    fn, args, nprocs, join, daemon, start_method
        As in `start_processes`.
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
