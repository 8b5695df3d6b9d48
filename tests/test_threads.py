"""Threads: limits, fork, several callers at once, and the caller's floating-point mode."""
import ctypes
import multiprocessing
import os
import platform
import subprocess
import sys
import threading

import numpy as np
import pytest

from fastnn import kernels
from fastnn.kernels import _core

LARGE = np.linspace(-1, 1, 1 << 20, dtype=np.float32)


def work():
    """A kernel that runs on all threads."""
    return kernels.unary_forward("square", LARGE)


def run(code, **environment):
    env = {key: value for key, value in os.environ.items()
           if not key.startswith("FASTNN_") and key != "OMP_NUM_THREADS"} | environment
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_set_num_threads(kernel_settings):
    for n in (1, 2, 3, 7):
        kernels.set_num_threads(n)
        assert kernels.get_num_threads() == n
        assert (work() == LARGE * LARGE).all()


PRINT_THREADS = "import fastnn; from fastnn import kernels; print(kernels.get_num_threads())"


@pytest.mark.skipif(not kernels.openmp_version(), reason="built without OpenMP: one thread")
def test_environment_sets_the_number():
    assert run(PRINT_THREADS, OMP_NUM_THREADS="1") == "1"
    default = int(run(PRINT_THREADS))
    assert 1 <= default <= len(os.sched_getaffinity(0))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity_limits_the_number():
    assert run("import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); " + PRINT_THREADS) == "1"


SHARE_A_PROCESSOR = """
import os, subprocess, sys
import numpy as np
from fastnn import kernels
kernels.set_num_threads(2)
x = np.ones(1 << 20, np.float32)
def work():
    kernels.unary_forward("square", x)
work()
allowed, me = os.sched_getaffinity(0), os.getpid()
others = [int(task) for task in os.listdir("/proc/self/task") if int(task) != me]
home = min(allowed)
os.sched_setaffinity(me, {home})
hold = "import os; os.sched_setaffinity(0, {%d}); print(flush=True)\\nwhile True: pass"
busy = [subprocess.Popen([sys.executable, "-c", hold % cpu], stdout=subprocess.PIPE)
        for cpu in allowed - {home}]  # else Linux itself would wake our thread there
for process in busy:
    process.stdout.readline()
try:
    for pinned in ({home}, allowed):  # nowhere to go; free to leave
        for thread in others:
            os.sched_setaffinity(thread, pinned)
        seen = set()
        for _ in range(5):
            work()
            for thread in others:  # the 39th field: where it ran last
                seen.add(int(open(f"/proc/self/task/{thread}/stat").read().rpartition(")")[2].split()[36]))
        assert all(os.sched_getaffinity(thread) == pinned for thread in others), "changed for good"
    assert seen != {home}, "still there"
finally:
    for process in busy:
        process.kill()
        process.communicate()
print(len(others))
"""


@pytest.mark.skipif(not kernels.openmp_version() or not hasattr(os, "sched_setaffinity")
                    or len(os.sched_getaffinity(0)) < 2, reason="needs OpenMP, affinity and two processors")
def test_threads_leave_the_callers_processor():
    assert run(SHARE_A_PROCESSOR, OPENBLAS_NUM_THREADS="1") == "1"


def child(queue):
    kernels.set_num_threads(2)
    queue.put(float(work().sum()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of threads and fork: that is the test
def test_fork_after_parallel_work(kernel_settings):
    """libgomp's pool does not survive fork; a child must not wait for threads that are not there."""
    kernels.set_num_threads(2)
    expected = float(work().sum())
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    for _ in range(2):
        process = context.Process(target=child, args=(queue,))
        process.start()
        process.join(20)
        hangs = process.is_alive()
        if hangs:
            process.kill()
        assert not hangs, "the forked child hangs"
        assert process.exitcode == 0
        assert queue.get(timeout=5) == expected
        assert float(work().sum()) == expected, "the parent goes on"


def test_many_callers(kernel_settings):
    """Kernels release the GIL: Python threads may be inside them at once."""
    kernels.set_num_threads(2)
    expected = work()
    wrong = []

    def caller():
        for _ in range(10):
            if not np.array_equal(work(), expected):
                wrong.append(1)

    threads = [threading.Thread(target=caller) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and not any(thread.is_alive() for thread in threads)


def caller_keeps_subnormals():
    """Does arithmetic of this thread outside fastnn still give subnormal results?"""
    tiny = np.full(64, np.finfo(np.float32).tiny, np.float32)
    return bool((tiny * np.float32(0.5) != 0).all())


@pytest.mark.parametrize("flush", [True, False])
def test_denormal_mode_of_the_caller_is_kept(kernel_settings, flush):
    assert caller_keeps_subnormals()
    kernels.set_flush_denormal(flush)
    assert kernels.get_flush_denormal() is flush
    for threads in (1, 2):
        kernels.set_num_threads(threads)
        work()
        kernels.unary_forward("square", LARGE[:3])
        assert caller_keeps_subnormals()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no denormal control on this processor")
def test_flush_denormal(kernel_settings):
    x = np.full(100, 2.0 ** -70, np.float32)  # its square is subnormal
    kernels.set_flush_denormal(False)
    assert (kernels.unary_forward("square", x) == np.float32(2.0 ** -140)).all()
    kernels.set_flush_denormal(True)
    assert (kernels.unary_forward("square", x) == 0).all()


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="sets the x86 control word")
def test_caller_who_flushes_keeps_flushing(kernel_settings):
    """A caller's own mode (set_flush_denormal of another library, -ffast-math) comes back too, whatever ours is."""
    libm = ctypes.CDLL("libm.so.6")
    environment = (ctypes.c_byte * 256)()
    assert libm.fegetenv(environment) == 0
    saved = bytes(environment)
    control = ctypes.cast(ctypes.byref(environment, 28), ctypes.POINTER(ctypes.c_uint32))  # __mxcsr of fenv_t
    control[0] |= 0x8040
    try:
        assert libm.fesetenv(environment) == 0
        assert not caller_keeps_subnormals()
        work()
        assert not caller_keeps_subnormals()
    finally:
        libm.fesetenv((ctypes.c_byte * 256).from_buffer_copy(saved))
    assert caller_keeps_subnormals()


def test_thread_cost_is_restored():
    """A test that changed the threshold would make all later timings wrong."""
    cost = _core.set_thread_cost(1.0)
    assert _core.set_thread_cost(cost) == 1.0
    assert cost > 100
