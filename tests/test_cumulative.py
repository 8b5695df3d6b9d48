"""Running sums, products and their kind: as exact as the sum of all, with the same bits for any number of threads."""
import numpy as np
import pytest

import fastnn
from fastnn import kernels
from fastnn.kernels import _core

EXACT = np.longdouble


@pytest.fixture(params=[False, True], ids=["c", "reference"])
def backend(request):
    before = _core.get_use_reference()
    _core.set_use_reference(request.param)
    yield
    _core.set_use_reference(before)


@pytest.fixture
def every_thread_count():
    """Runs a function with 1, 2 and 3 threads, which split the smallest work; the bits must agree."""
    before = kernels.get_num_threads()

    def run(function):
        results = []
        for n in (1, 2, 3):
            kernels.set_num_threads(n)
            results.append(function())
        for other in results[1:]:
            for a, b in zip(results[0], other, strict=True):
                assert np.array_equal(a.view(f"u{a.itemsize}"), b.view(f"u{b.itemsize}"))
        return results[0]
    _core.set_thread_cost(0.0)
    yield run
    kernels.set_num_threads(before)
    _core.set_thread_cost(3000.0)


SHAPES = [((1,), 0), ((63,), 0), ((64,), 0), ((65,), 0), ((256,), 0), ((4096,), 0), ((4097,), 0), ((300_007,), 0),
          ((3, 5000), 1), ((5000, 3), 0), ((130, 600), 0), ((2, 200, 7), 1), ((2, 3, 200), -1), ((0, 3), 0),
          ((3, 0), 1), ((3, 0), 0), ((), 0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "dim"), SHAPES, ids=str)
def test_running_sums(shape, dim, dtype, backend, every_thread_count):
    """Within a few roundings of sums of the magnitudes, forward and backward."""
    rng = np.random.default_rng(0)
    x, grad = (np.asarray(rng.standard_normal(shape) + 0.5).astype(dtype) for _ in range(2))

    def run():
        t = fastnn.from_numpy(x).requires_grad_()
        y = t.cumsum(dim)
        y.backward(fastnn.from_numpy(grad))
        return y.detach().numpy().copy(), t.grad.numpy().copy()
    y, dx = every_thread_count(run)
    assert y.shape == dx.shape == shape and y.dtype == dx.dtype == dtype
    axis = dim if shape else None
    for found, given, flip in ((y, x, lambda a: a), (dx, grad, lambda a: np.flip(a, dim) if shape else a)):
        expected = flip(np.cumsum(flip(given).astype(EXACT), axis).reshape(shape))
        size = flip(np.cumsum(flip(np.abs(given)).astype(EXACT), axis).reshape(shape))
        assert (np.abs(found - expected) <= 4 * np.finfo(dtype).eps * size).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_sums_do_not_stall(dtype, backend):
    """0.1 is not a power of two: plain additions of 3 million of them are off by percents (float32)."""
    n, tolerance = 3_000_000, {"float32": 1e-7, "float64": 1e-13}[dtype]
    for shape, dim in (((n,), 0), ((n, 1), 0), ((1, n), 1), ((n // 2, 2), 0)):
        x = fastnn.full(shape, 0.1, dtype=getattr(fastnn, dtype)).requires_grad_()
        y = x.cumsum(dim)
        total = EXACT(np.asarray(0.1, dtype)) * shape[dim]
        assert abs(y.detach().numpy()[-1 if dim == 0 else 0].flat[-1] - total) <= tolerance * total
        y.sum().backward()
        assert x.grad.numpy().flat[0] == shape[dim]
        integral = fastnn.cumulative_trapezoid(x, dim=dim).detach().numpy()
        exact = EXACT(np.asarray(0.1, dtype)) * (shape[dim] - 1)
        assert abs(integral[-1 if dim == 0 else 0].flat[-1] - exact) <= tolerance * exact


def test_sums_of_numbers_above_0_never_fall(backend):
    x = np.abs(np.random.default_rng(0).standard_normal(200_003)).astype(np.float32)
    x[::3] *= np.float32(1e-6)
    for axis, array in ((0, x), (0, np.stack([x, x], 1))):
        assert (np.diff(kernels.cumulate("sum", array, axis), axis=0) >= 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "dim"), SHAPES, ids=str)
def test_running_products(shape, dim, dtype, backend, every_thread_count):
    rng = np.random.default_rng(0)
    x = np.asarray(1 + rng.standard_normal(shape) / 1000).astype(dtype)
    grad = np.asarray(rng.standard_normal(shape)).astype(dtype)

    def run():
        t = fastnn.from_numpy(x).requires_grad_()
        y = t.cumprod(dim)
        y.backward(fastnn.from_numpy(grad))
        return y.detach().numpy().copy(), t.grad.numpy().copy()
    y, dx = every_thread_count(run)
    if not x.size or not shape:
        return
    product = np.cumprod(x.astype(EXACT), dim)
    n = 1 if dtype == "float32" else np.sqrt(shape[dim])  # float64 has nothing wider
    assert (np.abs(y - product) <= 4 * n * np.finfo(dtype).eps * product).all()
    parts = np.flip(grad * product, dim)
    expected = np.flip(np.cumsum(parts, dim), dim) / x
    size = np.flip(np.cumsum(np.abs(parts), dim), dim)
    assert (np.abs(dx - expected) <= 8 * n * np.finfo(dtype).eps * size).all()


@pytest.mark.parametrize("zeros", [(), (0,), (3,), (4, 9), (0, 1, 29), (29,)])
def test_gradients_of_products_with_zeros(zeros, backend):
    """Each is the sum over later products of the others."""
    rng = np.random.default_rng(0)
    x, grad = rng.standard_normal((2, 30, 2))
    x[list(zeros), 0] = 0
    t = fastnn.from_numpy(x).requires_grad_()
    t.cumprod(0).backward(fastnn.from_numpy(grad))
    expected = np.zeros_like(x)
    for i in range(30):
        others = x.copy()
        others[i] = 1
        expected[i] = (grad * np.cumprod(others, 0))[i:].sum(0)
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-12, atol=1e-13)
    t.grad = None
    t[:, 0].prod().backward()
    np.testing.assert_allclose(t.grad.numpy()[:, 0], [np.prod(np.delete(x[:, 0], i)) for i in range(30)], rtol=1e-12)


def test_products_of_many_factors_with_a_zero():
    """In one pass: the definition would take a quadratic number of multiplications."""
    x = fastnn.full((1_000_000,), 1.0).requires_grad_()
    with fastnn.no_grad():
        x[10] = 0
    x.cumprod(0).sum().backward()
    assert x.grad[:12].tolist() == [10 - i for i in range(10)] + [999_990, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "dim"), SHAPES, ids=str)
def test_running_log_sum_exp(shape, dim, dtype, backend, every_thread_count):
    rng = np.random.default_rng(0)
    x = np.asarray(rng.standard_normal(shape) * 30 - 5).astype(dtype)
    grad = np.asarray(rng.standard_normal(shape)).astype(dtype)

    def run():
        t = fastnn.from_numpy(x).requires_grad_()
        y = t.logcumsumexp(dim)
        y.backward(fastnn.from_numpy(grad))
        return y.detach().numpy().copy(), t.grad.numpy().copy()
    y, dx = every_thread_count(run)
    if not x.size or not shape:
        return
    wide = x.astype(EXACT)
    expected = np.logaddexp.accumulate(wide, dim)
    eps = np.finfo(dtype).eps
    assert (np.abs(y - expected) <= 3 * eps * (np.abs(expected) + 1)).all()
    weights, sizes = np.zeros(shape, EXACT), np.zeros(shape, EXACT)
    positive, negative = (np.where(sign * grad > 0, np.abs(grad), 0) for sign in (1, -1))
    with np.errstate(divide="ignore"):
        for part, sign in ((positive, 1), (negative, -1)):
            later = np.flip(np.logaddexp.accumulate(np.flip(np.log(part.astype(EXACT)) - expected, dim), dim), dim)
            weights, sizes = weights + sign * np.exp(later + wide), sizes + np.exp(later + wide)
    assert (np.abs(dx - weights) <= 300 * eps * sizes + 1e-30).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_log_sums_do_not_drift(dtype, backend):
    n = 200_000
    y = fastnn.zeros(n, dtype=getattr(fastnn, dtype.__name__)).logcumsumexp(0).numpy()
    exact = np.log(np.arange(1, n + 1, dtype=EXACT))
    assert (np.abs(y - exact) <= 2 * np.finfo(dtype).eps * (exact + 1)).all()
    rising = np.linspace(-300, 300, n).astype(dtype)
    y = fastnn.from_numpy(rising).logcumsumexp(0).numpy()
    exact = np.logaddexp.accumulate(rising.astype(EXACT))
    assert (np.abs(y - exact) <= 2 * np.finfo(dtype).eps * (np.abs(exact) + 8)).all()  # x is about so far from y


@pytest.mark.parametrize("op", ["sum", "prod", "logsumexp"])
@pytest.mark.parametrize("shape", [(5,), (300,), (300, 2)])
def test_infinities_and_nan(op, shape, backend):
    """As one addition after the other."""
    inf, nan = np.inf, np.nan
    for special in ((inf,), (-inf,), (inf, -inf), (nan,), (inf, inf), (-inf, -inf), (inf, nan)):
        x = np.ones(shape, np.float32)
        for i, value in enumerate(special):
            x[2 + i * (len(x) - 4) // len(special)] = value
        for dtype in (np.float32, np.float64):
            for reverse in (False, True):
                found = kernels.cumulate(op, x.astype(dtype), 0, reverse)
                z = (np.flip(x, 0) if reverse else x).astype(EXACT)
                with np.errstate(all="ignore"):
                    y = {"sum": np.add, "prod": np.multiply, "logsumexp": np.logaddexp}[op].accumulate(z, 0)
                np.testing.assert_allclose(found, np.flip(y, 0) if reverse else y, rtol=1e-6)
    start = np.full(shape, -inf, np.float32)
    assert (kernels.cumulate("logsumexp", start, 0) == -inf).all()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "bool"])
def test_as_pytorch(name, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.random.default_rng(0).integers(0, 3, (6, 7)).astype(dtype)
    for dim in (0, 1, -1):
        for options in ({}, {"dtype": "float32"}, {"dtype": "int64"}):
            results = []
            for library in (fastnn, torch):
                t = library.from_numpy(x.copy())
                t = t.t()
                try:
                    y = getattr(library, name)(t, dim, **{k: getattr(library, v) for k, v in options.items()})
                    results.append((str(y.dtype), y.numpy()))
                except (TypeError, RuntimeError, NotImplementedError) as error:
                    results.append((type(error).__name__, np.zeros(0)))
            assert results[0][0] == results[1][0] or dtype == "float16"
            tolerance = 1e-3 if dtype == "float16" else 1e-6
            np.testing.assert_allclose(results[0][1].astype(float), results[1][1].astype(float), tolerance)


def test_second_derivatives_of_sums():
    x = fastnn.from_numpy(np.random.default_rng(0).standard_normal((4, 3))).requires_grad_()
    assert fastnn.autograd.gradgradcheck(lambda x: x.cumsum(0) ** 2, (x,))


@pytest.mark.torch
@pytest.mark.parametrize("options", [{}, {"dim": 1}, {"dim": (0, -1), "spacing": 2.5}, {"spacing": (1, 2, 3.0)},
                                     {"edge_order": 2}, {"spacing": "coordinates"},
                                     {"spacing": "coordinates", "edge_order": 2}], ids=str)
def test_gradient_as_in_pytorch(options):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4, 5, 3))
    found = []
    for t in (fastnn, torch):
        given = dict(options)
        if given.get("spacing") == "coordinates":
            given["spacing"] = [t.tensor(np.cumsum(np.arange(1.0, n + 1)) ** 0.5) for n in x.shape]
        found.append([part.numpy() for part in t.gradient(t.tensor(x), **given)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape, options, error", [
    ((1,), {}, "at least edge_order"), ((2,), {"edge_order": 2}, "at least edge_order"),
    ((3,), {"edge_order": 3}, "edge_order"),
    ((3, 4), {"spacing": (1,)}, "length 1"), ((3, 4), {"dim": (0, 0)}, "multiple times"),
    ((3,), {"spacing": (fastnn.ones(2),)}, "3 coordinates"), ((3, 4), {"dim": 0, "spacing": (1, 2)}, "same length")])
def test_gradient_refuses(shape, options, error):
    with pytest.raises(RuntimeError, match=error):
        fastnn.gradient(fastnn.ones(shape), **options)
