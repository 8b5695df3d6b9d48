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


@pytest.mark.skipif(not kernels.has_threads(), reason="built without threads")
def test_environment_sets_the_number():
    assert run(PRINT_THREADS, OMP_NUM_THREADS="1") == "1"
    default = int(run(PRINT_THREADS))
    assert 1 <= default <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("odd", ["\u00b2", "\u0663\u00b2", "two", "-1", "0", "", ",", "1e3", "9" * 5000])
def test_environment_that_says_no_number(odd):
    assert int(run(PRINT_THREADS, OMP_NUM_THREADS=odd)) >= 1


MULTIPLY = """
import sys
import numpy as np
from fastnn import kernels
{before}
kernels.set_num_threads({threads})
x = np.ones((600, 3000), np.float32)
assert (kernels.matmul(x, x.T) == 3000).all()
assert (kernels.max_pool_forward(np.ones((64, 16, 16, 16), np.float32), 3, 1, 1)[0] == 1).all()
print(kernels.get_num_threads())
"""


OF_OPENMP = pytest.mark.skipif(not kernels.openmp_version(), reason="OpenMP's runtime makes the stacks")
WITHIN_LIMITS = pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="takes terabytes by itself")


@pytest.mark.skipif(not kernels.has_threads(), reason="built without threads")
class TestThreadsThatCannotBe:
    def test_too_many(self):
        import fastnn
        before = fastnn.get_num_threads()
        try:
            for n in (10 ** 5, 2 ** 31, 2 ** 40):
                fastnn.set_num_threads(n)
                assert fastnn.get_num_threads() == 1024
        finally:
            fastnn.set_num_threads(before)
        assert run(MULTIPLY.format(before="", threads=10 ** 5)) in ("1024", "1")  # or fewer, where there are limits

    @OF_OPENMP
    @pytest.mark.parametrize("size", ["16k", "16", " 20 K ", "17000B", "200k"])
    def test_small_stacks(self, size):
        assert run(MULTIPLY.format(before="", threads=3), OMP_STACKSIZE=size) == "1"

    @OF_OPENMP
    @pytest.mark.parametrize("size", ["512k", "4M", "3000", "8k", "many", "-5", "1 m "])
    def test_stacks_that_do(self, size):
        assert run(MULTIPLY.format(before="", threads=3), OMP_STACKSIZE=size) == "3"

    @OF_OPENMP
    @WITHIN_LIMITS
    def test_stacks_larger_than_memory(self):
        limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (50 << 30, 50 << 30))"
        assert run(MULTIPLY.format(before=limit, threads=3), OMP_STACKSIZE="100G") == "1"

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
    @pytest.mark.parametrize("limit", [1, 3])
    def test_process_limit(self, limit):
        """Of a user without privileges; whose threads elsewhere count, too."""
        before = ("import os, resource\nif os.getuid() == 0: os.setuid(61234)\n"
                  f"resource.setrlimit(resource.RLIMIT_NPROC, ({limit}, {limit}))")
        assert 1 <= int(run(MULTIPLY.format(before=before, threads=8), OPENBLAS_NUM_THREADS="1")) <= limit

    @OF_OPENMP
    @WITHIN_LIMITS
    def test_more_threads_can_be_asked_for_again(self):
        before = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 50 << 30))"
        after = "resource.setrlimit(resource.RLIMIT_AS, (50 << 30, 50 << 30))"
        code = MULTIPLY.format(before=before, threads=600) + after + "\nkernels.set_num_threads(40)\n" \
            "kernels.matmul(np.ones((2000, 500)), np.ones((500, 2000)))\nprint(kernels.get_num_threads())"
        first, second = map(int, run(code, OMP_STACKSIZE="8M", OPENBLAS_NUM_THREADS="1").split())
        assert 1 <= first < 600 and second == 40


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# What /proc/self/cgroup says, the mount's root, quotas by folder below the mount, the CPUs
V1 = "7:cpu,cpuacct:{}\n3:memory:/elsewhere\n0::/\n"
CGROUPS = [("v2", "0::/a/b/c\n", "/", {"a/b/c": "max 100000", "a/b": "150000 100000", "a": "400000 100000"}, 1.5),
           ("v2", "0::/a/b/c\n", "/", {"a/b/c": "300000 100000", "a": "200000 100000"}, 2),
           ("v2", "0::/a\n", "/", {"": "50000 100000", "a": "max 100000"}, 0.5),
           ("v2", "0::/\n", "/", {"": "250000 100000"}, 2.5), ("v2", "0::/a\n", "/", {}, float("inf")),
           ("v2", "0::/docker/x\n", "/docker/x", {"": "100000 100000"}, 1),
           ("v2", "0::/../other\n", "/", {"": "100000 50000", "other": "broken"}, 2),
           ("v1", V1.format("/a/b"), "/", {"a/b": (-1, 100000), "a": (120000, 60000)}, 2),
           ("v1", V1.format("/docker/x/y"), "/docker/x", {"y": (400000, 100000), "": (300000, 100000)}, 3),
           ("v1", V1.format("/"), "/", {"": (-1, 100000)}, float("inf"))]


@pytest.mark.parametrize(("version", "own", "root", "quotas", "cpus"), CGROUPS)
def test_quota_of_the_groups_around(tmp_path, version, own, root, quotas, cpus):
    from fastnn.config import _cgroup_quota
    mount = tmp_path / "mount"
    write(tmp_path / "proc/cgroup", own)
    kind = "cgroup2 cgroup2 rw,nsdelegate" if version == "v2" else "cgroup cgroup rw,cpu,cpuacct"
    write(tmp_path / "proc/mountinfo", f"21 1 0:19 / /sys rw,nosuid shared:6 - sysfs sysfs rw\nodd\n"
                                       f"29 24 0:26 {root} {mount} rw,relatime shared:4 - {kind}\n")
    for folder, quota in quotas.items():
        if version == "v2":
            write(mount / folder / "cpu.max", quota + "\n")
        else:
            write(mount / folder / "cpu.cfs_quota_us", f"{quota[0]}\n")
            write(mount / folder / "cpu.cfs_period_us", f"{quota[1]}\n")
    assert _cgroup_quota(str(tmp_path / "proc")) == cpus


def test_no_groups_no_quota(tmp_path):
    from fastnn.config import _cgroup_quota
    assert _cgroup_quota(str(tmp_path)) == float("inf")


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
