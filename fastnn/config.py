"""What this installation and process can do, and how many threads it uses."""
import contextlib
import os
import platform

from fastnn.kernels import _core


def _cgroup_quota():
    """CPUs that a container may use by its quota (cgroup v2 or v1), None without one."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") as file:
            quota = int(file.read())
        with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us") as file:
            period = int(file.read())
        return quota / period if quota > 0 else None
    except (OSError, ValueError):
        return None


def default_num_threads():
    """min(CPUs of this process' affinity, container quota, OMP_NUM_THREADS), at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    if quota is not None:
        count = min(count, max(1, int(quota)))
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdigit() and int(asked) > 0:
        count = min(count, int(asked))
    return max(1, count) if _core.openmp_version() else 1


def set_num_threads(n):
    """Let kernels use at most `n` threads (1 when built without OpenMP)."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {n}")
    _core.set_num_threads(n if _core.openmp_version() else 1)


def get_num_threads():
    """How many threads kernels may use."""
    return _core.get_num_threads()


@contextlib.contextmanager
def num_threads(n):
    """``set_num_threads`` for the body of a with statement."""
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        _core.set_num_threads(before)


def set_flush_denormal(mode):
    """Whether kernels treat subnormal numbers as 0 (the default, because they are slow). Returns True.

    PyTorch's default is off.
    """
    _core.set_flush_denormal(bool(mode))
    return True


def use_backend(name):
    """Run the whole library on the C kernels ("c") or on the NumPy reference ("reference").

    Takes effect at once; as a context manager it ends with the with statement.
    """
    if name not in ("c", "reference"):
        raise ValueError(f"use_backend: expected 'c' or 'reference', got {name!r}")
    before = get_backend()
    _core.set_use_reference(name == "reference")

    @contextlib.contextmanager
    def scope():
        try:
            yield
        finally:
            _core.set_use_reference(before == "reference")
    return scope()


def get_backend():
    """"c" or "reference"."""
    return "reference" if _core.get_use_reference() else "c"


def show_config():
    """Print and return what this build has: version, instruction sets, OpenMP, threads, backend."""
    import numpy

    import fastnn
    openmp = _core.openmp_version()
    facts = {
        "fastnn": fastnn.__version__,
        "numpy": numpy.__version__,
        "machine": platform.machine(),
        "instruction sets": _core.available_isas(),
        "in use": _core.get_isa(),
        "OpenMP": str(openmp) if openmp else "no: kernels run on one thread",
        "threads": get_num_threads(),
        "backend": get_backend(),
        "flush subnormals": _core.get_flush_denormal(),
    }
    for name, value in facts.items():
        print(f"{name + ':':18}{', '.join(value) if isinstance(value, list) else value}")
    return facts


def _start():
    """Apply the environment: FASTNN_ISA, FASTNN_BACKEND and the thread count."""
    wanted = os.environ.get("FASTNN_ISA")
    if wanted:
        try:
            _core.set_isa(wanted)
        except ValueError:
            raise ImportError(f"FASTNN_ISA={wanted}: this build and CPU have {', '.join(_core.available_isas())}"
                              ) from None
    else:
        _core.set_isa(_core.best_isa())
    backend = os.environ.get("FASTNN_BACKEND")
    if backend:
        try:
            use_backend(backend)
        except ValueError:
            raise ImportError(f"FASTNN_BACKEND={backend}: expected c or reference") from None
    _core.set_num_threads(default_num_threads())


_start()
