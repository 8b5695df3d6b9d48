"""Operations and layers beside PyTorch's: gradients of decompositions, Bessel functions, fractional pooling, ..."""
import numpy as np
import pytest

import fastnn

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.torch


def both(function, *shapes):
    found = []
    arrays = [np.random.default_rng(0).standard_normal(shape) for shape in shapes]
    for lib in (torch, fastnn):
        inputs = [lib.tensor(x, requires_grad=True) for x in arrays]
        y = function(lib, *inputs)
        y = (y * lib.arange(float(y.numel()), dtype=lib.float64).reshape(y.shape).cos()).sum()
        grads = lib.autograd.grad(y, inputs, create_graph=True)
        again = lib.autograd.grad(sum((g * g).sum() for g in grads), inputs)
        found.append([x.detach().numpy() for x in (y, *grads, *again)])
    for x, y in zip(*found):
        np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 3, 3)])
@pytest.mark.parametrize("function", [
    lambda lib, x: lib.linalg.qr(x).Q, lambda lib, x: lib.linalg.qr(x).R,
    lambda lib, x: lib.linalg.svd(x, full_matrices=False).U ** 2, lambda lib, x: lib.linalg.svd(x).Vh[..., :3, :] ** 2])
def test_gradients_of_decompositions(function, shape):
    both(function, shape)


def test_gradients_of_least_squares():
    both(lambda lib, a, b: lib.linalg.lstsq(a, b).solution, (5, 3), (5, 2))


@pytest.mark.parametrize("name", ["i0", "i1", "i0e", "i1e"])
def test_bessel_functions(name):
    both(lambda lib, x: getattr(lib.special, name)(x * 5), (20,))


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_pooling(n):
    found = []
    for lib in (torch, fastnn):
        lib.manual_seed(1)
        x = lib.arange(float(2 * 3 * 7 ** n)).sin().reshape(2, 3, *[7] * n)
        found.append(getattr(lib.nn, f"FractionalMaxPool{n}d")(2, output_ratio=0.6, return_indices=True)(x))
    for x, y in zip(*found):
        assert (x.numpy() == y.numpy()).mean() == 1 or np.allclose(x.numpy(), y.numpy(), atol=1e-6)


def test_strides_of_inserted_dimensions():
    for index in (None, (slice(None), None), (..., None), (slice(None), None, 0), (slice(None, None, 3), None)):
        assert fastnn.ones(2, 3)[index].stride() == torch.ones(2, 3)[index].stride()


@pytest.mark.parametrize("change", [lambda x: x[1:].add_(x[:-1]), lambda x: x[1:].copy_(x[:-1]),
                                    lambda x: x.__setitem__(slice(1, None), x[:-1])])
def test_partly_overlapping_tensors_are_refused(change):
    for lib in (torch, fastnn):
        with pytest.raises(RuntimeError, match="single memory location"):
            change(lib.arange(4.0))


def test_hooks_on_several_tensors():
    x, y, seen = fastnn.ones(1, requires_grad=True), fastnn.ones(1, requires_grad=True), []
    handle = fastnn.autograd.graph.register_multi_grad_hook((x, y), seen.append)
    (2 * x).sum().backward()
    assert seen[0][0].item() == 2 and seen[0][1] is None
    handle.remove()


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_several_gradients(create_graph):
    x = fastnn.arange(1.0, 4.0).requires_grad_()
    y = x ** 3
    rows = fastnn.eye(3)
    found, = fastnn.autograd.grad(y, x, rows, is_grads_batched=True, create_graph=create_graph)
    assert fastnn.equal(found, fastnn.diag(3 * x.detach() ** 2)) and found.requires_grad == create_graph
    with pytest.raises(ValueError, match="is_grads_batched"):
        fastnn.autograd.grad(x ** 2, x, is_grads_batched=True)


@pytest.mark.torch
@pytest.mark.parametrize("scramble", [False, True])
def test_sobol(scramble):
    torch = pytest.importorskip("torch")
    pytest.importorskip("scipy")
    from fastnn.compat import quasirandom
    engines = [e(5, scramble=scramble, seed=7) for e in (torch.quasirandom.SobolEngine, quasirandom.SobolEngine)]
    for draw in (lambda e: e.draw(6), lambda e: e.fast_forward(3).draw(1), lambda e: e.reset().draw_base2(4)):
        theirs, ours = map(draw, engines)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-7)


@pytest.mark.torch
def test_normalisation_across_maps():
    """As far as PyTorch's sums do not keep the first channel's square."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype("f4")
    for size in (3, 4, 5):
        theirs, ours = (t.nn.CrossMapLRN2d(size, 0.3, 0.7, 1.5)(t.tensor(x)).numpy() for t in (torch, fastnn))
        np.testing.assert_allclose(ours[:, :(size + 1) // 2], theirs[:, :(size + 1) // 2], rtol=1e-5)


def test_kl_div_divides_by_the_batch_of_its_input():
    x, y = fastnn.zeros(1, 2), fastnn.full((3, 2), 0.5)
    total = fastnn.nn.functional.kl_div(x, y, reduction="sum")
    assert fastnn.nn.functional.kl_div(x, y, reduction="batchmean") == total
