"""Configuration: threads, backend, subnormal numbers, and what this build and machine have."""
import contextlib
import os
import platform

import numpy

import fastnn
from fastnn.kernels import _core


def _cpus_of(folder):
    """CPUs that the quota of one cgroup allows (v2: cpu.max, v1: two files), infinity without one."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join([_text(f"{folder}/{name}") for name in names]).split()
            if quota != "max" and int(quota) > 0:
                return int(quota) / int(period)
        except (OSError, ValueError, ZeroDivisionError):
            pass
    return float("inf")


def _text(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _cgroup_quota(proc="/proc/self"):
    """CPUs that this process' cgroups allow, by the least quota of its own and of all those around it; infinity without
    one, or where there are no cgroups."""
    try:
        groups = [line.split(":", 2) for line in _text(f"{proc}/cgroup").splitlines() if line.count(":") > 1]
        mounts = _text(f"{proc}/mountinfo").splitlines()
    except OSError:
        return float("inf")
    least = float("inf")
    for line in mounts:
        try:  # "id parent device root point options ... - type source options"
            place, kind = line.split(" - ", 1)
            (_, _, _, root, point, *_), (system, _, options) = place.split(" "), kind.split(" ", 2)
        except ValueError:
            continue
        if system == "cgroup2":
            own = [path for number, _, path in groups if number == "0"]
        elif system == "cgroup" and "cpu" in options.split(","):
            own = [path for _, controllers, path in groups if "cpu" in controllers.split(",")]
        else:
            continue
        for path in own:
            inside = path.removeprefix(root.rstrip("/")) if path.startswith(root) else "/"
            parts = [part for part in inside.split("/") if part not in ("", "..")]
            for depth in range(len(parts) + 1):
                least = min(least, _cpus_of("/".join([point, *parts[:depth]])))
    return least


def default_num_threads():
    """The number of threads at start: the least of CPU affinity, container quota and OMP_NUM_THREADS, at least 1.

    Examples
    --------
    >>> fastnn.config.default_num_threads() >= 1
    True
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = int(min(count, max(1, _cgroup_quota())))
    try:
        asked = int(os.environ.get("OMP_NUM_THREADS", "").split(",")[0])
    except ValueError:  # not a number, or none
        asked = 0
    if asked > 0:
        count = min(count, asked)
    return max(1, count) if _core.has_threads() else 1


def set_num_threads(n):
    """Let kernels use at most `n` threads (1 when built without threads).

    More than 1024 count as 1024. When the system grants fewer (a process limit), or only with a stack too small for
    kernels (`OMP_STACKSIZE`, `ulimit -s`), the number falls to what there is; `get_num_threads` tells it. Results do
    not depend on the number. Same as torch.set_num_threads.

    Parameters
    ----------
    n : int

    Raises
    ------
    RuntimeError
        `n` is not positive.
    TypeError
        `n` is no integer.

    Examples
    --------
    >>> before = fastnn.get_num_threads()
    >>> fastnn.set_num_threads(1)
    >>> fastnn.get_num_threads()
    1
    >>> fastnn.set_num_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {n}")
    _core.set_num_threads(min(n, 2 ** 31 - 1) if _core.has_threads() else 1)


def get_num_threads():
    """The number of threads that kernels may use.

    Same as torch.get_num_threads.

    Examples
    --------
    >>> fastnn.get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


@contextlib.contextmanager
def num_threads(n):
    """Context in which kernels use at most `n` threads.

    Parameters
    ----------
    n : int
        As in `set_num_threads`.

    Examples
    --------
    >>> with fastnn.num_threads(1):
    ...     fastnn.get_num_threads()
    1
    """
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        _core.set_num_threads(before)


def set_flush_denormal(mode):
    """Set whether kernels treat subnormal numbers as 0, which is faster; the default is True (PyTorch: False).

    Same as torch.set_flush_denormal.

    Parameters
    ----------
    mode : bool

    Returns
    -------
    bool
        True: it is supported.

    Examples
    --------
    >>> fastnn.set_flush_denormal(True)
    True
    """
    _core.set_flush_denormal(bool(mode))
    return True


def use_backend(name):
    """Run the whole library on the C kernels or on the NumPy reference: at once, and as a context until its end.

    Parameters
    ----------
    name : {"c", "reference"}

    Raises
    ------
    ValueError
        The name is unknown.

    Examples
    --------
    >>> with fastnn.config.use_backend("reference"):
    ...     fastnn.get_backend()
    'reference'
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
    """The present backend: "c" or "reference".

    Examples
    --------
    >>> fastnn.get_backend() in ("c", "reference")
    True
    """
    return "reference" if _core.get_use_reference() else "c"


def show_config():
    """Print and return what this build has: version, instruction sets, OpenMP, compiler and options, threads, backend.

    Returns
    -------
    dict

    Examples
    --------
    >>> facts = fastnn.show_config()
    fastnn:           ...
    >>> facts["threads"] == fastnn.get_num_threads()
    True
    """
    openmp = _core.openmp_version()
    compiler, flags = _core.compiler()
    facts = {
        "fastnn": fastnn.__version__,
        "numpy": numpy.__version__,
        "machine": platform.machine(),
        "instruction sets": _core.available_isas(),
        "in use": _core.get_isa(),
        "compiler": compiler,
        "compiler options": flags,
        "OpenMP": str(openmp) if openmp else "no: threads of its own" if _core.has_threads() else "no: one thread",
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
