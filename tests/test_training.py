"""Whole training runs: the same bits for any number of threads, the reference's and PyTorch's losses."""
import signal
import subprocess
import sys

import numpy as np
import pytest

import fastnn

SIZES = (784, 128, 64, 32, 64, 128, 784)


def autoencoder(library):
    nn = library.nn
    layers = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(True)]
    return nn.Sequential(*layers[:-1], nn.Tanh())


def batches(count, dtype):
    """Different random rows for every step: memorising a few noise rows is chaotic, in any library."""
    return np.random.default_rng(0).random((count, 64, 784)).astype(dtype)


def train(library, model, data):
    """Losses of one Adam step for each batch."""
    criterion = library.nn.MSELoss()
    optimizer = library.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for batch in data:
        x = library.from_numpy(batch)
        loss = criterion(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_number_of_threads(dtype, kernel_settings):
    from fastnn.kernels import _core
    _core.set_thread_cost(0)  # split even the smallest operation
    data = batches(50, dtype)
    results = []
    for threads in (1, 2, 3):
        kernel_settings.set_num_threads(threads)
        fastnn.manual_seed(0)
        model = autoencoder(fastnn).to(getattr(fastnn, dtype))
        losses = train(fastnn, model, data)
        results.append((losses, [p.detach().numpy().tobytes() for p in model.parameters()]))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("dtype, rtol", [("float32", 1e-5), ("float64", 1e-12)])
def test_reference_gives_the_same_losses(dtype, rtol):
    data = batches(10, dtype)
    losses = {}
    for backend in ("c", "reference"):
        with fastnn.use_backend(backend):
            fastnn.manual_seed(0)
            losses[backend] = train(fastnn, autoencoder(fastnn).to(getattr(fastnn, dtype)), data)
    assert losses["c"][-1] < losses["c"][0]
    np.testing.assert_allclose(losses["c"], losses["reference"], rtol=rtol)


@pytest.mark.torch
@pytest.mark.parametrize("dtype, rtol", [("float32", 1e-4), ("float64", 1e-9)])
def test_follows_pytorch_for_200_steps(dtype, rtol):
    torch = pytest.importorskip("torch")
    data = batches(200, dtype)
    torch.manual_seed(0)
    peer = autoencoder(torch).to(getattr(torch, dtype))
    fastnn.manual_seed(0)
    model = autoencoder(fastnn).to(getattr(fastnn, dtype))
    if dtype == "float32":  # the same seed gives the same weights
        for mine, theirs in zip(model.parameters(), peer.parameters()):
            assert np.array_equal(mine.detach().numpy(), theirs.detach().numpy())
    np.testing.assert_allclose(train(fastnn, model, data), train(torch, peer, data), rtol=rtol)


INTERRUPTED = """
import signal, fastnn
from fastnn import nn
signal.signal(signal.SIGALRM, signal.default_int_handler)  # as Ctrl-C does
fastnn.manual_seed(0)
model = nn.Sequential(nn.Linear(256, 256), nn.Tanh(), nn.Linear(256, 8))
optimizer = fastnn.optim.Adam(model.parameters())
x, y = fastnn.randn(256, 256), fastnn.randn(256, 8)

def step():
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()

for delay in (0.05, 0.0503, 0.0517, 0.0529, 0.0541):
    signal.setitimer(signal.ITIMER_REAL, delay)
    try:
        for _ in range(10 ** 6):
            step()
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("not interrupted")
y = fastnn.randn(256, 8)  # something new to learn
first = step()
for _ in range(30):
    last = step()
assert last < first and all(bool(p.isfinite().all()) for p in model.parameters()), (first, last)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
def test_training_stops_at_an_interrupt_and_goes_on():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
