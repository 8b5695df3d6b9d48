"""The buffer cache: bounded, reused, and flat over many steps of varying size."""
import gc
import random
import subprocess
import sys

import numpy as np
import pytest
from conftest import SANITIZED

import fastnn
from fastnn import kernels
from fastnn.kernels import _core
from fastnn.testing.compare import arrays_in, map_arrays
from fastnn.testing.guard import guarded_outputs
from fastnn.testing.spec import all_specs

FLOAT32 = np.dtype(np.float32).num


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def square(n):
    return kernels.unary_forward("square", np.ones(n, np.float32))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif(SANITIZED, reason="the sanitizer keeps freed memory on purpose")
def test_resident_size_stays_flat():
    rng = random.Random(0)
    kernels.empty_cache()

    def steps(count):
        kept = []
        for _ in range(count):
            kept.append(square(rng.choice([rng.randrange(1, 1000), rng.randrange(1, 200_000)])))
            if len(kept) > 8:
                del kept[rng.randrange(len(kept))]

    steps(3000)
    gc.collect()
    before = resident_bytes()
    steps(7000)
    gc.collect()
    grown = resident_bytes() - before
    assert grown < 8 << 20, f"grew by {grown / 2**20:.1f} MB"


@pytest.mark.skipif(not SANITIZED, reason="runs under `make asan`")
def test_the_sanitizer_sees_buffers():
    """A write behind one of our buffers ends the process: otherwise `make asan` would prove nothing."""
    code = ("import ctypes; from fastnn.kernels import _core\n"
            "y = _core.empty((10,), 11); ctypes.memset(y.ctypes.data, 0, 40 + {extra})")
    for extra, fails in ((0, False), (1, True)):
        done = subprocess.run([sys.executable, "-c", code.format(extra=extra)], capture_output=True, text=True,
                              timeout=120)
        assert ("heap-buffer-overflow" in done.stderr) is fails, done.stderr
        assert (done.returncode != 0) is fails


def test_cache_is_bounded():
    kernels.empty_cache()
    assert kernels.cached_bytes() == 0
    arrays = [_core.empty((1 << 20,), FLOAT32) for _ in range(100)]  # 400 MB of address space, never touched
    del arrays
    assert kernels.cached_bytes() <= 256 << 20
    kernels.empty_cache()
    assert kernels.cached_bytes() == 0


@pytest.mark.skipif(SANITIZED, reason="no reuse under the sanitizer")
def test_buffers_are_reused():
    kernels.empty_cache()
    first = _core.empty((1000,), FLOAT32)
    address = first.ctypes.data
    del first
    assert kernels.cached_bytes() >= 4000
    assert _core.empty((1000,), FLOAT32).ctypes.data == address
    kernels.empty_cache()


def test_huge_blocks_are_not_kept():
    kernels.empty_cache()
    huge = _core.empty((20 << 20,), FLOAT32)
    del huge
    assert kernels.cached_bytes() == 0


@pytest.mark.parametrize("n", [0, 1, 3, 16, 17, 1000, 4097, 100_003])
def test_alignment(n):
    for _ in range(3):
        assert _core.empty((n,), FLOAT32).ctypes.data % 64 == 0


def test_arrays_are_ordinary():
    """Resize, views, pickling and life beyond the operation's inputs work as for any array."""
    y = square(1000)
    view = y[::2]
    y.resize(2000, refcheck=False)
    assert (y[:1000] == 1).all() and (y[1000:] == 0).all()
    del y, view
    y = square(100)
    view = y[10:20]
    del y
    square(100)
    assert (view == 1).all()


@pytest.mark.parametrize("shape", [(1 << 62,), (1 << 40, 1 << 40), (-1,)])
def test_impossible_sizes(shape):
    with pytest.raises((ValueError, MemoryError)):
        _core.empty(shape, FLOAT32)


def test_guard_bytes_of_reallocated_arrays():
    _core.set_guard(True)
    try:
        y = _core.empty((10,), FLOAT32)
        y.resize(1000, refcheck=False)
        y[:] = 1
        del y
    finally:
        _core.set_guard(False)
    assert _core.guard_damage() == 0


@pytest.mark.parametrize("name", sorted({spec.name for spec in all_specs()}))
def test_no_memory(name):
    """Whichever block an operation does not get, it raises MemoryError or manages without: same bits."""
    rng = np.random.default_rng(0)
    samples = [sample for spec in all_specs() if spec.name == name
               for sample in list(spec.samples(rng, "float32"))[::3]]

    def call(sample):
        args, kwargs = map_arrays(np.copy, [sample.args, sample.kwargs])
        result = getattr(kernels, name)(*args, **kwargs)
        return [array.tobytes() for array in arrays_in([result, args, kwargs])]

    def call_with(blocks, sample):
        _core.fail_after(blocks)
        try:
            return call(sample)
        except MemoryError:
            return None
        finally:
            _core.fail_after(-1)
    with guarded_outputs(_core):
        for sample in samples:
            expected, found, blocks = call(sample), None, 0
            while found is None and blocks < 100:
                found, blocks = call_with(blocks, sample), blocks + 1
            assert found == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif(SANITIZED, reason="the sanitizer keeps freed memory on purpose")
def test_training_leaves_resident_size_flat():
    """10,000 training steps with random batch sizes. Losing one object of 64 bytes in each step would add 640 kB, one
    activation of a mean batch 16 MB; the allowance is for Python's own allocator, which takes memory in pieces of
    256 kB to 1 MB."""
    rng = np.random.default_rng(0)
    model = fastnn.nn.Sequential(fastnn.nn.Linear(20, 32), fastnn.nn.ReLU(), fastnn.nn.Linear(32, 16), fastnn.nn.Tanh(),
                                 fastnn.nn.Linear(16, 5))
    optimizer = fastnn.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = fastnn.optim.lr_scheduler.ExponentialLR(optimizer, 0.9999)
    x, y = fastnn.randn(256, 20), fastnn.from_numpy(rng.integers(0, 5, 256))

    def steps(count):
        for size in rng.integers(1, 257, count).tolist():
            optimizer.zero_grad()
            loss = fastnn.nn.functional.cross_entropy(model(x[:size]), y[:size])
            loss.backward()
            optimizer.step()
            scheduler.step()

    steps(2000)
    gc.collect()
    before = resident_bytes()
    steps(10_000)
    gc.collect()
    grown = resident_bytes() - before
    assert grown <= 512 << 10, f"grew by {grown / 1024:.0f} kB"
