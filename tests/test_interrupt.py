"""Signals while a kernel runs: handlers are called meanwhile, and what one raises ends the kernel."""
import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import kernels
from fastnn.kernels import _core

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers on this system")
ROOT = Path(__file__).resolve().parent.parent


class Stop(Exception):
    pass


@contextlib.contextmanager
def alarm(handler, first, interval=0.0):
    before = signal.signal(signal.SIGALRM, lambda number, frame: handler())
    signal.setitimer(signal.ITIMER_REAL, first, interval)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stop():
    raise Stop


def powers(n):
    """Powers in place, as slow as a map gets, and whether they were interrupted before the end."""
    x, out = np.full(n, 1.7, np.float32), np.zeros(n, np.float32)
    try:
        with alarm(stop, 0.02):
            kernels.binary_into("pow", out, x, x)
    except Stop:
        assert set(np.unique(out)) <= {np.float32(0), kernels.binary("pow", x[:1], x[:1])[0]}
        return (out == 0).any()
    return False


def grown(work, n, most):
    """Whether `work` is interrupted for one of the sizes n, 2 n, 4 n ..."""
    while n <= most:
        if work(n):
            return True
        n *= 2
    return False


@pytest.mark.parametrize("threads", [1, 3])
def test_the_rest_is_skipped(kernel_settings, threads):
    kernels.set_num_threads(threads)
    assert grown(powers, 1 << 22, 1 << 27)
    x = np.linspace(1, 2, 100_000, dtype=np.float32)
    assert (kernels.unary_forward("square", x) == x * x).all(), "kernels work again"


def matmul(n):
    a = np.ones((n, n), np.float32)
    return lambda: kernels.matmul(a, a)


def convolution(n):
    x, weight = np.ones((n, 16, 32, 32), np.float32), np.ones((16, 16, 5, 5), np.float32)
    return lambda: kernels.conv_backward_weight(x, x, weight.shape[2:], (1, 1), (2, 2))


def attention(n):
    q = np.ones((1, 1, n, 32), np.float32)
    return lambda: kernels.attention_forward(q, q, q)


def one_sequence(n):
    """One block of work for the threads: the range itself looks."""
    net, x = fastnn.nn.LSTM(8, 64), fastnn.ones(n, 1, 8)
    return lambda: net(x)


def embedding(n):
    grad, index = np.ones((n, 16), np.float32), np.zeros(n, np.int64)
    return lambda: kernels.embedding_backward(grad, index, 1)


@pytest.mark.parametrize(("make", "n", "most"), [
    (matmul, 1000, 8000), (convolution, 64, 4096), (attention, 2000, 32000), (one_sequence, 20_000, 640_000),
    (embedding, 1 << 22, 1 << 25)])
def test_kinds_of_kernels(make, n, most):
    raised = []

    def run(n):
        call = make(n)
        try:
            with alarm(stop, 0.02):
                call()
                raised.append(n)
        except Stop:
            return n not in raised
        return False
    assert grown(run, n, most)
    assert (kernels.matmul(np.eye(3), np.eye(3)) == np.eye(3)).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_handlers_that_return_change_nothing(kernel_settings, threads):
    """They may call kernels themselves, and find their own floating-point mode."""
    kernels.set_num_threads(threads)
    rng = np.random.default_rng(0)
    a = rng.standard_normal((1200, 1200)).astype(np.float32)
    expected, seen, inside = kernels.matmul(a, a).tobytes(), [], []
    tiny = np.full(8, np.finfo(np.float32).tiny)

    def handler():
        seen.append(bool(inside) and (kernels.matmul(a[:100], a[:, :100]).tobytes() == small)
                    and bool((tiny * np.float32(0.5) != 0).all()))
    small = kernels.matmul(a[:100], a[:, :100]).tobytes()
    with alarm(handler, 0.01, 0.01):
        for _ in range(200):
            inside.append(1)
            assert kernels.matmul(a, a).tobytes() == expected
            inside.clear()
            if any(seen):
                break
    assert any(seen)


def test_ctrl_c():
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        for _ in range(1000):
            matmul(3000)()
    timer.join()
    w = fastnn.ones(3, requires_grad=True)
    (w * 2).sum().backward()
    assert w.grad.tolist() == [2, 2, 2]


def test_other_threads_are_not_disturbed():
    a = np.random.default_rng(0).standard_normal((700, 700))
    expected, results, go_on = kernels.matmul(a, a).tobytes(), set(), threading.Event()

    def work():
        while not go_on.is_set():
            results.add(kernels.matmul(a, a).tobytes())
    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(3):
            assert grown(powers, 1 << 22, 1 << 27)
    finally:
        go_on.set()
        thread.join()
    assert results == {expected}


@pytest.mark.skipif(not (ROOT / "fastnn").is_dir(), reason="a wheel is tested, whose sources are elsewhere")
def test_every_wrapper_raises():
    """Else a kernel that was interrupted would look finished, and the next ones would be skipped."""
    missing, count = [], 0
    for path in sorted((ROOT / "fastnn/kernels").glob("*.pyx")):
        for block in re.finditer(r"^( *)with nogil:\n((?:\1 +.*\n)+)\1(.*)$", path.read_text(), re.MULTILINE):
            if "_core.active" in block[2]:
                count += 1
                check = r"_core\.check_status\(status" if "status = " in block[2] else r"_core\.check_interrupt\(\)"
                if not re.match(check, block[3]):
                    missing.append(f"{path.name}: {block[2].strip()[:60]}")
    assert count > 50 and not missing


def test_reads_as_before_after_an_error_elsewhere():
    """An interrupted kernel of no memory: one error, then order again."""
    x = np.ones((300, 300), np.float32)
    _core.set_guard(True)
    _core.fail_after(0)
    try:
        with pytest.raises(MemoryError):
            kernels.matmul(x, x)
    finally:
        _core.fail_after(-1)
        _core.set_guard(False)
    assert (kernels.matmul(x, x) == 300).all()
