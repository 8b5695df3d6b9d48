"""Means that are large beside what they are the mean of: normalisation and variances lose nothing to their rounding."""
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import kernels, nn
from fastnn.kernels import _core
from fastnn.nn import functional as F

# float32 and float64 with as many digits left for the distances from the mean
MEANS = {"float32": (0.0, 0.1, -3.0, 12345.678, 1e6, 1e20), "float64": (0.0, 0.1, 12345.678, 1e12, 1e15, 1e150)}
EXACT = np.longdouble


@pytest.fixture(params=[(False, 1), (False, 2), (True, 1)], ids=["one thread", "two threads", "reference"])
def backend(request):
    reference, threads = request.param
    before = _core.get_use_reference(), kernels.get_num_threads()
    _core.set_use_reference(reference)
    kernels.set_num_threads(threads)
    yield
    _core.set_use_reference(before[0])
    kernels.set_num_threads(before[1])


def beside(mean, shape, dtype, seed=0):
    """Numbers that `dtype` holds, some of its steps (for 0: some units) around a mean."""
    step = np.maximum(np.spacing(np.asarray(abs(mean), dtype)) * 64, np.finfo(dtype).tiny) if mean else 1
    noise = np.random.default_rng(seed).standard_normal(shape)
    return (np.asarray(mean, dtype) + (noise * step).astype(dtype)).astype(dtype)


def rows(x, axes):
    """(rows, elements), in extended precision, of what is normalised together; and the way back."""
    kept = [d for d in range(x.ndim) if d not in axes]
    moved = x.transpose(kept + list(axes))
    flat = moved.reshape(int(np.prod([x.shape[d] for d in kept])), -1).astype(EXACT)
    return flat, lambda y: y.reshape(moved.shape).transpose(np.argsort(kept + list(axes)))


def normalised(x, axes, eps):
    flat, back = rows(x, axes)
    away = flat - flat[:, :1]
    away = away - away.mean(1, keepdims=True)
    rstd = 1 / np.sqrt((away * away).mean(1, keepdims=True) + EXACT(eps))
    return away * rstd, rstd, back


def gradient(x, grad, axes, eps):
    y, rstd, back = normalised(x, axes, eps)
    g, _ = rows(grad, axes)
    return back(rstd * (g - g.mean(1, keepdims=True) - y * (g * y).mean(1, keepdims=True)))


def layer(x, w, b, eps):
    return F.layer_norm(x, x.shape[1:], w, b, eps)


def plain(x, w, b, eps):
    return F.layer_norm(x, x.shape[1:], None, None, eps)


def batch(x, w, b, eps):
    return F.batch_norm(x, None, None, w, b, True, 0.1, eps)


def group(groups):
    return lambda x, w, b, eps: F.group_norm(x, groups, w, b, eps)


def instance(x, w, b, eps):
    return F.instance_norm(x, None, None, w, b, True, 0.1, eps)


def tracked(x, w, b, eps):
    mean, var = fastnn.zeros(x.shape[1], dtype=x.dtype), fastnn.ones(x.shape[1], dtype=x.dtype)
    return F.instance_norm(x, mean, var, w, b, True, 0.1, eps)


def last(x, w, b, eps):
    """Channels last in memory."""
    turned = x.permute(0, *range(2, x.ndim), 1).contiguous()
    return batch(turned.permute(0, x.ndim - 1, *range(1, x.ndim - 1)), w, b, eps)


CASES = {
    "layer": (layer, (4, 784), (1,)), "plain": (plain, (4, 784), (1,)), "short layer": (layer, (5, 7), (1,)),
    "long layer": (layer, (2, 9001), (1,)), "two dims": (plain, (3, 5, 17), (1, 2)),
    "group": (group(2), (3, 4, 50), None), "group of elements": (group(2), (6, 8), None),
    "instance": (instance, (3, 4, 70), (2,)), "tracked": (tracked, (3, 4, 70), (2,)),
    "batch": (batch, (40, 6), (0,)), "few rows": (batch, (3, 70), (0,)), "long channels": (batch, (5, 3, 90), (0, 2)),
    "short channels": (batch, (70, 5, 9), (0, 2)), "one channel": (batch, (7, 1, 900), (0, 2)),
    "blocks": (batch, (40_000, 2), (0,)), "blocks of runs": (batch, (40, 2, 2000), (0, 2)),
    "last": (last, (6, 5, 4, 4), (0, 2, 3)),
}


def run(case, x, weight_grad, eps):
    """y / w, dx / w, dw, db of a normalisation whose weights are all 2 and biases all 0."""
    function, _, _ = CASES[case]
    x = fastnn.from_numpy(x).requires_grad_()
    size = x.shape[1:] if function is layer else x.shape[1:2]
    w = fastnn.full(size, 2.0, dtype=x.dtype).requires_grad_()
    b = fastnn.zeros(size, dtype=x.dtype).requires_grad_()
    y = function(x, w, b, eps)
    (y * fastnn.from_numpy(weight_grad)).sum().backward()
    factor = 1 if function is plain else 2
    found = [y.detach().numpy() / factor, x.grad.numpy() / factor]
    return found + ([] if function is plain else [w.grad.numpy(), b.grad.numpy()])


def expected_of(case, x, grad, eps):
    function, shape, axes = CASES[case]
    if axes is None:  # groups of two
        together = (x.shape[0], 2, x.shape[1] // 2, *x.shape[2:])
        x, grad, axes = x.reshape(together), grad.reshape(together), tuple(range(2, len(together)))
    y, _, back = normalised(x, axes, eps)
    y, dx = back(y).reshape(shape), gradient(x, grad, axes, eps).reshape(shape)
    grad = grad.reshape(shape)
    if function is plain:
        return [y, dx]
    summed = (0,) if function is layer else (0, *range(2, len(shape)))
    return [y, dx, (grad * y).sum(summed), grad.astype(EXACT).sum(summed)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_normalisation_beside_a_large_mean(case, dtype, backend):
    shape = CASES[case][1]
    grad = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    digits = {"float32": 1e-5, "float64": 1e-13}[dtype]
    for mean in MEANS[dtype]:
        x = beside(mean, shape, dtype)
        spread = float(x.astype(EXACT).std())
        eps = 1e-5 * min(max(spread * spread, 1e-30), 1)
        for a, b in zip(run(case, x, grad, eps), expected_of(case, x, grad, eps), strict=True):
            size = float(np.abs(b).max()) + 1e-30
            assert np.abs(a - b).max() <= 20 * digits * size, f"beside {mean}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_equal_numbers_have_no_distances(case, dtype, backend):
    """Exactly 0, whatever the number; as is the weight's gradient, and x's is the projection alone."""
    shape = CASES[case][1]
    grad = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    for value in (*MEANS[dtype], 1e30, np.finfo(dtype).max / 2):
        x = np.full(shape, value, dtype)
        found, expected = run(case, x, grad, 1e-5), expected_of(case, x, grad, 1e-5)
        assert not found[0].any(), f"of {value}"
        assert np.abs(found[1] - expected[1]).max() <= 1e-5 * np.abs(expected[1]).max()
        for weights in found[2:3]:
            assert not weights.any()


def test_running_statistics(backend):
    norm = nn.BatchNorm1d(3, momentum=1.0)
    norm(fastnn.full((50, 3), 12345.678))
    assert (norm.running_mean == 12345.678).all() and (norm.running_var == 0).all()
    x = beside(1e6, (50, 3), "float32")
    norm(fastnn.from_numpy(x))
    np.testing.assert_allclose(norm.running_var.numpy(), x.astype(np.float64).var(0, ddof=1), rtol=1e-5)


SHAPES = [((1000,), None), ((40, 3), 0), ((3, 500), 1), ((5, 6, 7), (0, 2)), ((5, 6, 7), 1), ((4, 100_003), 1),
          ((70_000, 2), 0), ((300_007,), None), ((2, 1000), 0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "dim"), SHAPES, ids=str)
def test_variance(shape, dim, dtype, backend):
    digits = {"float32": 2e-6, "float64": 4e-15}[dtype] * np.log2(max(shape))
    axes = tuple(range(len(shape))) if dim is None else dim
    for mean in MEANS[dtype]:
        constant = fastnn.from_numpy(np.full(shape, mean, dtype)).requires_grad_()
        for function in (fastnn.var, fastnn.std):
            y = function(constant, dim)
            assert not y.detach().numpy().any()
            y.sum().backward()
            assert not constant.grad.numpy().any()
        x = beside(mean, shape, dtype)
        away = x.astype(EXACT) - x.flat[0]
        away -= away.mean(axes, keepdims=True)
        squares = (away * away).sum(axes, keepdims=True)
        freedom = x.size // squares.size - 1
        t = fastnn.from_numpy(x).requires_grad_()
        var, std = fastnn.var(t, dim, keepdim=True), fastnn.std(t, dim, keepdim=True)
        for found, exact in ((var, squares / freedom), (std, np.sqrt(squares / freedom))):
            np.testing.assert_allclose(found.detach().numpy().reshape(squares.shape), exact.astype(dtype), digits)
        assert fastnn.equal(fastnn.var_mean(t, dim)[0], t.var(dim))
        assert fastnn.equal(fastnn.std_mean(t, dim)[0], t.std(dim))
        var.sum().backward()
        largest = float(np.abs(away).max())
        assert np.abs(t.grad.numpy() - 2 * away / freedom).max() <= 4 * digits * 2 * largest / freedom
        t.grad = None
        std.sum().backward()
        slope = away / (freedom * np.sqrt(np.where(squares, squares, 1) / freedom))
        assert np.abs(t.grad.numpy() - slope).max() <= 4 * digits * np.abs(slope).max()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["var", "std"])
def test_variance_as_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    warnings.simplefilter("ignore")  # its own, of as much correction as there are numbers
    x = np.random.default_rng(0).standard_normal((3, 4, 5))
    for dim in (None, 0, 1, (0, 2)):
        for options in ({}, {"correction": 0}, {"correction": 2.5}, {"correction": 4}, {"correction": 70},
                        {"unbiased": False}, {"keepdim": True}):
            if dim is None and options.get("correction") == 70:
                continue  # has another gradient there than along a dimension
            results = []
            for library in (fastnn, torch):
                t = library.tensor(x, dtype=library.float64, requires_grad=True)
                y = getattr(library, name)(t, dim, **options)
                y.sum().backward()
                results.append((y.detach().numpy(), t.grad.numpy(), type(y.grad_fn).__name__))
            np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-13)
            np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-15)


def test_second_derivatives_of_variances():
    x = fastnn.from_numpy(np.random.default_rng(0).standard_normal((4, 5))).requires_grad_()
    for function in (lambda x: x.var(1), lambda x: x.std(0), lambda x: x.var(), lambda x: x.std(correction=0)):
        assert fastnn.autograd.gradgradcheck(function, (x,))
    constant = fastnn.full((3,), 2.0, dtype=fastnn.float64).requires_grad_()
    slope, = fastnn.autograd.grad(constant.std(), constant, create_graph=True)
    assert not slope.detach().numpy().any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_covariances_beside_a_large_mean(dtype, backend):
    for mean in (0.0, 12345.678, 1e6):
        x = beside(mean, (3, 50), dtype)
        t = fastnn.from_numpy(x)
        exact = np.cov(x.astype(np.float64) - mean)
        tolerance = {"float32": 1e-5, "float64": 1e-9}[dtype]
        np.testing.assert_allclose(fastnn.cov(t).numpy(), exact, tolerance, tolerance * np.abs(exact).max())
        np.testing.assert_allclose(fastnn.corrcoef(t).numpy(), np.corrcoef(x.astype(np.float64) - mean), 10 * tolerance,
                                   10 * tolerance)
        weights = np.arange(50)
        np.testing.assert_allclose(fastnn.cov(t, fweights=fastnn.from_numpy(weights)).numpy(),
                                   np.cov(x.astype(np.float64) - mean, fweights=weights), tolerance,
                                   tolerance * np.abs(exact).max())
    assert not fastnn.cov(fastnn.full((2, 30), 12345.678)).numpy().any()


@pytest.mark.parametrize("dim", [0, 1])
def test_norms_do_not_mind_the_axis(dim, backend):
    """The sums under a norm are as exact along columns as along rows: what divides by one inherits that."""
    n = 400_000
    x = fastnn.full((n, 1) if dim == 0 else (1, n), 0.1)
    tenth, root = np.float64(np.float32(0.1)), np.sqrt(n)
    assert fastnn.linalg.vector_norm(x, 2, dim).item() == pytest.approx(tenth * root, rel=1e-6)
    assert fastnn.linalg.vector_norm(x, 1, dim).item() == pytest.approx(tenth * n, rel=1e-6)
    assert fastnn.linalg.vector_norm(x, 3, dim).item() == pytest.approx(tenth * n ** (1 / 3), rel=1e-6)
    assert F.normalize(x, dim=dim).max().item() == pytest.approx(1 / root, rel=1e-6)
    y = F.rms_norm(x.reshape(1, -1) * 1e4, (n,))
    assert y.max().item() == pytest.approx(1.0, rel=1e-6) and y.min().item() == pytest.approx(1.0, rel=1e-6)
