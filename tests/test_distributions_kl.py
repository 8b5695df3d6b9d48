"""kl_divergence of every pair that PyTorch knows, transforms and constraints."""
import itertools
import warnings

import fastnn
import numpy as np
import pytest
from distribution_cases import CASES, made
from fastnn import distributions
from fastnn.distributions import constraints, kl, transforms

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install fastnn-cpu[torch])")
pytestmark = pytest.mark.torch

PAIRS = [pair for pair in torch.distributions.kl._KL_REGISTRY if all(kind.__name__ in CASES for kind in pair)]


def test_all_pairs_are_registered():
    mine = {tuple(kind.__name__ for kind in pair) for pair in kl._KL_REGISTRY}
    assert {tuple(kind.__name__ for kind in pair) for pair in torch.distributions.kl._KL_REGISTRY} <= mine


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("first, second", [[kind.__name__ for kind in pair] for pair in PAIRS])
def test_divergence_is_pytorchs(first, second, dtype, tolerance):
    compared = 0
    for i, j in itertools.product(range(len(CASES[first])), range(len(CASES[second]))):
        answers = []
        for library in (torch, fastnn):
            p, of_p = made(library, first, i, dtype, requires_grad=True)
            q, of_q = made(library, second, j, dtype, requires_grad=True)
            try:
                found = library.distributions.kl_divergence(p, q)
            except (RuntimeError, NotImplementedError, IndexError, ValueError):
                break  # shapes or counts that do not fit; PyTorch writes in place where results are larger
            slopes = [None] * len(of_p + of_q)
            if found.requires_grad and bool(found.isfinite().all()):
                slopes = library.autograd.grad(found.sum(), of_p + of_q, allow_unused=True)
            answers.append((found.detach().numpy(), slopes))
        if len(answers) < 2:
            continue
        (wanted, their_slopes), (found, slopes) = answers
        compared += 1
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        for a, b in zip(slopes, their_slopes):
            if a is not None and b is not None and dtype == "float64":
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-8)
    assert compared


def test_divergence_of_made_distributions():
    for library in (fastnn, torch):
        d = library.distributions
        p, q = d.Normal(library.zeros(2, 3), 1.0), d.Normal(library.ones(2, 3), 2.0)
        plain = d.kl_divergence(p, q)
        assert np.allclose(d.kl_divergence(d.Independent(p, 1), d.Independent(q, 1)).numpy(), plain.sum(-1).numpy())
        assert np.allclose(d.kl_divergence(d.LogNormal(0.0, 1.0), d.LogNormal(1.0, 2.0)).numpy(), plain[0, 0].item())
        family = d.kl._KL_REGISTRY[d.ExponentialFamily, d.ExponentialFamily]
        assert np.allclose(family(p, q).detach().numpy(), plain.numpy())
        with pytest.raises(NotImplementedError):
            d.kl_divergence(d.Independent(p, 1), d.Independent(q, 2))


def test_registering():
    class Mine(distributions.Normal):
        pass

    with pytest.raises(TypeError, match="Distribution subclass"):
        distributions.register_kl(3, Mine)
    before = dict(kl._KL_REGISTRY)
    try:
        distributions.register_kl(Mine, distributions.Normal)(lambda p, q: "left")
        distributions.register_kl(distributions.Normal, Mine)(lambda p, q: "right")
        assert distributions.kl_divergence(Mine(0.0, 1.0), distributions.Normal(0.0, 1.0)) == "left"
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert distributions.kl_divergence(Mine(0.0, 1.0), Mine(0.0, 1.0)) == "left"
        assert "Ambiguous" in str(seen[0].message)
    finally:
        kl._KL_REGISTRY.clear()
        kl._KL_REGISTRY.update(before)
        kl._KL_MEMOIZE.clear()


# ---- transforms ----

def chains(t):
    """Transforms of a library, with the shape of what they take."""
    x = t.distributions.transforms
    loc, scale = t.tensor([1.0, 2.0]).double(), t.tensor([3.0, -1.0]).double()
    return [
        (x.ExpTransform(), (3,)), (x.PowerTransform(scale[0]), (3,)), (x.SigmoidTransform(), (3,)),
        (x.TanhTransform(), (3,)), (x.SoftplusTransform(), (3,)), (x.AbsTransform(), (3,)),
        (x.AffineTransform(1.0, -2.0), (3,)), (x.AffineTransform(loc, scale, 1), (4, 2)),
        (x.ComposeTransform([x.AffineTransform(0.5, 2.0), x.ExpTransform()]), (3,)),
        (x.ComposeTransform([x.ExpTransform(), x.StickBreakingTransform()]), (2, 3)),
        (x.IndependentTransform(x.ExpTransform(), 1), (2, 3)), (x.ReshapeTransform((4,), (2, 2)), (3, 4)),
        (x.SoftmaxTransform(), (2, 3)), (x.StickBreakingTransform(), (2, 3)), (x.CorrCholeskyTransform(), (2, 3)),
        (x.LowerCholeskyTransform(), (2, 3, 3)), (x.PositiveDefiniteTransform(), (2, 3, 3)),
        (x.CatTransform([x.ExpTransform(), x.AffineTransform(1.0, 2.0)], 0, [2, 1]), (3,)),
        (x.StackTransform([x.ExpTransform(), x.AffineTransform(1.0, 2.0)], -1), (3, 2)),
        (x.CumulativeDistributionTransform(t.distributions.Normal(t.tensor(0.0).double(), 1.0)), (3,)),
        (x.ExpTransform().inv, (3,)), (x.identity_transform, (3,)),
    ]


@pytest.mark.parametrize("i", range(len(chains(torch))))
def test_transform_is_pytorchs(i):
    (mine, shape), (theirs, _) = chains(fastnn)[i], chains(torch)[i]
    values = np.random.default_rng(i).random(shape) + 0.1
    x, their_x = fastnn.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    y, their_y = mine(x), theirs(their_x)
    np.testing.assert_allclose(y.detach().numpy(), their_y.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mine.inv(y).detach().numpy(), theirs.inv(their_y).detach().numpy(), rtol=1e-9, atol=1e-9)
    assert mine.bijective == theirs.bijective and repr(mine).partition("(")[0] == repr(theirs).partition("(")[0]
    assert mine.domain.event_dim == theirs.domain.event_dim and mine.codomain.event_dim == theirs.codomain.event_dim
    assert bool(mine.codomain.check(y).all())
    try:
        wanted = theirs.log_abs_det_jacobian(their_x, their_y)
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            mine.log_abs_det_jacobian(x, y)
        return
    found = mine.log_abs_det_jacobian(x, y)
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-10, atol=1e-10)
    if wanted.requires_grad:
        np.testing.assert_allclose(fastnn.autograd.grad(found.sum(), x)[0].numpy(),
                                   torch.autograd.grad(wanted.sum(), their_x)[0].numpy(), rtol=1e-9, atol=1e-9)
    if i not in (17, 18):  # the pieces' shapes are not those of parts
        assert tuple(mine.forward_shape(fastnn.Size(shape))) == tuple(theirs.forward_shape(torch.Size(shape)))
        assert tuple(mine.inverse_shape(y.shape)) == tuple(theirs.inverse_shape(their_y.shape))


def test_a_cache_keeps_the_last_pair():
    transform = transforms.TanhTransform(cache_size=1)
    x = fastnn.tensor([20.0])
    assert transform.inv(transform(x)) is x
    assert transform.with_cache(0)._cache_size == 0 and transform.with_cache(1) is transform
    assert transforms.AffineTransform(1.0, 2.0).with_cache() == transforms.AffineTransform(1.0, 2.0)


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", ["real", "positive", "nonnegative", "unit_interval", "simplex", "corr_cholesky",
                                  "lower_cholesky", "positive_definite", "real_vector", "boolean"])
def test_registered_transforms_are_pytorchs(registry, name):
    found = []
    for library in (fastnn, torch):
        try:
            constraint = getattr(library.distributions.constraints, name)
            found.append(repr(getattr(library.distributions, registry)(constraint)))
        except NotImplementedError:
            found.append(None)
    assert found[0] == found[1]


def test_registered_intervals():
    x = fastnn.tensor([-3.0, 0.0, 5.0])
    for constraint in (constraints.interval(2.0, 5.0), constraints.greater_than(1.0), constraints.less_than(-1.0),
                       constraints.half_open_interval(0.0, 3.0),
                       constraints.cat([constraints.real, constraints.positive], 0, [1, 2]),
                       constraints.stack([constraints.real, constraints.positive, constraints.unit_interval], 0)):
        transform = distributions.biject_to(constraint)
        y = transform(x)
        assert bool(constraint.check(y).all())
        assert fastnn.allclose(transform.inv(y), x, atol=1e-4)


@pytest.mark.parametrize("name, value", [
    ("boolean", [0.0, 1.0, 2.0]), ("real", [1.0, float("nan"), float("inf")]), ("positive", [0.0, 1.0, -1.0]),
    ("nonnegative", [0.0, -1.0, 1.0]), ("unit_interval", [0.0, 1.0, 1.1]), ("nonnegative_integer", [0.0, 1.5, -1.0]),
    ("positive_integer", [0.0, 1.0, 2.5]), ("simplex", [[0.5, 0.5], [0.5, 0.6]]),
    ("one_hot", [[0.0, 1.0], [1.0, 1.0]]),
    ("lower_triangular", [[1.0, 0.0], [1.0, 1.0]]), ("lower_cholesky", [[1.0, 0.0], [1.0, -1.0]]),
    ("corr_cholesky", [[1.0, 0.0], [0.6, 0.8]]), ("symmetric", [[1.0, 2.0], [2.0, 1.0]]), ("square", [[1.0, 2.0]]),
    ("positive_definite", [[1.0, 2.0], [2.0, 1.0]]), ("positive_semidefinite", [[1.0, 0.0], [0.0, 0.0]])])
def test_constraints_are_pytorchs(name, value):
    mine, theirs = getattr(constraints, name), getattr(torch.distributions.constraints, name)
    found, wanted = mine.check(fastnn.tensor(value)), theirs.check(torch.tensor(value))
    assert found.tolist() == wanted.tolist() and repr(mine) == repr(theirs)
    assert mine.event_dim == theirs.event_dim and mine.is_discrete == theirs.is_discrete


def test_dependent_constraints():
    assert constraints.is_dependent(distributions.Uniform.support) and not constraints.is_dependent(constraints.real)
    with pytest.raises(ValueError, match="dependent"):
        constraints.dependent.check(fastnn.ones(1))
    with pytest.raises(NotImplementedError, match="statically"):
        _ = constraints.dependent.event_dim
