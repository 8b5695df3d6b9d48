"""``torch.multiprocessing``: Python's own, whose queues and pools carry tensors as they carry arrays, by copying."""
import multiprocessing as _python
from multiprocessing import *  # noqa: F403

__all__ = [  # noqa: PLE0604 (the rest are strings too)
    *_python.__all__, "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn",
    "start_processes"]


def get_all_sharing_strategies():
    """The strategies by which processes may share memory of tensors: none, they are copied."""
    return {"copy"}


def get_sharing_strategy():
    """``"copy"``"""
    return "copy"


def set_sharing_strategy(new_strategy):
    """Accepted without effect: PyTorch's strategies differ in what they share memory by."""


class _Processes:
    """Started processes; `join` waits for them and raises if one failed."""

    def __init__(self, processes):
        self.processes = processes

    def pids(self):
        """Their numbers."""
        return [process.pid for process in self.processes]

    def join(self, timeout=None, grace_period=None):
        """Wait; True when all have ended. One that failed ends the others and raises RuntimeError."""
        for process in self.processes:
            process.join(timeout)
        failed = [(i, p) for i, p in enumerate(self.processes) if p.exitcode]
        if failed:
            for process in self.processes:
                if process.is_alive():
                    process.terminate()
                    process.join()
            raise RuntimeError(f"process {failed[0][0]} terminated with exit code {failed[0][1].exitcode}")
        return all(process.exitcode == 0 for process in self.processes)


def start_processes(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """Run ``fn(i, *args)`` in `nprocs` processes, i = 0 ... nprocs - 1; wait for them, or return what can."""
    context = _python.get_context(start_method)
    processes = [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]
    for process in processes:
        process.start()
    started = _Processes(processes)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """``start_processes`` in fresh interpreters."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
