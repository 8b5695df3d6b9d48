"""The peak of this machine, measured in the run that uses it: `Peak().flops(dtype, threads)`, `.bandwidth(...)`.

Alone: `python benchmarks/peak.py` prints a table.
"""
import ctypes
import os
import shlex
import subprocess
import sysconfig
import tempfile
import time

import numpy as np

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peak.c")


class Peak:
    """Measures on demand and keeps what it measured. Without a compiler every answer is None."""

    def __init__(self, seconds=0.12):
        self.seconds = seconds
        self.known = {}
        self.library = self._build()

    @staticmethod
    def _build():
        compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
        with tempfile.TemporaryDirectory() as folder:
            target = os.path.join(folder, "peak.so")
            try:
                subprocess.run([*compiler, "-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-shared", "-fPIC",
                                SOURCE, "-o", target], check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                return None
            return ctypes.CDLL(target)

    def _best(self, key, run, work):
        """The highest rate of many short runs, and of those before: noise only ever slows."""
        run()
        best, end = self.known.get(key, 0.0), time.perf_counter() + self.seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            run()
            best = max(best, work / (time.perf_counter() - start))
        self.known[key] = best

    def flops(self, dtype, threads, again=False):
        """Floating-point operations a second (a fused multiply-add counts as two)."""
        key = "flops", dtype, threads
        if self.library and (again or key not in self.known):
            function = self.library[f"flops_{dtype}"]
            function.restype, function.argtypes = ctypes.c_double, [ctypes.c_int64, ctypes.c_int]
            per_thread = function(100_000, threads)
            self._best(key, lambda: function(100_000, threads), per_thread * threads)
        # threads that another process disturbs may reach less than one alone does
        return self._at_least_one_thread(key, threads, lambda: self.flops(dtype, 1))

    def bandwidth(self, dtype, threads, working_set, again=False):
        """Bytes a second of y = y / 2 + x (two reads, one write) whose arrays have about `working_set` bytes."""
        working_set = min(max(int(working_set), 1 << 13), 1 << 29)
        size = 1 << working_set.bit_length() - 1  # the next of 1, 1.5, 2, 3, 4, 6, ... below
        size += size // 2 if working_set >= size + size // 2 else 0
        key = "bandwidth", dtype, threads, size
        if self.library and (again or key not in self.known):
            x = np.ones(size // 2 // np.dtype(dtype).itemsize, dtype)
            y = np.empty_like(x)
            y.fill(0)
            function = self.library[f"update_{dtype}"]
            function.restype = None
            function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int]
            rounds = max(1, (1 << 24) // size)
            self._best(key, lambda: function(y.ctypes.data, x.ctypes.data, x.size, rounds, threads),
                       3 * x.nbytes * rounds)
        return self._at_least_one_thread(key, threads, lambda: self.bandwidth(dtype, 1, working_set))

    def _at_least_one_thread(self, key, threads, single):
        if self.library and threads > 1:
            self.known[key] = max(self.known[key], single())
        return self.known.get(key)

    def share(self, dtype, threads, flops, size, seconds):
        """The least time that `flops` operations and `size` bytes can take, divided by `seconds`; None if not known."""
        for attempt in range(3):
            rates = [(flops, self.flops(dtype, threads, attempt > 0) if flops else None),
                     (size, self.bandwidth(dtype, threads, size, attempt > 0) if size else None)]
            share = max((work / rate / seconds for work, rate in rates if rate), default=None)
            if share is None or share <= 1:
                break  # else another process disturbed the probe, probably: once more
        return share

    def as_json(self):
        return {" ".join(map(str, key)): value for key, value in self.known.items()}


def main():
    peak = Peak()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for threads in sorted({1, cores}):
        for dtype in ("float32", "float64"):
            rates = "  ".join(f"{size >> 10} KB {peak.bandwidth(dtype, threads, size) / 1e9:.0f}"
                              for size in (1 << 14, 1 << 18, 1 << 22, 1 << 26, 1 << 28))
            print(f"{dtype} {threads} thread(s): {peak.flops(dtype, threads) / 1e9:.0f} GFLOP/s; GB/s at {rates}")


if __name__ == "__main__":
    main()
