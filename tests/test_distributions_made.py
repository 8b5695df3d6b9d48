"""Distributions made of others beside PyTorch's: Independent, MixtureSameFamily, TransformedDistribution."""
import fastnn
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
scipy_stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
pytestmark = pytest.mark.torch

rng = np.random.default_rng(3)
LOC, SCALE, WEIGHTS = rng.normal(size=(2, 3)), rng.random((2, 3)) + 0.4, rng.random((2, 3)) + 0.1
RATE, EVENT = 3 * rng.random((2, 3)) + 1, rng.normal(size=(3, 4))
ROOT = np.tril(rng.normal(size=(4, 4)), -1) + np.diag(rng.random(4) + 0.5)

# A function of (library's distributions, numbers as the library's tensors) -> distribution.
MADE = {
    "rows": lambda d, t: d.Independent(d.Normal(t(LOC), t(SCALE)), 1),
    "whole": lambda d, t: d.Independent(d.Laplace(t(LOC), t(SCALE)), 2),
    "nothing": lambda d, t: d.Independent(d.Gumbel(t(LOC), t(SCALE)), 0),
    "counts": lambda d, t: d.Independent(d.Poisson(t(RATE)), 1),
    "coins": lambda d, t: d.Independent(d.Bernoulli(logits=t(LOC)), 1),
    "normals": lambda d, t: d.MixtureSameFamily(d.Categorical(t(WEIGHTS)), d.Normal(t(LOC), t(SCALE))),
    "one mixture": lambda d, t: d.MixtureSameFamily(d.Categorical(logits=t(LOC[0])), d.Gamma(t(RATE[1]), t(SCALE[1]))),
    "vectors": lambda d, t: d.MixtureSameFamily(d.Categorical(t(WEIGHTS[0])),
                                                d.MultivariateNormal(t(EVENT), scale_tril=t(ROOT))),
    "independent vectors": lambda d, t: d.MixtureSameFamily(
        d.Categorical(t(WEIGHTS[0])), d.Independent(d.Normal(t(EVENT), t(SCALE[0, 0])), 1)),
    "mixed counts": lambda d, t: d.MixtureSameFamily(d.Categorical(t(WEIGHTS)), d.Poisson(t(RATE))),
    "logistic": lambda d, t: d.TransformedDistribution(d.Uniform(t(0 * LOC), t(0 * LOC + 1)), [
        d.SigmoidTransform().inv, d.AffineTransform(t(LOC), t(SCALE))]),
    "exponentials": lambda d, t: d.TransformedDistribution(d.Normal(t(LOC), t(SCALE)), d.ExpTransform()),
    "falling": lambda d, t: d.TransformedDistribution(d.Exponential(t(RATE)), [d.AffineTransform(1.0, -2.0)]),
    "sticks": lambda d, t: d.TransformedDistribution(d.Normal(t(LOC), t(SCALE)), [d.StickBreakingTransform()]),
    "tangents": lambda d, t: d.TransformedDistribution(d.Independent(d.Normal(t(LOC), t(SCALE)), 1), [
        d.TanhTransform()]),
}
SAME = ("mean", "variance", "stddev", "mode")


def both(name, dtype="float64", requires_grad=False):
    found = []
    for library in (fastnn, torch):
        tensors = []

        def tensor(values, library=library, tensors=tensors):
            tensors.append(library.tensor(np.asarray(values).astype(dtype), requires_grad=requires_grad))
            return tensors[-1]
        found.append((MADE[name](library.distributions, tensor), tensors))
    return found


def answer(call):
    try:
        value = call()
    except (NotImplementedError, ValueError, AttributeError) as error:
        return NotImplementedError if isinstance(error, (NotImplementedError, AttributeError)) else type(error)
    return value.detach().numpy()


def agree(mine, theirs, tolerance, what):
    a, b = answer(mine), answer(theirs)
    if not isinstance(b, np.ndarray) or not isinstance(a, np.ndarray):
        assert a == b, f"{what}: {a} beside {b}"
        return
    assert a.shape == b.shape and a.dtype == b.dtype, what
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=what)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("name", MADE)
def test_made_distribution_is_pytorchs(name, dtype, tolerance):
    (mine, _), (theirs, _) = both(name, dtype)
    for attribute in ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert mine.support.event_dim == theirs.support.event_dim and mine.support.is_discrete == theirs.support.is_discrete
    for attribute in SAME:
        agree(lambda: getattr(mine, attribute), lambda: getattr(theirs, attribute), tolerance, attribute)
    agree(lambda: mine.entropy(), lambda: theirs.entropy(), tolerance, "entropy")
    torch.manual_seed(2)
    x = theirs.sample((4,))
    same = fastnn.tensor(x.numpy())
    for attribute in ("log_prob", "cdf"):
        agree(lambda: getattr(mine, attribute)(same), lambda: getattr(theirs, attribute)(x), tolerance, attribute)
    p = torch.rand((4, *theirs.batch_shape), dtype=x.dtype)
    agree(lambda: mine.icdf(fastnn.tensor(p.numpy())), lambda: theirs.icdf(p), tolerance, "icdf")
    shape = (5, *theirs.batch_shape)
    larger, their_larger = mine.expand(shape), theirs.expand(shape)
    assert larger.batch_shape == their_larger.batch_shape and larger.event_shape == their_larger.event_shape
    agree(lambda: larger.log_prob(same[0]), lambda: their_larger.log_prob(x[0]), tolerance, "of a larger batch")


@pytest.mark.parametrize("name", MADE)
def test_draws_of_made_distributions(name):
    """PyTorch's stream, and by the two-sample test of Kolmogorov and Smirnov the numbers of another seed of it."""
    (mine, _), (theirs, _) = both(name)
    for method in ("sample", "rsample"):
        fastnn.manual_seed(4)
        torch.manual_seed(4)
        agree(lambda: getattr(mine, method)((7,)), lambda: getattr(theirs, method)((7,)), 1e-12, method)
    fastnn.manual_seed(5)
    torch.manual_seed(6)
    x, y = (draws.reshape(2000, -1).T for draws in (mine.sample((2000,)).numpy(), theirs.sample((2000,)).numpy()))
    for a, b in zip(x, y):
        assert scipy_stats.ks_2samp(a, b, method="asymp").pvalue > 1e-4


@pytest.mark.parametrize("what", ["log_prob", "cdf", "rsample"])
@pytest.mark.parametrize("name", MADE)
def test_gradients_of_made_distributions(name, what):
    (mine, my_tensors), (theirs, tensors) = both(name, requires_grad=True)
    if what == "rsample" and not theirs.has_rsample:
        return
    torch.manual_seed(2)
    x = theirs.sample((4,))
    same = fastnn.tensor(x.numpy())
    torch.manual_seed(3)
    fastnn.manual_seed(3)
    try:
        y = theirs.rsample((5,)) if what == "rsample" else getattr(theirs, what)(x)
        weights = np.random.default_rng(0).normal(size=tuple(y.shape))
        wanted = torch.autograd.grad((y * torch.tensor(weights)).sum(), tensors, allow_unused=True)
    except (NotImplementedError, RuntimeError):
        return  # PyTorch has none
    y = mine.rsample((5,)) if what == "rsample" else getattr(mine, what)(same)
    found = fastnn.autograd.grad((y * fastnn.tensor(weights)).sum(), my_tensors, allow_unused=True)
    for a, b in zip(found, wanted):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-10)
