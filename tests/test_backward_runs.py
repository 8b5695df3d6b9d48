"""Backward inside and beside backward; what a run frees; nodes that may run again; threads, fork, signals."""
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.autograd import Function


def leaf(library, *values):
    return library.tensor(values, dtype=library.float64, requires_grad=True)


def outcome(program, library):
    """What a program returns, as arrays; or the class of what it raises."""
    def plain(value):
        if isinstance(value, (tuple, list)):
            return [plain(item) for item in value]
        return value.detach().numpy() if isinstance(value, library.Tensor) else value
    try:
        return plain(program(library))
    except Exception as error:
        return type(error)


def same(program):
    """The program gives on fastnn what it gives on PyTorch."""
    theirs = pytest.importorskip("torch")
    np.testing.assert_equal(outcome(program, fastnn), outcome(program, theirs))


# ---- runs inside each other ----

def in_a_hook(library):
    x, w = leaf(library, 1.0), leaf(library, 2.0)
    a = x * w
    a.register_hook(lambda grad: (library.enable_grad()(lambda: (w * w).sum().backward()))())
    (a * w).sum().backward()
    return w.grad, x.grad


def in_a_leaf_hook(library):
    x, w = leaf(library, 1.0), leaf(library, 2.0)

    def hook(grad):
        handle.remove()
        with library.enable_grad():
            (x * w * w).sum().backward()  # x itself is on the way
    handle = w.register_hook(hook)
    (x * w + x.exp()).sum().backward()
    return w.grad, x.grad


def of_a_graph_that_is_on_its_way(library):
    x = leaf(library, 3.0)
    a = x * x

    def hook(grad):
        handle.remove()
        return library.autograd.grad(a, x, retain_graph=True)[0] * grad
    handle = a.register_hook(hook)
    (a * a).backward()
    return x.grad


def frees_what_the_outer_run_needs(library):
    x = leaf(library, 3.0)
    a = x * x

    def hook(grad):
        handle.remove()
        a.backward()
    handle = a.register_hook(hook)
    (a * a).backward()


def adjoint(library):
    """Gradients for a leaf come from a nested autograd.grad, as adjoint solvers have it."""
    w = leaf(library, 2.0)

    class Solve(library.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            with library.enable_grad():
                x = x.detach().requires_grad_()
                return library.autograd.grad(x * w, (x, w), grad)
    x = leaf(library, 5.0)
    (Solve.apply(x * 1, w) * w).sum().backward()
    return x.grad, w.grad


def checkpoint(library):
    w = leaf(library, 1.5)

    class Checkpoint(library.autograd.Function):
        @staticmethod
        def forward(ctx, run, x):
            ctx.run = run
            ctx.save_for_backward(x)
            return run(x)

        @staticmethod
        def backward(ctx, grad):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with library.enable_grad():
                y = ctx.run(x)
            y.backward(grad)
            return None, x.grad
    x = leaf(library, 2.0)

    def block(x):
        return x * w + w
    (Checkpoint.apply(block, Checkpoint.apply(block, x)) * w).sum().backward()
    return x.grad, w.grad


def of_a_recurrent_layer(library):
    """The three outputs of one node, in two runs at once."""
    library.manual_seed(0)
    layer = library.nn.LSTM(2, 2).double()
    x = library.ones(3, 1, 2, dtype=library.float64, requires_grad=True)
    y, (h, c) = layer(x)

    def hook(grad):
        handle.remove()
        with library.enable_grad():
            c.sum().backward(retain_graph=True)
    handle = h.register_hook(hook)
    (y.sum() + 2 * h.sum()).backward(retain_graph=True)
    h.sum().backward()
    return [x.grad, *[p.grad for p in layer.parameters()]]


INSIDE = [in_a_hook, in_a_leaf_hook, of_a_graph_that_is_on_its_way, frees_what_the_outer_run_needs, adjoint, checkpoint]


@pytest.mark.torch
@pytest.mark.parametrize("program", INSIDE, ids=lambda program: program.__name__)
def test_backward_inside_backward(program):
    same(program)


@pytest.mark.torch
def test_backward_inside_backward_of_several_outputs():
    found, expected = (outcome(of_a_recurrent_layer, library) for library in (fastnn, pytest.importorskip("torch")))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_backward_inside_backward_without_pytorch():
    assert [grad.tolist() for grad in in_a_hook(fastnn)] == [[8.0], [4.0]]
    x, w = leaf(fastnn, 2.0), leaf(fastnn, 3.0)
    a = x * w
    a.register_hook(lambda grad: fastnn.enable_grad()(lambda: (w * w * 2).sum().backward())())
    (a * w).sum().backward(create_graph=True)
    assert w.grad.tolist() == [2 * 2 * 3.0 + 12.0]


def test_state_of_a_run_that_failed_does_not_reach_the_next():
    x = leaf(fastnn, 2.0)
    layer = nn.LSTM(1, 1).double()
    y, (h, c) = layer(fastnn.ones(2, 1, 1, dtype=fastnn.float64))
    z = (h * x).sum()
    handle = y.register_hook(lambda grad: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (z + y.sum()).backward(retain_graph=True)
    handle.remove()
    layer.zero_grad()
    c.sum().backward()
    found = [p.grad.tolist() for p in layer.parameters()]
    layer.zero_grad()
    layer(fastnn.ones(2, 1, 1, dtype=fastnn.float64))[1][1].sum().backward()
    assert found == [p.grad.tolist() for p in layer.parameters()]


def test_backward_in_a_finalizer():
    """Garbage collection may call a program's code anywhere in a run."""
    w = leaf(fastnn, 1.0)

    class Loop:
        def __init__(self):
            self.me = self

        def __del__(self):
            with fastnn.enable_grad():
                (w * 1.0).sum().backward()
    count, threshold = 200, gc.get_threshold()
    gc.collect()
    try:
        gc.set_threshold(1)
        for _ in range(count):
            Loop()
            y = w
            for _ in range(5):
                y = y * w
            y.sum().backward()
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert w.grad.item() == count * 6 + count


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signals on this system")
def test_backward_in_a_signal_handler():
    w, seen = leaf(fastnn, 1.0), []

    def handler(*_):
        with fastnn.enable_grad():
            (w * 1.0).sum().backward()
        seen.append(1)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        runs = 0
        while len(seen) < 20:
            (w * 2.0 + w).sum().backward()
            runs += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert w.grad.item() == 3 * runs + len(seen)


# ---- threads ----

def on_threads(count, work):
    failed = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:
            failed.append(error)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failed, failed


@pytest.mark.parametrize("size", [1, 3000], ids=["small", "large"])  # large: kernels let other threads in
@pytest.mark.parametrize("hooked", [False, True], ids=["plain", "hooked"])
def test_threads_share_leaves(size, hooked):
    w = fastnn.ones(size, requires_grad=True)
    if hooked:
        w.register_hook(lambda grad: grad * 1.0)
    shared = w * 3.0

    def work(_):
        for _ in range(50):
            (w * 1.0).sum().backward()
            (w * shared.detach() + w).sum().backward()
            shared.sum().backward(retain_graph=True)  # one graph in all threads
    on_threads(4, work)
    assert w.grad.tolist() == [200 * (1 + 4 + 3)] * size


def test_threads_that_record_their_gradients():
    w = fastnn.ones(10, requires_grad=True)

    def work(_):
        for _ in range(20):
            (w * w).sum().backward(create_graph=True)
    on_threads(4, work)
    assert w.grad.tolist() == [160.0] * 10


@pytest.mark.parametrize("size", [10, 100_000])
def test_grad_is_dropped_beside_backward(size):
    w = fastnn.ones(size, requires_grad=True)

    def work(i):
        for _ in range(100):
            if i:
                (w * 1.0 + w).sum().backward()
            else:
                w.grad = None
    on_threads(3, work)
    assert w.grad is None or w.grad.min() == w.grad.max()


FORK = """
    import os, sys, threading
    import fastnn
    sys.setswitchinterval(1e-6)
    w = fastnn.ones(5000, requires_grad=True)
    stop = threading.Event()
    def work():
        while not stop.is_set():
            (w * w + w).sum().backward()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads: thread.start()
    for _ in range(20):
        child = os.fork()
        if not child:  # runs of threads that are no more hold vertices
            w.grad = None
            (w * w + w).sum().backward()
            os._exit(0 if w.grad.tolist() == [3.0] * 5000 else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
    stop.set()
    for thread in threads: thread.join()
    inside = []  # one of those threads, forked, would go on for ever
    w.register_hook(lambda grad: inside.append(os.fork()) if not inside else None)
    w.grad = None
    (w * w + w).sum().backward()  # both processes go on in the middle of a run
    assert w.grad.tolist() == [3.0] * 5000
    if not inside[0]:
        os._exit(0)
    assert os.waitpid(inside[0], 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_beside_and_inside_backward():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORK)], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr


# ---- what a run frees ----

def below_what_was_walked(library):
    x = leaf(library, 1.0, 2.0)
    h = x * x
    y = (h * h).sum()
    g, = library.autograd.grad(y, [h])
    below, = library.autograd.grad(h.sum(), [x])
    return g, below, library.autograd.grad(y, [x])  # raises: y's own nodes are gone


def beside_what_was_walked(library):
    x, z = leaf(library, 2.0), leaf(library, 3.0)
    a, b = x * x, z * z
    first = library.autograd.grad(a * b, [x])
    return first, library.autograd.grad(b, [z])


def into_some_inputs(library):
    x, z = leaf(library, 2.0), leaf(library, 3.0)
    b = z * z
    (x * x * b).backward(inputs=[x])
    b.backward()
    return x.grad, z.grad


def hooks_off_the_way(library):
    """Operations that lead to no input that is asked for do not run."""
    x, z, seen = leaf(library, 2.0), leaf(library, 3.0), []
    b = z * z
    b.register_hook(lambda grad: seen.append("b"))
    a = x * x
    a.register_hook(lambda grad: seen.append("a"))
    found = library.autograd.grad(a * b, [x])
    return found, seen


@pytest.mark.torch
@pytest.mark.parametrize("program", [below_what_was_walked, beside_what_was_walked, into_some_inputs,
                                     hooks_off_the_way], ids=lambda program: program.__name__)
def test_only_what_is_walked_is_freed(program):
    same(program)


@pytest.mark.parametrize("create_graph", [False, True])
def test_graph_below_a_gradient_stays(create_graph):
    x = leaf(fastnn, 1.0, 2.0)
    h = x * x
    fastnn.autograd.grad((h * h).sum(), [h], retain_graph=False, create_graph=create_graph)
    assert fastnn.autograd.grad(h.sum(), [x])[0].tolist() == [2.0, 4.0]


# ---- nodes that may run again ----

KEEP_NOTHING = {
    "float": lambda t, x: x.float(), "neg": lambda t, x: -x, "add": lambda t, x: x + x,
    "add number": lambda t, x: x + 1,
    "sub": lambda t, x: 1 - x, "alpha": lambda t, x: x.add(x, alpha=3), "view": lambda t, x: x.view(3, 2),
    "reshape": lambda t, x: x.t().reshape(-1), "cat": lambda t, x: t.cat([x, x]), "stack": lambda t, x: t.stack([x, x]),
    "mean": lambda t, x: x.mean(), "sum": lambda t, x: x.sum(0), "slice": lambda t, x: x[:, 1:],
    "row": lambda t, x: x[0],
    "select": lambda t, x: x.select(1, 0), "narrow": lambda t, x: x.narrow(1, 0, 2),
    "expand": lambda t, x: x[:1].expand(4, 3),
    "transpose": lambda t, x: x.t(), "permute": lambda t, x: x.permute(1, 0), "flip": lambda t, x: x.flip(0),
    "roll": lambda t, x: x.roll(1, 0), "repeat": lambda t, x: x.repeat(2, 1), "cumsum": lambda t, x: x.cumsum(0),
    "tril": lambda t, x: x.tril(), "diagonal": lambda t, x: x.diagonal(), "floor": lambda t, x: x.floor(),
    "squeeze": lambda t, x: x.unsqueeze(0).squeeze(0), "clone": lambda t, x: x.clone(),
    "chunk": lambda t, x: x.chunk(3, 1)[1],
    "unfold": lambda t, x: x.unfold(1, 2, 1), "pad": lambda t, x: t.nn.functional.pad(x, (1, 1)),
    "nearest": lambda t, x: t.nn.functional.interpolate(x[None], scale_factor=2),
    "lerp": lambda t, x: x.lerp(x.detach(), 0.5), "block_diag": lambda t, x: t.block_diag(x, x),
    "view of a changed base": lambda t, x: _changed(x), "movedim": lambda t, x: x.movedim(0, 1),
    "diag_embed": lambda t, x: x.diag_embed(), "select_scatter": lambda t, x: x.select_scatter(x[0].detach(), 0, 1),
}
KEEP = {
    "mul": lambda t, x: x * x, "div": lambda t, x: x / x, "exp": lambda t, x: x.exp(), "relu": lambda t, x: x.relu(),
    "pow": lambda t, x: x ** 2, "mm": lambda t, x: x @ x.t(), "softmax": lambda t, x: x.softmax(0),
    "max": lambda t, x: x.max(0).values, "clamp": lambda t, x: x.clamp(0, 1), "mask": lambda t, x: x[x > 0.5],
    "norm": lambda t, x: x.norm(), "where": lambda t, x: t.where(x > 0, x, x * x), "prod": lambda t, x: x.prod(),
}


def _changed(x):
    y = x.clone()
    v = y[0]
    y.neg_()
    return v


@pytest.mark.parametrize("name", [*KEEP_NOTHING, *KEEP])
@pytest.mark.parametrize("judge", ["fastnn", pytest.param("torch", marks=pytest.mark.torch)])
def test_second_backward(name, judge):
    """Allowed through nodes that keep nothing, refused through others; PyTorch, if it is there, says so too."""
    library = pytest.importorskip(judge)
    x = library.linspace(0.1, 2.0, 6, dtype=library.float64).reshape(2, 3).requires_grad_()
    y = (KEEP_NOTHING | KEEP)[name](library, x)
    y = y.reshape(-1)[0] if y.ndim else y
    y.backward()
    first = x.grad.tolist()
    if name in KEEP_NOTHING:
        y.backward()
        assert x.grad.tolist() == (2 * np.array(first)).tolist()
    else:
        with pytest.raises(RuntimeError, match="second time"):
            y.backward()


def test_second_backward_through_a_function():
    class Twice(Function):
        @staticmethod
        def forward(ctx, x, keep):
            if keep:
                ctx.save_for_backward(x)
            ctx.keep = keep
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 2 + (ctx.saved_tensors[0] * 0 if ctx.keep else 0), None
    x = leaf(fastnn, 1.0)
    y = Twice.apply(x, False)
    y.backward()
    y.backward()
    assert x.grad.item() == 4.0
    y = Twice.apply(x, True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.grad_fn.saved_tensors  # noqa: B018 (reading it is the test)
