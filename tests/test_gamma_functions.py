"""The gamma function's relatives and triangular systems beside SciPy and PyTorch; gradients of draws."""
import fastnn
import numpy as np
import pytest
from fastnn import special

known = pytest.importorskip("scipy.special", reason="SciPy is not installed")

rng = np.random.default_rng(0)


@pytest.mark.parametrize("n", range(6))
def test_polygamma(n):
    x = 10 ** rng.uniform(-3, 4, 300)
    found = fastnn.polygamma(n, fastnn.tensor(x)).numpy()
    np.testing.assert_allclose(found, known.polygamma(n, x), rtol=1e-12, atol=1e-14)
    y = fastnn.tensor(x[:5], requires_grad=True)
    y.polygamma(n).sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), known.polygamma(n + 1, x[:5]), rtol=1e-12)


def test_trigamma_of_negative_numbers():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
    x = rng.uniform(-8, 0, 100)
    found = fastnn.polygamma(1, fastnn.tensor(x)).numpy()
    np.testing.assert_allclose(found, torch.polygamma(1, torch.tensor(x)).numpy(), rtol=1e-9)
    assert np.isinf(fastnn.polygamma(1, fastnn.tensor([0.0, -2.0])).numpy()).all()


def test_zeta():
    s, q = rng.uniform(1.01, 20, 300), 10 ** rng.uniform(-2, 2, 300)
    np.testing.assert_allclose(special.zeta(fastnn.tensor(s), fastnn.tensor(q)).numpy(), known.zeta(s, q), rtol=1e-12)


def test_incomplete_gamma_functions():
    a = 10 ** rng.uniform(-3, 4, 3000)
    x = a * 10 ** rng.uniform(-1, 1, 3000)
    for mine, wanted in ((special.gammainc, known.gammainc), (special.gammaincc, known.gammaincc)):
        y = wanted(a, x)
        found = mine(fastnn.tensor(a), fastnn.tensor(x)).numpy()
        np.testing.assert_allclose(found[y > 1e-250], y[y > 1e-250], rtol=1e-10)
        single = mine(fastnn.tensor(a).float(), fastnn.tensor(x).float())  # of rounded arguments
        exact = wanted(a.astype("float32").astype(float), x.astype("float32").astype(float))
        np.testing.assert_allclose(single.numpy(), exact, rtol=1e-5, atol=1e-30)
    edges = fastnn.tensor([0.0, 1.0, 1.0, -1.0, 1.0, 0.0]), fastnn.tensor([1.0, 0.0, float("inf"), 1.0, -1.0, 0.0])
    assert np.array_equal(fastnn.igamma(*edges).numpy(), known.gammainc(*(e.numpy() for e in edges)), equal_nan=True)
    assert np.array_equal(fastnn.igammac(*edges).numpy(), known.gammaincc(*(e.numpy() for e in edges)), equal_nan=True)


def test_gradients():
    a = fastnn.tensor(rng.uniform(0.3, 20, 12), requires_grad=True)
    x = fastnn.tensor(rng.uniform(0.3, 30, 12), requires_grad=True)
    assert fastnn.autograd.gradcheck(fastnn.igamma, (a, x))
    assert fastnn.autograd.gradcheck(fastnn.igammac, (a, x))
    assert fastnn.autograd.gradcheck(lambda a: fastnn.mvlgamma(a + 2, 3), (a,))


def test_mvlgamma():
    x = rng.uniform(2, 9, 20)
    np.testing.assert_allclose(fastnn.mvlgamma(fastnn.tensor(x), 4).numpy(),
                               [known.multigammaln(each, 4) for each in x], rtol=1e-13)


def test_the_gradient_of_gamma_numbers_is_that_of_quantiles():
    shape = 10 ** rng.uniform(-1, 3, 400)
    shape[:40] = np.round(shape[:40]) + 1  # for whole numbers the fraction is finite, but its derivative is not
    level = rng.uniform(0.01, 0.99, 400)
    x, step = known.gammaincinv(shape, level), 1e-4 * shape
    slope = (8 * (known.gammaincinv(shape + step, level) - known.gammaincinv(shape - step, level))
             - (known.gammaincinv(shape + 2 * step, level) - known.gammaincinv(shape - 2 * step, level))) / (12 * step)
    found = fastnn._standard_gamma_grad(fastnn.tensor(shape), fastnn.tensor(x)).numpy()
    np.testing.assert_allclose(found, slope, rtol=1e-7)


def test_the_gradient_of_beta_numbers_is_that_of_quantiles():
    a, b = 10 ** rng.uniform(-0.5, 2.5, (2, 400))
    level = rng.uniform(0.02, 0.98, 400)
    x, step = known.betaincinv(a, b, level), 1e-4 * a
    slope = (8 * (known.betaincinv(a + step, b, level) - known.betaincinv(a - step, b, level))
             - (known.betaincinv(a + 2 * step, b, level) - known.betaincinv(a - 2 * step, b, level))) / (12 * step)
    found = fastnn._dirichlet_grad(fastnn.tensor(x), fastnn.tensor(a), fastnn.tensor(a + b)).numpy() * (1 - x)
    good = (x > 1e-3) & (x < 1 - 1e-3)
    np.testing.assert_allclose(found[good], slope[good], rtol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("rate", [0.0, 0.5, 9.0, 30.0, 1e4])
def test_streams_of_rejection_are_pytorchs(rate):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
    calls = [lambda t: t.poisson(t.full((300,), rate)), lambda t: t.poisson(t.full((300,), rate).double())]
    calls += [lambda t, p=p: t.binomial(t.full((300,), rate // 1), t.full((300,), p))
              for p in (0.0, 0.1, 0.5, 0.9, 1.0)]
    if rate:
        calls += [lambda t: t._standard_gamma(t.full((300,), rate))]
    for call in calls:
        fastnn.manual_seed(3)
        torch.manual_seed(3)
        np.testing.assert_allclose(call(fastnn).numpy(), call(torch).numpy(), rtol=1e-5)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:torch.triangular_solve is deprecated")
@pytest.mark.parametrize("upper", [False, True])
def test_triangular_systems(upper):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
    a, b = rng.normal(size=(2, 4, 4)) + 4 * np.eye(4), rng.normal(size=(4, 3))

    def compare(call):
        answers = []
        for library in (fastnn, torch):
            x, y = library.tensor(a, requires_grad=True), library.tensor(b, requires_grad=True)
            found = call(library, x, y)
            slopes = library.autograd.grad((found * found.cos()).sum(), [x, y], allow_unused=True)
            answers.append([found.detach().numpy(), *(slope.numpy() for slope in slopes if slope is not None)])
        for mine, theirs in zip(*answers):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
    for unit in (False, True):
        compare(lambda t, x, y: t.linalg.solve_triangular(x, y, upper=upper, unitriangular=unit))
        compare(lambda t, x, y: t.linalg.solve_triangular(x, y.mT, upper=upper, left=False, unitriangular=unit))
        compare(lambda t, x, y: t.triangular_solve(y, x, upper=upper, transpose=unit, unitriangular=unit)[0])
    part = (lambda x: x.triu()) if upper else (lambda x: x.tril())
    compare(lambda t, x, y: t.cholesky_solve(y, part(x), upper=upper))
    compare(lambda t, x, y: t.cholesky_inverse(part(x), upper=upper))
    compare(lambda t, x, y: t.linalg.cholesky_ex(x @ x.mT, upper=upper).L)


def test_cholesky_ex_says_where_it_ends():
    good, bad = fastnn.eye(2), fastnn.tensor([[1.0, 2.0], [2.0, 1.0]])
    factor, info = fastnn.linalg.cholesky_ex(fastnn.stack([good, bad, -good]))
    assert info.tolist() == [0, 2, 1] and fastnn.equal(factor[0], good)
    assert fastnn.linalg.cholesky_ex(bad).info.item() == 2
    with pytest.raises(fastnn.linalg.LinAlgError):
        fastnn.linalg.cholesky_ex(bad, check_errors=True)


@pytest.mark.parametrize("call, error, text", [
    (lambda: fastnn.polygamma(-1, fastnn.ones(1)), RuntimeError, "negative n"),
    (lambda: fastnn.polygamma(1.5, fastnn.ones(1)), TypeError, "must be int, not float"),
    (lambda: fastnn.mvlgamma(fastnn.ones(1), 0), RuntimeError, "greater than or equal to 1"),
    (lambda: fastnn.poisson(-fastnn.ones(1)), RuntimeError, "non-negative"),
    (lambda: fastnn.poisson(fastnn.ones(1).long()), RuntimeError, "floating-point"),
    (lambda: fastnn.binomial(fastnn.ones(1), fastnn.ones(1).double()), RuntimeError, "dtype"),
    (lambda: fastnn.linalg.solve_triangular(fastnn.ones(2, 2), fastnn.ones(2), upper=True), RuntimeError, "2 dimen"),
    (lambda: fastnn.linalg.solve_triangular(fastnn.ones(2, 3), fastnn.ones(2, 2), upper=True), RuntimeError, "square"),
])
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("n", [171, 2 ** 31, 2 ** 62])
def test_polygamma_of_orders_whose_factorial_is_infinite(n):
    found = fastnn.polygamma(n, fastnn.tensor([0.5]))
    assert found.numpy()[0] in (np.inf, -np.inf)
