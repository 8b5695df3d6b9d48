"""Histograms, and numbers taken apart: beside PyTorch, and what is refused."""
import numpy as np
import pytest

import fastnn


@pytest.mark.torch
@pytest.mark.parametrize("call", [
    lambda t, x: t.histogram(x, 4), lambda t, x: t.histogram(x, 3, range=(-1.0, 1.0), density=True),
    lambda t, x: t.histogram(x, t.tensor([-1.0, 0.0, 0.5, 2.0]), weight=x.abs()),
    lambda t, x: t.histogram(t.ones(3), 2), lambda t, x: t.histogram(t.zeros(0), 2),
    lambda t, x: t.histogramdd(x.reshape(-1, 2), 3), lambda t, x: t.histogramdd(x.reshape(-1, 2), [2, 3], density=True),
    lambda t, x: t.histogramdd(x.reshape(10, 2, -1), [2] * 5, range=[-1.0, 1.0] * 5, weight=x[:20].reshape(10, 2))])
def test_histograms(call):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    found, expected = call(fastnn, fastnn.from_numpy(x)), call(torch, torch.from_numpy(x))
    np.testing.assert_allclose(found.hist.numpy(), expected.hist.numpy(), rtol=1e-6)
    edges = [made.bin_edges if isinstance(made.bin_edges, tuple) else [made.bin_edges] for made in (found, expected)]
    for ours, theirs in zip(*edges):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert repr(found).startswith(f"torch.return_types.histogram{'dd' if isinstance(found.bin_edges, tuple) else ''}(")


@pytest.mark.parametrize("call, error", [
    (lambda x: fastnn.histogram(x, 0), "bins must be > 0"),
    (lambda x: fastnn.histogram(x, 2, range=(3.0, 1.0)), "exceed"),
    (lambda x: fastnn.histogram(x / 0, 2), "not finite"), (lambda x: fastnn.histogram(x.long(), 2), "not implemented"),
    (lambda x: fastnn.histogram(x, x[:1]), "two edges"), (lambda x: fastnn.histogramdd(x, 2), "2 dimensions"),
    (lambda x: fastnn.histogram(x, 2, weight=x[:2]), "weight"), (lambda x: fastnn.frexp(x.long()), "floating"),
    (lambda x: x.nextafter(x.bfloat16()), "nextafter"),
    (lambda x: x.index_reduce(0, fastnn.tensor([0]), x[:1], "sum"), "reduce to be one of"),
    (lambda x: x.index_reduce(0, fastnn.tensor([7]), x[:1], "prod"), "index out of range in self of size 4"),
    (lambda x: x.index_reduce(0, fastnn.tensor([0]), x, "prod"), "Number of indices .1. should be equal")])
def test_refused(call, error):
    with pytest.raises((RuntimeError, IndexError), match=error):
        call(fastnn.tensor([1.0, 0.0, 2.0, 1.0]))


def test_parts_and_neighbours():
    x = fastnn.tensor([10.0, -0.25, 0.0], requires_grad=True)
    mantissa, exponent = fastnn.frexp(x)
    assert (mantissa * 2.0 ** exponent).tolist() == x.tolist() and exponent.dtype is fastnn.int32
    mantissa.sum().backward()
    assert x.grad.tolist() == [1 / 16, 2.0, 1.0]
    half = fastnn.tensor([1.0], dtype=fastnn.float16)
    assert half.nextafter(half * 2).item() == 1 + 2 ** -10
